"""Our own networks: part of the package, each with the check sums that its export wrote beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from resilver.errors import EngineMissing, ModelBroken
from resilver.local.networks import NETWORKS, OWN

LICENCE = "Apache-2.0"
ORIGIN = "trained for Resilver, as told in SOURCES.md beside them"
_FOLDER = Path(__file__).parent / "weights"
REMEDY = "install Resilver anew"
_WITH_TABLE = ("colour",)  # networks whose numbers a NAME.json explains


class OwnNetworks:
    """The networks in a folder: ``NAME.param``, ``NAME.bin`` and ``NAME.sha256``, as ``sha256sum`` writes it."""

    def __init__(self, folder: Path = _FOLDER) -> None:
        self.folder = folder

    def paths(self, name: str) -> tuple[Path, Path]:
        """The two files of a network (structure, weights), just verified.

        Raises:
            EngineMissing: one of the files is not there.
            ModelBroken: a check sum is wrong.
        """
        try:
            pinned = _read_sums(self.folder / f"{name}.sha256")
            for ending in (".param", ".bin", *([".json"] if name in _WITH_TABLE else [])):
                path = self.folder / (name + ending)
                if pinned.get(path.name) != digest(path):
                    raise ModelBroken(f"Resilver's own network {path} is damaged; {REMEDY}.")
        except OSError as error:
            raise EngineMissing(f"Resilver's own network {name} cannot be read in {self.folder}; {REMEDY}.") from error
        return self.folder / f"{name}.param", self.folder / f"{name}.bin"

    def table(self, name: str) -> dict[str, Any]:
        """What ``NAME.json`` says, just verified; raises like :meth:`paths`."""
        self.paths(name)
        table: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_bytes())
        return table

    def state(self) -> Literal["installed", "missing", "damaged"]:
        """What reading every file says."""
        try:
            for network in NETWORKS.values():
                if network.source == OWN:
                    self.paths(network.stem)
        except EngineMissing:
            return "missing"
        except ModelBroken:
            return "damaged"
        return "installed"


def digest(path: Path) -> str:
    """The SHA-256 of a file. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _read_sums(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    words = [line.split(maxsplit=1) for line in lines]
    return {pair[1]: pair[0] for pair in words if len(pair) == 2}
