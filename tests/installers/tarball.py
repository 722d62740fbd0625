"""The tarball in Debians with Python, with GIMP and with neither; `.ci/installers` runs it, since it takes minutes."""

import hashlib
import json
import re
import shutil
import tarfile

import pytest

from builders import project, tarball
from fakes.debian_bed import fresh, inside

GIMP = "python3 python3-venv gimp python3-gi gir1.2-gimp-3.0 gir1.2-gegl-0.4 gir1.2-gtk-3.0 desktop-file-utils"
BEDS = {"bookworm": ("bookworm", "python3 python3-venv"), "gimp": ("trixie", GIMP), "bare": ("trixie", "")}
LOOPBACK = 'import fcntl,socket,struct; fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh", b"lo", 1))'
"""SIOCSIFFLAGS and IFF_UP of Linux: the bed is without any network, this one included."""
WATCHES = """
resilver watch --no-tray --input In --output Out & daemon=$!
until resilver status; do kill -0 $daemon; sleep .2; done
cp /srv/attic.jpg In/; until ls Out/*.jpg; do kill -0 $daemon; sleep .5; done
cp -r In/. Pictures; resilver stop; wait $daemon
"""
SERVES = """
resilver serve >said & server=$!
until grep -q Listening said; do kill -0 $server; sleep .2; done
RESILVER_TOKEN=$(sed -n 's/^Token.*: //p' said) resilver conformance --yes --base-url http://127.0.0.1:8470
kill $server; wait $server || true
"""
IN_GIMP = """
import json
from gi.repository import Gimp, Gio
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path("/srv/attic.jpg"))
procedure = Gimp.get_pdb().lookup_procedure("plug-in-resilver-restore")
config = procedure.create_config()
config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
config.set_property("image", image)
config.set_core_object_array("drawables", image.get_layers())
result = procedure.run(config)
print("TOLD", json.dumps([result.index(0) == Gimp.PDBStatusType.SUCCESS, list(result.index(2) or [])]))
"""
HOME = "/home/ann/.local/lib/resilver"

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed")
    yield tarball.build(folder)
    shutil.rmtree(folder)


@pytest.fixture(params=BEDS, scope="module")
def bed(request, packed, tmp_path_factory):
    root = fresh(*BEDS[request.param], tmp_path_factory.mktemp("bed") / request.param)
    with tarfile.open(packed) as archive:
        archive.extractall(root / "srv", filter="tar")
    next((root / "srv").glob("resilver-*")).rename(root / "srv" / "unpacked")
    shutil.copyfile(project.ROOT / "samples" / "attic.jpg", root / "srv" / "attic.jpg")
    yield root
    shutil.rmtree(root)


def test_the_same_bytes_come_out_twice(packed, tmp_path):
    """Made anew, from scratch but for what was downloaded."""
    assert digest(tarball.build(tmp_path)) == digest(packed)


def test_a_life_on_linux(bed):
    """Tried, installed, renewed, used, removed; what is the user's stays throughout."""
    inside(bed, "/srv/unpacked/resilver restore /srv/attic.jpg -o Tried; ls -l Tried/attic-improved.jpg", user="ann")
    inside(bed, "mkdir -p Pictures In Out .config/resilver; echo '[local]' >.config/resilver/settings.toml", user="ann")
    if bed.name == "gimp":
        inside(bed, "gimp-console -i --quit", user="ann")
    inside(bed, "mkdir -p .local/bin; ln -s /srv/of-pipx .local/bin/resilver", user="ann")
    assert f"the command: {HOME}/resilver" in inside(
        bed, "/srv/unpacked/install.sh; rm .local/bin/resilver", user="ann"
    )
    renewed = inside(bed, "touch .local/lib/resilver/of-an-older-version; /srv/unpacked/install.sh", user="ann")
    assert "Installed: /home/ann/.local/lib/resilver" in renewed
    assert not (bed / "home/ann/.local/lib/resilver/of-an-older-version").exists()
    used(bed)
    menus_start_what_is_there(bed)
    if bed.name == "gimp":
        works_in_gimp(bed)
    mine = everything_of_ann(bed)
    assert len(mine) >= 3
    assert "Removed." in inside(bed, f"{HOME}/uninstall.sh", user="ann")
    assert everything_of_ann(bed) == mine
    left = inside(bed, "cd; find . -iname '*resilver*'; grep -rl resilver .[a-z]* || true", user="ann").split()
    # and GIMP's list of plug-ins, which GIMP renews at its next start
    kept = re.compile(r"(\./)?\.(config|local/state)/resilver|\.config/GIMP/3\.0/pluginrc$")
    assert not [name for name in left if not kept.match(name)]


def used(bed):
    """The command, the worker as GIMP starts it, the watched folder, and the server: each with a picture."""
    path = "export PATH=$HOME/.local/bin:$PATH; cd"
    # a folder of photographs is no place to take programs from, nor is a variable of another Python
    odd = "cd Pictures; echo 'raise SystemExit(9)' >numpy.py; export PYTHONPATH=. PYTHONHOME=/nowhere"
    inside(bed, f"{path}; {odd}; resilver restore /srv/attic.jpg -o .; rm numpy.py; ls attic-improved.jpg", user="ann")
    worker = inside(bed, f"{HOME}/python/bin/python3 -I -m resilver.worker </dev/null", user="ann")
    assert json.loads(worker.splitlines()[0])["type"] == "hello"
    inside(bed, f"{path}; {WATCHES}", user="ann")
    (bed / "srv/serves").write_text(f"{path}; {SERVES}")
    told = inside(bed, f"{HOME}/python/bin/python3 -c '{LOOPBACK}'; su ann -c 'cd; sh -eu /srv/serves'")
    assert "breaks" not in told, told


def menus_start_what_is_there(bed):
    """The entries name this Resilver, and desktop files are as they should be."""
    inside(bed, ".local/bin/resilver integrate install nautilus nemo", user="ann")
    data = bed / "home/ann/.local/share"
    assert f"{HOME}/python/bin/python3" in (data / "nautilus-python/extensions/resilver.py").read_text("utf-8")
    entry = (data / "applications/resilver.desktop").read_text("utf-8")
    assert f'\nExec="{HOME}/resilver" watch\n' in entry
    if bed.name == "gimp":
        assert not inside(bed, "desktop-file-validate /home/ann/.local/share/applications/resilver.desktop")
    inside(bed, f"cd /; {HOME}/python/bin/python3 -P -m resilver_desktop restore --help", user="ann")


def works_in_gimp(bed):
    """The distribution's GIMP, with a Python of its own, finds the worker in the folder."""
    (bed / "srv" / "in_gimp.py").write_text(IN_GIMP, "utf-8")
    batch = "exec(open('/srv/in_gimp.py').read())"
    told = inside(bed, f"""gimp-console -idf --quit --batch-interpreter=python-fu-eval -b "{batch}" """, user="ann")
    lines = [line.removeprefix("TOLD ") for line in told.splitlines() if line.startswith("TOLD ")]
    assert lines, told[-3000:]
    done, names = json.loads(lines[0])
    assert done, told[-3000:]
    assert names


def everything_of_ann(bed):
    """Pictures, settings and records, by name: their digests."""
    home = bed / "home/ann"
    parts = ("Pictures", "In", "Out", "Tried", ".config/resilver", ".local/state/resilver")
    files = [path for part in parts for path in (home / part).rglob("*") if path.is_file()]
    # which of them the plug-in uses is no longer true without it
    return {str(path): digest(path) for path in files if path.name != "gimp.json"}


def digest(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
