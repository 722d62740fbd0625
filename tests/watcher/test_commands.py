"""The commands of the hot folder, as processes that talk to a real daemon whose engine is a fake."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fakes.controls import BUSY, FakeControls
from fakes.hot_folder import wait_for
from fakes.photos import save_photo
from resilver.cli import main
from resilver.picture_io.provenance import read_provenance
from resilver.recipe import Recipe
from resilver_watcher.control import ControlServer
from resilver_watcher.endpoint import Endpoint
from resilver_watcher.remote import Remote, answering, watch_dir
from resilver_watcher.service import lock
from resilver_watcher.state import Entry

WATCH = [sys.executable, str(Path(__file__).parents[1] / "fakes" / "watch.py"), "Negative", "watch", "--no-tray"]
RESILVER = [sys.executable, "-m", "resilver.cli"]
CAUGHT = {"capture_output": True, "text": True, "timeout": 30}
QUICK = {"QUIET_S": "0.2", "LOOK_S": "0.3", "PATIENCE_S": "2", "NOTIFICATIONS": "no"}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A user who has nothing yet, and no desktop."""
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable.lower()))
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "XDG_CURRENT_DESKTOP"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONUNBUFFERED", "1")
    for name, value in QUICK.items():
        monkeypatch.setenv(f"RESILVER_WATCH_{name}", value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextlib.contextmanager
def watching(*options: str):
    """A daemon's process that answers; it is told to end afterwards."""
    with subprocess.Popen([*WATCH, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: process.poll() is not None or answers())
            yield process
        finally:
            process.terminate()
            process.said = process.communicate(timeout=30)


def answers() -> bool:
    with contextlib.suppress(Exception):
        return bool(Remote().status())
    return False


@pytest.fixture
def controls():
    """Somebody who answers as a daemon would."""
    entries = (Entry("/p/a.jpg", "done", ("/r/a.jpg",), seconds=3.2, when="2026-11-23T08:00:00+00:00"),)
    controls = FakeControls(BUSY, entries)
    with lock() as mine, ControlServer(Endpoint(watch_dir()), answering(controls, controls.show)):
        assert mine.take()
        yield controls


def test_from_drop_to_stop(home, capsys):
    """What is dropped comes out; status and history tell it, also after the stop, which ends the process cleanly."""
    with watching("--input", "in", "--output", "out") as process:
        save_photo(home / "in" / "Bär.png")
        wait_for(lambda: Remote().status().counts["done"] == 1)
        assert main(["status", "--json"]) == 0
        status = json.loads(capsys.readouterr().out)
        assert (status["state"], status["pid"], status["pairs"][0]["input"]) == ("idle", process.pid, str(home / "in"))
        assert main(["stop"]) == 0
        assert process.wait(10) == 0
    assert "results go to" in process.said[0]
    (result,) = (home / "out").iterdir()
    capsys.readouterr()
    assert main(["history"]) == 0
    assert str(result) in capsys.readouterr().out
    assert main(["history", "--html"]) == 0
    assert (home / "out" / "Resilver.html").exists() or "Resilver.html" in capsys.readouterr().out
    assert main(["status"]) == 1
    assert "resilver watch" in capsys.readouterr().err


def test_a_second_start(home):
    """A second `watch` says that one runs and leaves with 0; asked for something else, it refuses with 2; both soon."""
    with watching("--input", "in", "--output", "out") as first:
        started = time.monotonic()
        again = subprocess.run(WATCH, capture_output=True, text=True, check=False, timeout=30)
        other = subprocess.run([*RESILVER, "watch", "--input", "x", "--output", "y"], check=False, **CAUGHT)
        once = subprocess.run([*RESILVER, "watch", "--once"], check=False, **CAUGHT)
        assert time.monotonic() - started < 20
        assert "watching already" in again.stdout
        assert (other.returncode, once.returncode) == (2, 2)
        assert "resilver stop" in other.stderr
        assert first.poll() is None
        assert not (home / "x").exists()


def test_a_start_after_a_kill(home):
    """After kill -9 the next start finds neither lock nor socket in its way."""
    with watching("--input", "in", "--output", "out") as first:
        first.kill()
        first.wait()
        assert not answers()
        with watching("--input", "in", "--output", "out") as second:
            assert Remote().status().pid == second.pid


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_end_it(home, number):
    """Each signal that means "end" ends it within five seconds, without a word of complaint."""
    with watching("--input", "in", "--output", "out") as process:
        process.send_signal(number)
        process.wait(5)
    assert process.said[1] == ""
    assert not answers()


def test_once(home, capsys):
    """--once does what lies there and leaves: 0 if all went well, 1 if something failed."""
    save_photo(home / "in" / "a.png")
    command = [*WATCH, "--once", "--input", "in", "--output", "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "1 done, 0 failed." in done.stdout
    assert (home / "out").is_dir()
    (home / "in" / "cut.png").write_bytes((home / "in" / "a.png").read_bytes()[:300])
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "0 done, 1 failed." in done.stdout
    capsys.readouterr()
    assert main(["history", "--json"]) == 0
    states = {Path(one["source"]).name: one["state"] for one in map(json.loads, capsys.readouterr().out.splitlines())}
    assert states == {"a.png": "done", "cut.png": "failed"}


def test_once_with_a_recipe_and_interrupted(home):
    """--once does what its options say, as `restore` does, and tells by 130 that it was interrupted."""
    save_photo(home / "in" / "a.png")
    command = [*WATCH, "--once", "--input", "in", "--output", "out"]
    done = subprocess.run([*command, "--upscale", "2", "--no-improve"], check=False, **CAUGHT)
    assert done.returncode == 0
    (result,) = (home / "out").iterdir()
    assert Recipe.from_json(read_provenance(result).recipe) == Recipe(improve=False, resolution=2)
    save_photo(home / "in" / "b.png")
    slow = [word if word != "Negative" else "Slow" for word in command]
    with subprocess.Popen(slow, stderr=subprocess.DEVNULL) as process:
        wait_for(lambda: answers() and Remote().status().current)
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130
    assert len(list((home / "out").iterdir())) == 1


def test_the_engine_that_is_asked_for(home):
    """Who chose the cloud and asks for this computer now has nothing sent away, and his choice stays for later."""
    folders = ("--input", "in", "--output", "out")
    with watching(*folders):
        Remote().set_engine("cloud")
    with watching(*folders):
        assert Remote().status().engine == "cloud"
    with watching(*folders, "--engine", "local"):
        assert Remote().status().engine == "local"
        save_photo(home / "in" / "a.png")
        assert wait_for(lambda: [one.state for one in Remote().history()]) == ["done"]  # nobody agreed to send it
    with watching(*folders):
        assert Remote().status().engine == "cloud"


def test_enqueue_starts_the_daemon(home, capsys):
    """With nothing watching, enqueue starts a daemon that outlives it, and hands the files over."""
    save_photo(home / "else" / "a.png")
    try:
        options = ["--preset", "Upscale 2x", "--beside"]
        done = subprocess.run([*RESILVER, "enqueue", "else/a.png", "missing.jpg", *options], check=False, **CAUGHT)
        assert done.returncode == 1
        assert "1 handed over" in done.stdout
        assert "missing.jpg" in done.stderr
        wait_for(lambda: Remote().status().counts["done"] == 1, 60)
        assert len(list((home / "else").iterdir())) == 2
    finally:
        main(["stop"])


def test_what_the_daemon_is_told(home, controls, capsys):
    """Each command tells the daemon the one thing that it is for."""
    save_photo(home / "a.png")
    calls = [["pause"], ["resume"], ["retry"], ["retry", "a.png"], ["enqueue", "a.png"]]
    calls += [["enqueue", "--preset", "Upscale 4x", "--beside", "a.png"], ["watch"]]
    for arguments in calls:
        assert main(arguments) == 0
    photo = home / "a.png"
    assert controls.told == [
        ("pause",),
        ("resume",),
        ("retry", None),
        ("retry", [photo]),
        ("enqueue", [photo], None, False),
        ("enqueue", [photo], Recipe(improve=False, resolution=4), True),
        ("show",),
    ]


def test_status_for_people(controls, capsys):
    """The state, the picture with its time left, the counts, the failures with reasons and the folders are told."""
    assert main(["status"]) == 0
    said = capsys.readouterr().out
    for words in ("working", "enlarging, 50%, about 12 s left", "3 waiting, 7 done, 1 failed", "cut.jpg is damaged."):
        assert words in said
    assert "/home/ann/To restore -> /home/ann/Restored" in said


def test_history_in_lines(controls, capsys):
    """Each picture is a line, with its result and how long it took."""
    assert main(["history"]) == 0
    assert "done  /p/a.jpg: /r/a.jpg (3.2 s)" in capsys.readouterr().out


@pytest.mark.parametrize("command", [["status"], ["pause"], ["resume"], ["retry"], ["stop"]])
def test_nothing_is_watching(command, capsys):
    """Without a daemon each command says how to start it, and fails."""
    assert main(command) == 1
    assert "resilver watch" in capsys.readouterr().err


def test_history_of_nobody(home, capsys):
    """Who never watched has an empty history, and no journal is made by looking."""
    assert main(["history"]) == 0
    assert capsys.readouterr().out == ""
    assert not list(home.rglob("*.sqlite*"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["watch", "--input", "in"],
        ["watch", "--input", "in", "--output", "in/out"],
        ["watch", "--preset", "Sharpen"],
        ["watch", "--no-improve"],
        ["enqueue"],
        ["enqueue", "a.png", "--preset", "Sharpen"],
        ["history", "-n", "0"],
        ["autostart"],
        ["autostart", "perhaps"],
    ],
)
def test_wrong_usage(arguments, capsys):
    """What cannot be meant ends with status 2 and a sentence, and nothing is started."""
    assert main(arguments) == 2
    assert "resilver" in capsys.readouterr().err
    assert not answers()


def test_the_usual_folders(home, capsys):
    """The first start makes two folders in the pictures folder, which is made, too, and those of the presets."""
    assert main(["watch", "--once", "--make-preset-folders"]) == 0
    made = {str(path.relative_to(home)) for path in home.rglob("*") if path.is_dir() and "estore" in str(path)}
    assert {"Pictures/To restore", "Pictures/Restored", "Pictures/To restore/Upscale 4x"} <= made


def test_autostart(home, capsys):
    """It is turned on, told, and turned off."""
    for switch, says in (
        ("status", "off"),
        ("on", "resilver.service"),
        ("status", "on"),
        ("off", ""),
        ("status", "off"),
    ):
        assert main(["autostart", switch]) == 0
        assert says in capsys.readouterr().out


def test_a_module_too(home):
    """`python -m resilver_watcher` is `resilver watch`, as autostart calls it."""
    done = subprocess.run([sys.executable, "-m", "resilver_watcher", "--help"], check=False, **CAUGHT)
    assert "--make-preset-folders" in done.stdout
