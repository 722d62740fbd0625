"""The plug-in in a real GIMP, with a worker of the standard library; one run of GIMP does all cases."""

import pytest

from fakes.gimp_bed import SUITES, cases

SUBJECTS = {"matrix": 240, "results": 17, "refusals": 18, "kill": 1}
BATCH = (
    "gimp-console -idf --quit --batch-interpreter=python-fu-eval -b 'exec(open(\"tests/gimp/inside_gimp/{}\").read())'"
)
COMMAND = f"""
mkdir -p $HOME/gimp/plug-ins/second
cp tests/gimp/inside_gimp/second.py $HOME/gimp/plug-ins/second/
cp -r gimp_plugin/resilver_gimp/plugin $HOME/gimp/plug-ins/resilver
export SUBJECTS="matrix results refusals"
{BATCH.format("kill.py")} >/dev/null 2>&1  # which ends badly
python3 tests/gimp/inside_gimp/killed.py
exec {BATCH.format("run.py")}
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.fixture(scope="module", params=SUITES)
def told(request):
    """What became of each case, by its name."""
    return cases("run", request.param, COMMAND)


def failures(told, subject):
    mine = {name: text for name, text in told.items() if name.startswith(f"{subject}: ")}
    assert len(mine) == SUBJECTS[subject]
    return {name: text for name, text in mine.items() if text}


def test_every_kind_of_layer_is_restored_into_a_new_one(told):
    """Originals and all outside a selection stay as they are; any precision, gray or RGB, alpha, offsets, profile."""
    assert not failures(told, "matrix")


def test_results_have_their_names_places_and_masks(told):
    """Groups, sizes, masks of selections, layers and damage, colour modes, enlarged images, arguments and presets."""
    assert not failures(told, "results")


def test_what_goes_wrong_or_is_stopped_changes_nothing(told):
    """Refusals, deaths, Cancel, a missing or foreign core, and two runs at once leave images and files alone."""
    assert not failures(told, "refusals")


def test_nothing_outlives_a_gimp_that_was_killed(told):
    """The plug-in and its worker end with GIMP, and their files are gone."""
    assert not failures(told, "kill")
