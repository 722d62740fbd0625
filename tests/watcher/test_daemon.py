from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import threading
import time
from pathlib import Path

import psutil
import pytest

from fakes.hot_folder import HotFolder, quiet, wait_for
from fakes.photos import save_photo
from fakes.workers import command
from resilver.errors import RecipeError, SettingsError
from resilver.picture_io.provenance import read_provenance
from resilver.recipe import Recipe
from resilver.settings import Settings, WorkerSettings
from resilver_watcher.aftermath import note_path
from resilver_watcher.daemon import Daemon
from resilver_watcher.pairs import Pair


def test_what_is_dropped_comes_out(tmp_path: Path) -> None:
    """Copied, moved in, in subfolders of its own or of a preset: each comes out once, where it belongs."""
    hot = HotFolder(tmp_path)
    with hot.running() as daemon:
        shutil.copy(save_photo(tmp_path / "a.jpg"), hot.input)
        save_photo(tmp_path / "b.jpg").rename(hot.input / "b.jpg")
        save_photo(hot.input / "album" / "c.png")
        save_photo(hot.input / "upscale-2x" / "d.jpg", 20, 10)
        wait_for(lambda: daemon.status().counts["done"] == 4)
        status = daemon.status()
    assert hot.results() == ["a-improved.jpg", "album/c-improved.png", "b-improved.jpg", "upscale-2x/d-improved.jpg"]
    known = read_provenance(hot.output / "upscale-2x" / "d-improved.jpg")
    assert Recipe.from_json(known.recipe) == Recipe(improve=False, resolution=2)
    assert {Path(entry.source).name for entry in status.results} == {"a.jpg", "b.jpg", "c.png", "d.jpg"}
    assert all(Path(entry.outputs[-1]).is_file() for entry in status.results)


def test_what_came_while_it_was_away_is_found(tmp_path: Path) -> None:
    """Files from before the start are done, and after a restart nothing is done again."""
    hot = HotFolder(tmp_path)
    for number in range(3):
        save_photo(hot.input / f"{number}.jpg")
    assert hot.once() == 0
    results = {name: (hot.output / name).stat().st_mtime_ns for name in hot.results()}
    assert len(results) == 3
    save_photo(hot.input / "new.jpg")
    assert hot.once() == 0
    assert {name: (hot.output / name).stat().st_mtime_ns for name in hot.results()}.items() > results.items()
    assert len(hot.results()) == 4


def test_touched_is_not_done_again_but_changed_is(tmp_path: Path) -> None:
    """Another date means nothing, other bytes do."""
    hot = HotFolder(tmp_path)
    photo = save_photo(hot.input / "a.jpg")
    assert hot.once() == 0
    os.utime(photo, (1, 1))
    assert hot.once() == 0
    assert hot.results() == ["a-improved.jpg"]
    save_photo(photo, 50, 50)
    assert hot.once() == 0
    assert hot.results() == ["a-improved-2.jpg", "a-improved.jpg"]


def test_dropped_again_without_its_result_is_done_again(tmp_path: Path) -> None:
    """A result that was thrown away comes back by dropping the picture again, and only by that."""
    hot = HotFolder(tmp_path)
    photo = save_photo(hot.input / "a.jpg")
    assert hot.once() == 0
    (hot.output / "a-improved.jpg").unlink()
    assert hot.once() == 0
    assert hot.results() == []
    shutil.copy(photo, tmp_path / "a.jpg")
    with hot.running() as daemon:
        wait_for(lambda: daemon.status().counts["done"] == 1)
        (tmp_path / "a.jpg").replace(photo)
        wait_for(lambda: hot.results() == ["a-improved.jpg"])


def test_failure_leaves_a_text_until_it_succeeds(tmp_path: Path) -> None:
    """The text says what and where; it goes when the picture was replaced by a good one; the code tells of it."""
    hot = HotFolder(tmp_path)
    broken = hot.input / "sub" / "a.jpg"
    broken.parent.mkdir(parents=True)
    broken.write_bytes(b"<html>")
    save_photo(hot.input / "good.jpg")
    with hot.running() as daemon:
        wait_for(lambda: daemon.status().counts["failed"] == 1, 60)
        (entry,) = daemon.status().failed
        note = note_path(broken, hot.output / "sub")
        text = note.read_text()
        assert entry.reason in text
        assert str(broken) in text
        assert broken.read_bytes() == b"<html>"
        assert (hot.output / "good-improved.jpg").exists()
        save_photo(tmp_path / "a.jpg").replace(broken)
        wait_for(lambda: daemon.status().counts["done"] == 2)
        assert daemon.status().failed == ()
    assert hot.results() == ["good-improved.jpg", "sub/a-improved.jpg"]


def test_a_text_of_a_picture_that_is_gone_goes_too(tmp_path: Path) -> None:
    """Whoever deletes what failed does not have to clear up after it."""
    hot = HotFolder(tmp_path, rescan_s=0.5, events="off")
    hot.input.mkdir()
    (hot.input / "a.jpg").write_bytes(b"")
    with hot.running() as daemon:
        wait_for(lambda: daemon.status().counts["failed"] == 1)
        assert len(hot.results()) == 1
        (hot.input / "a.jpg").unlink()
        wait_for(lambda: not hot.results())
        wait_for(lambda: daemon.status().counts["failed"] == 0)


def test_a_picture_that_kills_the_worker_twice_is_set_aside(tmp_path: Path) -> None:
    """The others go on; on request it is tried again."""
    hot = HotFolder(tmp_path, "Segfaults")
    save_photo(hot.input / "bad.jpg")
    with hot.running() as daemon:
        wait_for(lambda: daemon.status().counts["aside"] == 1)
        assert daemon.status().failed[0].code == "worker-crashed"
        assert daemon.retry() == 1
        wait_for(lambda: daemon.status().counts["aside"] == 0)
        wait_for(lambda: daemon.status().counts["aside"] == 1)
    assert hot.results() == ["bad.jpg.not-restored.txt"]


def test_pause_holds_and_lasts(tmp_path: Path) -> None:
    """Paused, nothing begins, also after a restart; resumed, all is done."""
    hot = HotFolder(tmp_path)
    with hot.running() as daemon:
        daemon.pause()
        assert daemon.status().state == "paused"
    save_photo(hot.input / "a.jpg")
    with hot.running() as daemon:
        wait_for(lambda: daemon.status().counts["waiting"] == 1)
        time.sleep(1)
        assert daemon.status().state == "paused"
        assert hot.results() == []
        daemon.resume()
        wait_for(hot.results)


def test_stop_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    """Within five seconds, and the picture is done at the next start, once."""
    hot = HotFolder(tmp_path, "Slow")
    save_photo(hot.input / "a.jpg")
    with hot.running() as daemon:
        wait_for(lambda: daemon.status().current is not None and daemon.status().current.fraction > 0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 5
    assert hot.results() == []
    assert hot.once() == 0
    assert hot.results() == ["a-improved.jpg"]


def test_originals_are_put_away_if_wanted(tmp_path: Path) -> None:
    """They lie in Originals with their bytes and their folders, and are not taken again."""
    hot = HotFolder(tmp_path, originals="move")
    photo = save_photo(hot.input / "album" / "a.jpg")
    data = photo.read_bytes()
    assert hot.once() == 0
    assert hot.once() == 0
    kept = hot.input / "Originals" / "album" / "a.jpg"
    assert kept.read_bytes() == data
    assert not photo.exists()
    assert hot.results() == ["album/a-improved.jpg"]
    save_photo(photo, 50, 50)
    assert hot.once() == 0
    assert (kept.parent / "a-2.jpg").exists()
    assert kept.read_bytes() == data


def test_an_original_that_was_half_put_away(tmp_path: Path) -> None:
    """Killed between the new name and the end of the old one, it goes on to one file, not to two."""
    hot = HotFolder(tmp_path, originals="move")
    photo = save_photo(hot.input / "a.jpg")
    kept = hot.input / "Originals" / "a.jpg"
    kept.parent.mkdir()
    kept.hardlink_to(photo)
    assert hot.once() == 0
    assert not photo.exists()
    assert [path.name for path in kept.parent.iterdir()] == ["a.jpg"]


def test_files_are_handed_over_from_anywhere(tmp_path: Path) -> None:
    """Into the output folder, or beside each; with a recipe of their own."""
    hot = HotFolder(tmp_path)
    one, two = save_photo(tmp_path / "else" / "one.jpg", 20, 10), save_photo(tmp_path / "else" / "two.jpg")
    with hot.running() as daemon:
        assert daemon.enqueue([one], Recipe(improve=False, resolution=2)) == 1
        assert daemon.enqueue([two], beside=True) == 1
        wait_for(lambda: daemon.status().counts["done"] == 2)
    assert hot.results() == ["one-improved.jpg"]
    assert read_provenance(hot.output / "one-improved.jpg").recipe["resolution"] == 2
    assert (two.parent / "two-improved.jpg").is_file()


def test_a_folder_overrides_its_recipe(tmp_path: Path) -> None:
    """By resilver.toml; one that cannot be meant fails its pictures only, until it is mended."""
    hot = HotFolder(tmp_path)
    save_photo(hot.input / "big" / "a.jpg", 20, 10)
    save_photo(hot.input / "b.jpg")
    file = hot.input / "big" / "resilver.toml"
    file.write_text("resolution = 3\n")
    with hot.running() as daemon:
        wait_for(lambda: daemon.status().counts["failed"] == daemon.status().counts["done"] == 1)
        assert str(file) in daemon.status().failed[0].reason
        file.write_text("resolution = 4\n")
        daemon.retry([hot.input / "big" / "a.jpg"])
        wait_for(lambda: daemon.status().counts["done"] == 2)
    assert read_provenance(hot.output / "big" / "a-improved.jpg").recipe["resolution"] == 4


def test_a_folder_that_comes_back_is_taken_up(tmp_path: Path) -> None:
    """Renamed away, it is missing, and nothing counts as deleted; made anew, its files are done without a restart."""
    hot = HotFolder(tmp_path)
    save_photo(hot.input / "a.jpg")
    with hot.running() as daemon:
        wait_for(lambda: daemon.status().counts["done"] == 1)
        hot.input.rename(tmp_path / "away")
        wait_for(lambda: daemon.status().state == "trouble")
        assert "missing" in daemon.status().trouble
        hot.input.mkdir()
        save_photo(hot.input / "b.jpg")
        wait_for(lambda: daemon.status().counts["done"] == 2)
        save_photo(hot.input / "c.jpg")
        wait_for(lambda: daemon.status().counts["done"] == 3)
        assert daemon.status().trouble == ""
    assert hot.results() == ["a-improved.jpg", "b-improved.jpg", "c-improved.jpg"]


def test_a_damaged_journal_is_made_anew(tmp_path: Path) -> None:
    """What was done is known from the results, whatever the recipe is now; only the new picture is done."""
    hot = HotFolder(tmp_path)
    save_photo(hot.input / "a.jpg")
    save_photo(hot.input / "sub" / "b.jpg")
    assert hot.once() == 0
    before = {name: (hot.output / name).stat().st_mtime_ns for name in hot.results()}
    (tmp_path / "state" / "folder.sqlite").write_bytes(b"junk" * 10000)
    save_photo(hot.input / "new.jpg")
    with hot.running() as daemon:
        daemon.set_preset("Upscale 2x")
        wait_for(lambda: daemon.status().counts["done"] == 3 and quiet(daemon.status()))
    after = {name: (hot.output / name).stat().st_mtime_ns for name in hot.results()}
    assert len(after) == 3
    assert after.items() > before.items()


def test_one_notification_at_the_end_of_a_run(tmp_path: Path) -> None:
    """Not one for each picture; it opens the result where there is one only."""
    hot = HotFolder(tmp_path)
    with hot.running() as daemon:
        daemon.pause()
        for number in range(5):
            save_photo(hot.input / f"{number}.jpg")
        wait_for(lambda: daemon.status().counts["waiting"] == 5)
        daemon.resume()
        (news,) = wait_for(lambda: hot.news)
        assert (news.done, news.failed, news.opens) == (5, 0, hot.output)
        save_photo(hot.input / "last.jpg")
        wait_for(lambda: len(hot.news) == 2)
    assert hot.news[1].opens == hot.output / "last-improved.jpg"
    assert len(hot.news) == 2


def test_once_says_whether_something_failed(tmp_path: Path) -> None:
    """0 for an empty folder, 1 where a picture failed or the folder is missing."""
    hot = HotFolder(tmp_path)
    assert hot.once() == 0
    (hot.input / "a.jpg").write_bytes(b"")
    hot.settings = HotFolder(tmp_path, patience_s=0.5).settings
    assert hot.once() == 1
    missing = HotFolder(tmp_path / "not" / "there")
    missing.place = tmp_path
    assert missing.once() == 1


def test_dangerous_pairs_and_unknown_names_are_refused(tmp_path: Path) -> None:
    """With a sentence, before anything is watched or changed."""
    with pytest.raises(SettingsError, match="would be taken for new pictures"):
        Daemon(HotFolder(tmp_path).settings, [Pair(tmp_path, tmp_path / "out")], journal=tmp_path / "j")
    hot = HotFolder(tmp_path)
    with hot.running() as daemon:
        with pytest.raises(SettingsError):
            daemon.set_engine("magic")
        with pytest.raises(RecipeError):
            daemon.set_preset("magic")


def test_a_single_drop_comes_before_a_heap(tmp_path: Path) -> None:
    """One photograph that is dropped while many wait is next."""
    hot = HotFolder(tmp_path, "Slow")
    for number in range(10):
        save_photo(hot.input / "heap" / f"{number}.jpg")
    with hot.running() as daemon:
        wait_for(lambda: daemon.status().counts["working"] == 1 and daemon.status().counts["waiting"] == 9)
        wait_for(lambda: daemon.status().counts["done"] >= 3, 60)
        save_photo(hot.input / "single.jpg")
        wait_for((hot.output / "single-improved.jpg").exists, 60)
        assert daemon.status().counts["done"] <= 6


def test_settings_may_be_asked_from_any_thread(tmp_path: Path) -> None:
    """Status, history and pause from eight threads while pictures are done: no error, nothing lost."""
    hot = HotFolder(tmp_path)
    errors: list[Exception] = []

    def ask(daemon: Daemon) -> None:
        try:
            for _ in range(50):
                daemon.status()
                daemon.history(5)
                daemon.pause()
                daemon.resume()
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            errors.append(error)

    with hot.running() as daemon:
        for number in range(10):
            save_photo(hot.input / f"{number}.jpg")
        threads = [threading.Thread(target=ask, args=(daemon,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        wait_for(lambda: daemon.status().counts["done"] == 10)
    assert errors == []
    assert len(hot.results()) == 10


def test_an_idle_worker_goes_and_comes_again(tmp_path: Path) -> None:
    """Its memory is given back after a while without pictures; the next picture starts another."""
    hot = HotFolder(tmp_path, settings=Settings(worker=WorkerSettings(idle_s=0.5)))
    with hot.running() as daemon:
        save_photo(hot.input / "a.jpg")
        wait_for(lambda: daemon.status().counts["done"] == 1)
        worker = wait_for(lambda: psutil.Process().children())
        wait_for(lambda: not psutil.Process().children())
        save_photo(hot.input / "b.jpg")
        wait_for(lambda: daemon.status().counts["done"] == 2)
    assert not any(process.is_running() for process in worker)


def test_a_journal_that_is_locked_for_a_while_loses_nothing(tmp_path: Path) -> None:
    """Pictures that come meanwhile are done afterwards, and the trouble is told and ends."""
    hot = HotFolder(tmp_path, sweep_s=1.0)
    with hot.running() as daemon:
        save_photo(hot.input / "a.jpg")
        wait_for(lambda: daemon.status().counts["done"] == 1)
        with contextlib.closing(sqlite3.connect(tmp_path / "state" / "folder.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            save_photo(hot.input / "b.jpg")
            wait_for(lambda: daemon.status().trouble)
            other.execute("ROLLBACK")
        wait_for(lambda: daemon.status().counts["done"] == 2)
        wait_for(lambda: not daemon.status().trouble)
    assert hot.results() == ["a-improved.jpg", "b-improved.jpg"]


def test_a_good_picture_comes_out_unchanged(tmp_path: Path) -> None:
    """Byte by byte under its own name, over nothing that lies there, and once, also after a damaged journal."""
    hot = HotFolder(tmp_path, "Content")
    photo = save_photo(hot.input / "sub" / "a.jpg")
    other = hot.output / "sub" / "a.jpg"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"of somebody else")
    assert hot.once() == 0
    assert hot.results() == ["sub/a-2.jpg", "sub/a.jpg"]
    copy = hot.output / "sub" / "a-2.jpg"
    assert copy.read_bytes() == photo.read_bytes()
    assert other.read_bytes() == b"of somebody else"
    (tmp_path / "state" / "folder.sqlite").write_bytes(b"junk" * 10000)
    hot.command = command("Segfaults")  # nothing is left for it
    assert hot.once() == 0
    with hot.running() as daemon:
        (entry,) = daemon.history()
        assert (entry.state, entry.outputs) == ("done", (str(copy),))
    hot.command = command("Content")
    with hot.running() as daemon:
        assert daemon.retry([photo]) == 1
        wait_for(lambda: [one.notes for one in daemon.history()] == [("already good", "copied unchanged")])
        assert (daemon.status().counts["done"], daemon.status().counts["unchanged"]) == (1, 1)
        wait_for(lambda: hot.news)
    assert (hot.news[-1].done, hot.news[-1].unchanged) == (0, 1)
    assert hot.results() == ["sub/a-2.jpg", "sub/a.jpg"]
