"""What the daemon says about itself, put together from its rooms."""

from __future__ import annotations

import os
from collections.abc import Sequence

from resilver import __version__
from resilver_watcher.folder import Folder
from resilver_watcher.job import Job, State
from resilver_watcher.journal import Journal
from resilver_watcher.pairs import preset_name
from resilver_watcher.scheduler import Scheduler
from resilver_watcher.state import Entry, Mood, PairState, Status
from resilver_watcher.work import Work

_FAILED = 50
_RESULTS = 10


def status_of(journal: Journal, scheduler: Scheduler, work: Work, folders: Sequence[Folder], *, paused: bool) -> Status:
    """What is going on now."""
    counts = journal.counts()
    current = work.current
    troubles = (*scheduler.troubles, *(folder.trouble for folder in folders if folder.trouble))
    mood: Mood = "idle"
    if current is not None:
        mood = "working"
    elif paused:
        mood = "paused"
    elif troubles:
        mood = "trouble"
    elif counts[State.WAITING] > scheduler.later:
        mood = "working"
    return Status(
        state=mood,
        trouble=troubles[0] if troubles else "",
        current=current,
        counts={
            "waiting": counts[State.SEEN] + counts[State.WAITING],
            "working": counts[State.WORKING],
            "done": counts[State.DONE],
            "unchanged": journal.unchanged(),
            "failed": counts[State.FAILED],
            "aside": counts[State.ASIDE],
        },
        failed=tuple(map(entry, journal.newest((State.FAILED, State.ASIDE), _FAILED))),
        results=tuple(map(entry, journal.newest((State.DONE,), _RESULTS))),
        engine=work.engine,
        preset=preset_name(work.recipe),
        pairs=tuple(_pair(folder, scheduler, work) for folder in folders),
        pid=os.getpid(),
        version=__version__,
    )


def _pair(folder: Folder, scheduler: Scheduler, work: Work) -> PairState:
    pair = folder.pair
    name = preset_name(pair.recipe or work.recipe)
    return PairState(str(pair.input), str(pair.output), name, folder.trouble or scheduler.trouble_of(pair.output))


def entry(job: Job) -> Entry:
    """A row of the journal as it is told."""
    return Entry(
        source=str(job.path),
        state=str(job.state),
        outputs=tuple(map(str, job.outputs)),
        code=job.code,
        reason=job.reason,
        notes=job.notes,
        recipe={} if job.recipe is None else job.recipe.to_json(),
        attempts=job.attempts,
        seconds=job.seconds,
        when=job.when,
    )
