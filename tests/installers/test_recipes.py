"""The recipes that cannot be followed here to their end: what can be checked of them is."""

import plistlib
import shutil
import subprocess

import pytest
import yaml

from builders import tree
from builders.lock import LINUX
from builders.metainfo import ID
from builders.project import HERE, ROOT, Unbuildable, version
from recipes import bundle, sandbox, share

RECIPES = HERE / "recipes"


def told(*words, **more):
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, **more)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def speaker(tmp_path):
    """Makes a program that says its name and what it is called with."""

    def made(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\nprintf '%s\\n' {path.name} \"$@\"\n")
        path.chmod(0o755)

    return made


@pytest.mark.parametrize(
    "name", ["appimage/AppRun", "appimage/build", "flatpak/build", "macos/Resilver", "macos/build"]
)
def test_each_script_is_one(name):
    """A shell can read it, and it may be executed."""
    assert told("sh", "-n", str(RECIPES / name)) == (0, "")
    assert (RECIPES / name).stat().st_mode & 0o111 == 0o111


@pytest.mark.skipif(not shutil.which("appstreamcli"), reason="needs Debian's appstream")
@pytest.mark.parametrize("name", ["resilver", ID])
def test_shops_for_programs_understand_the_page(tmp_path, name):
    """AppStream's validator passes it, with this version; so do icon, entry and page agree on their names."""
    share.fill(tmp_path, name)
    page = tmp_path / "metainfo" / f"{ID}.metainfo.xml"
    code, text = told("appstreamcli", "validate", "--no-net", str(page))
    assert code == 0, text
    assert f'<release version="{version()}"' in page.read_text("utf-8")
    assert f">{name}.desktop<" in page.read_text("utf-8")
    assert f"Icon={name}\n" in (tmp_path / "applications" / f"{name}.desktop").read_text("utf-8")
    assert {icon.name for icon in tmp_path.glob("icons/hicolor/*/apps/*")} == {f"{name}.png"}


@pytest.mark.skipif(not shutil.which("desktop-file-validate"), reason="needs Debian's desktop-file-utils")
def test_entries_are_valid(tmp_path):
    """What the sandbox gives to the desktop outside passes the validator of desktop entries."""
    share.fill(tmp_path, ID)
    tree.put(tmp_path / "applications/open.desktop", sandbox.open_with())
    for entry in tmp_path.glob("applications/*"):
        assert told("desktop-file-validate", str(entry)) == (0, ""), entry


def test_the_manifest_takes_what_was_made():
    """Its source is the folder that is filled, and its runtime's Python one that wheels are locked for."""
    manifest = yaml.safe_load(sandbox.MANIFEST.read_text("utf-8"))
    assert manifest["id"] == ID
    ((module,), (source,)) = (manifest["modules"], manifest["modules"][0]["sources"])
    assert (sandbox.MANIFEST.parent / source["path"]).resolve() == ROOT / "build/flatpak/files"
    assert sandbox.PYTHON in LINUX.pythons
    assert f"== ({sandbox.PYTHON.replace('.', ', ')})" in module["build-commands"][0]
    assert "--env=PYTHONPATH=/app/lib/resilver" in manifest["finish-args"]


@pytest.mark.skipif(not shutil.which("flatpak-builder"), reason="needs Debian's flatpak-builder")
def test_flatpaks_own_tool_reads_the_manifest(tmp_path):
    """It finds nothing in it that it does not know."""
    code, text = told("flatpak-builder", "--show-manifest", str(sandbox.MANIFEST), cwd=tmp_path)
    assert code == 0, text
    assert "nknown" not in text


def test_an_appimage_brings_itself_to_its_place(tmp_path, speaker):
    """Without a word it watches; what would name its passing place is refused; all else goes on as it is."""
    run = tmp_path / "App Dir" / "AppRun"
    tree.put(run, (RECIPES / "appimage/AppRun").read_bytes(), executable=True)
    for name in ("resilver", "install.sh"):
        speaker(run.with_name(name))
    assert told(run) == (0, "resilver\nwatch\n")
    assert told(run, "restore", "a  b", "*") == (0, "resilver\nrestore\na  b\n*\n")
    assert told(run, "gimp", "status") == (0, "resilver\ngimp\nstatus\n")
    assert told(run, "install") == (0, "install.sh\n")
    for words in (["gimp", "install"], ["integrate", "install", "thunar"], ["autostart", "on"]):
        code, text = told(run, *words, env={"APPIMAGE": "/x/R.AppImage", "PATH": "/usr/bin:/bin"})
        assert (code, '"/x/R.AppImage install"' in text, "\nresilver\n" in text) == (2, True, False)


def test_macos_starts_the_python_of_the_bundle(tmp_path, speaker):
    """From Finder the folder is watched; by a link in a terminal it is the command, whatever the words hold."""
    contents = tmp_path / "My Apps" / "Resilver.app" / "Contents"
    program = contents / "MacOS" / bundle.info()["CFBundleExecutable"]
    tree.put(program, (RECIPES / "macos/Resilver").read_bytes(), executable=True)
    speaker(contents / "Resources/python/bin/python3")
    (tmp_path / "resilver").symlink_to(program)
    start = "python3\n-P\n-m\nresilver.cli\n"
    assert told(program) == (0, f"{start}watch\n")
    assert told(tmp_path / "resilver", "restore", "a  b") == (0, f"{start}restore\na  b\n")


def test_macos_can_read_the_bundles_facts():
    """They come back from the format as they are, and name files that the recipe makes."""
    facts = plistlib.loads(plistlib.dumps(bundle.info()))
    assert facts == bundle.info()
    assert (facts["CFBundleShortVersionString"], facts["LSUIElement"]) == (version(), True)


def test_only_the_python_that_was_meant_is_taken(tmp_path):
    """No archive, or another one than its digest says: refused in one sentence, before anything is made."""
    archive = tmp_path / "python.tar.gz"
    with pytest.raises(Unbuildable, match="Give the archive"):
        bundle.build(str(archive), "0" * 64)
    archive.write_bytes(b"something else")
    with pytest.raises(Unbuildable, match="fetch it again"):
        bundle.build(str(archive), "0" * 64)
