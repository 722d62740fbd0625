"""The control socket: real sockets, real processes, and only this user."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from resilver.errors import NotWatching, OutputFull, SettingsError, UsageError
from resilver_watcher.control import ControlServer, call
from resilver_watcher.endpoint import Endpoint


def answer(request):
    """What a daemon would do."""
    match request.get("do"):
        case "echo":
            return {"got": request["what"]}
        case "full":
            raise OutputFull("The disk is full; make room.")
        case "bug":
            raise ZeroDivisionError
    raise UsageError("There is no such action.")


@pytest.fixture(params=[True, False], ids=["path", "port"])
def endpoint(request, tmp_path):
    """Both ways of this system and of one without sockets that have a path."""
    return Endpoint(tmp_path / "watch", by_path=request.param)


@pytest.fixture
def server(endpoint):
    with ControlServer(endpoint, answer) as server:
        yield server


def raw(endpoint, *lines):
    """The answers to lines as they are."""
    with endpoint.connect(10) as connection:
        connection.sendall(b"".join(lines))
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answers:
            return [json.loads(line) for line in answers]


def test_names_of_any_bytes_come_through(endpoint, server):
    """A name with a newline, with letters of the world, and with bytes that are no UTF-8 arrives as it is."""
    names = [os.fsdecode(b"w\xff\n.jpg"), "Fotos/Bär и мы.jpg"] * 1000
    assert call(endpoint, "echo", what=names) == {"got": names}


def test_errors_come_back_as_themselves(endpoint, server):
    """What the daemon raises is raised at the caller, with its sentence; a bug in the daemon is told as such."""
    with pytest.raises(OutputFull, match="make room"):
        call(endpoint, "full")
    with pytest.raises(UsageError, match="no such action"):
        call(endpoint, "nonsense")
    with pytest.raises(Exception, match="details are in the log"):
        call(endpoint, "bug")
    assert call(endpoint, "echo", what=1) == {"got": 1}


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b"{\n", b"\xff\n", b"[" * 100_000 + b"\n"])
def test_garbage_is_refused_and_the_connection_goes_on(tmp_path, line):
    """Lines that are no JSON object get an error each, and the next one is answered."""
    endpoint = Endpoint(tmp_path)
    with ControlServer(endpoint, answer):
        refused, good = raw(endpoint, line, b'{"do": "echo", "what": 2}\n')
    assert refused["error"]["code"] == "usage"
    assert good == {"ok": True, "got": 2}


def test_half_a_line_does_nothing(endpoint, server):
    """A caller that dies in the middle of its line has asked nothing."""
    assert raw(endpoint, b'{"do": "echo"') == []
    assert call(endpoint, "echo", what=1) == {"got": 1}


def test_many_at_once(endpoint, server):
    """Two hundred callers, more than may wait, each get their own answer, while another one says nothing at all."""
    got = []
    with endpoint.connect(10):
        threads = [
            threading.Thread(target=lambda n=n: got.append(call(endpoint, "echo", what=n)["got"])) for n in range(200)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(got) == list(range(200))


def test_nobody_there(endpoint):
    """Without a daemon, and after it is gone, the caller is told how to start it."""
    with pytest.raises(NotWatching, match="resilver watch"):
        call(endpoint, "status")
    with ControlServer(endpoint, answer):
        pass
    with pytest.raises(NotWatching, match="resilver watch"):
        call(endpoint, "status")
    assert not endpoint.folder.exists()


def test_what_a_dead_daemon_left_is_replaced(tmp_path):
    """The socket of a process that was killed does not keep the next one from starting."""
    code = (
        "import sys, os; from pathlib import Path; from resilver_watcher.endpoint import Endpoint\n"
        "Endpoint(Path(sys.argv[1])).listen(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    endpoint = Endpoint(tmp_path)
    assert (endpoint.folder / "socket").is_socket()
    with pytest.raises(NotWatching):
        call(endpoint, "status")
    with ControlServer(endpoint, answer):
        assert call(endpoint, "echo", what=1) == {"got": 1}


def test_a_daemon_that_hangs(tmp_path):
    """A caller does not wait for ever for one that has stopped answering."""
    endpoint = Endpoint(tmp_path)
    with endpoint.listen(), pytest.raises(NotWatching, match="does not answer"):
        call(endpoint, "status", timeout_s=0.2)


def test_rights(tmp_path):
    """The folder is 0700 and the socket 0600, also where the folder was there already and open."""
    endpoint = Endpoint(tmp_path)
    endpoint.folder.mkdir(mode=0o755)
    with ControlServer(endpoint, answer):
        assert stat.S_IMODE(endpoint.folder.stat().st_mode) == 0o700
        assert stat.S_IMODE((endpoint.folder / "socket").stat().st_mode) == 0o600


@pytest.mark.skipif(
    os.name != "posix" or os.getuid() != 0 or not shutil.which("setpriv"), reason="needs root, to be somebody else"
)
@pytest.mark.parametrize("opened", [False, True], ids=["closed folder", "folder opened by mistake"])
def test_other_users_are_kept_out(opened):
    """Somebody else cannot connect, and gets no answer even where the folder's rights would let him."""
    folder = Path(tempfile.mkdtemp())  # pytest's own folders are closed to others
    endpoint = Endpoint(folder)
    try:
        with ControlServer(endpoint, answer):
            if opened:
                for path, mode in ((folder, 0o755), (endpoint.folder, 0o755), (endpoint.folder / "socket", 0o777)):
                    path.chmod(mode)
            code = (
                "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
                's.sendall(b\'{"do": "echo", "what": 1}\\n\'); print(s.recv(100))'
            )
            someone = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", code]
            done = subprocess.run(
                [*someone, str(endpoint.folder / "socket")], capture_output=True, text=True, check=False, cwd="/"
            )
            assert "ok" not in done.stdout
            assert opened or "PermissionError" in done.stderr
            assert call(endpoint, "echo", what=1) == {"got": 1}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def test_the_key_of_a_port(tmp_path):
    """Where the endpoint is a port, a request without its key, or with a wrong one, is refused."""
    endpoint = Endpoint(tmp_path, by_path=False)
    with ControlServer(endpoint, answer):
        for key in ({}, {"key": "0" * 64}, {"key": 3}, {"key": "\udcff"}):
            (said,) = raw(endpoint, json.dumps({"do": "echo", "what": 1, **key}).encode() + b"\n")
            assert said["ok"] is False
        assert call(endpoint, "echo", what=1) == {"got": 1}


def test_a_long_home(tmp_path):
    """A folder whose name is too long for a socket gets a short place, the same for all who ask, until it is closed."""
    folder = tmp_path.joinpath(*["a rather long folder name"] * 6)
    endpoint = Endpoint(folder)
    try:
        assert len(os.fsencode(endpoint.folder)) < 60
        with ControlServer(endpoint, answer):
            assert call(Endpoint(folder), "echo", what=1) == {"got": 1}
        assert Endpoint(folder / "b").folder != endpoint.folder
        assert not endpoint.folder.exists()
    finally:
        shutil.rmtree(endpoint.folder, ignore_errors=True)


def test_a_place_of_somebody_else(tmp_path):
    """A link where the folder should be, which somebody could have put into /tmp, is refused."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "control").symlink_to(tmp_path / "theirs")
    with pytest.raises(SettingsError, match="somebody else"):
        Endpoint(tmp_path).listen()
