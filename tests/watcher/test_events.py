from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fakes.hot_folder import wait_for
from fakes.photos import save_photo
from resilver_watcher import observed
from resilver_watcher.events import watches
from resilver_watcher.readiness import Hint

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells that")
if sys.platform == "linux":
    from resilver_watcher import inotify

    Watch = inotify.Watch
else:
    Watch = observed.Watch

Heard = list[tuple[str, Hint | None]]


@pytest.fixture(params=["system", "watchdog"])
def watch_of(request: pytest.FixtureRequest) -> type[Watch]:
    """What this system uses, and what the others do."""
    return Watch if request.param == "system" else observed.Watch


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


@linux
def test_what_lies_in_a_folder_that_is_moved_in_is_told(root: Path, tmp_path: Path, heard: Heard) -> None:
    """Every picture of it, however deep, at once and later, but nothing of hidden folders."""
    for name in ("a.jpg", "deep/b.jpg", ".hidden/c.jpg", "deep/d.txt"):
        save_photo(tmp_path / "tree" / "x.jpg").rename(_made(tmp_path / "tree" / name))
    (tmp_path / "tree").rename(root / "tree")
    wait_for(lambda: {("tree/a.jpg", Hint.CREATED), ("tree/deep/b.jpg", Hint.CREATED)} <= set(heard))
    save_photo(root / "tree" / "deep" / "later.jpg")
    wait_for(lambda: ("tree/deep/later.jpg", Hint.CLOSED) in heard)
    assert not [path for path, _ in heard if "hidden" in path or path.endswith(".txt")]


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


@linux
def test_a_folder_is_known_by_its_new_name_or_not_at_all(root: Path, tmp_path: Path, heard: Heard) -> None:
    """After a move within the root, names are the new ones; of what was moved out nothing is told any more."""
    (root / "one" / "deep").mkdir(parents=True)
    wait_for(lambda: ("one", None) in heard and watches() >= 3)
    (root / "one").rename(root / "two")
    wait_for(lambda: ("two", None) in heard)
    save_photo(root / "two" / "deep" / "a.jpg")
    wait_for(lambda: ("two/deep/a.jpg", Hint.CLOSED) in heard)
    (root / "two").rename(tmp_path / "away")
    wait_for(lambda: watches() == 1)
    save_photo(tmp_path / "away" / "deep" / "b.jpg")
    save_photo(root / "end.jpg")
    wait_for(lambda: ("end.jpg", Hint.CLOSED) in heard)
    assert not [path for path, _ in heard if path.endswith("b.jpg") or path.startswith("one/deep/a")]


@linux
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["mkdir", "write", "move", "rmtree"]), st.integers(0, 5), st.integers(0, 5))))
def test_after_any_moves_each_folder_tells_of_its_files(tmp_path: Path, steps: list[tuple[str, int, int]]) -> None:
    """However folders were made, moved and deleted: a picture written into any that is there is told by its name."""
    with tempfile.TemporaryDirectory(dir=tmp_path) as place:
        root, heard = Path(place), set()
        folders = [root / "a", root / "b", root / "a" / "c", root / "b" / "c", root / "a" / "c" / "d", root / "e"]
        watch = Watch(root, lambda _root, path, hint: heard.add((path, hint)))
        for what, one, other in steps:
            with contextlib.suppress(OSError):
                _do(what, folders[one], folders[other])
        for folder in (root, *(folder for folder in folders if folder.is_dir())):
            (folder / "last.jpg").write_bytes(b"x")
            wait_for(lambda path=str(folder / "last.jpg"): {(path, Hint.CLOSED), (path, Hint.CREATED)} & heard)
        watch.stop()


def _do(what: str, one: Path, other: Path) -> None:
    if what == "mkdir":
        one.mkdir(parents=True)
    elif what == "write":
        (one / "a.jpg").write_bytes(b"x")
    elif what == "move":
        one.rename(other)
    else:
        shutil.rmtree(one)


@linux
def test_a_link_to_a_folder_is_not_followed(root: Path, tmp_path: Path, heard: Heard) -> None:
    """What lies elsewhere is no business of the folder."""
    (tmp_path / "elsewhere").mkdir()
    (root / "link").symlink_to(tmp_path / "elsewhere")
    save_photo(tmp_path / "elsewhere" / "a.jpg")
    save_photo(root / "end.jpg")
    wait_for(lambda: ("end.jpg", Hint.CLOSED) in heard)
    assert {path for path, _ in heard} == {"end.jpg"}


@linux
def test_a_name_that_is_no_utf8_is_told_as_it_is(root: Path, heard: Heard) -> None:
    """As the search spells it."""
    name = os.fsdecode(b"w\xff\n.jpg")
    (root / name).touch()
    wait_for(lambda: (name, Hint.CLOSED) in heard)


@linux
def test_lost_events_are_told_as_a_wish_to_look(root: Path) -> None:
    """When the kernel's queue was full, and folders that came meanwhile are watched from then on."""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 50_000:
        pytest.skip("the queue is too long to be filled here")
    heard: Heard = []
    hold = threading.Event()

    def told(_root: Path, path: str, hint: Hint | None) -> None:
        hold.wait(60)
        heard.append((path, hint))

    watch = Watch(root, told)
    for number in range(limit // 2 + 3000):
        (root / f"{number % 2}.jpg").touch()
        (root / f"{number % 2}.jpg").unlink()
    (root / "late").mkdir()
    hold.set()
    wait_for(lambda: (str(root), None) in heard)
    save_photo(root / "late" / "a.jpg")
    wait_for(lambda: (str(root / "late" / "a.jpg"), Hint.CLOSED) in heard)
    watch.stop()


def test_a_handler_that_fails_ends_nothing(root: Path, watch_of: type[Watch]) -> None:
    """After an error on the way the next event is heard."""
    events: list[str] = []

    def told(_root: Path, path: str, hint: Hint | None) -> None:
        if hint is not None and path.endswith("bad.jpg"):
            raise RuntimeError("a defect")
        events.append(path)

    watch = watch_of(root, told)
    (root / "bad.jpg").touch()
    (root / "good.jpg").touch()
    wait_for(lambda: str(root / "good.jpg") in events)
    assert str(root) in events  # what was lost is looked for
    assert watch.alive
    watch.stop()


def test_a_deleted_root_is_a_dead_watch(root: Path, watch_of: type[Watch]) -> None:
    """Watchdog's observer says that it lives; we see that it does not."""
    watch = watch_of(root, lambda *_: None)
    assert watch.alive
    root.rmdir()
    wait_for(lambda: not watch.alive)
    watch.stop()


def test_a_missing_root_is_an_error(root: Path, watch_of: type[Watch]) -> None:
    """And not silence."""
    with pytest.raises(OSError, match="No such file"):
        watch_of(root / "gone", lambda *_: None)


@linux
def test_watches_are_counted_by_the_kernel(root: Path, watch_of: type[Watch]) -> None:
    """One for each folder, so that too few of them are seen."""
    before = watches()
    (root / "a" / "b").mkdir(parents=True)
    watch = watch_of(root, lambda *_: None)
    assert watches() == before + 3
    watch.stop()


def test_warnings_of_watchdog_are_heard(root: Path) -> None:
    """An overflow is told in its log and nowhere else."""
    heard: Heard = []
    watch = observed.Watch(root, lambda _root, path, hint: heard.append((path, hint)))
    logging.getLogger("watchdog.observers.inotify").warning("Inotify queue overflowed")
    watch.stop()
    logging.getLogger("watchdog.observers.inotify").warning("not any more")
    assert heard == [(str(root), None)]


def test_watchdog_tells_of_files_and_folders(root: Path) -> None:
    """What is made, moved and deleted."""
    heard: Heard = []
    watch = observed.Watch(root, lambda _root, path, hint: heard.append((str(Path(path).relative_to(root)), hint)))
    photo = save_photo(root / "a.jpg")
    wait_for(lambda: ("a.jpg", Hint.CREATED) in heard)
    photo.rename(root / "b.jpg")
    wait_for(lambda: ("b.jpg", Hint.MOVED) in heard and ("a.jpg", Hint.GONE) in heard)
    (root / "b.jpg").unlink()
    wait_for(lambda: ("b.jpg", Hint.GONE) in heard)
    (root / "folder").mkdir()
    wait_for(lambda: ("folder", None) in heard)
    watch.stop()
