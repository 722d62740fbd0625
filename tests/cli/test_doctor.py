"""``resilver doctor``."""

import json

from resilver.cli import main


def examined(capsys):
    status = main(["doctor", "--json"])
    out, err = capsys.readouterr()
    assert err == ""
    (line,) = out.splitlines()
    return status, json.loads(line)


def test_a_machine_without_networks(capsys):
    """Versions, device, networks and folders are told; missing networks are a problem, the command the remedy."""
    status, found = examined(capsys)
    assert status == 1
    assert {"resilver", "python", "pillow", "libvips", "ncnn", "opencv"} <= set(found["versions"])
    assert all(found["versions"].values())
    assert "processor" in found["device"] or "graphics card" in found["device"]
    assert {model["state"] for model in found["models"]} == {"missing"}
    assert all(folder["writable"] for folder in found["folders"])
    (problem,) = found["problems"]
    assert "resilver models install" in problem["remedy"]


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
    assert "Problem 3" in capsys.readouterr().out
