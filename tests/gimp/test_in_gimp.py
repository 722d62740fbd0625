"""The plug-in in a real GIMP, with a worker of the standard library; one run of GIMP does all cases."""

import fcntl
import json
import os
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TESTBED = REPOSITORY.parent / "shared" / "bin" / "gimp-testbed"
VERSIONS = {"trixie": "3.0", "forky": "3.2"}
# making a bed takes minutes and a gigabyte: GIMP 3.2 only where it is asked for ("trixie forky")
SUITES = os.environ.get("RESILVER_GIMP_SUITES", "trixie").split()
INSTALL = "mkdir -p $HOME/gimp/plug-ins && cp -r gimp_plugin/resilver_gimp/plugin $HOME/gimp/plug-ins/resilver && "
GIMP = (
    "exec gimp-console -idf --quit --batch-interpreter=python-fu-eval -b 'exec(open(\"tests/gimp/inside.py\").read())'"
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def bed(suite: str) -> Path:
    """A system with that suite's GIMP, made once and kept."""
    if not TESTBED.exists():
        pytest.skip("needs ../shared/bin/gimp-testbed")
    if os.geteuid():
        pytest.skip("a test bed for GIMP needs root")
    if given := os.environ.get("RESILVER_GIMP_BED"):
        return Path(given)
    folder = Path.home() / ".cache" / "resilver-tests" / f"gimp-{suite}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side, and a finished bed is made in no time
        made = subprocess.run([TESTBED, "make", folder, suite], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no GIMP of Debian {suite} can be had: {made.stderr.strip().splitlines()[-1:]}")
    return folder


@pytest.fixture(scope="module", params=SUITES)
def told(request):
    """What became of each case, by its name."""
    command = [TESTBED, "run", bed(request.param), REPOSITORY, "sh", "-c", INSTALL + GIMP]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = [line.partition(" ") for line in done.stdout.splitlines()]
    ends = [json.loads(rest) for word, _, rest in lines if word == "END"]
    assert len(ends) == 1, done.stderr[-3000:]
    if "RESILVER_GIMP_BED" not in os.environ:
        assert ends[0].startswith(VERSIONS[request.param])
    return dict(json.loads(rest) for word, _, rest in lines if word == "CASE")


def failures(told, restoring):
    return {name: text for name, text in told.items() if text and name.startswith("restore ") == restoring}


def test_every_kind_of_layer_is_restored_into_a_new_one(told):
    """Originals and all outside a selection stay as they are; any precision, gray or RGB, alpha, offsets, profile."""
    assert sum(name.startswith("restore ") for name in told) == 80
    assert not failures(told, restoring=True)


def test_groups_sizes_refusals_and_deaths(told):
    """Several layers, enlarging, a good picture, a refused one, a dying or missing core and what is no layer."""
    assert sum(not name.startswith("restore ") for name in told) == 11
    assert not failures(told, restoring=False)
