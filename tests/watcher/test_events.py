from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.hot_folder import wait_for
from fakes.photos import save_photo
from resilver_watcher.events import Overflows, Watch, watches
from resilver_watcher.readiness import Hint

Heard = list[tuple[str, Hint | None]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@pytest.fixture
def heard(root: Path) -> Iterator[Heard]:
    events: Heard = []
    watch = Watch(root, lambda _root, path, hint: events.append((str(Path(path).relative_to(root)), hint)))
    yield events
    watch.stop()


linux = pytest.mark.skipif(sys.platform != "linux", reason="closing is told on Linux only")


@linux
def test_copy_is_closed_and_move_is_moved(root: Path, tmp_path: Path, heard: Heard) -> None:
    """What comes by cp is told to be closed, what is moved in from outside to be moved, not only created."""
    photo = save_photo(tmp_path / "a.jpg")
    shutil.copy(photo, root / "copy.jpg")
    wait_for(lambda: ("copy.jpg", Hint.CLOSED) in heard)
    photo.rename(root / "moved.jpg")
    wait_for(lambda: ("moved.jpg", Hint.MOVED) in heard)
    (root / "moved.jpg").rename(root / "renamed.jpg")
    wait_for(lambda: ("renamed.jpg", Hint.MOVED) in heard)
    assert ("moved.jpg", Hint.GONE) in heard
    (root / "copy.jpg").unlink()
    wait_for(lambda: ("copy.jpg", Hint.GONE) in heard)


@linux
def test_reading_is_not_told(root: Path, heard: Heard) -> None:
    """Neither thumbnailers nor the worker wake the daemon."""
    photo = save_photo(root / "a.jpg")
    wait_for(lambda: ("a.jpg", Hint.CLOSED) in heard)
    heard.clear()
    photo.read_bytes()
    (root / "end.jpg").touch()
    wait_for(lambda: ("end.jpg", Hint.CLOSED) in heard)
    assert {path for path, _ in heard} == {"end.jpg"}


def test_folders_are_told_as_a_wish_to_look(root: Path, tmp_path: Path, heard: Heard) -> None:
    """A tree that is moved in tells of itself, since its files may not all be told."""
    save_photo(tmp_path / "tree" / "deep" / "a.jpg")
    (tmp_path / "tree").rename(root / "tree")
    wait_for(lambda: ("tree", None) in heard)


def test_a_handler_that_fails_ends_nothing(root: Path) -> None:
    """After an error on the way the next event is heard."""
    events: list[str] = []

    def told(_root: Path, path: str, hint: Hint | None) -> None:
        if hint is not None and path.endswith("bad.jpg"):
            raise RuntimeError("a defect")
        events.append(path)

    watch = Watch(root, told)
    (root / "bad.jpg").touch()
    (root / "good.jpg").touch()
    wait_for(lambda: str(root / "good.jpg") in events)
    assert str(root) in events  # what was lost is looked for
    assert watch.alive
    watch.stop()


def test_a_deleted_root_is_a_dead_watch(root: Path) -> None:
    """The observer says that it lives; we see that it does not."""
    watch = Watch(root, lambda *_: None)
    assert watch.alive
    root.rmdir()
    wait_for(lambda: not watch.alive)
    watch.stop()


def test_a_missing_root_is_an_error(root: Path) -> None:
    """And not silence."""
    with pytest.raises(OSError, match="No such file"):
        Watch(root / "gone", lambda *_: None)


@linux
def test_watches_are_counted_by_the_kernel(root: Path) -> None:
    """One for each folder, so that too few of them are seen."""
    before = watches()
    (root / "a" / "b").mkdir(parents=True)
    watch = Watch(root, lambda *_: None)
    assert watches() == before + 3
    watch.stop()


def test_warnings_of_watchdog_are_heard(root: Path) -> None:
    """An overflow is told in its log and nowhere else."""
    lost: list[bool] = []
    with Overflows(lambda: lost.append(True)):
        logging.getLogger("watchdog.observers.inotify").warning("Inotify queue overflowed")
    logging.getLogger("watchdog.observers.inotify").warning("not any more")
    assert lost == [True]
