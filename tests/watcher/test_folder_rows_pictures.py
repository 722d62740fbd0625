"""Rows of the list of faults, provoked at the real ``resilver watch``: pictures that are none, or attack.

After each of them the invariants of ``Watched`` hold: originals untouched, whole results only and one of each, one
state for each picture, no token anywhere, and the daemon does the next picture.
"""

from __future__ import annotations

import io
import os
import random
import re
from pathlib import Path

import psutil
import pytest
from PIL import Image

from fakes.hostile_answers import bomb_picture
from fakes.namespaces import linux
from fakes.watched import Watched, jpeg
from picture_io.mutate import mutated

SOON = {"look_s": 0.1, "quiet_s": 0.1, "patience_s": 3.0}


def saved(kind: str) -> bytes:
    """A picture of that format like no other."""
    file = io.BytesIO()
    Image.frombytes("RGB", (48, 32), random.randbytes(48 * 32 * 3)).save(file, kind)
    return file.getvalue()


def test_row_15_empty_cut_rotten_mislabelled(tmp_path: Path) -> None:
    """Each fails with its own reason and a text in its place; a PNG that is called JPEG is restored."""
    good = jpeg(300, 200)
    bad = {
        "empty.jpg": (b"", "picture-broken"),
        "cut.jpg": (good[: len(good) // 2], "picture-broken"),
        "rotten.png": (saved("PNG")[:60] + bytes(400), "picture-broken"),
        "page.jpg": (b"<!doctype html><html><body>Not found</body></html>", "picture-unknown"),
        "noise.jpg": (random.Random(15).randbytes(5000), "picture-unknown"),
    }
    with Watched(tmp_path, **SOON) as folder:
        for name, (content, _code) in bad.items():
            folder.drop(name, content)
        folder.drop("mislabelled.jpg", saved("PNG"))
        folder.wait(done=1, failed=len(bad))
        failed = {Path(entry.source).name: entry for entry in folder.remote.status().failed}
        assert {name: entry.code for name, entry in failed.items()} == {name: code for name, (_, code) in bad.items()}
        for name, entry in failed.items():
            (note,) = folder.output.glob(f"{name}*.not-restored.txt")
            assert entry.reason in note.read_text()


@linux
def test_row_16_decompression_bomb(tmp_path: Path) -> None:
    """900 megapixels in a small file are refused from the header: the worker's memory does not grow by them."""
    with Watched(tmp_path, **SOON) as folder:
        folder.drop("first.jpg")
        folder.wait(done=1)
        before = peak_mb(folder)
        folder.drop("bomb.png", bomb_picture())
        folder.wait(done=1, failed=1)
        assert folder.remote.status().failed[0].code == "picture-too-large"
        assert peak_mb(folder) - before < 60


def peak_mb(folder: Watched) -> float:
    """The most memory that the daemon and its worker ever held, together."""
    pids = [folder.pid, *(child.pid for child in psutil.Process(folder.pid).children(recursive=True))]
    told = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
    return sum(int(found[1]) / 1024 for text in told if (found := re.search(r"VmHWM:\s+(\d+)", text)))


def test_row_17_a_file_that_attacks_the_decoder(tmp_path: Path) -> None:
    """Damaged files of every format end as a result or with a reason of their own; no worker dies of them."""
    chance = random.Random(17)
    with Watched(tmp_path, **SOON) as folder:
        for number in range(60):
            kind = ("JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP")[number % 6]
            folder.drop(f"{number:02}.{kind.lower()}", mutated(saved(kind), chance))
        folder.eventually(lambda: ended(folder) == 60, 120)
        entries = folder.entries().values()
        assert {entry.code for entry in entries if entry.state != "done"} <= {
            "picture-broken",
            "picture-unknown",
            "picture-too-large",
        }
        assert folder.remote.status().counts["done"] > 0


def ended(folder: Watched) -> int:
    counts = folder.remote.status().counts
    return counts["done"] + counts["failed"] + counts["aside"]


@pytest.mark.parametrize("engine", ["Black", "NotANumber"])
def test_row_21_empty_results(tmp_path: Path, engine: str) -> None:
    """What a failing graphics card gives, black or no numbers, is not saved: the picture failed, with that reason."""
    with Watched(tmp_path, engine, **SOON) as folder:
        folder.checked = False
        folder.drop("a.jpg")
        folder.wait(failed=1)
        assert folder.remote.status().failed[0].code == "blank-result"
        assert not folder.results()
        folder.assert_invariants()


def test_row_28_names_of_photographs(tmp_path: Path) -> None:
    """Whatever a photograph is called, it is done, and its result has a name that fits."""
    names = (b"w\xff\n.jpg", "é".encode() * 125 + b".jpg", b"-o.jpg", b'a";name="meta.jpg', b"%2e%2e.jpg", b" .jpg")
    with Watched(tmp_path) as folder:
        for name in names:
            folder.drop(os.fsdecode(name))
        folder.wait(done=len(names))
