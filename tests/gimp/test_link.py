"""The plug-in's end of a worker, in this Python: GIMP's has the same standard library."""

import contextlib
import json
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fakes.watched import Watched
from resilver.worker.bridge import SANDBOXES, Bridge, bridge_file

REPOSITORY = Path(__file__).parents[2]
sys.path.append(str(REPOSITORY / "gimp_plugin" / "resilver_gimp" / "plugin"))

from core import Cancelled, Core, Trouble  # noqa: E402
from link import Limits, Link  # noqa: E402

HURRIED = Limits(start_s=30.0, silent_s=0.3, silent_s_per_megapixel=0.1, cloud_s=0.2, cancel_s=0.3)
WIDTH, HEIGHT = 40, 30


class Waiting:
    """Counts what it is told, and wants it to stop once something was told."""

    def __init__(self, *, stop=False):
        self.stop = stop
        self.told = []

    def progress(self, fraction, step):
        self.told.append((fraction, step))

    def cancelled(self):
        return self.stop and bool(self.told)


@pytest.fixture
def core(tmp_path):
    def made(manner, **other):
        program = tmp_path / manner
        program.symlink_to(REPOSITORY / "tests" / "fakes" / "gimp_worker.py")
        return Core(program, "0.1.0", tmp_path / "log" / "gimp.log", **other)

    return made


@pytest.fixture
def real(tmp_path):
    return Core(Path(sys.executable), "0.1.0", tmp_path / "log" / "gimp.log")


def improve(link, ask=None, **fields):
    """Ask for a layer of 40 x 30 pixels; the folder, and the answer."""
    folder = link.folder(1000)
    (folder / "layer").write_bytes(bytes(number % 251 for number in range(WIDTH * HEIGHT * 3)))
    raw = {"path": str(folder / "layer"), "width": WIDTH, "height": HEIGHT, "channels": 3, "depth": 8, "icc": None}
    return folder, link.ask(
        "improve_raw", ask or Waiting(), **{"raw": raw, "recipe": {}, "wanted": ["final"], **fields}
    )


def alive(pid):
    return subprocess.run(["ps", "-p", str(pid)], capture_output=True, check=False).returncode == 0


def test_progress_is_told_and_the_folder_goes_with_the_link(core):
    """Every progress is heard, the answer is the last one, and the end leaves nothing."""
    ask = Waiting()
    with Link(core("negative")) as link:
        folder, answer = improve(link, ask)
        assert Path(answer["outputs"]["final"]["raw"]["path"]).parent == folder
    assert ask.told == [(0.5, "repairing")]
    assert not folder.exists()


@pytest.mark.parametrize("manner", ["hangs", "stubborn"])
def test_a_worker_that_does_not_get_on_is_ended(core, manner):
    """After the limit comes a sentence with the log, and neither process nor files are left."""
    with Link(core(manner), HURRIED) as link:
        folder = link.folder(10)
        with pytest.raises(Trouble, match=r"did not get on.*gimp\.log"):
            improve(link)
        assert not folder.exists()
        assert link._channel._process.poll() is not None


def test_a_worker_that_gets_on_is_waited_for(core):
    """Progress counts as a sign of life, though the whole takes much longer than any silence may."""
    limits = Limits(silent_s=2.0, silent_s_per_megapixel=0.0)
    began = time.monotonic()
    with Link(core("slow"), limits) as link:
        improve(link)
    assert time.monotonic() - began > 2 * limits.silent_s


@pytest.mark.parametrize("manner", ["slow", "hangs", "stubborn"])
def test_cancel_is_heard_whatever_the_worker_does(core, manner):
    """One that obeys, one that ends, and one that does neither: each time the user gets what was wanted."""
    with Link(core(manner), HURRIED if manner == "stubborn" else Limits()) as link:
        folder = link.folder(10)
        with pytest.raises(Cancelled):
            improve(link, Waiting(stop=True))
    assert not folder.exists()


def test_a_real_worker_understands_what_the_plug_in_says(real):
    """Masks and recipes as the plug-in writes them, with the package's own worker."""
    with Link(real) as link:
        info = link.ask("info")
        recipe = {"quality": "fast", "strength": 1.0, "vividness": 0.5, "improve": False, "resolution": 2}
        _, answer = improve(link, recipe=recipe, settings={"engine": "local"})
        raw = answer["outputs"]["final"]["raw"]
        assert (raw["width"], raw["height"]) == (2 * WIDTH, 2 * HEIGHT)
        assert [step["action"] for step in answer["outputs"]["final"]["steps"]] == ["x2"]
        assert "mask" in info["features"]
        folder = link.folder(1000)
        marked = bytes(255 if number % WIDTH < 3 else 0 for number in range(WIDTH * HEIGHT))
        (folder / "mask").write_bytes(marked)
        mask = {"path": str(folder / "mask"), "width": WIDTH, "height": HEIGHT, "channels": 1, "depth": 8, "icc": None}
        _, answer = improve(link, mask=mask, wanted=["final", "mask"])
        assert Path(answer["outputs"]["mask"]["raw"]["path"]).read_bytes() == marked


def test_a_real_worker_is_cancelled(real):
    """Its own error of that code is no trouble but what was wanted."""
    with Link(real) as link, pytest.raises(Cancelled):
        improve(link, Waiting(stop=True), recipe={"improve": False, "resolution": 4, "quality": "best"})


@pytest.mark.skipif(sys.platform != "linux", reason="there are no such sandboxes elsewhere")
def test_where_no_process_may_be_started_the_bridge_gives_a_worker(tmp_path):
    """All goes as without a sandbox, with files in the sandbox's own folder, which are gone at the end."""
    core = Core(Path("/nowhere/python"), "0.1.0", tmp_path / "gimp.log", bridge=bridge_file(tmp_path))
    with pytest.raises(Trouble, match="resilver watch"):
        Link(core)
    with Bridge(tmp_path):
        with Link(core) as link, Link(core) as other:
            folder, answer = improve(link, recipe={"improve": False, "resolution": 2})
            assert answer["outputs"]["final"]["raw"]["width"] == 2 * WIDTH
            assert folder.parent == tmp_path / "cache" / "resilver"
            assert other.folder(1).parent == folder.parent
        assert not list((tmp_path / "cache" / "resilver").iterdir())
    with pytest.raises(Trouble, match="resilver watch"):
        Link(core)


@pytest.mark.skipif(sys.platform != "linux", reason="there are no such sandboxes elsewhere")
def test_the_daemon_is_the_bridge_where_the_plug_in_lies_in_a_sandbox(tmp_path):
    """While it runs, and for those alone who have the plug-in; the file with the token goes with it."""
    sandbox = tmp_path / "home" / SANDBOXES[0]
    file = bridge_file(sandbox)
    with Watched(tmp_path) as watched:
        watched.checked = False
        assert not file.exists()
    file.parent.mkdir(parents=True)
    file.with_name("gimp.json").touch()
    core = Core(Path("/nowhere/python"), "0.1.0", tmp_path / "gimp.log", bridge=file)
    with Watched(tmp_path) as watched:
        watched.checked = False
        with Link(core) as link:
            assert link.folder(1).is_dir()
        watched.send(signal.SIGTERM)
        watched.process.wait(30)
        assert not file.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="there are no such sandboxes elsewhere")
def test_the_bridge_lets_in_nobody_without_the_token(tmp_path):
    """Only this user can read it; whoever says something else, or nothing, hears nothing."""
    with Bridge(tmp_path):
        file = bridge_file(tmp_path)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        told = json.loads(file.read_text())
        for word in (b"\n", b"0" * 64 + b"\n", b"x" * 100_000, told["token"].upper().encode() + b"x\n"):
            with socket.create_connection(("127.0.0.1", told["port"])) as connection:
                connection.settimeout(30)
                sender = threading.Thread(target=send, args=(connection, word))
                sender.start()
                assert heard(connection) == b""
                sender.join()
    assert not file.exists()


def send(connection, word):
    with contextlib.suppress(OSError):  # it may not be listened to
        connection.sendall(word)


def heard(connection):
    try:
        return connection.recv(1)
    except ConnectionResetError:
        return b""


@pytest.mark.skipif(sys.platform != "linux", reason="there are no such sandboxes elsewhere")
def test_a_bridged_worker_ends_with_whoever_asked_for_it(tmp_path):
    """The connection's end is the end of its process."""
    core = Core(Path("/nowhere/python"), "0.1.0", tmp_path / "gimp.log", bridge=bridge_file(tmp_path))
    with Bridge(tmp_path):
        with Link(core) as link:
            pid = int(link.folder(1).name.split("-")[2])
            assert alive(pid)
        end = time.monotonic() + 20
        while alive(pid) and time.monotonic() < end:
            time.sleep(0.05)
        assert not alive(pid)
