"""The installer for Windows, by NSIS: Python's embeddable package, and the wheels for Windows beside it."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from builders import wheels
from builders.lock import WINDOWS
from builders.project import BUILD, HERE, ROOT, Unbuildable, epoch, reproducible, version
from builders.tree import put, settle
from resilver_desktop.machine import this_machine
from resilver_desktop.windows import PLACES, keys
from resilver_watcher.autostart import NAME, command, windows_line
from resilver_watcher.icons import draw

ARCHIVE, DIGEST = "RESILVER_WINDOWS_PYTHON", "RESILVER_WINDOWS_PYTHON_SHA256"
_SCRIPTS = HERE / "windows"
_PYTHON = WINDOWS.pythons[0]
_PATHS = f"python{_PYTHON.replace('.', '')}._pth"
_NEEDED = {"python.exe", "pythonw.exe", _PATHS}
_PROGRAM = r"$INSTDIR\python\pythonw.exe"
_ICON_SIZES = (16, 24, 32, 48, 64, 128, 256)
_LANGUAGES = {"English": "en", "Russian": "ru"}
_ESCAPES = str.maketrans({"$": "$$", '"': '$\\"', "\n": "$\\n", "\r": "$\\r"})


def build(folder: Path, environ: Mapping[str, str] = os.environ, compressor: str = "lzma") -> Path:
    """Build ``resilver-VERSION-windows-x86_64.exe`` into the folder.

    ``environ`` names Python's package and its digest; ``compressor``: of NSIS, "zlib" takes a tenth of the time.

    Raises:
        Unbuildable: one of these, or NSIS, is missing, or the digest is another.
    """
    archive = _archive(environ)
    if not shutil.which("makensis"):
        raise Unbuildable("The installer for Windows needs NSIS; on Debian: apt install nsis.")
    tree = BUILD / "windows" / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    _bring_python(archive, tree / "python")
    wheels.install(WINDOWS, _PYTHON, tree / "python/Lib/site-packages")
    for document, name in {"LICENSE": "LICENSE.txt", "THIRD_PARTY.md": "", "CHANGELOG.md": ""}.items():
        put(tree / (name or document), _for_windows(ROOT / document))
    put(tree / "resilver.cmd", _for_windows(_SCRIPTS / "resilver.cmd"))
    draw("idle", size=256).save(tree / "resilver.ico", sizes=[(size, size) for size in _ICON_SIZES])
    settle(tree)
    return _packed(tree, folder / f"resilver-{version()}-windows-x86_64.exe", compressor)


def _archive(environ: Mapping[str, str]) -> Path:
    said, digest = environ.get(ARCHIVE), environ.get(DIGEST)
    if not said or not digest:
        raise Unbuildable(
            f"Python for Windows is no part of this project: give {ARCHIVE}=python-{_PYTHON}.N-embed-amd64.zip, and "
            f"{DIGEST}= its digest as python.org's page of that release tells it; the build compares them."
        )
    archive = Path(said).absolute()
    try:
        with archive.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise Unbuildable(f"{archive} cannot be read ({error.strerror}); see to {ARCHIVE}.") from error
    if found != digest.lower():
        raise Unbuildable(f"{archive} has the digest {found}, not that of {DIGEST}; download it anew.")
    with zipfile.ZipFile(archive) as packed:
        names = {*packed.namelist()}
    if _NEEDED - names:
        raise Unbuildable(f"{archive} is not the embeddable package of Python {_PYTHON} for amd64.")
    return archive


def _bring_python(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    # what is not listed there is not looked at: neither variables nor another Python's packages
    put(folder / _PATHS, f"{_PATHS.removesuffix('._pth')}.zip\r\n.\r\nLib\\site-packages\r\n".encode())


def _for_windows(text: Path) -> bytes:
    return text.read_bytes().replace(b"\n", b"\r\n")


def _packed(tree: Path, installer: Path, compressor: str) -> Path:
    parts = BUILD / "windows" / "parts.nsh"
    put(parts, "\n".join(_parts()).encode("utf-8-sig"))
    size = sum(path.stat().st_size for path in tree.rglob("*")) // 1024
    told = {"VERSION": version(), "TREE": tree, "PARTS": parts, "ICON": tree / "resilver.ico", "SIZE": size}
    installer.parent.mkdir(parents=True, exist_ok=True)
    defined = [f"-D{name}={value}" for name, value in {**told, "OUT": installer, "COMPRESSOR": compressor}.items()]
    words = ["makensis", "-V2", "-WX", "-INPUTCHARSET", "UTF8", *defined, str(_SCRIPTS / "resilver.nsi")]
    subprocess.run(words, check=True, env=reproducible(), stdout=subprocess.DEVNULL)
    os.utime(installer, (epoch(), epoch()))
    return installer


def _parts() -> Iterator[str]:
    """What ``resilver integrate`` and ``resilver autostart`` would write, for wherever it is installed."""
    machine = this_machine({"HOME": "/", "LANG": "C"}, "win32")
    machine = replace(machine, program=(_PROGRAM, *machine.program[1:]))
    for name, language in _LANGUAGES.items():
        yield f"!macro Menus{name}"
        yield from _removed()
        for key, values in keys(replace(machine, language=language)).items():
            for value, text in values.items():
                yield f'  WriteRegStr HKCU "{key}" "{value}" "{_text(text)}"'
        yield "!macroend"
    yield "!macro RemoveMenus"
    yield from _removed()
    yield "!macroend"
    yield "!macro Autostart"
    yield f'  WriteRegStr HKCU "${{RUN}}" "{NAME}" "{_text(windows_line([_PROGRAM, *command()[1:]]))}"'
    yield "!macroend"


def _removed() -> Iterator[str]:
    for key in PLACES:
        yield f'  DeleteRegKey HKCU "{key}"'


def _text(text: str) -> str:
    return text.translate(_ESCAPES).replace("$$INSTDIR", "$INSTDIR")
