"""The way in: hints and sweeps become rows of the journal, complete pictures get their turn."""

from __future__ import annotations

import datetime as dt
import functools
import logging
import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from resilver.errors import PictureUnreadable, ResilverError
from resilver.picture_io.identity import Identity, file_digest
from resilver.picture_io.junk import is_junk_folder
from resilver.recipe import Recipe
from resilver_watcher.aftermath import put_away, remove_note, write_note
from resilver_watcher.job import Job, State
from resilver_watcher.journal import Journal
from resilver_watcher.pairs import ORIGINALS, Pair
from resilver_watcher.readiness import Hint, Readiness
from resilver_watcher.scan import Look, Sweep, is_picture_name, look_at
from resilver_watcher.scheduler import Scheduler

_log = logging.getLogger(__name__)

_ENDED = (State.DONE, State.FAILED, State.ASIDE)
_DROPPED = (State.SEEN, State.WAITING, State.FAILED, State.ASIDE)
"""States whose pictures are forgotten when they are gone; what was done stays in the history."""

_OLDEST_S = 10.0  # files in a folder that was moved in are as old as ever; how long ago they arrived is not known

_NEVER_COMPLETE = "It is empty, or whatever writes it never came to an end; copy it here again."


class Intake:
    """Takes pictures in, for one thread.

    ``recipe_of``: what would be done to a picture now, or an error. ``originals``: whether those that are done are put
    away. ``failed`` hears of each that was given up.
    """

    def __init__(
        self,
        journal: Journal,
        scheduler: Scheduler,
        readiness: Readiness,
        pairs: Sequence[Pair],
        recipe_of: Callable[[Job], Recipe],
        *,
        originals: bool,
        failed: Callable[[], None] = lambda: None,
    ) -> None:
        self._failed = failed
        self._journal, self._scheduler, self._readiness = journal, scheduler, readiness
        self._pairs = {str(pair.input): pair for pair in pairs}
        self._recipe_of, self._originals = recipe_of, originals
        self._new: dict[str, dict[Path, Path]] = {}
        self._gone: set[str] = set()
        self._arrived: set[str] = set()
        self._odd: set[str] = set()

    @property
    def next_s(self) -> float | None:
        """When :meth:`settle` has something to do."""
        return self._readiness.next_s()

    @property
    def pending(self) -> int:
        """How many files may have to be taken in."""
        return len(self._readiness)

    def hint(self, root: str, path: str, hint: Hint, now_s: float) -> None:
        """An event came; nothing is written before :meth:`enter`."""
        pair = self._pairs.get(root)
        if pair is None or not self._wanted(root, path):
            return
        if hint is Hint.GONE:
            self._gone.add(path)
            self._arrived.discard(path)
        elif path not in self._readiness:
            if look_at(path) is None:  # a link, a pipe, or gone again: of odd ones the next sweep tells
                return
            self._new.setdefault(root, {})[Path(path)] = _directory(pair, os.path.dirname(path))  # noqa: PTH120 - hot
        if hint in (Hint.CREATED, Hint.MOVED):
            self._arrived.add(path)
        self._readiness.hint(path, hint, now_s)

    def _wanted(self, root: str, path: str) -> bool:
        *parts, name = path[len(root) + 1 :].split(os.sep)  # noqa: PTH206 - of ten thousand events a second
        if not is_picture_name(name):
            return False
        return not any(is_junk_folder(part) for part in parts) and not (parts and parts[0] in self.skip)

    @property
    def skip(self) -> tuple[str, ...]:
        """Folders right in an input folder that are not looked into."""
        return (ORIGINALS,) if self._originals else ()

    def enter(self) -> bool:
        """Write down what was hinted at since the last time; whether any of it may be new."""
        new = bool(self._new)
        while self._new:
            root, finds = next(iter(self._new.items()))
            self._journal.see(Path(root), finds)
            del self._new[root]
        if self._gone:
            jobs = self._journal.find_each(self._finds(self._gone)).values()
            self._drop([job for job in jobs if job.state in _DROPPED])
            self._gone.clear()
        return new

    def _drop(self, jobs: Sequence[Job]) -> None:
        """Forget those that are gone: looked at again, since pictures come and go all the time."""
        gone = [job for job in jobs if not os.path.lexists(job.path)]
        for job in gone:
            remove_note(job.path, job.directory)
        if gone:
            self._journal.forget(gone)

    def compare(self, pair: Pair, sweep: Sweep, now_s: float) -> None:
        """Take what a sweep found, the oldest first, and forget what is gone."""
        root = str(pair.input)
        known = self._journal.known(pair.input)
        for path, look in sorted(sweep.files.items(), key=lambda item: (item[1].identity.mtime_ns, item[0])):
            state, *seen = known.get(path, (None, None, None, None))
            same = seen == [look.identity.inode, look.identity.size, look.identity.mtime_ns]
            if state in (None, State.SEEN) or (state in _ENDED and not same):
                self.hint(root, path, Hint.SEEN, now_s)
            elif state is State.DONE and self._originals:
                self._put_away(Path(path), pair)
        self._forget(pair, sweep, known)
        for path in sweep.odd:
            if path not in self._odd:
                self._odd.add(path)
                _log.info("left alone, being a link or no regular file: %r", path)

    def _forget(
        self, pair: Pair, sweep: Sweep, known: dict[str, tuple[State, int | None, int | None, int | None]]
    ) -> None:
        unread = tuple(folder + os.sep for folder in sweep.unread)
        missing = {
            path
            for path, (state, *_) in known.items()
            if state in _DROPPED and path not in sweep.files and not path.startswith(unread)
        }
        if missing:
            self._drop([job for job in self._journal.find_all(pair.input, _DROPPED) if str(job.path) in missing])

    def settle(self, now_s: float, clock_ns: int | None) -> int:
        """Give a turn to pictures that are complete, to the first of a heap; how many there were."""
        complete, stuck = self._readiness.ready(now_s, clock_ns)
        jobs = self._jobs([path for path, _ in complete])
        ranked: list[tuple[Job, Identity | None, int]] = []
        for path, look in sorted(complete, key=lambda item: item[1].ctime_ns):  # as they arrived
            job = jobs.get(path)
            if job is not None and self._changed(job, look):
                rank = self._scheduler.rank(self._heap(job), _age_s(look, clock_ns))
                ranked.append((job, look.identity, rank))
            self._arrived.discard(path)
        self._journal.queue(ranked)
        self._arrived.difference_update(stuck)
        for path, job in self._jobs(stuck).items():
            if job.state is State.SEEN:
                write_note(job.path, job.directory, "picture-broken", _NEVER_COMPLETE)
                now = look_at(path)
                identity = None if now is None else now.identity
                self._journal.move(job, State.FAILED, code="picture-broken", reason=_NEVER_COMPLETE, identity=identity)
                self._journal.keep()
                self._failed()
        return len(ranked)

    def _pair(self, path: str) -> Pair | None:
        return next((pair for root, pair in self._pairs.items() if path.startswith(root + os.sep)), None)

    def _finds(self, paths: Iterable[str]) -> dict[str, Path]:
        """The folders of their results."""
        pairs = {path: self._pair(path) for path in paths}
        return {
            path: _directory(pair, os.path.dirname(path))  # noqa: PTH120 - hot
            for path, pair in pairs.items()
            if pair is not None
        }

    def _jobs(self, paths: Iterable[str]) -> dict[str, Job]:
        finds = self._finds(paths)
        jobs = self._journal.find_each(finds)
        for path in finds.keys() - jobs.keys():  # it was gone for a while
            pair = self._pair(path)
            if pair is not None:
                self._journal.see(pair.input, {Path(path): finds[path]})
        return jobs if len(jobs) == len(finds) else self._journal.find_each(finds)

    def _changed(self, job: Job, look: Look) -> bool:
        """Whether there is anything to do; a file that was only touched has the same bytes, and its result."""
        if job.state is State.SEEN:
            return True
        if job.state not in _ENDED:
            return False
        dropped = str(job.path) in self._arrived or _changed_since(job, look)
        if dropped and self._wanted_anew(job):
            return True
        try:
            changed = not job.sha256 or file_digest(job.path) != job.sha256
        except PictureUnreadable:
            changed = True
        if not changed:
            self._journal.note(job, identity=look.identity)
            if job.state is State.DONE and self._originals and job.root is not None:
                put_away(job.path, job.root, look.identity)
        return changed

    def _wanted_anew(self, job: Job) -> bool:
        """Whether the same bytes, dropped again, are another request: there is no result, or not by this recipe."""
        if job.state is not State.DONE or (job.outputs and not any(map(os.path.lexists, job.outputs))):
            return True
        try:
            return self._recipe_of(job).digest() != job.recipe_digest
        except ResilverError:  # which the picture's failure will tell
            return True

    def _heap(self, job: Job) -> Path:
        """A folder right in the root with all below it is one heap, the root's own pictures are another."""
        if job.root is None:
            return job.directory
        parts = job.path.relative_to(job.root).parts
        return job.root / parts[0] if len(parts) > 1 else job.root

    def _put_away(self, path: Path, pair: Pair) -> None:
        job = self._journal.find(path, pair.directory(path))
        if job is not None and job.state is State.DONE:
            put_away(path, pair.input, job.identity)


@functools.lru_cache(1000)
def _directory(pair: Pair, folder: str) -> Path:
    """Where the results of the pictures in a folder go."""
    return pair.directory(Path(folder, "picture"))


def _age_s(look: Look, clock_ns: int | None) -> float:
    """How long ago the file arrived; 0 where its times are by a clock that cannot be trusted."""
    return 0.0 if clock_ns is None else min(max(0.0, (clock_ns - look.ctime_ns) / 1e9), _OLDEST_S)


def _changed_since(job: Job, look: Look) -> bool:
    """Whether the file was written or moved since; of a drive that came back inodes may be others, but no later ones.

    Windows does not tell when, only when a file was made.
    """
    return os.name == "nt" or look.ctime_ns > dt.datetime.fromisoformat(job.when).timestamp() * 1e9
