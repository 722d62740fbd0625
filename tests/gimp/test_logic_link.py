"""The plug-in's end of the line, with real workers of the standard library that do well or badly."""

from __future__ import annotations

from pathlib import Path

import pytest

from fakes.gimp import Image, ImageBaseType, Layer, plugin

WORKER = Path(__file__).parents[1] / "fakes" / "gimp_worker.py"


class Person:
    """Hears of the progress, and stops after so many steps."""

    def __init__(self, patience=10**6):
        self.heard, self.patience = [], patience

    def progress(self, fraction, step):
        self.heard.append((fraction, step))

    def cancelled(self):
        return len(self.heard) >= self.patience


@pytest.fixture(scope="module")
def modules():
    with plugin() as found:
        yield found


@pytest.fixture
def core(modules, tmp_path, monkeypatch):
    """A core whose worker has that manner, and whose folders lie in ``tmp_path``."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")

    def made(manner):
        program = tmp_path / manner
        program.symlink_to(WORKER)
        return modules.core.Core(program, "0.1.0", tmp_path / "log" / "gimp.log")

    return made


@pytest.fixture
def image():
    made = Image(4, 3, ImageBaseType.RGB)
    made.insert_layer(Layer(made, "portrait", 4, 3, "R'G'B'"), None, 0)
    return made


def run(modules, core, image, person):
    wish = modules.job.Wish(recipe={}, group="Restored")
    return modules.job.run(core, image, image.layers[:], wish, person)


def folders(tmp_path):
    return list(tmp_path.glob("resilver-worker-*"))


def test_a_run_brings_a_layer_and_leaves_no_files(modules, core, image, tmp_path):
    """The result is inserted under its name, progress is told, and the folder is gone."""
    person = Person()
    (new,) = run(modules, core("negative"), image, person)
    assert new.name == "portrait – improved"
    assert set(new.buffer.data) == {255}
    assert image.layers[0] is new
    assert person.heard
    assert not folders(tmp_path)


@pytest.mark.parametrize(
    ("manner", "words"),
    [
        ("refuses", "The picture is refused; take another."),
        ("dies", "ended before it was done"),
        ("old", "does not fit"),
        ("short", "fewer pixels"),
        ("stray", "no sensible answer"),
    ],
)
def test_what_goes_wrong_is_a_sentence_and_changes_nothing(modules, core, image, tmp_path, manner, words):
    """A refusal, a death, another protocol, missing pixels and noise leave the image and no files."""
    before = list(image.layers)
    with pytest.raises(modules.core.Trouble, match=words):
        run(modules, core(manner), image, Person())
    assert (image.layers, image.open_groups) == (before, 0)
    assert not folders(tmp_path)


def test_cancel_stops_the_worker_and_changes_nothing(modules, core, image, tmp_path):
    """The worker hears of it, which its log tells, and neither layer nor file is left."""
    before = list(image.layers)
    with pytest.raises(modules.core.Cancelled):
        run(modules, core("slow"), image, Person(patience=2))
    assert image.layers == before
    assert not folders(tmp_path)
    assert '"type": "cancel"' in (tmp_path / "log" / "gimp.log").read_text()


def test_a_good_picture_brings_no_layer_but_the_reason(modules, core, image):
    """Nothing is inserted; what is told names the layer and why."""
    modules.Gimp.MESSAGES.clear()
    assert run(modules, core("good"), image, Person()) == []
    assert len(image.layers) == 1
    assert modules.Gimp.MESSAGES == ["“portrait” was left as it is: already good."]


def test_a_program_that_is_none_is_told(modules, core, image, tmp_path):
    """What cannot be started is a sentence with what to do."""
    (tmp_path / "empty").touch()
    broken = modules.core.Core(tmp_path / "empty", "0.1.0", tmp_path / "log" / "gimp.log")
    with pytest.raises(modules.core.Trouble, match=r"cannot be started.*resilver gimp install"):
        run(modules, broken, image, Person())


def test_gimps_own_environment_does_not_reach_the_worker(modules, core, image, tmp_path):
    """A bundle's LD_LIBRARY_PATH would break another interpreter; the home folder is told."""
    program = tmp_path / "tells"
    program.write_text("#!/bin/sh\nenv >&2\n")
    program.chmod(0o755)
    tells = modules.core.Core(program, "0.1.0", tmp_path / "log" / "gimp.log")
    with pytest.raises(modules.core.Trouble):
        run(modules, tells, image, Person())
    told = (tmp_path / "log" / "gimp.log").read_text()
    assert "LD_LIBRARY_PATH" not in told
    assert "TMPDIR=" in told
