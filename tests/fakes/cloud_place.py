"""Photographs, a folder for results and the cloud engine, with what must hold whatever the service does."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from PIL import Image

from fakes.hostile_answers import good, jpeg
from fakes.hostile_server import HostileServer
from fakes.leaks import TOKEN, assert_no_leak, assert_no_leak_in_files, logs_watched
from resilver.cloud.engine import CloudEngine
from resilver.cloud.ledger import Ledger
from resilver.engine import Report
from resilver.errors import ResilverError
from resilver.improve import FileJob, FileResult, improve_files
from resilver.recipe import Recipe
from resilver.settings import CloudSettings

Outcome = FileResult | ResilverError


class Canary:
    """Gives the token whose every trace would be seen; ``renewals``: how often another was asked for."""

    renewals = 0

    def token(self) -> str:
        return TOKEN

    def renew(self, rejected: str) -> str:
        self.renewals += 1
        return rejected


class CloudPlace:
    """``restored``: what became of each photograph; ``halted``: the error that stopped everything, if one did."""

    def __init__(self, root: Path) -> None:
        self.photos, self.out, self.state = root / "photos", root / "out", root / "state"
        self.photos.mkdir()
        self.root = root
        self.tokens = Canary()
        self.restored: dict[Path, Outcome] = {}
        self.halted: ResilverError | None = None
        self.told: list[str] = []
        self._sources: dict[Path, tuple[bytes, int]] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.log = self._stack.enter_context(logs_watched())
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._stack.close()
        if kind is None:
            self.assert_invariants()
            self.assert_going_on()

    def photo(self, name: str = "attic.jpg", content: bytes | None = None) -> Path:
        """Another photograph, of a content of its own."""
        path = self.photos / name
        path.write_bytes(jpeg() if content is None else content)
        self._sources[path] = (path.read_bytes(), path.stat().st_mtime_ns)
        return path

    def engine(self, url: str, **cloud: Any) -> CloudEngine:
        """The engine for that service, to which the user agreed."""
        settings = CloudSettings(base_url=url, **{"attempts": 2, "read_s": 20, "deadline_s": 30, **cloud})
        Ledger(self.state).agree(settings)
        return CloudEngine(settings, self.state, self.tokens)

    def restore(self, url: str, recipe: Recipe | None = None, sources: Sequence[Path] = (), **cloud: Any) -> None:
        """Restore the photographs, all unless some are named."""
        jobs = [FileJob(path, self.out) for path in sources or self._sources]
        engine = self.engine(url, **cloud)
        report = Report(lambda _share, step: self.told.append(step), self.told.append)
        try:
            for number, outcome in improve_files(jobs, recipe or Recipe(), engine, report):
                assert jobs[number].source not in self.restored
                self.restored[jobs[number].source] = outcome
        except ResilverError as error:
            assert error.halts
            self.halted = error
        finally:
            engine.close()

    def only(self) -> Outcome:
        """What became of the one photograph."""
        (outcome,) = self.restored.values()
        return outcome

    def assert_invariants(self) -> None:
        """Originals untouched; results complete; each photograph in one state; no token anywhere."""
        for path, (content, mtime_ns) in self._sources.items():
            assert path.read_bytes() == content
            assert path.stat().st_mtime_ns == mtime_ns
        written = {path for outcome in self.restored.values() for path in getattr(outcome, "outputs", {}).values()}
        assert set(self.out.glob("*")) == written  # with the hidden ones: pathlib's glob gives them, too
        for path in written:
            Image.open(path).load()
        left = self.root.rglob("*")
        assert {path.relative_to(self.root).parts[0] for path in left} <= {"photos", "out", "state"}
        assert not list(self.state.glob("sending-*"))
        if self.halted is None:
            assert set(self.restored) == set(self._sources)
        assert_no_leak(self.halted, *self.restored.values(), *self.told)
        assert_no_leak_in_files(self.root)

    def assert_going_on(self) -> None:
        """The next photograph is done."""
        next_one = self.photos / "the-next-one.jpg"
        next_one.write_bytes(jpeg())
        with HostileServer(good) as server:
            engine = self.engine(server.url)
            ((_, outcome),) = improve_files([FileJob(next_one, self.out)], Recipe(), engine)
            engine.close()
        assert isinstance(outcome, FileResult), outcome
