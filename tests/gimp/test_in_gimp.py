"""The plug-in in a real GIMP, with a worker of the standard library."""

from collections import Counter

import pytest

from fakes.gimp_bed import SUITES, cases

BATCH = (
    "gimp-console -idf --quit --batch-interpreter=python-fu-eval -b 'exec(open(\"tests/gimp/inside_gimp/{}\").read())'"
)
PREPARED = """
mkdir -p $HOME/gimp/plug-ins/second
cp tests/gimp/inside_gimp/second.py $HOME/gimp/plug-ins/second/
cp -r gimp_plugin/resilver_gimp/plugin $HOME/gimp/plug-ins/resilver
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200), pytest.mark.parametrize("suite", SUITES)]


def told(suite, *subjects, before=""):
    """How many cases each subject has, and what failed."""
    batch = f'SUBJECTS="{" ".join(subjects)}" exec {BATCH.format("run.py")}'
    traces = cases("run", suite, f"{PREPARED}{before}{batch}")
    return Counter(name.partition(": ")[0] for name in traces), {name: trace for name, trace in traces.items() if trace}


def test_every_kind_of_layer_is_restored_coloured_and_enlarged_into_a_new_one(suite):
    """Originals and all outside a selection stay as they are; any precision, gray or RGB, alpha, offsets, profile."""
    count, failures = told(suite, "matrix")
    assert not failures
    assert count == {"matrix": 640}


def test_results_are_placed_and_what_goes_wrong_or_is_stopped_changes_nothing(suite):
    """Names, groups, masks, sizes, arguments; refusals, deaths, Cancel, two runs at once; and GIMP itself is killed."""
    before = f"{BATCH.format('kill.py')} >/dev/null 2>&1\npython3 tests/gimp/inside_gimp/killed.py\n"
    count, failures = told(suite, "results", "refusals", before=before)
    assert not failures
    assert count == {"kill": 1, "results": 18, "refusals": 18}
