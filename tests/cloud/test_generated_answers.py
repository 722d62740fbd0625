"""Thousands of generated answers over real sockets: each ends in results or typed errors, and in nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.cloud_place import CloudPlace
from fakes.generated_answers import Reply, replies
from fakes.hostile_answers import jpeg
from fakes.hostile_server import HostileServer
from fakes.leaks import TOKEN, assert_no_leak, logs_watched
from resilver.cloud.client import Answered, CloudClient, Part
from resilver.engine import Report
from resilver.errors import ResilverError
from resilver.http_contract import MODES, Mode
from resilver.recipe import Recipe
from resilver.settings import CloudSettings

NAMES = ("file_0", "file_1")


class Tokens:
    """Gives the canary, and the same again."""

    def token(self) -> str:
        return TOKEN

    def renew(self, rejected: str) -> str:
        return rejected


@dataclass
class Setting:
    """A client whose service answers as told, with the folders around it."""

    server: HostileServer
    client: CloudClient
    parts: list[Part]
    sandbox: Path
    said: list[str] = field(default_factory=list)

    @property
    def directory(self) -> Path:
        return self.sandbox / "work"

    def files(self) -> set[Path]:
        return {path for path in self.sandbox.rglob("*") if not path.is_dir()}


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setting]:
    sandbox = tmp_path_factory.mktemp("sandbox")
    (sandbox / "work").mkdir()
    parts = []
    for number in range(len(NAMES)):
        path = sandbox / f"source{number}.jpg"
        path.write_bytes(jpeg())
        parts.append(Part(path))
    with HostileServer(Reply(b"", kept=False)) as server:
        chosen = CloudSettings(base_url=server.url, attempts=1, read_s=20, deadline_s=60)
        client = CloudClient(chosen, Tokens(), sleep=lambda _seconds: None)
        yield Setting(server, client, parts, sandbox)
        client.close()
        assert not server.errors


def check(setting: Setting, outcome: Answered) -> None:
    """A result has files, and only where they belong; a failure has typed errors."""
    for path in outcome.pictures.values():
        assert path.parent == setting.directory
        assert path.stat().st_size > 0
    assert all(isinstance(error, ResilverError) for error in outcome.errors.values())
    assert_no_leak(outcome, *outcome.errors.values())


def survive(setting: Setting, reply: Reply, modes: tuple[Mode, ...]) -> None:
    """Whatever comes: each picture has its outcome or one error stands for all; no file but the results' is left,
    the sources stay, and the token is nowhere to be seen.
    """
    setting.server.then(reply)
    before = setting.files()
    outcomes = []
    report = Report(on_progress=lambda _share, step: assert_no_leak(step), on_note=assert_no_leak)
    with logs_watched() as log:
        try:
            outcomes = list(setting.client.improve(setting.parts, modes, report, setting.directory))
        except ResilverError as error:
            assert_no_leak(error)
            assert error.halts, error
        else:
            assert sorted(outcome.index for outcome in outcomes) == list(range(len(NAMES)))
    assert log.lines  # the libraries do tell what they do
    for outcome in outcomes:
        check(setting, outcome)
    results = {path for outcome in outcomes for path in outcome.pictures.values()}
    assert setting.files() == before | results
    for path in results:
        path.unlink()


def many(examples: int) -> settings:
    return settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))


@many(3000)
@given(reply=replies(NAMES))
def test_any_answer_to_both_modes(setting: Setting, reply: Reply) -> None:
    """3,000 answers to a request for repair and enlarging end in results or typed errors."""
    survive(setting, reply, ("improve", "resolution"))


@many(2000)
@given(reply=replies(NAMES), mode=st.sampled_from(MODES))
def test_any_answer_to_one_mode(setting: Setting, reply: Reply, mode: Mode) -> None:
    """2,000 answers to a request for one of both end in results or typed errors."""
    survive(setting, reply, (mode,))


@many(100)
@given(reply=replies(NAMES))
def test_any_answer_through_the_engine(tmp_path_factory: pytest.TempPathFactory, reply: Reply) -> None:
    """100 answers end in complete results or typed errors of the engine, in the folder for results and nowhere else."""
    root = tmp_path_factory.mktemp("place")
    place = CloudPlace(root)
    for name in ("a.jpg", "b.jpg"):
        place.photo(name)
    with logs_watched(), HostileServer(reply) as server:
        place.restore(server.url, Recipe(colorize="auto", resolution=2), attempts=1)
        assert not server.errors
    place.assert_invariants()
    shutil.rmtree(root)
