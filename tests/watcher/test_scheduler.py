from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from resilver.errors import (
    Cancelled,
    CloudConsent,
    CloudLimit,
    CloudUnauthorized,
    CloudUnreachable,
    EngineMissing,
    OutputDenied,
    OutputFull,
    PictureBroken,
    PictureChanged,
    PictureTooLarge,
    PictureUnreadable,
    ResilverError,
    WorkerHung,
    WorkerKilled,
    WorkerMismatch,
)
from resilver_watcher.job import Job, State
from resilver_watcher.journal import Journal
from resilver_watcher.scheduler import SINGLE_GAP_S, Scheduler
from resilver_watcher.verdict import DECODE_TRIES, judge

OUT = Path("/out")


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "j.sqlite")
    yield journal
    journal.close()


def arrive(journal: Journal, scheduler: Scheduler, heap: str, *names: str) -> None:
    for name in names:
        path = Path("/in", heap, name)
        journal.see(Path("/in"), {path: OUT})
        journal.queue([(journal.find(path), None, scheduler.rank(Path("/in", heap)))])


def output_of(job: Job) -> Path:
    return job.directory


def take(journal: Journal, scheduler: Scheduler) -> str | None:
    job = scheduler.next(output_of)
    if job is None:
        return None
    journal.move(job, State.WORKING)
    return job.path.name


def test_single_drops_come_before_heaps_and_heaps_in_their_order(journal: Journal, clock: Clock) -> None:
    """A photograph that comes alone is next, in the same folder as the heap or not; the rest is oldest first."""
    scheduler = Scheduler(journal, clock)
    arrive(journal, scheduler, "", *(f"{number}" for number in range(50)))
    for _ in range(5):
        take(journal, scheduler)
    clock.now += SINGLE_GAP_S
    arrive(journal, scheduler, "", "single")
    arrive(journal, scheduler, "album", "other")
    assert [take(journal, scheduler) for _ in range(4)] == ["single", "other", "5", "6"]


def test_a_heap_that_comes_slowly_is_one_all_the_same(journal: Journal, clock: Clock) -> None:
    """By its own pace: what comes at the same pace belongs to it, what comes after a longer pause does not."""
    scheduler = Scheduler(journal, clock)
    ranks = []
    for _ in range(10):
        ranks.append(scheduler.rank(OUT))
        clock.now += 2.5
    assert ranks == [0, 1, 2, *[3] * 7]
    clock.now += 5
    assert scheduler.rank(OUT) == 0


def test_what_counts_is_when_pictures_arrived(journal: Journal, clock: Clock) -> None:
    """Taken in at one moment, one that came two seconds after the heap is a single drop, and what is left of the heap
    is no new one.
    """
    scheduler = Scheduler(journal, clock)
    clock.now = 100.0
    ranks = [scheduler.rank(OUT, age_s=5.0 - number / 1000) for number in range(50)]
    assert ranks == [0, 1, 2, *[3] * 47]
    assert scheduler.rank(OUT, age_s=2.9) == 0
    assert [scheduler.rank(OUT, age_s=4.9) for _ in range(5)] == [3] * 5
    assert scheduler.rank(OUT, age_s=10.0) == 3


def test_put_off_is_passed_over_until_its_time(journal: Journal, clock: Clock) -> None:
    """By a clock that does not jump."""
    scheduler = Scheduler(journal, clock)
    arrive(journal, scheduler, "", "a", "b")
    scheduler.put_off(scheduler.next(output_of), 10)
    assert scheduler.next_s() == 10
    assert take(journal, scheduler) == "b"
    assert take(journal, scheduler) is None
    clock.now = 10
    assert take(journal, scheduler) == "a"


def test_a_hold_is_for_one_folder_or_all_until_something_goes_well(journal: Journal, clock: Clock) -> None:
    """Its reason is told as long as it is not known to be over, also while it is tried again."""
    scheduler = Scheduler(journal, clock)
    arrive(journal, scheduler, "", "a", "b", "c")
    scheduler.hold(OUT, 5, "The disk is full.")
    assert take(journal, scheduler) is None
    assert (scheduler.troubles, scheduler.trouble_of(OUT)) == (("The disk is full.",), "The disk is full.")
    clock.now = 5
    assert take(journal, scheduler) == "a"
    assert scheduler.stuck
    scheduler.release(OUT)
    assert scheduler.troubles == ()
    scheduler.hold(None, None, "Log in.")
    clock.now = 1e9
    assert take(journal, scheduler) is None
    scheduler.release_all()
    assert take(journal, scheduler) == "b"


@pytest.fixture
def job(journal: Journal, tmp_path: Path) -> Job:
    path = tmp_path / "a.jpg"
    path.touch()
    journal.see(tmp_path, {path: OUT})
    return journal.find(path)


@pytest.mark.parametrize(
    ("error", "state", "hold"),
    [
        (OutputFull("full"), State.WAITING, "output"),
        (OutputDenied("read-only"), State.WAITING, "output"),
        (CloudUnauthorized("no token"), State.WAITING, "halt"),
        (CloudConsent("nobody agreed"), State.WAITING, "all"),
        (CloudLimit("a thousand"), State.WAITING, "all"),
        (WorkerMismatch("version"), State.WAITING, "halt"),
        (CloudUnreachable("offline"), State.WAITING, "all"),
        (PictureChanged("changed"), State.SEEN, ""),
        (PictureTooLarge("large"), State.FAILED, ""),
        (EngineMissing("missing"), State.FAILED, ""),
        (PictureBroken("cut"), State.WAITING, ""),
        (PictureUnreadable("locked"), State.WAITING, ""),
        (WorkerHung("hung"), State.WAITING, ""),
        (Cancelled("stop"), State.WAITING, ""),
    ],
)
def test_each_failure_has_its_verdict(job: Job, error: ResilverError, state: State, hold: str) -> None:
    """What can mend itself waits, what cannot has failed; what is no picture's fault holds the others, too."""
    verdict = judge(error, job)
    assert (verdict.state, verdict.hold, verdict.gone) == (state, hold, False)


def test_tries_end(job: Job) -> None:
    """A cut picture is tried with growing delays and then has failed; a killer of workers is set aside; what is gone
    is gone.
    """
    delays = [judge(PictureBroken("cut"), dataclasses.replace(job, attempts=n)).later_s for n in range(DECODE_TRIES)]
    assert delays == sorted(set(delays))
    assert judge(PictureBroken("cut"), dataclasses.replace(job, attempts=DECODE_TRIES)).state is State.FAILED
    assert judge(WorkerKilled("memory"), dataclasses.replace(job, deaths=1)).state is State.ASIDE
    assert judge(CloudUnreachable("offline"), dataclasses.replace(job, attempts=10**6)).later_s == 600
    job.path.unlink()
    assert judge(PictureUnreadable("gone"), job).gone
