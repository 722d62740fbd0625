"""``resilver doctor``."""

import json
from pathlib import Path

from resilver.cli import main


def examined(capsys):
    status = main(["doctor", "--json"])
    out, err = capsys.readouterr()
    assert err == ""
    (line,) = out.splitlines()
    return status, json.loads(line)


def test_a_fresh_machine(capsys):
    """Versions, device, networks and folders are told; networks that are optional are no problem when missing."""
    status, found = examined(capsys)
    assert (status, found["problems"]) == (0, [])
    assert {"resilver", "python", "pillow", "libvips", "ncnn", "opencv"} <= set(found["versions"])
    assert all(found["versions"].values())
    assert "processor" in found["device"] or "graphics card" in found["device"]
    states = {model["name"]: model["state"] for model in found["models"]}
    assert states.pop("own") == "installed"
    assert set(states.values()) == {"missing"}
    assert all(folder["writable"] for folder in found["folders"])
    assert main(["doctor"]) == 0
    assert "not installed (optional)" in capsys.readouterr().out


def test_half_a_network_is_a_problem(home, capsys):
    """What is damaged is told with the command that mends it, and the status is 1."""
    _, before = examined(capsys)
    folder = next(Path(model["folder"]) for model in before["models"] if model["name"] == "waifu2x")
    folder.mkdir(parents=True)
    status, found = examined(capsys)
    (problem,) = found["problems"]
    assert status == 1
    assert "resilver models install waifu2x" in problem["remedy"]


def test_a_sound_machine(networks, capsys):
    """With networks there is no problem, and the status is 0."""
    status, found = examined(capsys)
    assert (status, found["problems"]) == (0, [])
    assert any(model["state"] == "installed" and model["origin"] for model in found["models"])
    assert main(["doctor"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "No problems found."


def test_every_problem_has_one_thing_to_do(home, monkeypatch, capsys):
    """A broken setting and a folder that cannot be made are problems with a remedy each, not crashes."""
    (home / "file").write_text("in the way")
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "file" / "below"))
    monkeypatch.setenv("RESILVER_WORKER_IDLE_S", "soon")
    status, found = examined(capsys)
    assert status == 1
    told = " ".join(problem["what"] for problem in found["problems"])
    assert "worker.idle_s" in told
    assert str(home / "file") in told
    assert all(problem["remedy"].endswith(".") for problem in found["problems"])
    assert main(["doctor"]) == 1
    assert "Problem 2" in capsys.readouterr().out
