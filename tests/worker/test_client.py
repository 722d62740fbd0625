"""The caller's side: results and errors as if the work were done here."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fakes.engines import Negative
from fakes.photos import save_photo, small
from fakes.workers import folders_of, worker_with
from resilver.engine import Report
from resilver.errors import (
    BlankResult,
    Cancelled,
    EngineError,
    OutputError,
    PictureUnknown,
    PictureUnreadable,
    ResilverError,
    WorkerCrashed,
)
from resilver.improve import FileJob, FileResult, improve_file
from resilver.picture import Metadata, Picture
from resilver.recipe import Recipe
from resilver.settings import Settings
from resilver.worker.client import Worker

RECIPE = Recipe()


def cancelling() -> Report:
    """Cancels as soon as the work has begun."""
    begun = threading.Event()
    return Report(lambda _fraction, _step: begun.set(), cancelled=begun.is_set)


def test_file(tmp_path: Path) -> None:
    """A file is done as improve_file does it; done again it is skipped, unless it shall be done anew."""
    photo = save_photo(tmp_path / "in" / "attic.png")
    before = photo.read_bytes()
    told: list[float] = []
    with worker_with("Negative") as worker:
        result = worker.improve_file(
            photo, tmp_path / "out", RECIPE, Report(lambda fraction, _step: told.append(fraction))
        )
        skipped = worker.improve_file(photo, tmp_path / "out", RECIPE)
        anew = worker.improve_file(photo, tmp_path / "out", RECIPE, again=True)
    assert (result.input, result.bw, result.skipped, result.notes) == (photo, False, False, ("turned",))
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert skipped.skipped
    assert skipped.outputs == result.outputs
    assert anew.outputs["final"] != result.outputs["final"]
    np.testing.assert_array_equal(np.array(Image.open(result.outputs["final"])), 255 - np.array(Image.open(photo)))
    assert photo.read_bytes() == before


def test_several_files(tmp_path: Path) -> None:
    """Each of several files is told as it ends, with its number; a bad one fails alone, one done before is skipped."""
    photos = [save_photo(tmp_path / "in" / f"{number}.png") for number in range(3)]
    photos[1].write_bytes(b"no picture")
    jobs = [FileJob(photo, tmp_path / "out") for photo in photos]
    told: dict[int, FileResult | ResilverError] = {}
    heard: list[float] = []
    with worker_with("Negative") as worker:
        first = worker.improve_file(photos[2], tmp_path / "out", RECIPE)
        report = Report(lambda fraction, _step: heard.append(fraction))
        worker.improve_files(jobs, RECIPE, told.__setitem__, report)
    assert sorted(told) == [0, 1, 2]
    done, bad, skipped = told[0], told[1], told[2]
    assert isinstance(done, FileResult)
    assert (done.input, done.skipped) == (photos[0], False)
    assert done.outputs["final"].parent == tmp_path / "out"
    assert isinstance(bad, PictureUnknown)
    assert isinstance(skipped, FileResult)
    assert (skipped.skipped, skipped.outputs) == (True, first.outputs)
    assert heard == sorted(heard)


def test_several_files_and_a_death(tmp_path: Path) -> None:
    """What a worker told before it died is done; the death is raised, and another worker takes the rest."""
    jobs = [FileJob(save_photo(tmp_path / f"{number}.png"), tmp_path / "out") for number in range(2)]
    told: dict[int, FileResult | ResilverError] = {}
    with worker_with("Segfaults") as worker, pytest.raises(WorkerCrashed):
        worker.improve_files(jobs, RECIPE, told.__setitem__)
    assert told == {}
    assert not (tmp_path / "out").exists()


def test_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths count from the caller's folder."""
    save_photo(tmp_path / "attic.png")
    monkeypatch.chdir(tmp_path)
    with worker_with("Negative") as worker:
        result = worker.improve_file(Path("attic.png"), Path("out"), RECIPE)
    assert result.input == Path("attic.png")
    assert result.outputs["final"].parent == tmp_path / "out"


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("alpha", [False, True])
def test_raw(depth: int, channels: int, alpha: bool, picture_worker: Worker) -> None:
    """Pixels of every kind go there and back unharmed, with all else that the picture came with."""
    seeded = np.random.default_rng(7)
    kind = np.uint8 if depth == 8 else np.uint16
    picture = Picture(
        pixels=seeded.integers(0, 2**depth, (300, 200, channels), kind),
        alpha=seeded.integers(0, 2**depth, (300, 200), kind) if alpha else None,
        icc=b"profile",
        dpi=(300.0, 300.0),
        metadata=Metadata(exif=b"exif"),
    )
    result = picture_worker.improve_raw(picture, Recipe(resolution=2), wanted=("improved", "final"))
    assert result.notes == ("turned",)
    final = result.picture("final")
    assert final is not None
    assert final is result.picture("improved")
    np.testing.assert_array_equal(final.pixels[::2, 1::2], picture.peak - picture.pixels)
    assert (final.alpha is None) == (picture.alpha is None)
    if picture.alpha is not None and final.alpha is not None:
        np.testing.assert_array_equal(final.alpha[::2, 1::2], picture.alpha)
    assert (final.icc, final.dpi, final.metadata) == (picture.icc, picture.dpi, picture.metadata)
    assert result.outputs["final"].steps[0].tool == "negative 1"


@pytest.fixture(scope="module")
def picture_worker():
    """One worker for all kinds of pixels; no folder stays behind."""
    with worker_with("Negative") as worker:
        worker.info()
        yield worker
        assert not folders_of([worker.pid])


def test_assess_and_info(tmp_path: Path) -> None:
    """The worker tells what it sees in a picture, and what it is itself."""
    with worker_with("Negative") as worker:
        assert worker.assess(save_photo(tmp_path / "attic.png"))["width"] == 40
        assert worker.info().versions["resilver"]


def test_errors_are_the_same_as_here(tmp_path: Path) -> None:
    """A picture's error has the class and the sentence that it has without a worker, and the worker lives on."""
    (tmp_path / "page.jpg").write_text("<html>")
    with worker_with("Negative") as worker:
        pids = set()
        for name, kind in (("page.jpg", PictureUnknown), ("gone.jpg", PictureUnreadable)):
            with pytest.raises(kind) as there:
                worker.improve_file(tmp_path / name, tmp_path / "out", RECIPE, again=True)
            with pytest.raises(kind) as here:
                improve_file(tmp_path / name, tmp_path / "out", RECIPE, Negative(), again=True)
            assert str(there.value) == str(here.value)
            pids.add(worker.pid)
        save_photo(tmp_path / "attic.png")
        with pytest.raises(OutputError):
            worker.improve_file(tmp_path / "attic.png", tmp_path / "page.jpg", RECIPE)
        assert worker.improve_file(tmp_path / "attic.png", tmp_path / "out", RECIPE).outputs
        assert pids == {worker.pid}


@pytest.mark.parametrize("engine", ["Raises", "Leaves"])
def test_foreign_exception(engine: str) -> None:
    """An engine's bug is an error of this picture only."""
    with worker_with(engine) as worker:
        for _ in range(2):
            with pytest.raises(EngineError):
                worker.improve_raw(small(), RECIPE)


@pytest.mark.parametrize("engine", ["Black", "NotANumber"])
def test_blank_result_is_not_saved(engine: str, tmp_path: Path) -> None:
    """A black picture from a picture that is not black is a failure, and no file."""
    photo = save_photo(tmp_path / "attic.png")
    with worker_with(engine) as worker, pytest.raises(BlankResult):
        worker.improve_file(photo, tmp_path / "out", RECIPE)
    assert not list(tmp_path.glob("out/*"))


def test_bad_step_name_stays_in_the_folder(tmp_path: Path) -> None:
    """Whatever an engine calls its steps, the result lies in the folder that was named, or nowhere."""
    photo = save_photo(tmp_path / "deep" / "in" / "attic.png")
    with worker_with("BadNames") as worker:
        try:
            outputs = list(worker.improve_file(photo, tmp_path / "deep" / "out", RECIPE).outputs.values())
        except ResilverError:
            outputs = []
    assert all(path.parent == tmp_path / "deep" / "out" for path in outputs)
    found = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {photo, *outputs}


def test_cancel(tmp_path: Path) -> None:
    """Cancelled work ends soon, leaves nothing, and the same worker does the next picture."""
    photo = save_photo(tmp_path / "attic.png")
    with worker_with("Slow") as worker:
        with pytest.raises(Cancelled):
            worker.improve_file(photo, tmp_path / "out", RECIPE, cancelling())
        process = worker.pid
        with pytest.raises(Cancelled):
            worker.improve_raw(small(), RECIPE, cancelling())
        assert not list(tmp_path.glob("out/*"))
        assert worker.improve_file(photo, tmp_path / "out", RECIPE).outputs
        assert worker.pid == process
        assert not folders_of([process])


def test_callback_that_raises(tmp_path: Path) -> None:
    """An exception of the caller's own comes through as it is, and nothing of the job goes on."""
    photo = save_photo(tmp_path / "attic.png")

    def interrupt(_fraction: float, _step: str) -> None:
        raise KeyboardInterrupt

    with worker_with("Slow") as worker:
        with pytest.raises(KeyboardInterrupt):
            worker.improve_file(photo, tmp_path / "out", RECIPE, Report(interrupt))
        assert worker.pid is None
    assert not list(tmp_path.glob("out/*"))


def test_own_command() -> None:
    """Without further ado the installation's own worker is started, with the real engine."""
    with Worker(Settings()) as worker:
        assert worker.info().engine == "local"


def test_close_and_start_again() -> None:
    """After close() there is no process; a later job starts one."""
    worker = worker_with("Negative")
    worker.close()
    worker.info()
    process = worker.pid
    worker.close()
    assert worker.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    worker.info()
    worker.close()


def test_threads_take_turns(tmp_path: Path) -> None:
    """Several threads may use one worker; each gets its own result."""
    shapes: dict[int, tuple[int, ...]] = {}

    def work(width: int) -> None:
        final = worker.improve_raw(Picture(pixels=np.ones((3, width, 1), np.uint8)), RECIPE).picture("final")
        assert final is not None
        shapes[width] = final.pixels.shape

    with worker_with("Negative") as worker:
        threads = [threading.Thread(target=work, args=(width,)) for width in range(1, 7)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert shapes == {width: (3, width, 1) for width in range(1, 7)}
