"""The hot folder itself: watches, takes in, lets work, and answers whoever asks.

One thread (the caller of :meth:`Daemon.run`) watches and takes in, one works (:mod:`.work`), those of the control
socket ask. What they share is the journal and the scheduler, which let one in at a time.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import queue
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil

from resilver.errors import SettingsError
from resilver.recipe import Recipe, preset
from resilver.settings import ENGINES, Settings, state_dir
from resilver_watcher.events import watches
from resilver_watcher.folder import Folder, make_folders
from resilver_watcher.intake import Intake
from resilver_watcher.job import Job, State
from resilver_watcher.journal import JournalBroken, JournalError, open_journal, set_aside
from resilver_watcher.pairs import Pair, check_pairs, preset_name
from resilver_watcher.readiness import Hint, Readiness
from resilver_watcher.rebuild import rebuild
from resilver_watcher.report import entry, status_of
from resilver_watcher.scan import sweep
from resilver_watcher.scheduler import Scheduler
from resilver_watcher.state import Controls, Ending, Entry, News, Status
from resilver_watcher.verdict import RESUME_S
from resilver_watcher.work import Work

_log = logging.getLogger(__name__)

CHECK_S = 5.0  # a root that is another one, or threads that died, are seen after so long
FOLDER_S = 2.0  # after folders came or went, one sweep for all of them
BATTERY_S = 30.0
LULL_S = 0.04  # between the parts of a heap that are taken in, so that the work gets on with the first
ONCE_PATIENCE_S = 10.0

_Event = tuple[float, str, str, Hint | None]
"""When it was told, the root, the path, and what of it."""


def journal_file() -> Path:
    """Where the journal lies."""
    return state_dir() / "folder.sqlite"


class Daemon(Controls):
    """The hot folder of these pairs; see :class:`.state.Controls` for what it can be told.

    ``once``: end when everything that lies there is done. ``told`` hears what is worth a notification, in no thread
    of the caller. ``journal``: its file; ``command``: what starts the worker, where others than usual are wanted.
    ``engine``: for this run, instead of the one that was chosen by :meth:`set_engine`.

    Raises:
        SettingsError: the pairs feed each other.
        JournalNewer, JournalError: there is no journal to write.
    """

    def __init__(
        self,
        settings: Settings,
        pairs: Sequence[Pair],
        *,
        once: bool = False,
        told: Callable[[News], None] = lambda _news: None,
        journal: Path | None = None,
        command: Sequence[str] | None = None,
        engine: str | None = None,
    ) -> None:
        check_pairs(pairs)
        self._settings, self._pairs, self._once = settings, tuple(pairs), once
        self._told, self._command, self._engine = told, command, engine
        self._path = journal or journal_file()
        self._events: queue.SimpleQueue[_Event | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._run_counts = Counter[Ending]()
        self._failed_ever = False
        self._last_output: Path | None = None
        self._told_trouble: set[str] = set()
        self._on_battery = False
        self._journal_failed = False
        self._open()

    def _open(self) -> None:
        self._journal, damaged = open_journal(self._path)
        watch = self._settings.watch
        self._journal.keep_only([pair.input for pair in self._pairs])
        self._scheduler = Scheduler(self._journal)
        patience_s = min(ONCE_PATIENCE_S, watch.patience_s) if self._once else watch.patience_s
        engine = self._engine or self._journal.fact("engine")
        if engine in ENGINES:
            self._settings = dataclasses.replace(self._settings, engine=engine)
        self._work = Work(
            self._journal, self._scheduler, self._settings, self._pairs,
            preset(self._journal.fact("preset") or watch.preset),
            changed=self._look_again, ended=self._count, rests=lambda: self._events.put(None), command=self._command,
        )  # fmt: skip
        readiness = Readiness(watch.quiet_s, watch.look_s, patience_s)
        self._intake = Intake(
            self._journal, self._scheduler, readiness, self._pairs, self._work.recipe_of,
            originals=watch.originals == "move", failed=lambda: self._count("failed", None),
        )  # fmt: skip
        self._work.pause(self.paused)
        self._folders = [
            Folder(pair, self._hear, sweep_s=watch.sweep_s, rescan_s=watch.rescan_s, events=watch.events == "auto")
            for pair in self._pairs
        ]
        if damaged:
            _log.warning("the journal was damaged and is kept aside; it is made anew from the folders")
            rebuild(self._journal, self._pairs)

    @property
    def paused(self) -> bool:
        """Whether somebody paused it."""
        return not self._once and self._journal.fact("paused") == "yes"

    def run(self) -> int:
        """Watch and work until :meth:`stop`, or with ``once`` until all is done; 1 if something failed then."""
        for pair in self._pairs:
            make_folders(pair)
        while not self._stopping.is_set():
            try:
                if self._watch():
                    break
            except JournalBroken:
                self._start_anew()
        self._close()
        return 1 if self._once and self._failed_ever else 0

    def _watch(self) -> bool:
        """Until it is to end (True)."""
        self._work.start()
        check_s = battery_s = float("-inf")
        while not self._stopping.is_set():
            now = time.monotonic()
            if now >= check_s:
                check_s = now + CHECK_S
                self._check(now)
            if self._settings.watch.on_battery == "pause" and now >= battery_s:
                battery_s = now + BATTERY_S
                self._look_at_battery()
            if self._work.broken is not None:
                raise self._work.broken
            if self._step(now):
                return True
            self._listen(min(check_s, self._next_s(now)))
        return True

    def _step(self, now: float) -> bool:
        """Take in what is due and tell what is new; whether all is done. No single file may end the watch."""
        try:
            self._take_in(now)
            if self._journal_failed:
                self._journal_failed = False
                self._scheduler.release(None)
            if self._all_done():
                self._work.stop()  # what became of the last picture is told after it stands in the journal
                self._report()
                return True
            self._report()
        except JournalBroken:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            _log.exception("the watch stumbled")
            if isinstance(error, JournalError):
                self._journal_failed = True
                self._scheduler.hold(None, RESUME_S, error.message)
            for folder in self._folders:  # what was on its way in is found again
                folder.sweep_by(now + RESUME_S)
            self._stopping.wait(1.0)
        return False

    def _next_s(self, now: float) -> float:
        due = [folder.due_s for folder in self._folders if folder.present]
        if self._intake.next_s is not None:
            due.append(max(self._intake.next_s, now + LULL_S))
        if self._once:
            due.append(now + 0.2)
        return min(due, default=now + CHECK_S)

    def _check(self, now: float) -> None:
        for folder in self._folders:
            if folder.check(now):
                folder.sweep_by(now)
        self._watches_enough()

    def _watches_enough(self) -> None:
        have, need = watches(), sum(folder.count for folder in self._folders if folder.watched)
        few = have is not None and have < need
        for folder in self._folders:
            if few and not folder.few_watches:
                sentence = (
                    f"The system lets {folder.pair.input} be watched in part only; it is searched every "
                    f"{self._settings.watch.rescan_s:.0f} seconds. Raise fs.inotify.max_user_watches to end that."
                )
                self._tell_once(sentence)
            folder.few_watches = few

    def _take_in(self, now: float) -> None:
        for folder in self._folders:
            if folder.present and now >= folder.due_s:
                self._sweep(folder, now)
        if self._intake.enter():
            self._work.expect()
        # the clock of another machine says nothing about the age of its files
        clock_ns = None if any(folder.foreign_clock for folder in self._folders) else time.time_ns()
        if self._intake.settle(time.monotonic(), clock_ns):
            self._work.wake()

    def _sweep(self, folder: Folder, now: float) -> None:
        found = sweep(folder.pair.input, self._intake.skip)
        folder.swept(now)
        if not folder.same():  # it went away meanwhile: what was not found is not gone
            return
        folder.count = found.folders
        self._intake.compare(folder.pair, found, now)

    def _listen(self, until_s: float) -> None:
        """Take the events that come until then; the first one ends the wait."""
        try:
            event = self._events.get(timeout=max(0.0, min(CHECK_S, until_s - time.monotonic())))
            while True:
                self._take(event)
                event = self._events.get_nowait()
        except queue.Empty:
            pass

    def _take(self, event: _Event | None) -> None:
        if event is None:
            return
        told_s, root, path, hint = event
        if hint is not None:
            self._intake.hint(root, path, hint, told_s)
            return
        for folder in self._folders:
            if str(folder.pair.input) == root:
                folder.sweep_by(told_s + FOLDER_S)

    def _hear(self, root: Path, path: str, hint: Hint | None) -> None:
        self._events.put((time.monotonic(), str(root), path, hint))

    def _look_again(self, job: Job) -> None:
        if job.root is not None:
            self._hear(job.root, str(job.path), Hint.CREATED)
        else:
            self._journal.queue([(job, None, 0)])

    def _count(self, how: Ending, output: Path | None) -> None:
        self._run_counts[how] += 1
        self._failed_ever |= how == "failed"
        self._last_output = output or self._last_output

    def _all_done(self) -> bool:
        if not self._once:
            return False
        self._failed_ever |= any(folder.trouble for folder in self._folders)
        counts = self._journal.counts()
        left = counts[State.SEEN] + counts[State.WAITING] + counts[State.WORKING]
        if self._scheduler.stuck and left:  # what is held would not end by itself
            self._failed_ever = True
            return counts[State.WORKING] == 0
        return left + self._intake.pending == 0

    def _report(self) -> None:
        """Tell of new trouble, and of the end of a run."""
        troubles = {*self._scheduler.troubles, *(folder.trouble for folder in self._folders if folder.trouble)}
        for sentence in troubles - self._told_trouble:
            self._told(News(trouble=sentence))
        self._told_trouble = troubles
        if self._run_counts and not self._journal.unfinished():
            counts, self._run_counts = self._run_counts, Counter()
            one = counts["done"] + counts["unchanged"] == 1
            opens = self._last_output if one else self._pairs[0].output if self._pairs else None
            self._told(News(counts["done"], counts["unchanged"], counts["failed"], opens=opens))

    def _tell_once(self, sentence: str) -> None:
        _log.warning("%s", sentence)
        self._told(News(trouble=sentence))

    def _look_at_battery(self) -> None:
        try:
            battery = psutil.sensors_battery()
        except (OSError, ValueError):  # a system that has no word for it, as containers are
            battery = None
        self._on_battery = battery is not None and battery.power_plugged is False
        self._work.pause(self._on_battery or self.paused)

    def _start_anew(self) -> None:
        _log.warning("the journal is damaged; it is kept aside and made anew from the folders")
        self._close()
        set_aside(self._path)
        self._open()
        rebuild(self._journal, self._pairs)

    def _close(self) -> None:
        self._work.stop()
        for folder in self._folders:
            folder.stop()
        self._journal.close()

    def stop(self) -> None:
        """See :meth:`.state.Controls.stop`."""
        self._stopping.set()
        self._events.put(None)

    def pause(self) -> None:
        """See :meth:`.state.Controls.pause`."""
        self._journal.set_fact("paused", "yes")
        self._work.pause(True)

    def resume(self) -> None:
        """See :meth:`.state.Controls.resume`."""
        self._journal.set_fact("paused", "no")
        self._work.pause(self._on_battery)

    def retry(self, paths: Sequence[Path] | None = None) -> int:
        """See :meth:`.state.Controls.retry`."""
        if paths is None:
            jobs = self._journal.newest((State.FAILED, State.ASIDE), -1)
        else:
            found = [self._journal.requests(Path(os.path.abspath(path))) for path in paths]  # noqa: PTH100 - links stay
            jobs = [job for jobs in found for job in jobs if job.state in (State.FAILED, State.ASIDE, State.DONE)]
        self._journal.queue([(job, job.identity, 0) for job in jobs])
        self._scheduler.release_all()
        self._work.wake()
        return len(jobs)

    def enqueue(
        self, files: Sequence[Path], recipe: Recipe | None = None, beside: bool = False, into: Path | None = None
    ) -> int:
        """See :meth:`.state.Controls.enqueue`."""
        common = into or (None if beside else self._pairs[0].output)
        finds = {Path(os.path.abspath(file)): common or file.absolute().parent for file in files}  # noqa: PTH100
        self._journal.see(None, finds, recipe)
        jobs = [self._journal.find(path, directory, recipe) for path, directory in finds.items()]
        idle = [job for job in jobs if job is not None and job.state not in (State.WAITING, State.WORKING)]
        self._journal.queue([(job, None, self._scheduler.rank(job.directory)) for job in idle])
        self._work.wake()
        return len(finds)

    def set_engine(self, name: str) -> None:
        """See :meth:`.state.Controls.set_engine`."""
        if name not in ENGINES:
            raise SettingsError(f"There is no engine '{name}'; there are {', '.join(ENGINES)}.")
        self._settings = dataclasses.replace(self._settings, engine=name)
        self._journal.set_fact("engine", name)
        self._engine = None
        self._work.use(self._settings)
        self._scheduler.release_all()
        self._work.wake()

    def set_preset(self, name: str) -> None:
        """See :meth:`.state.Controls.set_preset`."""
        recipe = preset(name)
        self._journal.set_fact("preset", preset_name(recipe))
        self._work.recipe = recipe

    def history(self, n: int = 100) -> tuple[Entry, ...]:
        """See :meth:`.state.Controls.history`."""
        return tuple(map(entry, self._journal.newest((State.DONE, State.FAILED, State.ASIDE), n)))

    def status(self) -> Status:
        """See :meth:`.state.Controls.status`."""
        return status_of(
            self._journal, self._scheduler, self._work, self._folders, paused=self.paused or self._on_battery
        )
