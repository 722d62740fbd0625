"""``resilver restore`` with real worker processes and quick engines in them."""

import contextlib
import hashlib
import json
import os
import subprocess
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fakes.workers import command
from resilver.cli import main
from resilver.cli import restore as restore_command
from resilver.cli.parser import build_parser
from resilver.worker.client import Worker


def start(settings, engine="Negative"):
    return Worker(settings, command(engine))


def restore(*argv, engine="Negative"):
    """The command's status, with the named fake engine in its workers."""
    args = build_parser().parse_args(["restore", *map(str, argv)])
    return restore_command.run(args, partial(start, engine=engine))


def lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def photo(path, value=90):
    """A small picture that differs with ``value``."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.add.outer(np.arange(24), np.arange(32)).astype(np.uint8)
    Image.fromarray(np.stack([pixels, pixels + 20, pixels + value], axis=2)).save(path, quality=95)
    return path


def digests(folder):
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def whole(folder):
    """Every file below a folder, after decoding it; nothing hidden may be among them."""
    names = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            assert not path.name.startswith(".")
            with Image.open(path) as picture:
                picture.load()
            names.append(str(path.relative_to(folder)))
    return names


@pytest.fixture
def album(home):
    """Three photographs in folders."""
    for number, name in enumerate(("a.jpg", "b.png", "1950/c.tif")):
        photo(home / "album" / name, 40 * number)
    before = digests(home / "album")
    yield home / "album"
    assert {path: digests(home / "album").get(path) for path in before} == before, "an original was changed"


def test_a_folder_is_mirrored(album, home, capsys):
    """-r with -o: every picture of the tree gives one result, subfolders are mirrored, the status is 0."""
    assert restore("-r", album, "-o", "out", "--json") == 0
    told = lines(capsys)
    assert [Path(line["input"]).name for line in told] == ["a.jpg", "b.png", "c.tif"]
    for line in told:
        assert set(line) == {"input", "outputs", "bw", "seconds", "notes", "error"}
        assert (line["bw"], line["error"], line["notes"]) == (False, None, ["turned"])
        assert line["seconds"] > 0
        assert Path(line["outputs"]["final"]).is_absolute()
    assert whole(home / "out") == ["1950/c-improved.tif", "a-improved.jpg", "b-improved.png"]


def test_results_land_beside_the_original(album, home, capsys):
    """Without -o the result lies beside its picture, and is told by its path from here."""
    assert restore(album / "a.jpg") == 0
    assert "album/a.jpg: album/a-improved.jpg" in capsys.readouterr().out.replace(f"{home}/", "")
    assert (album / "a-improved.jpg").exists()


def test_done_work_is_skipped(album, home, capsys):
    """A second run does nothing and says so; another recipe, or a changed picture, is new work."""
    assert restore("-r", album, "-o", "out") == 0
    first = digests(home / "out")
    capsys.readouterr()
    assert restore("-r", album, "-o", "out", "--json") == 0
    told = lines(capsys)
    assert all(line["skipped"] and line["bw"] is False and line["outputs"]["final"] for line in told)
    assert digests(home / "out") == first
    assert restore(album / "b.png", "-o", "out", "--upscale", "2") == 0
    photo(home / "new" / "a.jpg", 200)
    assert restore(home / "new" / "a.jpg", "-o", "out") == 0
    assert len(digests(home / "out")) == len(first) + 2
    assert first.items() <= digests(home / "out").items()


def test_own_results_are_no_inputs(album, capsys):
    """Results beside the originals are not taken as inputs by the next run over the folder, but may be named."""
    assert restore(album) == 0
    assert restore(album, "--upscale", "2") == 0
    assert "results of earlier runs left alone: 2" in capsys.readouterr().err
    assert len(whole(album)) == 3 + 2 + 2
    assert restore(album / "a-improved.jpg") == 0
    assert len(whole(album)) == 3 + 2 + 2 + 1


def test_six_names(home, capsys):
    """Pictures whose results would share a name, also when case is ignored, give a result each and overwrite none."""
    names = ("a.jpg", "a.png", "sub/a.jpg", "IMG.jpg", "img.JPG", "Img.jpeg")
    for number, name in enumerate(names):
        photo(home / "six" / name, 10 * number)
    (home / "out").mkdir()
    (home / "out" / "a-improved.jpg").write_bytes(b"somebody else's")
    assert restore("-r", home / "six", "-o", "out", "--format", "jpeg", "--json") == 0
    finals = [line["outputs"]["final"] for line in lines(capsys)]
    assert len({name.casefold() for name in finals}) == 6
    assert (home / "out" / "a-improved.jpg").read_bytes() == b"somebody else's"
    # and all six are known again
    assert restore("-r", home / "six", "-o", "out", "--format", "jpeg", "--json") == 0
    assert [line["outputs"]["final"] for line in lines(capsys)] == finals


def test_bad_files_among_good_ones(album, home, capsys):
    """What cannot be read fails by itself, with its own reason, and the rest is done; the status is 1."""
    good = (album / "a.jpg").read_bytes()
    (album / "cut.jpg").write_bytes(good[: len(good) // 2])
    (album / "empty.jpg").write_bytes(b"")
    (album / "page.jpg").write_text("<html>")
    (album / "png.jpg").write_bytes((album / "b.png").read_bytes())
    assert restore(album, home / "gone.jpg", "-o", "out", "--json") == 1
    told = {Path(line["input"]).name: line for line in lines(capsys)}
    codes = {name: line["error"] and line["error"]["code"] for name, line in told.items()}
    assert codes == {
        "a.jpg": None,
        "b.png": None,
        "png.jpg": None,
        "cut.jpg": "picture-broken",
        "empty.jpg": codes["empty.jpg"],
        "page.jpg": "picture-unknown",
        "gone.jpg": "picture-unreadable",
    }
    assert codes["empty.jpg"] in ("picture-broken", "picture-unknown")
    for line in told.values():
        if line["error"]:
            assert line["outputs"] == {}
            assert set(line["error"]) == {"code", "title", "message"}
    assert len(whole(home / "out")) == 3


def test_plain_failures_are_sentences(album, home, capsys):
    """Without --json a failure is one line on stderr with the file's name, and the last line counts."""
    (album / "page.jpg").write_text("<html>")
    assert restore(album, "-o", "out") == 1
    out, err = capsys.readouterr()
    assert out.splitlines()[-1] == "2 restored, 1 failed."
    assert "page.jpg" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("engine", ["picky.SegfaultsAtB", "picky.KilledAtB"])
def test_a_dead_worker_costs_its_picture_only(album, home, capsys, engine):
    """A picture that kills its worker fails; the worker is replaced and the others are done."""
    assert restore("-r", album, "-o", "out", "--json", engine=engine) == 1
    told = {Path(line["input"]).name: line["error"] for line in lines(capsys)}
    assert told["a.jpg"] is told["c.tif"] is None
    assert told["b.png"]["code"] in ("worker-crashed", "worker-killed")
    assert len(whole(home / "out")) == 2


def test_a_passing_trouble_is_tried_once_more(album, home, capsys):
    """A picture whose worker dies once is done by the next worker."""
    assert restore(album / "b.png", "-o", "out", "--json", engine="picky.DiesOnce") == 0
    assert lines(capsys)[0]["error"] is None
    assert (album.parent / "died").exists()


def test_a_picture_replaced_meanwhile_is_done_again(home, capsys):
    """A picture that was replaced while it was worked on gives the result of the new one, and no other."""
    photo(home / "a.png", 10)
    photo(home / "b.png", 200).rename(home / "a.new")
    assert restore("a.png", "-o", "out", "--json", engine="picky.Overtaken") == 0
    assert lines(capsys)[0]["error"] is None
    assert whole(home / "out") == ["a-improved.png"]
    with Image.open(home / "a.png") as new, Image.open(home / "out" / "a-improved.png") as result:
        assert (255 - np.asarray(new) == np.asarray(result)).all()


def test_the_log_has_the_details(album, home, capsys):
    """An engine's bug fails its picture with a sentence; the traceback of the worker stands in the log."""
    assert restore(album / "a.jpg", "-o", "out", "--json", engine="Raises") == 1
    assert "log" in lines(capsys)[0]["error"]["message"]
    log = (home / "xdg_state_home" / "resilver" / "log" / "resilver.log").read_text()
    assert "KeyError: 'some layer'" in log


def test_the_device_is_logged(networks, album, home):
    """Which device the networks run on is one line of the log."""
    assert main(["restore", str(album / "a.jpg"), "-o", "out", "--no-improve", "--upscale", "2"]) == 0
    log = (home / "xdg_state_home" / "resilver" / "log" / "resilver.log").read_text()
    assert log.count("Networks run on") == 1


def test_several_at_a_time(album, home, capsys):
    """--jobs: as many workers share the pictures, and each picture is done once."""
    for number in range(6):
        photo(album / f"{number}.jpg", number)
    assert restore("-r", album, "-o", "out", "--jobs", "3", "--json") == 0
    told = lines(capsys)
    assert len({line["input"] for line in told}) == len(told) == 9
    assert len(whole(home / "out")) == 9


def test_already_good(album, home, capsys):
    """Nothing wrong and nothing else asked: no outputs, the reason, status 0, and no folder is left behind."""
    assert restore(album / "a.jpg", "-o", "out", "--json", engine="picky.Content") == 0
    line = lines(capsys)[0]
    assert line["outputs"] == {}
    assert line["absent"] == {"improved": "already good"}
    assert line["error"] is None
    assert not (home / "out").exists()
    assert restore(album / "a.jpg", "-o", "out", engine="picky.Content") == 0
    assert "a.jpg: already good" in capsys.readouterr().out


def test_names_that_are_no_text(home, capsys):
    """Names that are no UTF-8, hold a newline, or fill 255 bytes are worked on, printed and told exactly."""
    (home / "hostile").mkdir()
    hostile = [b"w\xff\n.jpg", "é".encode() * 125 + b".jpg", b"-o.jpg", "\u202egpj.a.jpg".encode()]
    for number, name in enumerate(hostile):
        Image.new("RGB", (20, 10), (number, 90, 20)).save(home / "hostile" / os.fsdecode(name), "JPEG")
    assert restore(home / "hostile", "-o", "out", "--json") == 0
    told = lines(capsys)
    assert {os.fsencode(Path(line["input"]).name) for line in told} == set(hostile)
    assert all(Path(line["outputs"]["final"]).exists() for line in told)
    assert restore(home / "hostile", "-o", "other") == 0
    assert r"w\xff\n.jpg" in capsys.readouterr().out


@pytest.fixture
def closed(home):
    """A folder in which nobody, root included, may make a file."""
    folder = home / "closed"
    folder.mkdir(mode=0o555)
    if os.getuid() == 0 and subprocess.run(["chattr", "+i", folder], capture_output=True, check=False).returncode:
        pytest.skip("this file system cannot close a folder to root")
    yield folder
    if os.getuid() == 0:
        subprocess.run(["chattr", "-i", folder], check=True)


def test_output_folder_that_cannot_be_written(album, closed, capsys):
    """A forbidden output folder fails every picture with a sentence that names it, and stays empty."""
    assert restore("-r", album, "-o", closed, "--json") == 1
    errors = [line["error"] for line in lines(capsys)]
    assert [error["code"] for error in errors] == ["output-denied"] * 3
    assert all(str(closed) in error["message"] for error in errors)
    assert list(closed.iterdir()) == []


def test_output_folder_that_cannot_be_made(album, home, capsys):
    """A file where the output folder should be made fails the picture with a sentence that names it."""
    (home / "file").write_text("in the way")
    assert restore(album / "a.jpg", "-o", home / "file" / "below", "--json") == 1
    error = lines(capsys)[0]["error"]
    assert error["code"].startswith("output")
    assert str(home / "file") in error["message"]


def test_guessed_colours_are_named_in_the_file_name(album, home):
    """--colorize always colours whatever it is given, as a real worker does it, and the name says so."""
    asked = ["--no-improve", "--colorize", "always", "--vividness", ".5", "--json"]
    args = build_parser().parse_args(["restore", str(album / "a.jpg"), "-o", "out", *asked])
    assert restore_command.run(args) == 0
    assert whole(home / "out") == ["a-colorized.jpg"]


def test_nothing_found(home, capsys):
    """A folder without pictures is no failure, but is told."""
    (home / "empty").mkdir()
    (home / "empty" / "notes.txt").write_text("x")
    with contextlib.chdir(home):
        assert restore("empty") == 0
    assert "no pictures were found" in capsys.readouterr().err
