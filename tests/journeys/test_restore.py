"""A photograph's whole way, through the command, the worker and the local engine."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def spread(path):
    """How far the tones of each channel reach."""
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    return np.ptp(np.percentile(pixels, (2, 98), axis=(0, 1)), axis=0)


def test_a_faded_photograph_is_mended_and_enlarged(home, faded):
    """One command mends and doubles an old photograph; the original keeps its bytes and its time."""
    source = faded(home.path / "attic.jpg")
    before = hashlib.sha256(source.read_bytes()).hexdigest(), source.stat().st_mtime_ns
    done = home.run("restore", "attic.jpg", "-o", "restored", "--upscale", "2", "--json")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert told["error"] is None
    assert told["bw"] is False
    final = home.path / "restored" / "attic-improved-x2.jpg"
    assert told["outputs"] == {"final": str(final)}
    with Image.open(final) as picture:
        assert picture.size == (600, 400)
    assert (spread(final) > spread(source) + 20).all()
    assert (hashlib.sha256(source.read_bytes()).hexdigest(), source.stat().st_mtime_ns) == before
    assert files(home.path) == ["attic.jpg", "restored/attic-improved-x2.jpg"]


def test_no_code_comes_out_of_the_photographs_folder(home, faded):
    """The installed command, called in a folder with code under names that Python looks for, runs none of it."""
    faded(home.path / "attic.jpg")
    for name in ("argparse", "resilver", "PIL", "sitecustomize"):
        (home.path / f"{name}.py").write_text("open('trapped', 'w')\n")
    program = [str(Path(sys.executable).with_name("resilver")), "restore", "attic.jpg"]
    done = subprocess.run(program, cwd=home.path, env=home.environ, capture_output=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    assert "attic-improved.jpg" in files(home.path)
    assert "trapped" not in files(home.path)


def test_all_results_are_kept_when_asked(home, faded):
    """--keep all writes the mended and the enlarged picture, too, and --json names each."""
    faded(home.path / "attic.jpg")
    done = home.run("restore", "attic.jpg", "-o", "out", "--upscale", "2", "--keep", "all", "--format", "png", "--json")
    assert done.returncode == 0, done.stderr
    outputs = json.loads(done.stdout)["outputs"]
    assert set(outputs) == {"final", "improved", "resolved"}
    assert len(set(outputs.values())) == 3
    for name, size in {"final": (600, 400), "improved": (300, 200), "resolved": (600, 400)}.items():
        with Image.open(outputs[name]) as picture:
            assert picture.size == size


@pytest.mark.parametrize("kind", ["png", "tiff", "webp", "avif"])
def test_an_opaque_alpha_comes_through(home, faded, kind):
    """A mended and doubled RGBA picture is RGBA again, though nothing in it is transparent."""
    with Image.open(faded(home.path / "attic.jpg")) as photograph:
        photograph.convert("RGBA").save(home.path / "layer.png")
    done = home.run("restore", "layer.png", "-o", "out", "--upscale", "2", "--format", kind, "--json")
    assert done.returncode == 0, done.stderr
    with Image.open(json.loads(done.stdout)["outputs"]["final"]) as final:
        assert (final.mode, final.size) == ("RGBA", (600, 400))
        assert np.asarray(final)[..., 3].min() == 255


def test_info_and_restore_agree(home, faded):
    """What info says Restore would do is what restore does."""
    faded(home.path / "attic.jpg")
    seen = json.loads(home.run("info", "attic.jpg", "--json").stdout)
    assert seen["restore"]
    assert (seen["width"], seen["height"], seen["depth"]) == (300, 200, 8)
    assert home.run("restore", "attic.jpg", "-o", "once").returncode == 0
    again = home.run("info", "once/attic-improved.jpg", "--json")
    assert again.returncode == 0
    assert json.loads(again.stdout)["jpeg_quality"] > 80


@pytest.mark.parametrize(
    ("number", "jobs", "status"),
    [(signal.SIGINT, 1, 130), (signal.SIGINT, 2, 130), (signal.SIGKILL, 1, -signal.SIGKILL)],
)
def test_an_interrupted_run_leaves_nothing_half_made(home, faded, number, jobs, status):
    """After Ctrl-C (130), or even kill -9, there are complete results only, and no process; the next run goes on."""
    for seed in range(5):
        faded(home.path / "album" / f"{seed}.jpg", (900, 600), seed=seed)
    argv = ["restore", "album", "-o", "out", "--upscale", "4", "--jobs", jobs, "--json"]
    process = home.start(*argv)
    first = process.stdout.readline()
    workers = psutil.Process(process.pid).children(recursive=True)
    assert workers
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == status, err
    assert "Traceback" not in err
    told = [json.loads(line) for line in (first + out).splitlines()]
    assert psutil.wait_procs(workers, timeout=10)[1] == []
    written = set((home.path / "out").iterdir())
    assert written >= {Path(line["outputs"]["final"]) for line in told}
    for path in written:
        with Image.open(path) as picture:
            picture.load()
    done = home.run(*argv)
    assert done.returncode == 0
    assert len(files(home.path / "out")) == 5
    assert sum(json.loads(line).get("skipped", False) for line in done.stdout.splitlines()) == len(written)


def test_progress_on_a_terminal(home, faded):
    """On a terminal a bar with the share and the time left is drawn and taken away; stdout has plain lines only."""
    pty = pytest.importorskip("pty")
    for number in range(2):
        faded(home.path / "album" / f"{number}.jpg", seed=number)
    code = (
        "import sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parents[1])!r})\n"
        "from fakes.workers import command\n"
        "from resilver.cli import restore\n"
        "from resilver.cli.parser import build_parser\n"
        "from resilver.worker.client import Worker\n"
        "args = build_parser().parse_args(['restore', 'album', '-o', 'out'])\n"
        "sys.exit(restore.run(args, lambda settings: Worker(settings, command('Slow'))))"
    )
    home.command = lambda *_: [sys.executable, "-c", code]
    leader, follower = pty.openpty()
    process = home.start(stderr=follower)
    os.close(follower)
    drawn = b""
    try:
        while chunk := os.read(leader, 4096):
            drawn += chunk
    except OSError:  # how Linux tells that the other end is closed
        pass
    out = process.stdout.read()
    assert process.wait(60) == 0
    process.stdout.close()
    os.close(leader)
    assert b"0 of 2 [" in drawn
    assert b"1 of 2 [" in drawn
    assert b" left" in drawn
    assert b"0.jpg: waiting" in drawn
    last = drawn.rstrip(b"\r").rpartition(b"\r")[2]
    assert last.strip() == b""
    assert [line.split(":")[0] for line in out.splitlines()[::2]] == ["album/0.jpg", "album/1.jpg"]
    assert "\r" not in out
