"""Training and validation pictures out of the shards, without those whose terms forbid it."""

import csv
import io
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Bytes = NDArray[np.uint8]

# weights may inherit share-alike; "per file" and bundled copyleft artwork cannot be told apart picture by picture
BARRED_TERMS = ("BY-SA", "GPL", "per file", "per-file")
# 400 portraits on one grey-blue backdrop taught the trial that backdrops are blue: one in eight is kept
THINNED = {"globalroo/uk-mps": 8}
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601


@dataclass(frozen=True)
class Photo:
    """One picture: `pixels` (height, width, 3) uint8 sRGB, its category, its name inside the shard."""

    name: str
    category: str
    pixels: Bytes


def allowed(folder: Path) -> dict[str, set[str]]:
    """The names that may shape weights, by shard, out of `index.csv`."""
    names: dict[str, set[str]] = {}
    seen: dict[str, int] = {}
    with (folder / "index.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["shard"].startswith("val") or any(barred in row["terms"] for barred in BARRED_TERMS):
                continue
            source = row["repository"]
            seen[source] = seen.get(source, -1) + 1
            if seen[source] % THINNED.get(source, 1) == 0:
                names.setdefault(row["shard"], set()).add(row["name"])
    return names


def sources(folder: Path) -> str:
    """A table of the repositories, pictures and terms that shape the weights; goes with them as their credits."""
    names, counts = allowed(folder), Counter[tuple[str, str]]()
    with (folder / "index.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["name"] in names.get(row["shard"], ()):
                counts[row["repository"], row["terms"]] += 1
    lines = [f"| {source} | {count} | {terms} |" for (source, terms), count in sorted(counts.items())]
    return "\n".join(["| repository | pictures | terms |", "|---|---|---|", *lines])


def _members(shard: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(shard) as archive:
        for member in archive:
            if file := archive.extractfile(member):
                yield member.name, file.read()


def _decode(data: bytes) -> Bytes:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def training_photos(folder: Path, *, shards: tuple[str, ...] = ("train", "scenes", "hr")) -> list[Photo]:
    """Every picture of the training shards whose terms allow it, decoded."""
    names = allowed(folder)
    return [
        Photo(name, name.split("/")[0], _decode(data))
        for shard in sorted(names)
        if shard.startswith(shards)
        for name, data in _members(folder / shard)
        if name in names[shard]
    ]


def validation_photos(folder: Path, categories: tuple[str, ...] = ()) -> list[Photo]:
    """The pictures of the validation shard; they may measure weights and never shape them."""
    return [
        Photo(name, name.split("/")[0], _decode(data))
        for name, data in _members(folder / "val.tar")
        if not categories or name.split("/")[0] in categories
    ]


def luminance(rgb: Bytes) -> NDArray[np.float32]:
    """Luma (height, width) float32 in 0..1 of sRGB bytes."""
    return rgb.astype(np.float32) @ LUMA / np.float32(255)


def random_crop(pixels: NDArray, side: int, rng: np.random.Generator, *, turn: bool = True) -> NDArray:
    """A random square of `side` pixels, mirrored and, with `turn`, turned at random."""
    top, left = (int(rng.integers(length - side + 1)) for length in pixels.shape[:2])
    crop = np.rot90(pixels[top : top + side, left : left + side], int(rng.integers(4)) if turn else 0)
    return np.ascontiguousarray(crop[:, ::-1] if rng.random() < 0.5 else crop)
