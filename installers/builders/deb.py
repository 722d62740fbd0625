"""The package for Debian 12 and 13: wheels inside, from which its installation makes an environment."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

from builders import metainfo, wheels
from builders.lock import EXTRA
from builders.project import BUILD, HERE, ROOT, Unbuildable, epoch, reproducible, version
from builders.tree import fill_share, gzipped, put, settle
from resilver_desktop.key_files import DOLPHIN, NEMO
from resilver_desktop.machine import this_machine
from resilver_desktop.nautilus import NAUTILUS
from resilver_gimp.install import ENTRY, core, shipped
from resilver_gimp.places import Place

_SCRIPTS = HERE / "debian"
_LIBRARY = "usr/lib/resilver"
_PYTHON = f"/{_LIBRARY}/venv/bin/python"
_MENUS = (_PYTHON, "-P", "-m", "resilver_desktop")
"""What file managers start; -P, since they may do it in a folder with anything in it."""
_GIMP = "usr/lib/x86_64-linux-gnu/gimp/3.0/plug-ins/resilver"


def build(folder: Path, release: str = "") -> Path:
    """Build ``resilver_VERSION_amd64.deb`` into the folder; ``release`` replaces the version.

    Raises:
        Unbuildable: Debian's tools are not here.
    """
    if not shutil.which("dpkg-deb"):
        raise Unbuildable("The package for Debian needs dpkg-deb; make it on Debian, or install the package dpkg.")
    release = release or version()
    tree = BUILD / "deb"
    shutil.rmtree(tree, ignore_errors=True)
    library = tree / _LIBRARY / "wheels"
    library.mkdir(parents=True)
    for wheel in [wheels.own(BUILD / "own-wheel"), *wheels.of_others()]:
        shutil.copyfile(wheel, library / wheel.name)
    put(tree / "usr/bin/resilver", (_SCRIPTS / "resilver").read_bytes(), executable=True)
    fill_share(tree / "usr/share", "zsh/vendor-completions")
    _documents(tree, release)
    _desktop(tree)
    _gimp(tree)
    _control(tree, release)
    settle(tree)
    folder.mkdir(parents=True, exist_ok=True)
    package = folder / f"resilver_{release}_amd64.deb"
    # wheels are compressed already, so the quickest that Debian's policy knows will do
    words = ["dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "--build", str(tree), str(package)]
    subprocess.run(words, check=True, env=reproducible(), stdout=subprocess.DEVNULL)
    return package


def _documents(tree: Path, release: str) -> None:
    folder = tree / "usr/share/doc/resilver"
    put(folder / "copyright", (_SCRIPTS / "copyright").read_bytes())
    put(folder / "THIRD_PARTY.md", (ROOT / "THIRD_PARTY.md").read_bytes())
    put(folder / "NEWS.gz", gzipped((ROOT / "CHANGELOG.md").read_bytes()))
    maker = next(line for line in (_SCRIPTS / "control").read_text("utf-8").splitlines() if "Maintainer" in line)
    entry = f"resilver ({release}) stable; urgency=medium\n\n  * What is new stands in NEWS.gz.\n\n"
    signed = f"{entry} -- {maker.partition(': ')[2]}  {formatdate(epoch())}\n"
    put(folder / "changelog.gz", gzipped(signed.encode()))


def _desktop(tree: Path) -> None:
    share = tree / "usr/share"
    put(share / "applications/resilver.desktop", (_SCRIPTS / "resilver.desktop").read_bytes())
    metainfo.write(share, "resilver.desktop")
    machine = replace(this_machine({"HOME": "/", "LANG": "C"}, "linux"), data=Path("/usr/share"), program=_MENUS)
    for manager in (NAUTILUS, NEMO, DOLPHIN):
        for path, entry in manager.entries(machine).items():
            # what KDE asks of entries in a home, to be executable, it does not ask of the system's
            put(tree / path.relative_to("/"), entry.text.encode())


def _gimp(tree: Path) -> None:
    for name, data in shipped().items():
        put(tree / _GIMP / name, data, executable=name == ENTRY)
    system = Place(kind="native", profile=Path("/"), config=Path("/"))
    told = {**core(system), "interpreter": _PYTHON, "log": "~/.local/state/resilver/log/gimp.log"}
    put(tree / _GIMP / "core.json", json.dumps(told, indent=2).encode())


def _control(tree: Path, release: str) -> None:
    size = sum(path.stat().st_size for path in tree.rglob("*")) // 1024
    filled = {"@version@": release, "@size@": str(size), "@extra@": EXTRA}
    for name in ("control", "triggers", "postinst", "prerm"):
        text = (_SCRIPTS / name).read_text("utf-8")
        for mark, value in filled.items():
            text = text.replace(mark, value)
        put(tree / "DEBIAN" / name, text.encode(), executable=name in {"postinst", "prerm"})
    put(tree / "DEBIAN" / "md5sums", _sums(tree).encode())


def _sums(tree: Path) -> str:
    """What ``dpkg --verify`` compares with; MD5 is all that it knows."""
    files = sorted(path for path in tree.rglob("*") if path.is_file() and "DEBIAN" not in path.parts)
    return "".join(f"{_md5(path)}  {path.relative_to(tree)}\n" for path in files)


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
