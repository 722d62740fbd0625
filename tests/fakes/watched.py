"""The hot folder as its user has it, a process of its own with fake engines, and what must hold whatever goes wrong."""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import psutil
from PIL import Image

from fakes.leaks import TOKEN, assert_no_leak_in_files
from resilver.errors import NotWatching
from resilver.picture_io.identity import file_digest
from resilver.picture_io.provenance import read_provenance
from resilver_watcher.endpoint import Endpoint
from resilver_watcher.remote import Remote
from resilver_watcher.state import Entry, Status

QUICK = {"quiet_s": 0.3, "look_s": 0.5, "rescan_s": 0.5, "sweep_s": 3.0, "notifications": "no"}
PROGRAM = Path(__file__).with_name("watch.py")
NOTE = ".not-restored.txt"


def jpeg(width: int = 64, height: int = 48) -> bytes:
    """A picture like no other."""
    file = io.BytesIO()
    Image.frombytes("L", (width, height), random.randbytes(width * height)).save(file, "JPEG", quality=70)
    return file.getvalue()


def environment(place: Path) -> dict[str, str]:
    """Of a user who has nothing but ``place``, no desktop, and a token that must not be seen."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
    homes = {f"XDG_{name.upper()}_HOME": str(place / name) for name in ("config", "data", "state", "cache")}
    (place / "home").mkdir(parents=True, exist_ok=True)
    return {
        **kept,
        **homes,
        "HOME": str(place / "home"),
        "RESILVER_TOKEN": TOKEN,
        "RESILVER_TEST_GATE": str(place / "gate"),
    }


class Watched:
    """A daemon over ``input`` and ``output`` in ``place``, from entering the context to leaving it.

    ``before``: a command that starts the daemon's. ``settings``: of the section ``watch``, or ``section__name``.
    On leaving, without an error, the invariants are checked and one more picture is given to it.
    """

    def __init__(
        self, place: Path, engine: str = "Negative", *, before: Sequence[str] = (), starts: bool = True, **settings: Any
    ) -> None:
        self.place, self.input, self.output = place, place / "in", place / "out"
        for folder in (self.input, self.output):
            folder.mkdir(parents=True, exist_ok=True)
        state = place / "state" / "resilver"
        self.log, self.journal = place / "log", state / "folder.sqlite"
        self.remote = Remote(Endpoint(state / "watch"))
        self.checked = True
        self.process: subprocess.Popen[bytes] | None = None
        self._engine, self._before, self._starts = engine, before, starts
        self._environment = environment(place)
        self.set(**{**QUICK, "input": self.input, "output": self.output, **settings})
        self._originals: dict[Path, tuple[bytes, int]] = {}

    def __enter__(self) -> Self:
        if self._starts:
            self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None and self.checked:
                self.assert_invariants()
                self.assert_takes_the_next()
            elif kind is not None:
                sys.stderr.write(self.words())
        finally:
            self.kill()

    @property
    def pid(self) -> int:
        """Of the daemon."""
        assert self.process is not None
        return self.process.pid

    def set(self, **settings: Any) -> None:
        """Settings from the next start on."""
        for name, value in settings.items():
            section, _, rest = name.rpartition("__")
            self._environment[f"RESILVER_{section or 'watch'}_{rest}".upper()] = str(value)

    def run(
        self, *arguments: str, timeout_s: float = 60, before: Sequence[str] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Another command of this user, to its end; ``before``: a command that starts it."""
        command = [*before, sys.executable, str(PROGRAM), self._engine, *arguments]
        return subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=timeout_s, check=False
        )

    def start(self) -> None:
        """Start the daemon, and wait until it answers."""
        self.launch()
        self.eventually(self._answers)

    def launch(self) -> None:
        """Start the daemon."""
        command = [*self._before, sys.executable, str(PROGRAM), self._engine, "watch", "--no-tray"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.words()
        with contextlib.suppress(NotWatching):
            return self.remote.status().pid > 0
        return False

    def send(self, number: int, *, workers: bool = False) -> None:
        """A signal to the daemon, and to its workers if asked."""
        assert self.process is not None
        found = psutil.Process(self.pid).children(recursive=True) if workers else []
        self.process.send_signal(number)
        for child in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.send_signal(number)

    def kill(self, *, workers: bool = False) -> None:
        """End the daemon as ``kill -9`` does; workers notice by themselves, unless they are killed as well."""
        if self.process is not None and self.process.poll() is None:
            self.send(signal.SIGKILL, workers=workers)
        if self.process is not None:
            self.process.wait()

    def stop(self, number: int = signal.SIGTERM, timeout_s: float = 30) -> int:
        """Ask it to end; its exit status."""
        assert self.process is not None
        self.send(number)
        return self.process.wait(timeout_s)

    def view(self, path: Path) -> Path:
        """A path as the daemon sees it, which may have mounts of its own."""
        return Path(f"/proc/{self.pid}/root{path}") if self._before else path

    def drop(self, name: str = "attic.jpg", content: bytes | None = None) -> Path:
        """A new photograph in the folder, written as cp does."""
        path = self.input / name
        seen = self.view(path)
        seen.parent.mkdir(parents=True, exist_ok=True)
        seen.write_bytes(jpeg() if content is None else content)
        return self.expect(path)

    def expect(self, path: Path) -> Path:
        """What lies there now is an original from now on."""
        self._originals[path] = (self.view(path).read_bytes(), self.view(path).stat().st_mtime_ns)
        return path

    def gone(self, path: Path) -> None:
        """The user took it away."""
        del self._originals[path]

    def put_back(self) -> None:
        """Put every original where it was."""
        for path, (content, mtime_ns) in self._originals.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            os.utime(path, ns=(mtime_ns, mtime_ns))

    def entries(self) -> dict[Path, Entry]:
        """What has ended, by its file; each file must be there once."""
        entries = self.remote.history(10_000)
        counts = Counter(entry.source for entry in entries)
        assert not counts or max(counts.values()) == 1, counts
        return {Path(entry.source): entry for entry in entries}

    def wait(self, timeout_s: float = 60, **counts: int) -> Status:
        """Until so many are done, failed, aside (0 if not named), and none is on its way."""
        wanted = {"waiting": 0, "working": 0, "done": 0, "failed": 0, "aside": 0, **counts}
        self.eventually(lambda: wanted.items() <= self.remote.status().counts.items(), timeout_s, str(wanted))
        return self.remote.status()

    def eventually(self, holds: Callable[[], bool], timeout_s: float = 60, what: str = "it") -> None:
        """Until it holds."""
        began = time.monotonic()
        while not holds():
            passed = time.monotonic() - began
            assert passed < timeout_s, f"{what} never came to hold"
            time.sleep(min(1.0, 0.05 + passed / 50))  # asking costs the daemon time, too

    def said(self) -> str:
        """All that it wrote into logs."""
        logs = [self.log, *self.place.glob("state/resilver/**/*.log")]
        return "\n".join(path.read_text(errors="replace") for path in logs if path.exists())

    def words(self) -> str:
        """What is known, for whoever has to find out what went wrong."""
        try:
            status = json.dumps(self.remote.status().to_json(), indent=1)
        except Exception as error:  # noqa: BLE001 - it is only told
            status = repr(error)
        return f"{status}\n{self.said()[-3000:]}\n"

    def results(self) -> dict[tuple[Path, str], Path]:
        """The results, by the folder and the content that they are of; each must be there once, whole."""
        found: dict[tuple[Path, str], Path] = {}
        output = self.view(self.output)
        for path in sorted(output.rglob("*")):
            assert not path.name.startswith("."), path
            if path.is_dir() or path.name.endswith(NOTE):
                continue
            with Image.open(path) as picture:
                picture.load()
            made = read_provenance(path)
            assert made is not None, path
            key = (path.parent.relative_to(output), f"{made.source_name} {made.source_sha256}")
            assert key not in found, (path, found[key])
            found[key] = path
        return found

    def assert_invariants(self) -> None:
        """Originals untouched; whole results only, one of each; one state for each picture; no token anywhere."""
        for path, original in self._originals.items():
            assert (self.view(path).read_bytes(), self.view(path).stat().st_mtime_ns) == original, path
        entries, results = self.entries(), self.results()
        assert set(entries) == set(self._originals)
        notes = {path.name for path in self.view(self.output).rglob("*" + NOTE)}
        unhappy = [path for path, entry in entries.items() if entry.state != "done"]
        assert len(notes) == len(unhappy), (notes, unhappy)
        for path, entry in entries.items():
            shown = path.name.encode("utf-8", "replace").decode()  # as the provenance has it
            key = path.parent.relative_to(self.input), f"{shown} {file_digest(self.view(path))}"
            assert (key in results) == (entry.state == "done"), (path, entry)
            assert entry.state == "done" or (entry.reason and entry.code), entry
        assert len(results) == len(entries) - len(unhappy)
        assert_no_leak_in_files(self.place)

    def assert_takes_the_next(self) -> None:
        """It lives, and does the next picture."""
        done = self.remote.status().counts["done"]
        path = self.drop("the next.jpg")
        self.eventually(lambda: self.remote.status().counts["done"] == done + 1)
        assert self.entries()[path].state == "done"
        assert self.process is not None
        assert self.process.poll() is None
