"""The plug-in's way into GIMP's folders: real folders of a user who has nothing else, scripts that answer as GIMP."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from resilver import __version__, language
from resilver.errors import EngineMissing, OutputDenied
from resilver.language import CATALOGUES
from resilver_gimp import checks, install
from resilver_gimp.places import Place, find_places, find_program, never_started

RESILVER = [sys.executable, "-m", "resilver.cli", "gimp"]
FILES = {
    "resilver.py": b"#!/usr/bin/env python3\n",
    "core.py": b"1\n",
    "locale/ru/LC_MESSAGES/resilver.mo": b"\xde\x12\x04\x95",
    "help/en.html": b"<p>",
}
SENTENCES = {
    f"sentences/{path.relative_to(CATALOGUES.parent).as_posix()}": path.read_bytes()
    for path in (Path(language.__file__), *CATALOGUES.rglob("*.po"))
}
"""What the plug-in takes of the package, so that it can say the core's sentences in other languages."""


@pytest.fixture
def home(tmp_path):
    """A home folder with a blank and a letter outside ASCII in its name."""
    path = tmp_path / "Änne Bö"
    path.mkdir()
    return path


@pytest.fixture
def environ(home, tmp_path):
    """No GIMP on the path, nothing of the machine's own folders."""
    (tmp_path / "bin").mkdir()
    return {"HOME": str(home), "PATH": str(tmp_path / "bin")}


@pytest.fixture
def place(home, environ):
    (home / ".config/GIMP/3.0").mkdir(parents=True)
    (found,) = find_places(environ, "linux")
    return found


@pytest.fixture
def source(tmp_path):
    return make_source(tmp_path / "source", FILES)


def make_source(folder, files):
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "__pycache__").mkdir(exist_ok=True)
    (folder / "__pycache__" / "core.cpython-311.pyc").write_bytes(b"cached")
    return folder


def make_program(environ, name, text):
    path = Path(environ["PATH"], name)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def whats(place, source):
    return [problem.what for problem in checks.problems(place, source)]


def gimp(environ, *words):
    return subprocess.run([*RESILVER, *words], env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_every_gimp_3_is_found(home, environ, tmp_path):
    """Native profiles of each minor version and Flatpak's are found, 2.10 and files are not, each once."""
    for folder in ("GIMP/3.0", "GIMP/3.2", "GIMP/2.10", "GIMP/3.0-backup"):
        (tmp_path / "xdg" / folder).mkdir(parents=True)
    (tmp_path / "xdg/GIMP/3.4").write_text("a file")
    (home / ".var/app/org.gimp.GIMP/config/GIMP/3.0").mkdir(parents=True)
    places = find_places({**environ, "XDG_CONFIG_HOME": str(tmp_path / "xdg")}, "linux")
    assert [(place.kind, place.version) for place in places] == [
        ("native", "3.0"),
        ("native", "3.2"),
        ("flatpak", "3.0"),
    ]
    assert places[0].folder == tmp_path / "xdg/GIMP/3.0/plug-ins/resilver"
    assert places[0].core_file == tmp_path / "xdg/resilver/gimp.json"
    # inside its sandbox the settings' folder is Flatpak's own
    assert places[2].core_file == home / ".var/app/org.gimp.GIMP/config/resilver/gimp.json"
    assert "not verified" in places[2].note


@pytest.mark.parametrize("said", ["/elsewhere/gimp", "gimp folder"])
def test_gimps_own_variable_says_where(home, environ, said):
    """GIMP3_DIRECTORY is a profile, relative to the home folder, whether it exists or not."""
    (place,) = find_places({**environ, "GIMP3_DIRECTORY": said}, "linux")
    assert place.profile == home / said


@pytest.mark.parametrize(
    ("platform", "folder"),
    [("win32", "AppData/Roaming/GIMP/3.0"), ("darwin", "Library/Application Support/GIMP/3.0")],
)
def test_other_systems_are_not_verified(home, environ, platform, folder):
    """Windows' and macOS' folders are found, and it is said that nobody tried them."""
    (home / folder).mkdir(parents=True)
    (place,) = find_places(environ, platform)
    assert place.profile == home / folder
    assert "Not verified" in place.note


def test_snap_says_what_cannot_work(home, environ):
    """A GIMP from Snap alone gets nothing, with the reason, and the exit status is 1."""
    (home / "snap/gimp/current/.config/GIMP/3.0").mkdir(parents=True)
    done = gimp(environ, "install")
    assert done.returncode == 1
    assert "Snap" in done.stdout
    assert not list((home / "snap").rglob("plug-ins"))


def test_a_program_of_snap_is_not_native(environ, tmp_path):
    """The start script in /snap/bin is not taken for a native GIMP."""
    environ["PATH"] = str(tmp_path / "snap")
    Path(environ["PATH"]).mkdir()
    make_program(environ, "gimp", "exit 0")
    assert find_program(environ) is None


def test_the_plug_in_arrives_whole(place, source):
    """Everything but caches arrives, the entry is executable, the core is named, and nothing is wrong."""
    install.install(place, source)
    found = tree(place.folder)
    mark = json.loads(found.pop(install.MARK))
    assert found == FILES | SENTENCES
    assert mark == {"program": "resilver", "version": __version__, "files": sorted(FILES | SENTENCES)}
    assert os.access(place.folder / "resilver.py", os.X_OK)
    assert not os.access(place.folder / "core.py", os.X_OK) or os.name != "posix"
    core = json.loads(place.core_file.read_bytes())
    assert (core["interpreter"], core["version"], core["protocol"]) == (sys.executable, __version__, 1)
    assert "mask" in core["features"]
    assert "bridge" not in core
    assert whats(place, source) == []


def test_in_a_sandbox_the_plug_in_learns_of_the_way_out(place, source):
    """Where the daemon writes down that it listens is told to a GIMP from Flatpak."""
    inside = replace(place, kind="flatpak")
    install.install(inside, source)
    told = json.loads(inside.core_file.read_bytes())
    assert told["bridge"] == str(inside.core_file.parent / "bridge.json")


def test_installing_twice_changes_the_entrys_time_only(place, source):
    """A second installation gives the same files, and a new time, without which GIMP keeps what it cached."""
    install.install(place, source)
    before = tree(place.folder)
    entry = place.folder / "resilver.py"
    os.utime(entry, (1, 1))
    install.install(place, source)
    assert tree(place.folder) == before
    assert entry.stat().st_mtime > time.time() - 3600


def test_an_upgrade_removes_what_is_no_longer_part(place, source, tmp_path):
    """Files of the older version go with their caches and empty folders; what somebody else put there stays."""
    older = make_source(tmp_path / "older", {**FILES, "gone.py": b"", "old/part.py": b""})
    install.install(place, older)
    for name in ("__pycache__/gone.cpython-311.pyc", "mine.txt"):
        (place.folder / name).parent.mkdir(exist_ok=True)
        (place.folder / name).write_bytes(b"")
    install.install(place, source)
    assert set(tree(place.folder)) == {*FILES, *SENTENCES, install.MARK, "mine.txt"}
    assert not (place.folder / "old").exists()


def test_a_renamed_copy_is_told_and_removed(place, source):
    """A copy under another name, which GIMP ignores, is a problem, and goes with the next installation."""
    install.install(place, source)
    renamed = place.plug_ins / "resilver-0.0.9"
    place.folder.rename(renamed)
    assert any("renamed" in what for what in whats(place, source))
    install.install(place, source)
    assert not renamed.exists()
    assert whats(place, source) == []


def test_a_linked_working_copy_is_replaced_not_written_to(place, source, tmp_path):
    """Where the folder is a link to somebody's files, the link goes and those files stay as they are."""
    own = make_source(tmp_path / "own", {"resilver.py": b"own"})
    place.plug_ins.mkdir()
    place.folder.symlink_to(own)
    before = tree(own)
    assert not install.uninstall(place)
    install.install(place, source)
    assert not place.folder.is_symlink()
    assert tree(own) == before
    assert whats(place, source) == []


def test_uninstalling_removes_only_its_own(home, place, source):
    """The folder and the core's file go; other plug-ins, settings and files put beside ours stay."""
    (place.plug_ins / "other").mkdir(parents=True)
    (place.plug_ins / "other/other.py").write_text("other")
    place.core_file.parent.mkdir(parents=True)
    (place.core_file.parent / "settings.toml").write_text("")
    before = tree(home)
    install.install(place, source)
    assert install.uninstall(place)
    assert tree(home) == before
    assert not place.folder.exists()
    assert not install.uninstall(place)
    install.install(place, source)
    (place.folder / "mine.txt").write_text("mine")
    install.uninstall(place)
    assert tree(place.folder) == {"mine.txt": b"mine"}


def test_a_mark_leads_nowhere_else(home, place, source):
    """Names in a mark that lead out of the folder are not followed."""
    (home / "precious").write_text("precious")
    install.install(place, source)
    mark = json.loads((place.folder / install.MARK).read_bytes())
    mark["files"] += ["../../../../../precious", str(home / "precious"), "", 7]
    (place.folder / install.MARK).write_text(json.dumps(mark))
    install.uninstall(place)
    assert (home / "precious").exists()
    assert not place.folder.exists()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda place: (place.folder / "resilver.py").chmod(0o644), "not executable"),
        (lambda place: (place.folder / "resilver.py").write_bytes(b"import gi\n"), "#!"),
        (lambda place: (place.folder / "core.py").write_bytes(b"2\n"), "core.py is not as Resilver has it"),
        (lambda place: (place.folder / "core.py").unlink(), "core.py is not as Resilver has it"),
        (lambda place: (place.folder / install.MARK).unlink(), "not put there by Resilver"),
        (lambda place: rewrite(place.folder / install.MARK, version="0.0.1"), "of version 0.0.1"),
        (lambda place: place.core_file.unlink(), "where Resilver is"),
        (lambda place: place.core_file.write_text("{"), "where Resilver is"),
        (lambda place: rewrite(place.core_file, interpreter="/gone/python"), "/gone/python, is gone"),
        (lambda place: rewrite(place.core_file, version="9.9"), "would start Resilver 9.9"),
        (lambda place: rewrite(place.core_file, protocol=0), "would start Resilver"),
        (lambda place: shutil.rmtree(place.folder), "has no plug-in"),
        (lambda place: (place.plug_ins / "resilver.py").write_text(""), "in no folder of its own"),
    ],
)
def test_each_fault_has_its_sentence(place, source, spoil, said):
    """Whatever keeps the plug-in from working is told, with what to do, and another installation mends it."""
    install.install(place, source)
    spoil(place)
    found = checks.problems(place, source)
    assert any(said in problem.what for problem in found), found
    assert all("resilver gimp install" in problem.remedy for problem in found)
    install.install(place, source)
    (place.plug_ins / "resilver.py").unlink(missing_ok=True)
    assert whats(place, source) == []


def rewrite(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}))


def test_what_cannot_be_written_is_one_sentence(place, source):
    """A file where a folder must be gives a typed error that names it, and nothing of ours is left."""
    place.plug_ins.write_text("a file")
    with pytest.raises(OutputDenied, match="plug-ins"):
        install.install(place, source)
    assert not place.core_file.exists()


def test_nothing_to_bring_is_said(place, tmp_path):
    """An installation of Resilver without the plug-in's files says so, and leaves GIMP's folder alone."""
    with pytest.raises(EngineMissing, match="install Resilver anew"):
        install.install(place, make_source(tmp_path / "empty", {"core.py": b""}))
    assert not place.folder.exists()


def test_a_gimp_that_was_never_started_makes_its_own_folder(home, environ):
    """GIMP itself makes its profile, since it would not take older settings over into one that exists."""
    made = f'mkdir -p "{home}/.config/GIMP/3.2" && touch "{home}/.config/GIMP/3.2/gimprc"'
    make_program(
        environ,
        "gimp-console",
        f'case "$1" in --version) echo "GNU Image Manipulation Program version 3.2.6";; *) {made};; esac',
    )
    environ["PATH"] += ":/usr/bin:/bin"
    done = gimp(environ, "install")
    assert "never started" in done.stdout, done.stderr
    assert (home / ".config/GIMP/3.2/gimprc").exists()
    assert os.access(home / ".config/GIMP/3.2/plug-ins/resilver/resilver.py", os.X_OK)
    assert "never started" not in gimp(environ, "install").stdout


def test_an_old_gimp_is_no_gimp_3(environ):
    """GIMP 2.10 on the path is not asked to make anything."""
    make_program(environ, "gimp", 'echo "GNU Image Manipulation Program version 2.10.34"')
    assert never_started([], environ, "linux") is None


@pytest.mark.parametrize(("status", "said"), [(1, "lacks GIMP's modules"), (0, None)])
def test_gimps_python_is_asked_for_its_modules(environ, status, said):
    """The python3 of the path, and not the environment's own, is asked for GIMP's modules."""
    make_program(environ, "python3", f"exit {status}")
    problem = checks.python_problem({**environ, "PATH": f"{Path(sys.executable).parent}:{environ['PATH']}"})
    assert (problem and said in problem.what) if said else problem is None


def test_without_gimp_there_is_one_thing_to_do(environ):
    """Neither command fails silently where there is no GIMP; taking away nothing is no failure."""
    for verb in ("install", "status"):
        done = gimp(environ, verb)
        assert (done.returncode, "no GIMP 3 was found" in done.stderr) == (1, True)
    assert gimp(environ, "uninstall").returncode == 0
    assert gimp(environ).returncode == 2


def test_the_commands_from_beginning_to_end(home, environ, place):
    """Install, ask, take away: through the command line, with the plug-in as it is shipped."""
    before = json.loads(gimp(environ, "status", "--json").stdout)
    assert before["places"][0]["installed"] is None
    assert before["places"][0]["problems"]
    done = gimp(environ, "install")
    assert (done.returncode, str(place.folder) in done.stdout) == (0, True), done
    after = gimp(environ, "status", "--json")
    assert (after.returncode, json.loads(after.stdout)) == (
        0,
        {
            "version": __version__,
            "places": [
                {
                    "kind": "native",
                    "gimp": "3.0",
                    "folder": str(place.folder),
                    "usable": True,
                    "installed": __version__,
                    "note": None,
                    "problems": [],
                }
            ],
        },
    )
    (place.folder / "resilver.py").chmod(0o644)
    broken = gimp(environ, "status")
    assert (broken.returncode, "not executable" in broken.stdout) == (1, True)
    assert gimp(environ, "uninstall").returncode == 0
    assert not place.folder.exists()


@pytest.fixture
def packaged(environ, tmp_path):
    """A system's GIMP 3.2 with the plug-in as the Debian package brings it; the folder of the plug-in."""
    system = tmp_path / "usr"
    folder = system / "lib/x86_64-linux-gnu/gimp/3.0/plug-ins/resilver"
    make_source(folder, install.shipped())
    (folder / install.ENTRY).chmod(0o755)
    (folder / "core.json").write_text(json.dumps(install.core(Place(kind="native", profile=system, config=system))))
    (system / "bin").mkdir()
    environ["PATH"] = f"{system / 'bin'}:/usr/bin:/bin"
    make_gimp(system / "bin", "3.2.6")
    return folder


def make_gimp(folder, version):
    """Under two names, as distributions have it; it makes no profile, and would not be asked to."""
    make_program({"PATH": str(folder)}, "gimp-console-3", f'echo "GNU Image Manipulation Program version {version}"')
    (folder / "gimp-console").symlink_to("gimp-console-3")
    make_program({"PATH": str(folder)}, "python3", "exit 0")  # with GIMP's modules


def status(environ):
    done = gimp(environ, "status", "--json")
    return done.returncode, json.loads(done.stdout)["places"]


def test_a_package_has_brought_it(environ, home, packaged):
    """Before GIMP's first start, too: it is told with its version and its folder, and nothing is made for this user."""
    code, (told,) = status(environ)
    assert (code, told["installed"], told["folder"], told["gimp"]) == (0, __version__, str(packaged), "3.2")
    assert "package" in told["note"]
    before = tree(packaged)
    for verb in ("install", "uninstall"):
        done = gimp(environ, verb)
        assert (done.returncode, str(packaged) in done.stdout) == (0, True), done
    assert tree(packaged) == before
    assert tree(home) == {}


def test_an_own_copy_beside_the_packages_is_told_and_goes(environ, home, place, packaged):
    """It hides the package's, as GIMP has it; `install` takes it away, and the file that names its Resilver with it."""
    install.install(place)
    rewrite(place.core_file, interpreter="/gone/python")
    code, (told,) = status(environ)
    assert (code, told["folder"], str(packaged) in told["note"]) == (1, str(place.folder), True)
    done = gimp(environ, "install")
    assert (done.returncode, f"Removed: {place.folder}" in done.stdout) == (0, True), done
    assert tree(home) == {}
    code, (told,) = status(environ)
    assert (code, told["folder"], told["gimp"]) == (0, str(packaged), "3.0")


def test_a_forgotten_file_of_settings_leads_the_packages_astray(environ, home, place, packaged):
    """The user's own file comes first, as in the plug-in; where what it names is gone that is told, and mended."""
    install.install(place)
    rewrite(place.core_file, interpreter="/gone/python")
    install.remove_folder(place.folder)
    code, (told,) = status(environ)
    assert (code, told["folder"]) == (1, str(packaged))
    assert "/gone/python, is gone" in told["problems"][0]["what"]
    assert gimp(environ, "install").returncode == 0
    assert status(environ)[0] == 0
    assert not place.folder.exists()


def test_an_own_copy_replaces_a_package_of_another_version(environ, place, packaged):
    """Where the package's cannot work with this Resilver, its own copy comes, with a word on which one it hides."""
    rewrite(packaged / "core.json", version="0.0.1")
    code, (told,) = status(environ)
    assert (code, told["installed"]) == (1, "0.0.1")
    assert gimp(environ, "install").returncode == 0
    code, (told,) = status(environ)
    assert (code, told["installed"], told["folder"]) == (0, __version__, str(place.folder))
    assert f"hides the one that a package brought, {packaged}" in told["note"]


def test_gimp_2_does_not_see_the_packages(environ, packaged):
    """Debian 12's GIMP 2.10 reads no plug-ins for GIMP 3, though the package brings them there, too."""
    (packaged.parents[5] / "bin/gimp-console").unlink()
    (packaged.parents[5] / "bin/gimp-console-3").unlink()
    make_gimp(packaged.parents[5] / "bin", "2.10.34")
    assert status(environ) == (1, [])


def test_the_doctor_agrees(environ, place, packaged):
    """What `gimp status` finds `resilver doctor` finds; where nobody brought the plug-in it is no problem."""
    asked = [*RESILVER[:-1], "doctor", "--json"]

    def doctor():
        done = subprocess.run(asked, env=environ, capture_output=True, text=True, timeout=60, check=False)
        return json.loads(done.stdout)

    assert (doctor()["gimp"], doctor()["problems"]) == (status(environ)[1], [])
    (packaged / install.ENTRY).chmod(0o644)
    assert doctor()["problems"] == status(environ)[1][0]["problems"] != []
    shutil.rmtree(packaged)
    assert (status(environ)[0], doctor()["problems"]) == (1, [])


def test_the_plug_in_compiles(tmp_path):
    """Every file that is shipped is Python, and its entry says what runs it."""
    files = install.shipped()
    assert files["resilver.py"].startswith(b"#!/usr/bin/env python3\n")
    assert list(files)[-1] == "resilver.py"
    for name, data in files.items():
        if name.endswith(".py"):
            compile(data, name, "exec")


def test_a_place_is_named_after_its_entry():
    """GIMP ignores a plug-in whose folder and file have different names."""
    place = Place(kind="native", profile=install.SOURCE, config=install.SOURCE)
    assert f"{place.folder.name}.py" == install.ENTRY
