"""``resilver integrate``: what is brought can be seen and taken away, and nothing else is touched."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from resilver.cli import main
from resilver.errors import OutputDenied, UsageError
from resilver_desktop.commands import NAMES
from resilver_desktop.file_manager import OwnFiles, State
from resilver_desktop.managers import MANAGERS
from resilver_desktop.windows import Windows, keys

FILES = [manager for manager in MANAGERS if isinstance(manager, OwnFiles)]


@pytest.fixture
def user(environ, monkeypatch, tmp_path):
    """The command's own user; on the PATH are a Thunar and a Nemo."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("thunar", "nemo"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    for name, value in {**environ, "PATH": str(programs), "LC_ALL": "C"}.items():
        monkeypatch.setenv(name, value)
    return Path(environ["HOME"])


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_name_has_its_file_manager():
    """What the command line takes and what there is are the same."""
    assert tuple(manager.name for manager in MANAGERS) == NAMES


def test_install_status_remove(user, capsys):
    """Without names those that are found get their entries; then all entries are taken away, with no file left."""
    assert main(["integrate", "install"]) == 0
    said = capsys.readouterr().out
    assert "thunar: installed" in said
    assert "thunar -q" in said
    assert "nautilus" not in said
    assert main(["integrate", "status", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["managers"]}
    assert {name for name, row in rows.items() if row["state"] == "installed"} == {"thunar", "nemo"}
    assert {name for name, row in rows.items() if row["found"]} == {"thunar", "nemo"}
    assert all(Path(place).is_file() for name in ("thunar", "nemo") for place in rows[name]["places"])
    assert main(["integrate", "remove"]) == 0
    assert "nemo: absent" in capsys.readouterr().out
    assert files(user) == {}
    assert main(["integrate", "remove"]) == 0
    assert "Nothing was installed" in capsys.readouterr().out


def test_one_that_is_damaged_does_not_keep_the_others(user, capsys):
    """A uca.xml that is no XML stays as it is and is told, with status 1; Nemo gets its entries."""
    path = user / "config" / "Thunar" / "uca.xml"
    path.parent.mkdir(parents=True)
    path.write_text("<actions><action></actions>")
    for verb in ("install", "status", "remove"):
        assert main(["integrate", verb]) == 1
        caught = capsys.readouterr()
        assert "thunar: damaged" in caught.out
        assert str(path) in caught.err
    assert path.read_text() == "<actions><action></actions>"
    assert [*files(user)] == ["config/Thunar/uca.xml"]


def test_nothing_is_found(user, monkeypatch, capsys):
    """Where no file manager is known, it says what can be done."""
    monkeypatch.setenv("PATH", str(user))
    assert main(["integrate", "install"]) == 1
    assert "open-with" in capsys.readouterr().err
    assert main(["integrate", "install", "explorer"]) == 2
    assert main(["integrate", "install", "windows"]) == 1
    assert "registry" in capsys.readouterr().err


@pytest.mark.parametrize("manager", FILES, ids=lambda manager: manager.name)
def test_own_files(manager, machine):
    """Two installs are as one; a change is told as outdated; what others put beside stays when ours goes."""
    assert manager.state(machine) is State.ABSENT
    for _ in range(2):
        manager.install(machine)
        assert manager.state(machine) is State.INSTALLED
    places = [Path(place) for place in manager.places(machine)]
    assert all(path.is_file() for path in places)
    theirs = places[0].with_name("resilver-mine")
    theirs.write_text("mine")
    places[0].write_text(places[0].read_text() + "\n")
    assert manager.state(machine) is State.OUTDATED
    manager.remove(machine)
    assert manager.state(machine) is State.ABSENT
    manager.remove(machine)
    assert [path for path in machine.home.rglob("*") if path.is_file() and path.suffix != ".cache"] == [theirs]


@pytest.mark.parametrize("manager", FILES, ids=lambda manager: manager.name)
def test_what_is_somebody_elses_stays(manager, machine):
    """A file of another under the name of ours is not written over, nor taken away."""
    path = Path(manager.places(machine)[-1])
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(OutputDenied, match="rename it"):
        manager.install(machine)
    manager.remove(machine)
    assert path.read_text() == "mine"


@pytest.mark.parametrize("manager", FILES, ids=lambda manager: manager.name)
def test_another_language(manager, machine):
    """After a change of the language everything is written anew, and no label of the old one is left."""
    manager.install(machine)
    russian = dataclasses.replace(machine, language="ru")
    manager.install(russian)
    assert manager.state(russian) is State.INSTALLED
    manager.remove(machine)
    assert manager.state(russian) is State.ABSENT


def test_what_a_package_brought_is_not_brought_twice(user, machine, monkeypatch, capsys):
    """Where everybody has the entries, none are written for this user, and the package's stay."""
    everybody = machine.system_data[0] / "nemo" / "actions" / "resilver-1-restore.nemo_action"
    everybody.parent.mkdir(parents=True)
    everybody.write_text("[Nemo Action]\n")
    assert main(["integrate", "install", "nemo"]) == 0
    assert "nemo: installed for everybody" in capsys.readouterr().out
    assert files(user) == {}
    assert main(["integrate", "remove"]) == 0
    assert everybody.exists()


class FakeRegistry:
    """Keys and values in memory, which refuses as Windows does to write below a key that is not there."""

    def __init__(self):
        self.keys = {r"Software\Classes\Directory\shell": {}, r"Software\Classes\Directory\shell\mine": {"": "mine"}}

    def read(self, key):
        return self.keys.get(key)

    def write(self, key, values):
        parts = key.split("\\")
        for count in range(1, len(parts) + 1):
            self.keys.setdefault("\\".join(parts[:count]), {})
        self.keys[key].update(values)

    def remove(self, key):
        for one in [one for one in self.keys if one == key or one.startswith(key + "\\")]:
            del self.keys[one]


def test_windows(machine):
    """Both menus are written, in the language of the user, and taken away with what was below them, and no other."""
    registry = FakeRegistry()
    windows = Windows(registry)
    with pytest.raises(UsageError):
        windows.install(machine)
    there = dataclasses.replace(
        machine, platform="win32", language="ru", program=(r"C:\Program Files\pythonw.exe", "-m")
    )
    assert windows.state(there) is State.ABSENT
    windows.install(there)
    assert windows.state(there) is State.INSTALLED
    menu = r"Software\Classes\SystemFileAssociations\image\shell\Resilver"
    assert registry.keys[menu]["SubCommands"] == ""
    assert registry.keys[rf"{menu}\shell\1restore"]["MUIVerb"] == "Восстановить"
    assert registry.keys[rf"{menu}\shell\1restore\command"] == {
        "": '"C:\\Program Files\\pythonw.exe" -m restore -- "%1"',
    }
    assert len(keys(there)) == 22
    del registry.keys[rf"{menu}\shell\1restore"]["MUIVerb"]
    assert windows.state(there) is State.OUTDATED
    windows.remove(there)
    assert [one for one in registry.keys if "Resilver" in one] == []
    assert registry.keys[r"Software\Classes\Directory\shell\mine"] == {"": "mine"}
