"""A picture that comes a second time: what is another request, and what is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fakes.hot_folder import HotFolder, quiet, wait_for
from fakes.photos import save_photo
from fakes.workers import command
from resilver.picture_io.provenance import read_provenance
from resilver.recipe import Recipe, preset
from resilver_watcher.daemon import Daemon

UPSCALE = preset("Upscale 2x")


def done(daemon: Daemon, count: int) -> bool:
    """Whether the work has ended so often, and nothing is left to do."""
    status = daemon.status()
    return quiet(status) and sum(entry.attempts for entry in daemon.history()) == count


def recipes(hot: HotFolder) -> list[Recipe]:
    """Of the results, by their names."""
    return [Recipe.from_json(read_provenance(hot.output / name).recipe) for name in hot.results()]


@pytest.mark.parametrize("way", ["copied", "moved in"])
def test_another_recipe_counts_from_the_next_drop_on(tmp_path: Path, way: str) -> None:
    """Another preset alone does nothing; what is dropped again is done by it, once, and the first result stays."""
    hot = HotFolder(tmp_path, sweep_s=0.3)
    photos = [save_photo(hot.input / name) for name in ("a.jpg", "b.jpg")]
    with hot.running() as daemon:
        wait_for(lambda: done(daemon, 2))
        first = (hot.output / "a-improved.jpg").read_bytes()
        daemon.set_preset("Upscale 2x")
        save_photo(hot.input / "c.jpg")
        wait_for(lambda: done(daemon, 3))  # sweeps went by meanwhile
        shutil.copy(photos[0], tmp_path / "again.jpg")
        if way == "copied":
            shutil.copy(tmp_path / "again.jpg", photos[0])
        else:
            (tmp_path / "again.jpg").rename(photos[0])
        wait_for(lambda: "a-improved-2.jpg" in hot.results())
        save_photo(hot.input / "d.jpg")
        wait_for(lambda: "d-improved.jpg" in hot.results() and quiet(daemon.status()))
    assert hot.results() == ["a-improved-2.jpg", *(f"{name}-improved.jpg" for name in "abcd")]
    assert recipes(hot) == [UPSCALE, Recipe(), Recipe(), UPSCALE, UPSCALE]
    assert (hot.output / "a-improved.jpg").read_bytes() == first


def test_a_folder_that_is_moved_out_and_in_again_is_dropped_again(tmp_path: Path) -> None:
    """Though nothing changed in its files, not even their inodes."""
    hot = HotFolder(tmp_path)
    save_photo(hot.input / "album" / "a.jpg")
    with hot.running() as daemon:
        wait_for(lambda: done(daemon, 1))
        daemon.set_preset("Upscale 2x")
        (hot.input / "album").rename(tmp_path / "album")
        save_photo(hot.input / "b.jpg")
        wait_for(lambda: done(daemon, 2))
        (tmp_path / "album").rename(hot.input / "album")
        wait_for(lambda: len(hot.results()) == 3 and quiet(daemon.status()))
    assert hot.results() == ["album/a-improved-2.jpg", "album/a-improved.jpg", "b-improved.jpg"]


def test_back_to_the_first_recipe_makes_no_third_result(tmp_path: Path) -> None:
    """What a recipe made before is still its result."""
    hot = HotFolder(tmp_path)
    photo = save_photo(hot.input / "a.jpg")
    for number, text in enumerate(('preset = "Restore"', 'preset = "Upscale 2x"', 'preset = "Restore"')):
        (hot.input / "resilver.toml").write_text(text)
        shutil.copy(photo, tmp_path / "again.jpg")
        (tmp_path / "again.jpg").replace(photo)
        assert hot.once() == 0
        assert len(hot.results()) == (1, 2, 2)[number]


def test_dropped_again_while_nobody_watched(tmp_path: Path) -> None:
    """After a restart with another recipe only what came again meanwhile is done by it."""
    hot = HotFolder(tmp_path)
    photos = [save_photo(hot.input / name) for name in ("a.jpg", "b.jpg")]
    assert hot.once() == 0
    hot = HotFolder(tmp_path, preset="Upscale 2x")
    assert hot.once() == 0
    assert len(hot.results()) == 2
    shutil.copy(photos[0], tmp_path / "again.jpg")
    (tmp_path / "again.jpg").replace(photos[0])
    assert hot.once() == 0
    assert hot.once() == 0
    assert hot.results() == ["a-improved-2.jpg", "a-improved.jpg", "b-improved.jpg"]


@pytest.mark.parametrize("lost", [False, True], ids=["results are there", "results were thrown away"])
def test_a_drive_that_came_back_is_no_drop(tmp_path: Path, lost: bool) -> None:
    """The same files under other inodes, as network drives give them, do nothing by themselves, whatever the recipe."""
    hot = HotFolder(tmp_path)
    photo = save_photo(hot.input / "a.jpg")
    shutil.copytree(hot.input, tmp_path / "other")
    assert hot.once() == 0
    hot.input.rename(tmp_path / "away")
    (tmp_path / "other").rename(hot.input)
    assert photo.stat().st_ino != (tmp_path / "away" / "a.jpg").stat().st_ino
    if lost:
        (hot.output / "a-improved.jpg").unlink()
    hot = HotFolder(tmp_path, preset="Upscale 2x")
    assert hot.once() == 0
    assert hot.results() == ([] if lost else ["a-improved.jpg"])


def test_what_failed_is_tried_again_when_it_is_dropped_again(tmp_path: Path) -> None:
    """Also with the same bytes; by itself, or for a touch of the folder, it is not."""
    hot = HotFolder(tmp_path, "dropped.MissingAtB", sweep_s=0.3)
    photo = save_photo(hot.input / "b.jpg")
    assert hot.once() == 1
    hot.command = command("Negative")
    with hot.running() as daemon:
        save_photo(hot.input / "c.jpg")
        wait_for(lambda: daemon.status().counts["done"] == 1)
        assert daemon.status().counts["failed"] == 1
        shutil.copy(photo, tmp_path / "again.jpg")
        shutil.copy(tmp_path / "again.jpg", photo)
        wait_for(lambda: daemon.status().counts["done"] == 2)
    assert hot.results() == ["b-improved.jpg", "c-improved.jpg"]


def test_a_result_that_somebody_changed_is_not_written_over(tmp_path: Path) -> None:
    """Whatever lies under a result's name, the next one gets another."""
    hot = HotFolder(tmp_path)
    photo = save_photo(hot.input / "a.jpg")
    assert hot.once() == 0
    (hot.output / "a-improved.jpg").write_bytes(b"painted over")
    shutil.copy(photo, tmp_path / "again.jpg")
    (tmp_path / "again.jpg").replace(photo)
    assert HotFolder(tmp_path, preset="Upscale 2x").once() == 0
    assert hot.results() == ["a-improved-2.jpg", "a-improved.jpg"]
    assert (hot.output / "a-improved.jpg").read_bytes() == b"painted over"


def test_each_request_for_a_picture_is_one_of_its_own(tmp_path: Path) -> None:
    """Handed over with two presets one after the other it is done by both, and by the folder's when it is dropped."""
    hot = HotFolder(tmp_path)
    photo = save_photo(hot.input / "a.jpg")
    with hot.running() as daemon:
        daemon.pause()
        wait_for(lambda: daemon.status().counts["waiting"] == 1)
        daemon.enqueue([photo], UPSCALE)
        daemon.enqueue([photo], preset("Upscale 4x"))
        daemon.enqueue([photo], UPSCALE)
        daemon.resume()
        wait_for(lambda: daemon.status().counts["done"] == 3)
    assert sorted(map(str, recipes(hot))) == sorted(map(str, (Recipe(), UPSCALE, preset("Upscale 4x"))))


def test_a_picture_is_tried_again_for_all_that_was_asked(tmp_path: Path) -> None:
    """Whichever of its requests failed, and whichever came last."""
    hot = HotFolder(tmp_path, "dropped.MissingAtB")
    photo = save_photo(tmp_path / "else" / "b.jpg")
    with hot.running() as daemon:
        daemon.enqueue([photo], UPSCALE)
        daemon.enqueue([photo])
        wait_for(lambda: daemon.status().counts["failed"] == 2)
    hot.command = command("Negative")
    with hot.running() as daemon:
        assert daemon.retry([photo]) == 2
        wait_for(lambda: daemon.status().counts["done"] == 2)
