"""``resilver models``."""

import json

from resilver.cli import main


def listed(capsys):
    assert main(["models", "list", "--json"]) == 0
    return {line["name"]: line for line in map(json.loads, capsys.readouterr().out.splitlines())}


def test_the_list_tells_what_can_be_installed(capsys):
    """Every source is listed with its package, its origin and its licence, and how to install it."""
    found = listed(capsys)
    assert {"waifu2x", "realcugan", "realesrgan"} <= set(found)
    for line in found.values():
        assert line["state"] == "missing"
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


def test_removing_what_is_not_there(capsys):
    """It is gone either way: status 0, and a sentence."""
    assert main(["models", "remove", "waifu2x"]) == 0
    assert "not installed" in capsys.readouterr().err


def test_installing_again_changes_nothing(networks, capsys):
    """What is installed is verified and kept, without any download."""
    state = {name: line["state"] for name, line in listed(capsys).items()}
    name = next(name for name in state if state[name] == "installed")
    assert main(["models", "install", name]) == 0
    assert f"{name}: was there already" in capsys.readouterr().out
