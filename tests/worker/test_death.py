"""Every way to die: seen as what it is, nothing left behind, and the next job has a fresh worker."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from PIL import Image

from fakes.photos import save_photo, small
from fakes.workers import TESTS, command, folders_of, worker_with
from resilver.engine import Report
from resilver.errors import (
    EngineMemory,
    WorkerCrashed,
    WorkerError,
    WorkerHung,
    WorkerKilled,
    WorkerMismatch,
)
from resilver.recipe import Recipe
from resilver.settings import Settings, WorkerSettings
from resilver.worker.client import Worker

RECIPE = Recipe()


@pytest.mark.parametrize(
    ("engine", "kind", "settings"),
    [
        ("Segfaults", WorkerCrashed, {}),
        ("Exits", WorkerCrashed, {}),
        ("Killed", WorkerKilled, {}),
        ("Hangs", WorkerHung, {"deadline_s": 0.5, "deadline_s_per_megapixel": 1.0}),
    ],
)
def test_death_is_a_typed_error(
    engine: str, kind: type[WorkerError], settings: dict[str, float], tmp_path: Path
) -> None:
    """A crash, a kill and a hang are told apart, leave nothing behind, and the next call has a fresh worker."""
    photo = save_photo(tmp_path / "attic.png")
    pids = set()
    with worker_with(engine, **settings) as worker:
        report = Report(lambda _fraction, _step: pids.add(worker.pid))
        with pytest.raises(kind):
            worker.improve_file(photo, tmp_path / "out", RECIPE, report)
        assert worker.pid is None
        with pytest.raises(kind):
            worker.improve_raw(small(), RECIPE, report)
        assert worker.info().engine == "local"
    assert len(pids) == 2
    assert not folders_of(pids)
    assert not (tmp_path / "out").exists()


def test_last_words_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """What a dying worker says, be it in native code, stands in the caller's log."""
    caplog.set_level(logging.INFO)
    for engine, words in (("Exits", "fatal: no such device"), ("Segfaults", "misbehave")):
        with worker_with(engine) as worker, pytest.raises(WorkerCrashed):
            worker.improve_raw(small(), RECIPE)
        assert words in caplog.text


def test_memory_limit() -> None:
    """What outgrows the limit fails as want of memory, and the worker goes on."""
    with worker_with("EatsMemory", memory_mb=500) as worker:
        with pytest.raises(EngineMemory):
            worker.improve_raw(small(), RECIPE)
        assert worker.pid is not None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_stopped_by_someone_else(number: int) -> None:
    """A worker that is stopped from outside was not cancelled by its caller: it can be tried again."""
    with worker_with("Slow") as worker:

        def strike(_fraction: float, _step: str) -> None:
            os.kill(worker.pid, number)

        with pytest.raises(WorkerKilled) as caught:
            worker.improve_raw(small(), RECIPE, Report(strike))
        assert caught.value.temporary
        assert worker.improve_raw(small(), RECIPE).picture("final") is not None


def test_killed_while_idle() -> None:
    """A worker that died between two jobs is replaced without a word."""
    with worker_with("Negative") as worker:
        worker.info()
        os.kill(worker.pid, signal.SIGKILL)
        os.waitid(os.P_PID, worker.pid, os.WEXITED | os.WNOWAIT)
        assert worker.improve_raw(small(), RECIPE).picture("final") is not None


def test_stopped_process_hangs() -> None:
    """A stopped process misses its deadline, and another does the next job."""
    with worker_with("Slow", deadline_s=0.7, deadline_s_per_megapixel=0.0) as worker:

        def freeze(_fraction: float, _step: str) -> None:
            os.kill(worker.pid, signal.SIGSTOP)

        with pytest.raises(WorkerHung):
            worker.improve_raw(small(), RECIPE, Report(freeze))
        assert worker.improve_raw(small(), RECIPE).picture("final") is not None


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("print('hi there', flush=True); import time; time.sleep(60)", WorkerMismatch),
        ('print(\'{"type": "hello", "protocol": 99}\', flush=True); import time; time.sleep(60)', WorkerMismatch),
        ('print(\'{"type": "pong", "id": "1"}\', flush=True); import time; time.sleep(60)', WorkerMismatch),
        ("import time; time.sleep(60)", WorkerHung),
        ("raise SystemExit('numpy is missing')", WorkerCrashed),
        ("import os; os.close(1); import time; time.sleep(60)", WorkerError),
    ],
)
def test_what_was_started_is_no_worker(code: str, kind: type[WorkerError]) -> None:
    """Another version, another program, silence and a death at the start are typed errors, and the process is gone."""
    settings = Settings(worker=WorkerSettings(start_s=1.0 if kind is WorkerHung else 60.0))
    with Worker(settings, [sys.executable, "-c", code]) as worker, pytest.raises(kind):
        worker.info()
    assert worker.pid is None


def test_no_program_at_all() -> None:
    """A program that is not there is a typed error, too."""
    with Worker(Settings(), ["/no/such/python"]) as worker, pytest.raises(WorkerCrashed):
        worker.info()


def test_no_orphan_when_the_parent_is_killed(tmp_path: Path) -> None:
    """The worker dies with its parent, even if that is killed and the worker is amid native code."""
    photo = save_photo(tmp_path / "attic.png")
    code = (
        f"import sys; sys.path.insert(0, {str(TESTS)!r})\n"
        "from pathlib import Path\n"
        "from fakes.workers import worker_with\n"
        "from resilver.engine import Report\n"
        "from resilver.recipe import Recipe\n"
        "worker = worker_with('Hangs')\n"
        "def tell(fraction, step):\n"
        "    if fraction > 0.1: print(worker.pid, flush=True)\n"
        f"worker.improve_file(Path({str(photo)!r}), Path({str(tmp_path / 'out')!r}), Recipe(), Report(tell))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as parent:
        orphan = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 20
    while Path(f"/proc/{orphan}").exists() and "Z" not in Path(f"/proc/{orphan}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert not list(tmp_path.glob("out/*"))


def test_half_written_files_go_with_their_process(tmp_path: Path) -> None:
    """Where files cannot be written without a name, what a killed worker left goes, and nothing of anybody else."""
    out = tmp_path / "out"
    out.mkdir()
    mine, others = out / "mine.jpg", out / ".resilver-1-0123456789ab.tmp"
    for path in (mine, others):
        path.write_bytes(b"not the worker's")
    with worker_with("Slow") as worker:

        def strike(_fraction: float, _step: str) -> None:
            (out / f".resilver-{worker.pid}-0123456789ab.tmp").write_bytes(b"half")
            os.kill(worker.pid, signal.SIGKILL)

        with pytest.raises(WorkerKilled):
            worker.improve_file(save_photo(tmp_path / "attic.png"), out, RECIPE, Report(strike))
    assert set(out.iterdir()) == {mine, others}


@pytest.mark.slow
def test_kill_at_fifty_random_moments(tmp_path: Path) -> None:
    """SIGKILL at any moment of a job leaves no temporary file and no partial output, and the next run does it once."""
    seeded = random.Random(9)
    photo = save_photo(tmp_path / "in" / "attic.png", 500, 400)
    original = photo.read_bytes()
    recipe = Recipe(resolution=4)
    died = 0
    with Worker(Settings(), command("Negative")) as worker:
        worker.info()
        began = time.monotonic()
        worker.improve_file(photo, tmp_path / "measured", recipe)
        usual_s = time.monotonic() - began
        for moment in range(50):
            out = tmp_path / f"out{moment}"
            worker.info()
            victim = worker.pid
            killer = threading.Timer(seeded.uniform(0, 0.9 * usual_s), os.kill, (victim, signal.SIGKILL))
            killer.start()
            try:
                worker.improve_file(photo, out, recipe)
            except WorkerKilled:
                died += 1
                killer.join()
            else:
                killer.join()
                os.waitid(os.P_PID, victim, os.WEXITED | os.WNOWAIT)
            for path in out.glob("*"):
                Image.open(path).load()
            result = worker.improve_file(photo, out, recipe)
            assert list(out.iterdir()) == [result.outputs["final"]]
            Image.open(result.outputs["final"]).load()
    assert died >= 10, "the kills must hit the jobs"
    assert photo.read_bytes() == original
