"""Each entry against its format, and what it calls against what was meant."""

from __future__ import annotations

import configparser
import dataclasses
import json
import plistlib
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from resilver.language import CATALOGUES, ENGLISH
from resilver.picture_io.junk import PICTURE_SUFFIXES
from resilver.recipe import PRESETS
from resilver_desktop.actions import ACTIONS, MIME_TYPES
from resilver_desktop.managers import MANAGERS

ODD = 'a "b" $c `d` \\e &<é'
"""No per cent sign: GLib finds no program under a path with one."""
BY_NAME = {manager.name: manager for manager in MANAGERS}
LABELS = ["Restore", "Colorize", "Upscale 2x", "Upscale 4x", "Restore to…"]
RUSSIAN = [action.labels["ru"] for action in ACTIONS]


@pytest.fixture
def odd(machine, tmp_path):
    """A machine whose Python lies under a path that needs every escape, and prints what it is called with."""
    program = tmp_path / ODD / "python"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nfor word; do printf '%s\\0' \"$word\"; done > '{tmp_path}/ran'\n")
    program.chmod(0o755)
    return dataclasses.replace(machine, program=(str(program), "-m", "resilver_desktop"))


def installed(name: str, machine) -> list[Path]:
    BY_NAME[name].install(machine)
    return [Path(place) for place in BY_NAME[name].places(machine)]


def key_file(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=True, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str
    parser.read(path, encoding="utf-8")
    return parser


def unescaped(value: str) -> str:
    """As GLib reads a string of a key file."""
    return value.replace("\\\\", "\\")


def test_the_actions_are_known():
    """Each does a preset that there is, has every language, and alone asks what it says."""
    assert [action.labels["en"] for action in ACTIONS] == LABELS
    assert {action.preset for action in ACTIONS} == {*PRESETS}
    languages = {ENGLISH, *(folder.name for folder in CATALOGUES.iterdir() if folder.is_dir())}
    assert all({*action.labels} == languages for action in ACTIONS)
    assert [action.name for action in ACTIONS if action.asks] == ["restore-to"]


@pytest.mark.skipif(not Path("/usr/share/mime/globs2").exists(), reason="needs Debian's shared-mime-info")
def test_every_format_that_is_read_has_its_kind():
    """The kinds of pictures that menus appear for are those of the suffixes that Resilver takes."""
    lines = [line.split(":") for line in Path("/usr/share/mime/globs2").read_text().splitlines() if line[0] != "#"]
    kinds = {parts[1] for parts in lines if parts[2].removeprefix("*") in PICTURE_SUFFIXES}
    assert kinds <= {*MIME_TYPES} | {"image/heif"}
    assert {*MIME_TYPES} <= kinds | {"image/heic"}


def test_nemo(odd):
    """Five files, which Nemo's shell splits into the words that were meant."""
    files = [key_file(path)["Nemo Action"] for path in installed("nemo", odd)]
    assert [file["Name"] for file in files] == [f"Resilver: {label}" for label in LABELS]
    assert [file["Name[ru]"] for file in files] == [f"Resilver: {label}" for label in RUSSIAN]
    assert {file["Quote"] for file in files} == {"double"}
    for file, action in zip(files, ACTIONS, strict=True):
        assert shlex.split(unescaped(file["Exec"])) == [*odd.command(action), "%F"]
        assert file["Mimetypes"].endswith(";inode/directory;")


def test_dolphin(odd):
    """One service menu in both folders, with the lines in their order."""
    for path in installed("dolphin", odd):
        parser = key_file(path)
        names = parser["Desktop Entry"]["Actions"].rstrip(";").split(";")
        groups = [parser[f"Desktop Action {name}"] for name in names]
        assert [group["Name"] for group in groups] == LABELS
        assert [group["Name[ru]"] for group in groups] == RUSSIAN
        assert path.stat().st_mode & 0o111


def test_pcmanfm(machine):
    """A menu that lists the files beside it."""
    paths = {path.stem: key_file(path) for path in installed("pcmanfm", machine)}
    listed = paths["resilver"]["Desktop Entry"]["ItemsList"].rstrip(";").split(";")
    assert [paths[name]["Desktop Entry"]["Name"] for name in listed] == LABELS
    for name in listed:
        profile = paths[name]["Desktop Entry"]["Profiles"].rstrip(";")
        assert paths[name][f"X-Action-Profile {profile}"]["Exec"].endswith(" %F")


@pytest.mark.skipif(not shutil.which("desktop-file-validate"), reason="needs Debian's desktop-file-utils")
def test_open_with_is_valid(odd):
    """The validator of desktop entries finds nothing to say."""
    (path,) = installed("open-with", odd)
    done = subprocess.run(["desktop-file-validate", str(path)], capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not shutil.which("gio"), reason="needs gio (Debian: libglib2.0-bin)")
def test_a_desktop_calls_it_rightly(odd, environ, tmp_path):
    """The desktop's own launcher hands over names of every kind to a program under a path of every kind."""
    (path,) = installed("open-with", odd)
    names = [str(tmp_path / name) for name in ("a.png", 'b " $x `y` %f.png', "c\nd.png")]
    for name in names:
        Path(name).touch()
    subprocess.run(["gio", "launch", str(path), *names], env=environ, check=True, timeout=30)
    ran = tmp_path / "ran"
    for _ in range(200):
        if ran.exists() and ran.read_bytes():
            break
        subprocess.run(["sleep", "0.05"], check=True)
    assert ran.read_bytes().decode().split("\0")[:-1] == ["-m", "resilver_desktop", "restore", "--", *names]


def test_caja(odd, tmp_path):
    """Scripts in the language of the user, which give on what Caja chose as it is."""
    paths = installed("caja", odd)
    assert [path.name.split(" ", 1)[1] for path in paths] == LABELS
    subprocess.run([paths[1]], env={"CAJA_SCRIPT_SELECTED_URIS": "file:///a%20b\nfile:///c\n"}, check=True, timeout=30)
    words = (tmp_path / "ran").read_bytes().decode().split("\0")[:-1]
    assert words == ["-m", "resilver_desktop", "colorize", "--uris", "file:///a%20b\nfile:///c\n"]


def test_thunar(odd):
    """Well-formed XML with the labels of both languages in one sub-menu, on pictures and on folders."""
    (path,) = installed("thunar", odd)
    actions = ET.parse(path).findall("action")
    assert [action.findtext("name") for action in actions] == LABELS
    assert [action.findall("name")[1].text for action in actions] == RUSSIAN
    assert {action.findtext("submenu") for action in actions} == {"Resilver"}
    for element, action in zip(actions, ACTIONS, strict=True):
        command = element.findtext("command").replace("%%", "%")
        assert shlex.split(command) == [*odd.command(action), "%F"]
        assert [element.find(kind) is not None for kind in ("directories", "image-files", "text-files")] == [1, 1, 0]


def test_macos(odd):
    """Bundles of two property lists each; the shell of the workflow runs the words that were meant."""
    paths = installed("macos", dataclasses.replace(odd, platform="darwin"))
    assert len(paths) == 10
    info, document = (plistlib.loads(path.read_bytes()) for path in paths[:2])
    assert info["NSServices"][0]["NSMenuItem"] == {"default": "Resilver: Restore"}
    script = document["actions"][0]["action"]["ActionParameters"]["COMMAND_STRING"]
    assert shlex.split(script) == ["exec", *odd.command(ACTIONS[0]), "$@"]


def test_the_extension_of_nautilus(odd, tmp_path):
    """It compiles, and has the program and the lines filled in; nothing of this project is imported."""
    (path,) = installed("nautilus", odd)
    code = compile(path.read_text(), str(path), "exec")
    stand_in = tmp_path / "gi" / "repository"
    stand_in.mkdir(parents=True)
    (tmp_path / "gi" / "__init__.py").touch()
    (stand_in / "__init__.py").write_text(
        "class GObject:\n    class GObject: pass\nclass Nautilus:\n    class MenuProvider: pass\n"
    )
    probe = (
        f"import json, runpy, sys; sys.path.insert(0, {str(tmp_path)!r}); "
        f"found = runpy.run_path({str(path)!r}); print(json.dumps([found['PROGRAM'], found['ITEMS']]))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", probe], capture_output=True, check=True, timeout=30)
    program, items = json.loads(done.stdout)
    assert program == list(odd.program)
    assert [labels["ru"] for _, labels in items] == RUSSIAN
    assert "resilver" not in {name.split(".")[0] for name in code.co_names}
