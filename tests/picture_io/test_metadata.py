import io
import json
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from picture_io import seeds
from resilver.errors import PictureBroken
from resilver.picture import Metadata, Picture
from resilver.picture_io import ifd, profiles, xmp
from resilver.picture_io.read import ReadLimits, decode, read_picture
from resilver.picture_io.write import encode

LIMITS = ReadLimits()
FORMATS = {"jpeg": "jpg", "png": "png", "tiff": "tif", "webp": "webp", "avif": "avif"}
EXIF_TAGS = (
    "IFD0:Make", "IFD0:Artist", "IFD0:Copyright", "IFD0:ImageDescription", "ExifIFD:DateTimeOriginal",
    "ExifIFD:ExposureTime", "ExifIFD:ISO", "ExifIFD:UserComment", "ExifIFD:LensModel", "GPS:GPSLatitude",
    "GPS:GPSLatitudeRef", "GPS:GPSLongitude",
)  # fmt: skip
XMP_TAGS = ("XMP-xmp:Rating", "XMP-lr:WeightedFlatSubject")
IPTC_TAGS = {
    "IPTC:ObjectName": "XMP-dc:Title", "IPTC:By-line": "XMP-dc:Creator", "IPTC:City": "XMP-photoshop:City",
    "IPTC:Caption-Abstract": "XMP-dc:Description", "IPTC:DateCreated": "XMP-photoshop:DateCreated",
}  # fmt: skip


def tags(path) -> dict:
    """All that ExifTool sees, by group and name."""
    return json.loads(seeds.exiftool("-j", "-G1", "-struct", "-n", path))[0]


def icc(path) -> bytes:
    return b"".join(seeds.exiftool("-icc_profile:all", "-s3", path).encode().split())


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """A picture of each format with EXIF, GPS, XMP, ICC and, where the format has it, IPTC; written by ExifTool."""
    folder = tmp_path_factory.mktemp("sources")
    found = {}
    for kind, suffix in FORMATS.items():
        path = folder / f"source.{suffix}"
        Image.fromarray(seeds.pixels()).save(path, icc_profile=seeds.srgb(), dpi=(300, 300))
        arguments = [tag for tag in seeds.EXIFTOOL_TAGS if "IPTC" not in tag or kind in ("jpeg", "tiff", "png")]
        arguments += ["-IFD0:XResolution=300", "-IFD0:YResolution=300", "-IFD0:ResolutionUnit=inches"]
        seeds.exiftool("-overwrite_original", *arguments, path)
        found[kind] = (path, tags(path))
    return found


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_metadata_survive_every_pair_of_formats(sources, tmp_path, source, target):
    """EXIF with GPS, XMP, IPTC, ICC and resolution come through from each format into each, says ExifTool."""
    path, before = sources[source]
    result = tmp_path / f"result.{FORMATS[target]}"
    assert encode(read_picture(path, LIMITS), result, target) == ()
    after = tags(result)
    wanted = [*EXIF_TAGS, *XMP_TAGS]
    assert all(tag in before for tag in wanted), "the test has lost its own tags"
    assert {tag: after.get(tag) for tag in wanted} == {tag: before[tag] for tag in wanted}
    assert "attic" in str(after["XMP-dc:Subject"])
    assert icc(result) == icc(path) != b""
    assert round(after.get("IFD0:XResolution", after.get("JFIF:XResolution", 300))) == 300
    assert [key for key in after if key.endswith(("Error", "Warning"))] == []
    if "IPTC:City" not in before:
        return
    for iptc, other in IPTC_TAGS.items():
        if target in ("webp", "avif"):
            assert str(before[iptc]) in str(after[other])
        else:
            assert after[iptc] == before[iptc]
    keywords = after["IPTC:Keywords"] if target in ("jpeg", "tiff", "png") else after["XMP-dc:Subject"]
    assert {"family", "Möbel"} <= set(keywords)


def test_resolution_is_kept_by_every_pair(sources, tmp_path):
    """300 pixels per inch stay 300, to the precision of the format."""
    for path, _ in sources.values():
        for target, suffix in FORMATS.items():
            result = tmp_path / f"r.{suffix}"
            encode(read_picture(path, LIMITS), result, target)
            assert read_picture(result, LIMITS).dpi == pytest.approx((300, 300), abs=0.01)


@pytest.mark.parametrize("target", FORMATS)
def test_a_picture_without_anything_gets_nothing_wrong(tmp_path, target):
    """No invented resolution, profile or EXIF."""
    result = tmp_path / f"r.{FORMATS[target]}"
    encode(Picture(pixels=seeds.pixels()), result, target)
    found = read_picture(result, LIMITS)
    assert (found.dpi, found.icc, found.metadata) == (None, None, Metadata())
    assert not [key for key in tags(result) if key.startswith(("XMP", "IPTC", "ICC", "ExifIFD"))]


@pytest.mark.parametrize("target", FORMATS)
def test_an_enlarged_picture_tells_its_new_size_and_no_old_thumbnail(tmp_path, target):
    """Sizes in EXIF and XMP are the new ones, the orientation is normal, the thumbnail of the old picture is gone."""
    source, thumbnail = tmp_path / "source.jpg", tmp_path / "thumbnail.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(seeds.pixels()).save(source, exif=exif, xmp=seeds.XMP)
    Image.fromarray(seeds.pixels(16, 16)).save(thumbnail)
    seeds.exiftool(
        "-overwrite_original", f"-ThumbnailImage<={thumbnail}", "-ExifIFD:ExifImageWidth=64",
        "-ExifIFD:ExifImageHeight=48", "-XMP-exif:ExifImageWidth=64", source,
    )  # fmt: skip
    assert "IFD1:ThumbnailLength" in tags(source)
    picture = read_picture(source, LIMITS)
    large = picture.replace(pixels=np.repeat(np.repeat(picture.pixels, 2, 0), 2, 1))
    result = tmp_path / f"result.{FORMATS[target]}"
    encode(large, result, target)
    after = tags(result)
    assert (after["ExifIFD:ExifImageWidth"], after["ExifIFD:ExifImageHeight"]) == (96, 128)
    assert after["XMP-exif:ExifImageWidth"] == 96
    assert {after.get("IFD0:Orientation", 1), after.get("XMP-tiff:Orientation", 1)} == {1}
    assert not [key for key in after if "Thumbnail" in key or key.startswith("IFD1")]
    assert seeds.exiftool("-ThumbnailImage", "-b", result) == ""


@pytest.mark.parametrize("target", FORMATS)
def test_a_maker_note_stays_byte_by_byte(tmp_path, target):
    """What a camera wrote in its own form is neither interpreted nor changed."""
    note = bytes(range(256)) * 3
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x927C] = note
    exif[ifd.ORIENTATION] = 6  # as every camera writes one; some encoders write EXIF anew where they find it
    source = tmp_path / "source.jpg"
    Image.fromarray(seeds.pixels()).save(source, exif=exif)
    result = tmp_path / f"result.{FORMATS[target]}"
    encode(read_picture(source, LIMITS), result, target)
    with Image.open(result) as image:
        assert image.getexif().get_ifd(0x8769)[0x927C] == note


@pytest.mark.parametrize("target", FORMATS)
def test_names_with_accents_stay_readable(tmp_path, target):
    """EXIF texts in UTF-8 come through beside an orientation, says ExifTool."""
    source, result = tmp_path / "source.jpg", tmp_path / f"result.{FORMATS[target]}"
    Image.fromarray(seeds.pixels()).save(source)
    seeds.exiftool("-overwrite_original", "-n", "-Artist=Änne Günther", "-Orientation=6", source)
    encode(read_picture(source, LIMITS), result, target)
    assert tags(result)["IFD0:Artist"] == "Änne Günther"


def test_a_deep_avif_keeps_its_metadata(sources, tmp_path):
    """Also where libvips writes the file and would write EXIF anew."""
    path, before = sources["jpeg"]
    picture = read_picture(path, LIMITS)
    result = tmp_path / "deep.avif"
    encode(picture.replace(pixels=picture.pixels.astype(np.uint16) * 257), result, "avif")
    after = tags(result)
    assert {tag: after.get(tag) for tag in EXIF_TAGS} == {tag: before[tag] for tag in EXIF_TAGS}
    assert after["XMP-xmp:Rating"] == 4
    assert icc(result) == icc(path)
    exif = {tag for tag in before if tag.startswith(("ExifIFD", "IFD0", "GPS"))}
    assert exif == {tag for tag in after if tag.startswith(("ExifIFD", "IFD0", "GPS"))}


def test_metadata_too_long_for_a_jpeg_are_told(tmp_path):
    """A JPEG segment ends at 64 KB: the sentence says what was left out, and the file is sound."""
    top = ifd.Directory({0x010E: ifd.raw(b"x" * 70_000 + b"\0", 2)})
    long = Metadata(exif=ifd.serialise(top), xmp=seeds.XMP.replace(b"The attic", b"a" * 70_000))
    path = tmp_path / "a.jpg"
    notes = encode(Picture(pixels=seeds.pixels(), metadata=long), path, "jpeg")
    assert len(notes) == 2
    assert all("TIFF" in note for note in notes)
    assert read_picture(path, LIMITS).width == 64
    encode(Picture(pixels=seeds.pixels(), metadata=long), tmp_path / "a.png", "png")
    assert len(tags(tmp_path / "a.png")["IFD0:ImageDescription"]) == 70_000


def test_metadata_after_the_pixels_of_a_png_are_found(tmp_path):
    """Some programs write XMP behind the pixels, where Pillow looks only after decoding."""
    path = tmp_path / "a.png"
    path.write_bytes(seeds.vips(seeds.pixels(dtype=np.uint16), "rgb16").pngsave_buffer())
    seeds.exiftool("-overwrite_original", "-XMP-dc:Title=behind", path)
    data = path.read_bytes()
    start = data.index(b"iTXt") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    path.write_bytes(data[:start] + data[end:-12] + data[start:end] + data[-12:])
    assert "behind" in seeds.exiftool("-XMP-dc:Title", path)
    assert b"behind" in read_picture(path, LIMITS).metadata.xmp


def test_a_profile_of_the_wrong_kind_is_left_out(tmp_path):
    """A gray picture never gets an RGB profile."""
    stream = io.BytesIO()
    Image.fromarray(seeds.pixels(channels=1)[..., 0]).save(stream, "JPEG", icc_profile=seeds.srgb())
    picture = decode(stream.getvalue(), LIMITS)
    assert picture.icc is None
    assert "profile" in picture.warnings[0]
    (note,) = encode(Picture(pixels=seeds.pixels(channels=1), icc=seeds.srgb()), tmp_path / "a.png", "png")
    assert "profile" in note


def test_a_gray_profile_stays_with_gray_and_gives_way_to_colour(tmp_path):
    """Gray of gamma 1.8: kept in a gray file; as RGB the tones are those of sRGB and no profile is left."""
    gray = Picture(pixels=seeds.pixels(channels=1), icc=seeds.gray_icc(1.8))
    encode(gray, tmp_path / "a.tif", "tiff")
    assert read_picture(tmp_path / "a.tif", LIMITS).icc == gray.icc
    colour = profiles.as_rgb(gray)
    assert colour.icc is None
    assert colour.pixels.shape == (48, 64, 3)
    linear = (gray.pixels[..., 0] / 255) ** 1.8
    wanted = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)  # IEC 61966-2-1
    # near black lcms's own table for the inverse curve is coarse
    light = wanted > 0.1
    assert np.abs(colour.pixels[..., 0] / 255 - wanted)[light].max() < 2 / 255
    deep = profiles.as_srgb_gray(gray.replace(pixels=gray.pixels.astype(np.uint16) * 257))
    assert np.abs(deep.pixels[..., 0] / 65535 - wanted)[light].max() < 0.004


def test_damaged_exif_is_left_out_with_a_warning():
    """A broken EXIF block costs the block, not the picture."""
    stream = io.BytesIO()
    Image.fromarray(seeds.pixels()).save(stream, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x00")
    picture = decode(stream.getvalue(), LIMITS)
    assert picture.metadata.exif is None
    assert "EXIF" in picture.warnings[0]


@given(st.binary(max_size=300), st.binary(max_size=20))
def test_any_bytes_as_exif_are_refused_or_corrected(data, head):
    """Whatever the block holds, correcting it ends in bytes of at most its length, or in Malformed."""
    for block in (data, b"II*\0\x08\0\0\0" + data, b"MM\0*\0\0\0\x08" + head + data):
        try:
            result = ifd.corrected(block, {ifd.ORIENTATION: 1, 0xA002: 70_000, ifd.X_RESOLUTION: 300.0})
        except ifd.Malformed:
            continue
        assert len(result) <= len(block)


@given(
    st.dictionaries(st.integers(1, 0x8000), st.binary(min_size=1, max_size=40), max_size=12),
    st.dictionaries(st.integers(1, 0x8000), st.binary(min_size=1, max_size=40), max_size=5),
)
def test_directories_come_back_as_they_were_written(top, child):
    """Any tags of any length survive a round trip, in the main and in the EXIF directory."""
    inner = ifd.Directory({tag: ifd.raw(value) for tag, value in child.items()})
    block = ifd.serialise(ifd.Directory({tag: ifd.raw(value) for tag, value in top.items()}, {ifd.EXIF: inner}))
    found = ifd.Structure.open(block).directory()
    assert {tag: entry.data for tag, entry in found.entries.items() if tag != ifd.EXIF} == top
    assert {tag: entry.data for tag, entry in found.children[ifd.EXIF].entries.items()} == child


def test_xml_bombs_are_not_opened(tmp_path):
    """Entities are never expanded; such a packet counts as unreadable and is replaced."""
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)
    )
    packet = bomb + b']><x:xmpmeta xmlns:x="adobe:ns:meta/">&j;</x:xmpmeta>'
    assert xmp.Packet(packet).to_bytes() == xmp.Packet().to_bytes()
    deep = b"<a>" * 100_000 + b"</a>" * 100_000
    assert xmp.Packet(deep).descriptions() == []


def test_a_hostile_profile_chunk_is_broken_or_left_out():
    """A PNG profile that is no profile does not stop the picture."""
    stream = io.BytesIO()
    Image.fromarray(seeds.pixels()).save(stream, "PNG")
    data = stream.getvalue()
    body = b"x\0\0" + zlib.compress(b"no profile at all")
    chunk = struct.pack(">I", len(body)) + b"iCCP" + body + struct.pack(">I", zlib.crc32(b"iCCP" + body))
    try:
        assert decode(data[:33] + chunk + data[33:], LIMITS).icc is None
    except PictureBroken:
        pytest.fail("the picture itself is whole")
