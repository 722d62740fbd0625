"""The plug-in in a real GIMP with the real core, which that GIMP can reach through the bridge only."""

import json
import shutil

import pytest

from fakes.gimp_bed import REPOSITORY, SUITES, cases
from resilver.worker.bridge import Bridge, bridge_file

# the bed is a sandbox with another Python; in it lies what belongs to the sandbox, under the name that it has outside
COMMAND = """
mkdir -p {outside.parent} $HOME/gimp/plug-ins $HOME/.config/resilver
ln -s /project {outside}
cp -r gimp_plugin/resilver_gimp/plugin $HOME/gimp/plug-ins/resilver
cp gimp.json $HOME/.config/resilver/
SUBJECTS=real exec gimp-console -idf --quit --batch-interpreter=python-fu-eval \
    -b 'exec(open("tests/gimp/inside_gimp/run.py").read())'
"""


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("suite", SUITES)
def test_a_photograph_in_a_sandboxed_gimp_is_restored_coloured_and_enlarged(suite, tmp_path, monkeypatch):
    """GIMP cannot start the core, and gets real results with real masks all the same; the cloud gets nothing."""
    for name in ("CONFIG", "STATE", "DATA"):  # of a user who has agreed to nothing
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    sandbox = tmp_path / "sandbox"
    for part in ("gimp_plugin/resilver_gimp/plugin", "tests/gimp/inside_gimp"):
        shutil.copytree(REPOSITORY / part, sandbox / part)
    shutil.copy(REPOSITORY / "samples" / "attic.jpg", sandbox / "photograph.jpg")
    core = {"interpreter": "/nowhere/python", "version": "0.1.0", "protocol": 1, "log": "/tmp/gimp.log"}
    (sandbox / "gimp.json").write_text(json.dumps({**core, "bridge": str(bridge_file(sandbox))}))
    with Bridge(sandbox):
        told = cases("run", suite, COMMAND.format(outside=sandbox), project=sandbox, loopback=True)
    assert not {name: trace for name, trace in told.items() if trace}
    assert len(told) == 5
    assert not list((sandbox / "cache" / "resilver").iterdir())
