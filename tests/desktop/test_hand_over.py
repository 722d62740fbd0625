"""From an entry's command to results on the disk: real processes, a real daemon, and names of every kind."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from urllib.parse import quote_from_bytes
from xml.etree import ElementTree as ET

import pytest

from fakes.chosen import ODD_NAMES, daemon_in, originals, results, save_odd
from fakes.hot_folder import wait_for
from fakes.photos import save_photo
from resilver.cli import main
from resilver.picture_io.provenance import read_provenance
from resilver_desktop.key_files import OPEN_WITH
from resilver_desktop.machine import this_machine
from resilver_desktop.managers import MANAGERS
from resilver_desktop.thunar import Thunar
from resilver_watcher.remote import Remote

CAUGHT = {"capture_output": True, "timeout": 60}
PROGRAM = [*this_machine(os.environ).program]


@pytest.fixture
def daemon(environ):
    with daemon_in(Path(environ["HOME"]), environ) as remote:
        yield remote


@pytest.fixture
def chosen(tmp_path):
    folder = tmp_path / "my pictures"
    save_odd(folder)
    return folder


@pytest.fixture
def trap(chosen):
    """In the folder of the pictures lies code under names that Python looks for."""
    for name in ("argparse", "resilver_desktop", "resilver", "PIL", "sitecustomize"):
        (chosen / f"{name}.py").write_text(f"open({str(chosen / 'trapped')!r}, 'w')\n")
    return chosen


def by_thunar(machine, folder, names):
    """As Thunar runs a command: its line with the names quoted for a shell, split by its rules."""
    Thunar().install(machine)
    command = ET.parse(Thunar().places(machine)[0]).findtext("action/command")
    words = shlex.split(command.replace("%F", shlex.join(str(folder / name) for name in names)))
    return subprocess.run(words, cwd=folder, check=False, **CAUGHT)


def by_caja(machine, folder, names, environ):
    """As Caja runs a script: in the folder, with a list of URIs."""
    caja = next(manager for manager in MANAGERS if manager.name == "caja")
    caja.install(machine)
    uris = "".join(f"file://{quote_from_bytes(os.fsencode(folder / name))}\n" for name in names)
    chosen = {**environ, "CAJA_SCRIPT_SELECTED_URIS": uris}
    return subprocess.run(caja.places(machine)[:1], cwd=folder, env=chosen, check=False, **CAUGHT)


@pytest.mark.parametrize("way", ["thunar", "caja", "relative", "folder", "gio"])
def test_every_name_comes_out(way, daemon, chosen, machine, environ, monkeypatch):
    """Whatever a name holds, and in a folder, too: the result lies beside the picture, and nothing else is made."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    names = (*ODD_NAMES, "sub dir")
    if way == "thunar":
        done = by_thunar(machine, chosen, names)
    elif way == "caja":
        done = by_caja(machine, chosen, names, environ)
    elif way == "gio":
        if not shutil.which("gio"):
            pytest.skip("needs gio (Debian: libglib2.0-bin)")
        OPEN_WITH.install(machine)
        paths = [str(chosen / name) for name in names]
        done = subprocess.run(["gio", "launch", *OPEN_WITH.places(machine), *paths], check=False, **CAUGHT)
    else:
        words = [".", "--"] if way == "folder" else ["--", *names]
        done = subprocess.run([*PROGRAM, "restore", *words], cwd=chosen, check=False, **CAUGHT)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: results(chosen) == originals(chosen))
    assert len([path for path in chosen.rglob("*") if path.is_file()]) == 2 * (len(ODD_NAMES) + 1)


def test_no_code_comes_out_of_the_pictures_folder(trap, machine, environ, monkeypatch):
    """Neither the command nor the daemon and the worker that it starts run what lies beside the pictures."""
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    try:
        done = by_thunar(machine, trap, ["a.png"])
        assert done.returncode == 0, done.stderr
        wait_for(lambda: Remote().status().counts["done"] == 1, 60)
        assert not (trap / "trapped").exists()
        assert Path(f"/proc/{Remote().status().pid}/cwd").readlink() == Path(environ["HOME"])
    finally:
        main(["stop"])


def test_what_was_asked_is_done(daemon, tmp_path, environ):
    """Each entry does its preset; a folder that was done is not done again with its results as new pictures."""
    photo = save_photo(tmp_path / "p" / "a.png")
    for action in ("upscale-2x", "upscale-4x", "upscale-4x"):
        subprocess.run([*PROGRAM, action, "--", str(photo.parent)], env=environ, check=True, timeout=60)
        wait_for(lambda: daemon.status().counts["waiting"] + daemon.status().counts["working"] == 0)
    made = sorted(path for path in photo.parent.iterdir() if path != photo)
    assert sorted(read_provenance(path).recipe["resolution"] for path in made) == [2, 4]


def test_into_a_folder_that_was_asked_for(daemon, chosen, tmp_path, environ):
    """The results go where the window said, with subfolders mirrored; where nothing was said, nothing is done."""
    target = tmp_path / "restored\nhere"
    for status in (1, 0):
        stand_in(tmp_path / "bin" / "zenity", f"printf '%s\\n' {shlex.quote(str(target))}; exit {status}")
        path = {**environ, "PATH": f"{tmp_path / 'bin'}:{environ['PATH']}"}
        subprocess.run([*PROGRAM, "restore-to", "--", str(chosen)], env=path, check=True, timeout=60)
        assert status == 0 or daemon.status().counts["waiting"] + daemon.status().counts["done"] == 0
    wait_for(lambda: target.exists() and results(target) == originals(chosen))
    assert not results(chosen)


def test_into_the_daemon_s_own_folder(daemon, chosen, environ):
    """Who set it so gets the results in the folder of all results."""
    own = {**environ, "RESILVER_WATCH_HANDED": "folder"}
    subprocess.run([*PROGRAM, "restore", "--", str(chosen / "a.png")], env=own, check=True, timeout=60)
    out = Path(environ["HOME"]) / "out"
    wait_for(lambda: out.is_dir() and len(results(out)) == 1)
    assert not results(chosen)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["restore", "--", "empty"], "No pictures were found"),
        (["restore", "--uris", "sftp://host/a.png\n"], "on this computer"),
        (["restore-to", "--", "empty"], "To be asked"),
    ],
    ids=["none", "far", "nothing to ask with"],
)
def test_what_cannot_be_done_is_told(arguments, says, environ, tmp_path):
    """There is no terminal, so a notification says why, in the user's language; no daemon is started for it."""
    (tmp_path / "empty").mkdir()
    stand_in(
        tmp_path / "bin" / "notify-send", f'/bin/cat /dev/null; echo "$@" >> {shlex.quote(str(tmp_path / "told"))}'
    )
    for language, word in (("C.UTF-8", says), ("ru_RU.UTF-8", None)):
        told = {**environ, "PATH": str(tmp_path / "bin"), "LANG": language}
        done = subprocess.run([*PROGRAM, *arguments], cwd=tmp_path, env=told, check=False, text=True, **CAUGHT)
        assert done.returncode == 2
        assert says in done.stderr
        said = wait_for(lambda: (tmp_path / "told").exists() and (tmp_path / "told").read_text())
        assert word in said if word else says not in said
        (tmp_path / "told").unlink()
    assert not list(Path(environ["HOME"]).rglob("socket"))


def stand_in(program: Path, script: str) -> None:
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
