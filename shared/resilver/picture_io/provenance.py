"""What was done to a picture, written into it: XMP history, the IPTC digital source type, the recipe."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

from PIL import Image

from resilver import __version__
from resilver.errors import ResilverError
from resilver.picture import Picture
from resilver.picture_io.decode import DECODER_ERRORS, quiet_pillow
from resilver.picture_io.encode import SUFFIXES
from resilver.picture_io.names import folded, output_stem
from resilver.picture_io.xmp import Packet
from resilver.result import OutputName, Step

# IPTC NewsCodes, http://cv.iptc.org/newscodes/digitalsourcetype/
_SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"
GUESSED = _SOURCE_TYPES + "compositeWithTrainedAlgorithmicMedia"
ENHANCED = _SOURCE_TYPES + "algorithmicallyEnhanced"
_STRONGER = (GUESSED, _SOURCE_TYPES + "trainedAlgorithmicMedia")
_PLUGINS = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF")
_XMP_TAG = 700


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """One output: the file it was made from, the recipe as JSON values, the steps that were done.

    ``bw``: whether the file was judged black-and-white. ``when``: the time in UTC, as ISO 8601.
    ``version``: of Resilver.
    """

    source_name: str
    source_sha256: str
    recipe: Mapping[str, Any]
    recipe_digest: str
    engine: str
    output: OutputName
    steps: tuple[Step, ...]
    when: str
    bw: bool | None = None
    version: str = __version__

    @classmethod
    def now(cls, **fields: Any) -> Provenance:
        """One that happens at this moment; the fields are those of the class."""
        return cls(**fields, when=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"))


def stamp(picture: Picture, provenance: Provenance) -> Picture:
    """The picture with its provenance in its XMP; properties of others stay, their history goes on."""
    packet = Packet(picture.metadata.xmp)
    for step in provenance.steps:
        packet.append("xmpMM:History", _event(step, provenance))
    source_type = GUESSED if any(step.generated for step in provenance.steps) else ENHANCED
    if provenance.steps and packet.text("Iptc4xmpExt:DigitalSourceType") not in _STRONGER:
        packet.set("Iptc4xmpExt:DigitalSourceType", source_type)
    for name, value in _properties(provenance).items():
        packet.set(name, value)
    return picture.replace(metadata=dataclasses.replace(picture.metadata, xmp=packet.to_bytes()))


def _event(step: Step, provenance: Provenance) -> dict[str, str]:
    # stEvt:action is an open choice (XMP part 2, ResourceEvent); "edited" is the fitting usual value
    described = f"{step.action} by {step.tool}" + (f": {step.detail}" if step.detail else "")
    return {
        "stEvt:action": "edited",
        "stEvt:when": provenance.when,
        "stEvt:softwareAgent": f"Resilver {provenance.version}",
        "stEvt:changed": "/",
        "stEvt:parameters": described + (" (content was guessed)" if step.generated else ""),
    }


def _properties(provenance: Provenance) -> dict[str, str]:
    return {
        "resilver:version": provenance.version,
        "resilver:when": provenance.when,
        "resilver:engine": provenance.engine,
        "resilver:source": provenance.source_name.encode("utf-8", "replace").decode(),
        "resilver:sourceSha256": provenance.source_sha256,
        "resilver:recipe": json.dumps(dict(provenance.recipe), sort_keys=True),
        "resilver:recipeDigest": provenance.recipe_digest,
        "resilver:output": provenance.output,
        "resilver:bw": json.dumps(provenance.bw),
        "resilver:steps": json.dumps([asdict(step) for step in provenance.steps]),
    }


def read_provenance(path: Path) -> Provenance | None:
    """What a file says about how Resilver made it, from its header; ``None`` for every other file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return None
        with quiet_pillow(), Image.open(path, formats=_PLUGINS) as image:
            tags = getattr(image, "tag_v2", {})
            packet = image.info.get("xmp") or tags.get(_XMP_TAG)
    except (*DECODER_ERRORS, MemoryError):
        return None
    if isinstance(packet, tuple):  # a tag of single bytes
        packet = bytes(packet)
    return _parse(packet) if isinstance(packet, bytes) and b"resilver" in packet else None


def _parse(block: bytes) -> Provenance | None:
    packet = Packet(block)
    names = ("source", "sourceSha256", "recipe", "recipeDigest", "engine", "output", "steps", "when", "version", "bw")
    text = {name: packet.text(f"resilver:{name}") or "" for name in names}
    if text["output"] not in get_args(OutputName) or not text["sourceSha256"]:
        return None
    try:
        steps = tuple(Step(**step) for step in json.loads(text["steps"]))
        recipe = dict(json.loads(text["recipe"]))
    except (ValueError, TypeError, RecursionError, ResilverError):
        return None
    return Provenance(
        source_name=text["source"],
        source_sha256=text["sourceSha256"],
        recipe=recipe,
        recipe_digest=text["recipeDigest"],
        engine=text["engine"],
        output=text["output"],  # type: ignore[arg-type]
        steps=steps,
        when=text["when"],
        bw={"true": True, "false": False}.get(text["bw"]),
        version=text["version"],
    )


def _begins(name: str, stem: str) -> bool:
    # folding is dear in a folder of thousands, and only names outside ASCII come back in another form
    return name.startswith(stem) or (not name.isascii() and folded(name).startswith(folded(stem)))


def find_done(directory: Path, source_name: str, source_sha256: str, recipe_digest: str) -> dict[OutputName, Path]:
    """Earlier outputs of the same picture and recipe in this folder; only files with its stem are opened."""
    stem = output_stem(source_name, ())
    try:
        names = sorted(name for name in os.listdir(directory) if _begins(name, stem))  # noqa: PTH208 - names, not paths
    except OSError:
        return {}
    done: dict[OutputName, Path] = {}
    for path in (directory / name for name in names):
        found = read_provenance(path) if path.suffix.lower() in SUFFIXES.values() else None
        if found and (found.source_sha256, found.recipe_digest) == (source_sha256, recipe_digest):
            done.setdefault(found.output, path)
    return done
