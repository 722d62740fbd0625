"""``resilver info``."""

import json

import numpy as np
from PIL import Image, ImageCms

from resilver.cli import main

KEYS = {"width", "height", "depth", "icc", "bw", "noise", "jpeg_quality", "restore"}


def test_what_the_core_sees(home, capsys):
    """Size, depth, profile, black-and-white, noise, JPEG quality, and what Restore would do; a bad file fails alone."""
    scene = np.random.default_rng(1).integers(0, 256, (12, 16), dtype=np.uint8)
    gray = Image.fromarray(scene).resize((200, 150), Image.Resampling.BICUBIC)
    gray.convert("RGB").save("gray.jpg", quality=60)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    gray.convert("RGB").save("wide.png", icc_profile=profile)
    Image.fromarray(np.asarray(gray, np.uint16) * 257).save("deep.png")
    (home / "page.jpg").write_text("<html>")
    assert main(["info", "gray.jpg", "wide.png", "deep.png", "page.jpg", "--json"]) == 1
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for line in told[:3]:
        assert set(line) == KEYS | {"input", "error"}
        assert (line["width"], line["height"], line["bw"], line["error"]) == (200, 150, True, None)
        assert line["noise"] >= 0
    assert 50 <= told[0]["jpeg_quality"] <= 70
    assert [line["jpeg_quality"] for line in told[1:3]] == [None, None]
    assert [line["depth"] for line in told[:3]] == [8, 8, 16]
    assert "sRGB" in told[1]["icc"]
    assert told[3]["error"]["code"] == "picture-unknown"
    assert sorted(path.name for path in home.iterdir() if path.is_file()) == [
        "deep.png", "gray.jpg", "page.jpg", "wide.png",
    ]  # fmt: skip


def test_in_words(home, capsys):
    """The same for people, a line for each fact."""
    Image.new("RGB", (40, 30), (200, 100, 50)).save("plain.png")
    assert main(["info", "plain.png"]) == 0
    out = capsys.readouterr().out
    assert "40 x 30 pixels, 8 bits" in out
    assert "Restore would" in out
