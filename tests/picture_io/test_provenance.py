import dataclasses
import json
import os
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picture_io import seeds
from resilver.picture import Metadata, Picture
from resilver.picture_io.names import output_stem
from resilver.picture_io.provenance import ENHANCED, GUESSED, Provenance, find_done, read_provenance, stamp
from resilver.picture_io.read import ReadLimits, read_picture
from resilver.picture_io.write import encode, publish
from resilver.recipe import Recipe
from resilver.result import Step

LEVELS = Step("improved", "levels and NLM", "red cast 6 %")
COLOUR = Step("colorized", "colour net", generated=True)
TWICE = Step("x2", "waifu2x upconv_7_photo noise1")
SHA256 = "0123456789abcdef" * 4
KINDS = ["jpeg", "png", "tiff", "webp", "avif"]
PICTURE = Picture(pixels=seeds.pixels())


def provenance(*steps: Step, **fields) -> Provenance:
    recipe = Recipe(resolution=2)
    usual = {"source_name": "attic.jpg", "source_sha256": SHA256, "engine": "local", "output": "final", "steps": steps}
    return Provenance.now(**(usual | {"recipe": recipe.to_json(), "recipe_digest": recipe.digest()} | fields))


def tags(path) -> dict:
    return json.loads(seeds.exiftool("-j", "-G1", "-struct", path))[0]


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_carries_history_source_type_and_recipe(tmp_path, kind):
    """ExifTool sees the steps, who did them, that colour was guessed, the recipe and the source's digest."""
    path = publish(stamp(PICTURE, provenance(LEVELS, COLOUR, TWICE)), tmp_path, "a", kind)
    found = tags(path)
    history = found["XMP-xmpMM:History"]
    assert [event["Action"] for event in history] == ["edited"] * 3
    assert all(event["SoftwareAgent"].startswith("Resilver ") and event["When"] for event in history)
    assert "levels and NLM" in history[0]["Parameters"]
    assert "guessed" in history[1]["Parameters"]
    assert "guessed" not in history[2]["Parameters"]
    assert found["XMP-iptcExt:DigitalSourceType"] == GUESSED
    assert found["XMP-resilver:SourceSha256"] == SHA256
    assert json.loads(str(found["XMP-resilver:Recipe"]))["resolution"] == 2


@pytest.mark.parametrize("kind", KINDS)
def test_provenance_comes_back_as_it_was(tmp_path, kind):
    """What was written is read again, and the picture with its own metadata is none the worse."""
    told = provenance(LEVELS, COLOUR, bw=True)
    path = publish(stamp(PICTURE, told), tmp_path, "a", kind)
    assert read_provenance(path) == told


def test_the_source_type_says_what_was_guessed():
    """Only enhanced: another term; nothing done: none; an earlier, stronger statement is not weakened."""
    assert ENHANCED.encode() in stamp(PICTURE, provenance(LEVELS, TWICE)).metadata.xmp
    assert b"DigitalSourceType" not in stamp(PICTURE, provenance()).metadata.xmp
    once = stamp(PICTURE, provenance(COLOUR))
    twice = stamp(once, provenance(TWICE)).metadata.xmp
    assert GUESSED.encode() in twice
    assert ENHANCED.encode() not in twice


def test_the_xmp_of_others_stays(tmp_path):
    """Properties, lists and name spaces that Resilver does not know survive; an existing history goes on."""
    path = tmp_path / "a.jpg"
    encode(Picture(pixels=PICTURE.pixels, metadata=Metadata(xmp=seeds.XMP)), path, "jpeg")
    seeds.exiftool(
        "-overwrite_original", "-XMP-xmpMM:History={Action=scanned,SoftwareAgent=Epson Scan,When=2001:01:01 10:00:00}",
        "-XMP-crs:Exposure2012=+0.5", "-XMP-dc:Creator=Grandmother", path,
    )  # fmt: skip
    before = tags(path)
    picture = stamp(read_picture(path, ReadLimits()), provenance(LEVELS))
    result = publish(picture, tmp_path, "b", "png")
    after = tags(result)
    assert [event["Action"] for event in after["XMP-xmpMM:History"]] == ["scanned", "edited"]
    others = {key for key in before if key.startswith("XMP") and not key.endswith(("History", "XMPToolkit"))}
    assert {"XMP-dc:Title", "XMP-lr:WeightedFlatSubject", "XMP-crs:Exposure2012"} <= others
    changed = {"XMP-tiff:Orientation"}  # it is upright now
    assert {key: after.get(key) for key in others - changed} == {key: before[key] for key in others - changed}


def test_a_second_run_replaces_its_own_properties_and_keeps_the_history():
    """One recipe, the latest; two runs in the history; still one valid packet."""
    once = stamp(PICTURE, provenance(LEVELS))
    twice = stamp(once, provenance(TWICE, output="resolved", source_name="b.jpg"))
    xmp = twice.metadata.xmp
    assert xmp.count(b"<resilver:output") == 1
    assert xmp.count(b">edited<") == 2
    ET.fromstring(xmp)
    assert len(stamp(twice, provenance(TWICE)).metadata.xmp) - len(xmp) < len(once.metadata.xmp)


@given(
    st.text(max_size=40), st.text(max_size=40), st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3)
)
def test_any_text_gives_a_valid_packet(name, detail, recipe):
    """Control characters, markup and halves of characters in names and phrases do not break the packet."""
    told = provenance(dataclasses.replace(LEVELS, detail=detail), source_name=name, recipe=recipe)
    ET.fromstring(stamp(PICTURE, told).metadata.xmp)


@given(st.binary(max_size=200))
def test_any_bytes_as_xmp_give_a_valid_packet(data):
    """Whatever was in the file, the result holds our provenance in sound XML."""
    for packet in (data, seeds.XMP[:80] + data + seeds.XMP[80:]):
        stamped = stamp(Picture(pixels=PICTURE.pixels, metadata=Metadata(xmp=packet)), provenance(LEVELS))
        assert SHA256.encode() in stamped.metadata.xmp
        ET.fromstring(stamped.metadata.xmp)


def test_foreign_files_have_no_provenance(tmp_path):
    """Other people's pictures, broken files, pipes and nothing at all are simply not ours."""
    folder = tmp_path / "seeds"
    folder.mkdir()
    assert all(read_provenance(path) is None for path in seeds.write_all(folder))
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff resilver")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert [read_provenance(tmp_path / name) for name in ("a.jpg", "pipe.jpg", "missing.jpg", "seeds")] == [None] * 4


def test_earlier_results_are_found_by_what_they_are_made_of(tmp_path):
    """Same source and recipe: found by output, whatever the number in the name; others are not."""
    told = provenance(LEVELS)
    stem = output_stem("attic.jpg", (LEVELS,))
    other = publish(stamp(PICTURE, provenance(LEVELS, source_sha256="f" * 64)), tmp_path, stem, "jpeg")
    final = publish(stamp(PICTURE, told), tmp_path, stem, "jpeg")
    resolved = publish(stamp(PICTURE, provenance(TWICE, output="resolved")), tmp_path, "attic-x2", "png")
    publish(stamp(PICTURE, told), tmp_path, "elsewhere", "jpeg")
    assert other.name == "attic-improved.jpg"
    assert final.name == "attic-improved-2.jpg"
    assert find_done(tmp_path, "attic.jpg", SHA256, told.recipe_digest) == {"final": final, "resolved": resolved}
    assert find_done(tmp_path, "attic.jpg", SHA256, "another recipe") == {}
    assert find_done(tmp_path / "missing", "attic.jpg", SHA256, told.recipe_digest) == {}


def test_results_of_long_and_strange_names_are_found(tmp_path):
    """Also where the name had to be changed to be valid."""
    for name in ("é" * 120 + ".jpg", os.fsdecode(b"w\xff\n.jpg"), "CON.jpg"):
        told = provenance(LEVELS, source_name=name)
        path = publish(stamp(PICTURE, told), tmp_path, output_stem(name, (LEVELS,)), "png")
        assert find_done(tmp_path, name, SHA256, told.recipe_digest) == {"final": path}
