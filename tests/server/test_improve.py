"""The contract's one method, over real sockets, with curl and httpx."""

from __future__ import annotations

import base64
import io
import json
import subprocess

import numpy as np
import pytest
from PIL import Image

from fakes.servers import CURL_META, META, PATH, TOKEN, Served, eventually, images, items, picture


def decoded(text: str) -> Image.Image:
    image = Image.open(io.BytesIO(base64.b64decode(text, validate=True)))
    assert image.format == "JPEG"
    return image


@pytest.fixture(scope="module")
def negative(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("negative"), workers=2, bytes_each=1 << 20, megapixels=1.0) as server:
        yield server
        assert not server.leftovers()


@pytest.fixture(scope="module")
def painter(tmp_path_factory):
    with Served(tmp_path_factory.mktemp("painter"), engine="served.Painter") as server:
        yield server


@pytest.mark.parametrize("path", [PATH, PATH + "/"])
def test_the_curl_line_of_the_contract(negative, tmp_path, path):
    """The contract's own command gives both results of a picture, with and without the slash."""
    photo = tmp_path / "1.jpg"
    photo.write_bytes(picture(40, 30, "jpeg"))
    url = f"{negative.url}{path}?oauth_provider=mcs&oauth_token={TOKEN}"
    done = subprocess.run(
        ["curl", "-sS", "-k", "-v", url, "-F", f"file_0=@{photo}", "-F", f"meta={CURL_META}"],
        capture_output=True,
        timeout=60,
        check=True,
    )
    answer = json.loads(done.stdout)
    assert b"HTTP/1.1 200" in done.stderr
    assert answer["status"] == 200
    (improved,), (resolved,) = answer["body"]["improve"], answer["body"]["resolution"]
    assert (improved["status"], improved["name"], improved["bw"]) == (0, "file_0", False)
    assert decoded(improved["improved"]).size == (40, 30)
    assert (resolved["status"], resolved["name"]) == (0, "file_0")
    assert decoded(resolved["resolved"]).size == (80, 60)


def test_results_are_those_of_the_engine_in_high_quality(negative):
    """What comes back is what the engine made, as a JPEG that is hard to tell from it."""
    smooth = np.linspace(0, 200, 64 * 48 * 3).reshape(48, 64, 3).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(smooth).save(file, "png")
    (item,) = items(negative.post(files=[("file_0", ("a.png", file.getvalue()))]))
    assert np.abs(np.asarray(decoded(item["improved"]), int) - (255 - smooth.astype(int))).max() <= 4


def test_meta_anywhere_and_any_file_name(negative):
    """The part meta may come first, pictures may have no file name or a strange one, and more parts are ignored."""
    pictures = [("file_0", (name, picture())) for name in ("", "../../x.jpg", "a\n.png", "x" * 300)]
    for part in pictures:
        files = [("meta", (None, json.dumps(META))), part, ("other", ("o.png", b"no picture"))]
        (item,) = items(negative.post(meta=None, files=files))
        assert item["status"] == 0
        assert item["improved"]


@pytest.mark.parametrize("name", ["../../evil", "/etc/passwd", "ü" * 255, "a b", "C:x", "\u202e", "null", "-"])
def test_names_are_keys_and_nothing_else(negative, name):
    """Names come back as they were sent and are never paths."""
    before = set(negative.temporary.parent.rglob("*"))
    (item,) = items(negative.post({**META, "images": images(name)}, [(name, ("a.png", picture()))]))
    assert (item["name"], item["status"]) == (name, 0)
    eventually(lambda: not negative.leftovers())
    assert set(negative.temporary.parent.rglob("*")) == before


@pytest.mark.parametrize(
    ("fields", "size"),
    [
        ({}, (80, 60)),
        ({"rfactor": 4, "ftype": "art"}, (160, 120)),
        ({"rfactor": 2, "ftype": "photo", "rtype": "photo"}, (80, 60)),
    ],
)
def test_either_name_of_the_type_and_defaults(negative, fields, size):
    """The type counts by either of its names; without factor and type, 2 and photo are taken."""
    answer = negative.post({"mode": ["resolution"], "images": images("file_0"), **fields})
    (item,) = items(answer, "resolution")
    assert decoded(item["resolved"]).size == size
    assert "improve" not in answer.json()["body"]


def test_a_bad_picture_fails_alone(negative):
    """What is no picture, damaged or too large in pixels fails with a sentence of its own; the others are done."""
    files = [
        ("good", ("a.png", picture())),
        ("text", ("b.jpg", b"no picture at all")),
        ("cut", ("c.jpg", picture(200, 200, "jpeg")[:3000])),
        ("vast", ("d.png", _flat(1100, 1000))),
        ("last", ("e.tif", picture(40, 30, "tiff"))),
    ]
    found = items(negative.post({**META, "images": images(*(name for name, _ in files))}, files))
    assert [item["name"] for item in found] == [name for name, _ in files]
    assert [item["status"] for item in found] == [0, 1, 1, 1, 0]
    for item in found[1:4]:
        assert item["error"]
        assert "improved" not in item
        assert "picture-" not in item["error"]
        assert "tmp" not in item["error"]


def _flat(width, height):
    file = io.BytesIO()
    Image.new("RGB", (width, height), (9, 99, 199)).save(file, "png")
    return file.getvalue()


def test_48_pictures_in_both_modes(negative):
    """A request of the largest number of pictures comes back whole and in order."""
    names = [f"file_{number}" for number in range(48)]
    files = [(name, ("", picture(10 + number, 10))) for number, name in enumerate(names)]
    answer = negative.post({"mode": ["improve", "resolution"], "images": images(*names)}, files)
    for mode, field, factor in (("improve", "improved", 1), ("resolution", "resolved", 2)):
        found = items(answer, mode)
        assert [item["name"] for item in found] == names
        assert [decoded(item[field]).width for item in found] == [factor * (10 + number) for number in range(48)]


def test_a_good_photograph_is_success_without_a_picture(tmp_path):
    """Nothing to repair is told as success, without the field."""
    with Served(tmp_path, engine="picky.Content") as server:
        assert items(server.post()) == [{"status": 0, "name": "file_0", "bw": False}]


def test_colour_for_black_and_white_alone(painter):
    """Coloured results are there for black-and-white pictures only, each result under its own name."""
    gray = io.BytesIO()
    Image.effect_noise((40, 30), 60).save(gray, "png")
    files = [("gray", ("a.png", gray.getvalue())), ("colour", ("b.png", picture()))]
    old, new = items(painter.post({**META, "images": images("gray", "colour")}, files))
    assert old["bw"] is True
    means = [np.asarray(decoded(old[key])).mean() for key in ("colorized", "colorized_improved", "improved")]
    assert means[1] - means[0] > 15  # the painter's shades, in the order of the names
    assert means[2] - means[1] > 15
    assert new["bw"] is False
    assert {key for key in new if key not in ("status", "name", "bw")} == {"improved"}


def test_a_picture_that_kills_its_worker_fails_alone(tmp_path):
    """A picture at which the worker dies twice is a permanent error; the server and the other pictures go on."""
    with Served(tmp_path, engine="served.Mortal") as server:
        files = [("a", ("", picture())), ("b", ("", picture(width=14))), ("c", ("", picture()))]
        found = items(server.post({**META, "images": images("a", "b", "c")}, files))
        assert [item["status"] for item in found] == [0, 1, 0]
        assert "crash" in found[1]["error"]
        assert items(server.post())[0]["status"] == 0
        assert not server.leftovers()
