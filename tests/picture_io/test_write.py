import contextlib
import errno
import os
import resource
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from picture_io import seeds
from resilver.errors import OutputDenied, OutputError, OutputFormat, OutputFull, PictureChanged
from resilver.picture import Picture
from resilver.picture_io import encode as encoding
from resilver.picture_io import write
from resilver.picture_io.encode import output_format
from resilver.picture_io.identity import file_digest
from resilver.picture_io.read import ReadLimits, read_picture
from resilver.picture_io.write import encode, publish, publish_copy

LIMITS = ReadLimits()
SMALL = Picture(pixels=seeds.pixels())
NOISE = Picture(
    pixels=np.random.default_rng(1).integers(0, 256, (600, 600, 3), np.uint8)
)  # 1.1 MB in any lossless file
SUFFIXES = {"jpeg": ".jpg", "png": ".png", "tiff": ".tif", "webp": ".webp", "avif": ".avif"}


@pytest.fixture(params=["unnamed", "named", "without links"])
def way(request, monkeypatch):
    """Every way to a final name: no name until it is whole; a hidden name; a file system without links."""
    if request.param != "unnamed":
        monkeypatch.setattr(write, "_open_unnamed", lambda _directory: None)
    if request.param == "without links":

        def refuse(_self, _target):
            raise OSError(errno.EOPNOTSUPP, "no links here")

        monkeypatch.setattr(Path, "hardlink_to", refuse)
    return request.param


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_lossless_formats_give_back_every_value(tmp_path, kind, alpha, depth, channels):
    """PNG and TIFF: gray or colour, 8 or 16 bits, with or without alpha, nothing changes."""
    dtype = {8: np.uint8, 16: np.uint16}[depth]
    extra = seeds.pixels(channels=1, dtype=dtype)[..., 0] if alpha else None
    picture = Picture(pixels=seeds.pixels(channels=channels, dtype=dtype), alpha=extra)
    assert encode(picture, tmp_path / "a", kind) == ()
    found = read_picture(tmp_path / "a", LIMITS)
    assert found.pixels.dtype == dtype
    assert (found.pixels == picture.pixels).all()
    assert (found.alpha == extra).all() if alpha else found.alpha is None


@pytest.mark.parametrize("kind", SUFFIXES)
def test_every_format_holds_the_picture_and_says_what_it_cannot(tmp_path, kind):
    """From 16 bits with alpha: close to the original, and a sentence for each loss."""
    deep = Picture(pixels=seeds.pixels(dtype=np.uint16), alpha=seeds.pixels(channels=1, dtype=np.uint16)[..., 0])
    notes = encode(deep, tmp_path / "a", kind)
    found = read_picture(tmp_path / "a", LIMITS)
    wanted = deep.pixels / 65535
    if kind == "jpeg":
        weight = deep.alpha[..., None] / 65535
        wanted = wanted * weight + (1 - weight)
    assert np.abs(found.pixels / found.peak - wanted).mean() < 0.02
    assert (found.alpha is not None) == (kind != "jpeg")
    assert found.depth == (8 if kind in ("jpeg", "webp") else 16)
    losses = {"jpeg": 2, "webp": 1, "avif": 1, "png": 0, "tiff": 0}
    assert len(notes) == losses[kind]


@pytest.mark.parametrize("kind", SUFFIXES)
def test_gray_stays_gray(tmp_path, kind):
    """A gray picture comes back with one channel from every format."""
    encode(Picture(pixels=seeds.pixels(channels=1)), tmp_path / "a", kind)
    assert read_picture(tmp_path / "a", LIMITS).gray


def test_sixteen_bits_are_rounded_to_eight():
    """257 steps of 16 bits to one of 8, halves away from nothing."""
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    found = encoding._eight_bits(values)
    assert (found == np.rint(values / 257)).all()


@pytest.mark.parametrize(("quality", "least"), [(None, 93), (40, 90), (95, 93), (99, 98)])
def test_a_jpeg_is_as_good_as_its_source_and_never_bad(tmp_path, quality, least):
    """The quality follows the source's and does not fall below 92; colours are not halved."""
    encode(Picture(pixels=seeds.pixels(), jpeg_quality=quality), tmp_path / "a.jpg", "jpeg")
    assert read_picture(tmp_path / "a.jpg", LIMITS).jpeg_quality >= least
    assert seeds.exiftool("-s3", "-YCbCrSubSampling", tmp_path / "a.jpg").startswith("YCbCr4:4:4")


def test_keep_writes_the_format_that_was_read():
    """Formats that are not written become the nearest one that is."""
    nearest = {"heic": "jpeg", "bmp": "png", "gif": "png", "pnm": "png", "raw": "png"}
    for kind in (*SUFFIXES, *nearest):
        assert output_format(SMALL.replace(format=kind), "keep") == nearest.get(kind, kind)
    clear = SMALL.replace(format="jpeg", alpha=SMALL.pixels[..., 0])
    assert output_format(clear, "keep") == "png"
    assert output_format(clear, "webp") == "webp"


@pytest.mark.parametrize(("kind", "side"), [("webp", 16_384), ("jpeg", 65_536), ("avif", 32_769)])
def test_a_side_too_long_for_the_format_is_refused_with_the_cure(tmp_path, kind, side):
    """The limit of the format is found before anything is written; the sentence names TIFF."""
    long = Picture(pixels=np.zeros((1, side, 1), np.uint8))
    with pytest.raises(OutputFormat, match="TIFF"):
        publish(long, tmp_path, "a", kind)
    assert list(tmp_path.iterdir()) == []
    assert publish(long, tmp_path, "a", "tiff").name == "a.tif"


def test_a_tiff_above_four_gigabytes_would_be_a_big_one(tmp_path, monkeypatch):
    """BigTIFF carries all metadata, too; the limit is lowered here instead of writing 4 GB."""
    monkeypatch.setattr(encoding, "_BIG_TIFF_BYTES", 1_000)
    path = publish(SMALL.replace(dpi=(300.0, 300.0), icc=seeds.srgb()), tmp_path, "a", "tiff")
    assert path.read_bytes()[:4] == b"II+\0"
    found = read_picture(path, LIMITS)
    assert (found.pixels == SMALL.pixels).all()
    assert (found.dpi, found.icc) == ((300.0, 300.0), seeds.srgb())
    assert "300" in seeds.exiftool("-XResolution", path)


def test_other_programs_read_the_files(tmp_path):
    """Pillow, whose decoders are not those that wrote the TIFF, PNG and JPEG, sees the same pixels."""
    for kind, suffix in SUFFIXES.items():
        path = publish(SMALL, tmp_path, "a", kind)
        assert path.suffix == suffix
        with Image.open(path) as image:
            assert np.abs(np.asarray(image.convert("RGB")).astype(int) - SMALL.pixels).mean() < 2


def test_names_are_unique_and_nothing_is_overwritten(tmp_path, way):
    """A taken name gets a number, also where only the case or the Unicode form differs; the folder is made."""
    folder = tmp_path / "new" / "folder"
    names = [
        publish(SMALL, folder, stem, "png").name
        for stem in ("a", "a", "A", "a", "\u00e9", "e\u0301", "stra\u00dfe", "STRASSE")
    ]
    assert names == [
        "a.png",
        "a-2.png",
        "A-3.png",
        "a-4.png",
        "\u00e9.png",
        "e\u0301-2.png",
        "stra\u00dfe.png",
        "STRASSE-2.png",
    ]
    assert publish(SMALL, folder, "a", "tiff").name == "a.tif"
    assert len(list(folder.iterdir())) == 9
    for path in folder.iterdir():
        assert read_picture(path, LIMITS).width == 64


def test_a_dangling_link_counts_as_taken(tmp_path, way):
    """A result never goes through a link out of the folder."""
    (tmp_path / "a.png").symlink_to(tmp_path / "elsewhere")
    assert publish(SMALL, tmp_path, "a", "png").name == "a-2.png"
    assert not (tmp_path / "elsewhere").exists()


def test_many_at_once_get_a_name_each(tmp_path, way):
    """Twelve threads that want the same name end with twelve whole files."""
    with ThreadPoolExecutor(12) as pool:
        paths = list(pool.map(lambda _: publish(SMALL, tmp_path, "a", "png"), range(12)))
    assert len(set(paths)) == len(list(tmp_path.iterdir())) == 12
    assert all(read_picture(path, LIMITS).width == 64 for path in paths)


def test_the_file_has_the_usual_permissions(tmp_path, way):
    """As any new file: what the umask leaves, not a private temporary file's."""
    before = os.umask(0o027)
    try:
        path = publish(SMALL, tmp_path, "a", "png")
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("kind", SUFFIXES)
def test_a_file_size_limit_is_a_full_disk_and_leaves_nothing(tmp_path, way, kind):
    """An error in the middle of writing (EFBIG, as with ulimit -f) is typed, and the folder is as before."""
    (tmp_path / "other.txt").write_text("stays")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OutputFull, match="no room") as caught:
            publish(NOISE, tmp_path, "a", kind)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.temporary
    assert [path.name for path in tmp_path.iterdir()] == ["other.txt"]


@pytest.mark.parametrize("kind", SUFFIXES)
@pytest.mark.parametrize("call", ["fsync", "link"])
def test_an_error_at_the_last_moment_leaves_nothing(tmp_path, monkeypatch, kind, call):
    """No space at fsync (as network drives have it) or at the new name: typed, and nothing is left."""

    def fail(*_arguments, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OutputFull):
        publish(SMALL, tmp_path, "a", kind)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.EDQUOT, errno.ENOENT])
def test_every_answer_of_the_disk_is_typed(tmp_path, monkeypatch, number):
    """No foreign error leaves the room."""

    def fail(*_arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    wanted = {errno.EROFS: OutputDenied, errno.EDQUOT: OutputFull}.get(number, OutputError)
    with pytest.raises(wanted):
        publish(SMALL, tmp_path, "a", "png")


def test_no_permission_names_the_folder(tmp_path, way):
    """A folder that may not be written to gives one sentence with its name, and stays as it is."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        with contextlib.suppress(PermissionError):
            parent.chmod(parent.stat().st_mode | 0o055)
    with seeds.as_nobody(), pytest.raises(OutputDenied, match="locked") as caught:
        publish(SMALL, folder, "a", "png")
    assert caught.value.temporary
    assert list(folder.iterdir()) == []


def test_a_file_in_place_of_the_folder_is_told(tmp_path):
    """The output folder cannot be a file."""
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(OutputError):
        publish(SMALL, tmp_path / "file", "a", "png")


CHILD = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from picture_io.test_write import NOISE
from resilver.errors import ResilverError
from resilver.picture_io.write import publish
for kind in sys.argv[3:]:
    try:
        print(publish(NOISE, Path(sys.argv[2]), "a", kind).name)
    except ResilverError as error:
        print(error.code)
"""


def mounted(options: str, folder: Path, after: str = "true") -> list[str]:
    """What publishing PNG, TIFF and JPEG gives in a file system of its own, and what lies there then."""
    script = f"mount -t tmpfs -o {options} none {folder} && {after} && {sys.executable} - {Path(__file__).parents[1]} "
    script += f"{folder} png tiff jpeg && ls -A {folder}"
    done = subprocess.run(
        ["unshare", "-m", "sh", "-c", script], input=CHILD, capture_output=True, text=True, check=False
    )
    if done.returncode and "ermi" in done.stderr:
        pytest.skip("mounting a small disk needs root")
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_a_full_disk_leaves_nothing_and_a_read_only_one_is_denied(tmp_path):
    """On real file systems: too small, without inodes, read-only."""
    assert mounted("size=300k", tmp_path) == ["output-full"] * 3
    assert mounted("nr_inodes=1", tmp_path) == ["output-full"] * 3
    assert mounted("size=5m", tmp_path, f"mount -o remount,ro {tmp_path}") == ["output-denied"] * 3
    assert mounted("size=5m", tmp_path) == ["a.png", "a.tif", "a.jpg", "a.jpg", "a.png", "a.tif"]


KILLED = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from picture_io.test_write import NOISE
from resilver.picture_io.write import publish
print("ready", flush=True)
while True:
    for kind in ("jpeg", "tiff", "png"):
        publish(NOISE, Path(sys.argv[2]), "a", kind)
"""


def test_a_kill_at_any_moment_leaves_whole_files_only(tmp_path):
    """Fifteen kills at moments spread over the writing: no temporary file, every name a whole picture."""
    for number in range(15):
        child = subprocess.Popen(
            [sys.executable, "-c", KILLED, Path(__file__).parents[1], tmp_path], stdout=subprocess.PIPE
        )
        child.stdout.readline()
        time.sleep(0.017 * number)  # the moments differ; none of them decides the test
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        for path in tmp_path.iterdir():
            assert not path.name.startswith("."), "a temporary file is left"
            assert (read_picture(path, LIMITS).pixels.shape) == NOISE.pixels.shape
            path.unlink()


def test_pixels_of_others_may_be_views(tmp_path):
    """Strided views, as raw layers of other programs are, are written as they look."""
    block = seeds.pixels(channels=4)
    picture = Picture(pixels=block[..., :3], alpha=block[..., 3])
    encode(picture, tmp_path / "a", "png")
    assert (read_picture(tmp_path / "a", LIMITS).pixels == block[..., :3]).all()


def test_a_copy_has_the_bytes_that_were_meant_and_is_made_once(tmp_path, way):
    """Under its own name or the next free one; what changed meanwhile leaves nothing."""
    source, out = tmp_path / "a.JPG", tmp_path / "out"
    source.write_bytes(b"some bytes")
    out.mkdir()
    (out / "A.jpg").write_bytes(b"others")
    digest = file_digest(source)
    assert publish_copy(source, out, digest) == publish_copy(source, out, digest) == out / "a-2.JPG"
    assert (out / "a-2.JPG").read_bytes() == b"some bytes"
    source.write_bytes(b"new bytes!")
    with pytest.raises(PictureChanged):
        publish_copy(source, out, digest + "?")
    assert sorted(path.name for path in out.iterdir()) == ["A.jpg", "a-2.JPG"]


MEASURE = """
import sys, threading, time
from pathlib import Path
import numpy as np
from resilver.picture import Picture
from resilver.picture_io import canvas
from resilver.picture_io.read import ReadLimits, read_picture
from resilver.picture_io.write import publish
pixels = canvas.allocate((10_000, 10_000, 3), np.uint8)
strip = np.random.default_rng(0).integers(100, 120, (500, 10_000, 3), np.uint8)
for top in range(0, 10_000, 500):
    pixels[top : top + 500] = strip
    canvas.release(pixels)
for kind in ("jpeg", "tiff"):
    path = publish(Picture(pixels=pixels), Path(sys.argv[1]), "a", kind)
    shape = read_picture(path, ReadLimits()).pixels.shape
    assert shape == pixels.shape
print(int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) // 1024)
"""


@pytest.mark.slow
def test_a_hundred_megapixels_stay_out_of_memory(tmp_path):
    """300 MB of pixels are written and read as JPEG and TIFF within 500 MB of resident memory in all."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, tmp_path], capture_output=True, text=True, check=True, timeout=250
    )
    assert int(done.stdout) < 500
