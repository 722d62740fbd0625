"""A system with a real GIMP in it, for the tests that start one."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
VERSIONS = {"trixie": "3.0", "forky": "3.2"}
# the first time, making a bed takes minutes and a gigabyte; a testing suite's archive may be gone, and is skipped then
_GIVEN = os.environ.get("RESILVER_GIMP_BED")  # a bed that is there, whatever is in it
SUITES = ["given"] if _GIVEN else os.environ.get("RESILVER_GIMP_SUITES", "trixie forky").split()
TESTBED = REPOSITORY.parent / "shared" / "bin" / "gimp-testbed"


def cases(
    verb: str, suite: str, command: str, *, project: Path = REPOSITORY, loopback: bool = False
) -> dict[str, str | None]:
    """What became of each case of a program in that suite's GIMP: ``None``, or its trace.

    ``verb``: "run", or "xrun" with a display. The program prints ``CASE [name, trace]`` for each, and at the end
    ``END "version"``. ``project``: the folder that is ``/project`` there. ``loopback``: this system's, not its own.
    """
    words = [TESTBED, verb, bed(suite), project, "sh", "-c", command]
    environ = {**os.environ, "NET": "1" if loopback else ""}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environ)
    lines = [line.partition(" ") for line in done.stdout.splitlines()]
    ends = [json.loads(rest) for word, _, rest in lines if word == "END"]
    assert len(ends) == 1, done.stderr[-3000:]
    if not _GIVEN:
        assert ends[0].startswith(VERSIONS[suite])
    return dict(json.loads(rest) for word, _, rest in lines if word == "CASE")


def bed(suite: str) -> Path:
    """Made once and kept."""
    if not TESTBED.exists():
        pytest.skip("needs ../shared/bin/gimp-testbed")
    if os.geteuid():
        pytest.skip("a test bed for GIMP needs root")
    if _GIVEN:
        return Path(_GIVEN)
    folder = Path.home() / ".cache" / "resilver-tests" / f"gimp-{suite}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # tests run side by side, and a finished bed is made in no time
        made = subprocess.run([TESTBED, "make", folder, suite], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no GIMP of Debian {suite} can be had: {made.stderr.strip().splitlines()[-1:]}")
    return folder
