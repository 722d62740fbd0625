"""The package in fresh Debians, without network; `.ci/installers` runs it, since it takes minutes."""

import hashlib
import json
import shutil

import pytest

from builders import deb, project, wheels
from fakes.debian_bed import fresh, inside

OLDER = "0.0.1"
BEDS = {
    "bookworm": "python3 python3-venv",
    "trixie": "python3 python3-venv gimp python3-gi gir1.2-gimp-3.0 gir1.2-gegl-0.4 gir1.2-gtk-3.0 desktop-file-utils",
}
IN_GIMP = """
import json
from gi.repository import Gimp, Gio
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path("/home/ann/Pictures/attic.jpg"))
procedure = Gimp.get_pdb().lookup_procedure("plug-in-resilver-restore")
config = procedure.create_config()
config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
config.set_property("image", image)
config.set_core_object_array("drawables", image.get_layers())
result = procedure.run(config)
print("TOLD", json.dumps([result.index(0) == Gimp.PDBStatusType.SUCCESS, list(result.index(2) or [])]))
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The package, and the same as an older version."""
    folder = tmp_path_factory.mktemp("packages")
    yield {"older.deb": deb.build(folder, OLDER), "new.deb": deb.build(folder)}
    shutil.rmtree(folder)


@pytest.fixture(params=BEDS, scope="module")
def debian(request, packages, tmp_path_factory):
    root = fresh(request.param, BEDS[request.param], tmp_path_factory.mktemp("bed") / request.param)
    for name, path in packages.items():
        shutil.copyfile(path, root / "srv" / name)
    shutil.copyfile(project.ROOT / "samples" / "attic.jpg", root / "srv" / "attic.jpg")
    yield root
    shutil.rmtree(root)


def test_the_same_bytes_come_out_twice(packages, tmp_path):
    """Package and wheel are built anew, from scratch but for what was downloaded."""
    again = deb.build(tmp_path)
    assert digest(again) == digest(packages["new.deb"])
    assert digest(wheels.own(tmp_path / "a")) == digest(wheels.own(tmp_path / "b"))


def test_a_life_in_debian(debian):
    """Installed, upgraded, used, healed after another Python, removed, purged; what is the user's stays throughout."""
    inside(debian, "dpkg -i /srv/older.deb")
    assert OLDER in inside(debian, "dpkg-query -W resilver")
    inside(debian, "mkdir -p Pictures .config/resilver; cp /srv/attic.jpg Pictures; "
           "echo '[local]' >.config/resilver/settings.toml", user="ann")  # fmt: skip
    mine = everything_of_ann(debian)
    inside(debian, "dpkg -i /srv/new.deb")
    assert project.version() in inside(debian, "dpkg-query -W resilver; resilver --version")
    restores(debian)
    mine |= {name: found for name, found in everything_of_ann(debian).items() if "Restored" in name}
    if debian.name == "trixie":
        works_in_gimp(debian)
    menus_start_what_is_there(debian)
    assert not inside(debian, "dpkg --verify resilver")
    heals_after_another_python(debian)
    inside(debian, "dpkg -r resilver")
    assert "resilver" not in inside(debian, "ls /usr/bin /usr/lib")
    inside(debian, "dpkg -P resilver")
    assert not inside(debian, "find / -xdev -name '*resilver*' ! -path '/home/*' ! -path '/srv/*' ! -path '/proc/*'")
    assert mine.items() <= everything_of_ann(debian).items()


def restores(debian):
    """As an ordinary user, in a folder with a file that must not be taken for a module of Python."""
    script = "cd Pictures; echo 'raise SystemExit(9)' >numpy.py; resilver restore attic.jpg -o Restored; rm numpy.py"
    inside(debian, script, user="ann")
    assert (debian / "home/ann/Pictures/Restored/attic-improved.jpg").stat().st_size > 1000


def works_in_gimp(debian):
    """The distribution's GIMP has the plug-in without anything being done, and it finds its core."""
    (debian / "srv" / "in_gimp.py").write_text(IN_GIMP, "utf-8")
    batch = "exec(open('/srv/in_gimp.py').read())"
    told = inside(debian, f"""gimp-console -idf --quit --batch-interpreter=python-fu-eval -b "{batch}" """, user="ann")
    lines = [line.removeprefix("TOLD ") for line in told.splitlines() if line.startswith("TOLD ")]
    assert lines, told[-3000:]
    # it is known to be there, and no copy is put beside it
    (place,) = json.loads(
        inside(debian, "resilver gimp install >&2; resilver gimp status --json", user="ann").splitlines()[-1]
    )["places"]
    assert (place["installed"], place["problems"]) == (project.version(), [])
    assert place["folder"].startswith("/usr/lib/")
    done, names = json.loads(lines[0])
    assert done, told[-3000:]
    assert names


def menus_start_what_is_there(debian):
    """The entries of file managers name a program that exists, and desktop files are as they should be."""
    extension = (debian / "usr/share/nautilus-python/extensions/resilver.py").read_text("utf-8")
    assert "/usr/lib/resilver/venv/bin/python" in extension
    inside(debian, "cd /; /usr/lib/resilver/venv/bin/python -P -c 'import resilver_desktop.commands'", user="ann")
    if debian.name == "trixie":
        assert not inside(debian, "desktop-file-validate /usr/share/applications/resilver.desktop")


def heals_after_another_python(debian):
    """A system's upgrade takes the old Python away; the launcher says what to do, and the trigger has done it."""
    inside(debian, "ln -sfn /usr/bin/python3.1 /usr/lib/resilver/venv/bin/python")
    assert "dpkg-reconfigure resilver" in inside(debian, "resilver --version", check=False)
    inside(debian, "dpkg-trigger --by-package=python3-minimal /usr/bin/python3; dpkg --triggers-only --pending")
    assert project.version() in inside(debian, "resilver --version")


def everything_of_ann(debian):
    """Pictures and settings, by name: their digests."""
    home = debian / "home" / "ann"
    files = [path for part in ("Pictures", ".config/resilver") for path in (home / part).rglob("*") if path.is_file()]
    return {str(path): digest(path) for path in files}


def digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
