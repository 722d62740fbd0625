"""The plug-in in GIMP's own windows, used by keyboard and mouse; one start of GIMP does all of it, in order."""

import pytest

from fakes.gimp_bed import SUITES, cases

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


@pytest.mark.parametrize("suite", SUITES)
def test_a_person_finds_previews_runs_cancels_and_repeats(suite):
    """Menu, dialog, preview, progress, Cancel, result, undo, repeat, a missing core, the cloud's consent, enlarging."""
    told = cases("xrun", suite, "exec python3 tests/gimp/windows.py")
    assert len(told) == 9
    assert not {name: trace for name, trace in told.items() if trace}
