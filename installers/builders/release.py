"""A release: everything that can be built, what it is made of (a bill of materials), and the digests of all files."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import shutil
import sys
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from builders import deb, tarball, third_party, wheels, windows
from builders.lock import LINUX, WINDOWS, locked, needed
from builders.project import DIST, ROOT, Unbuildable, epoch, version

INSTALLERS: dict[str, Callable[[Path], Path]] = {
    "wheel": wheels.own,
    "deb": deb.build,
    "tarball": tarball.build,
    "windows": windows.build,
}
"""What builds each of them into a folder; what cannot be built here raises :class:`.Unbuildable`."""
SUMS = "SHA256SUMS"
_WEIGHTS = ROOT / "shared" / "resilver" / "local" / "weights"
_OURS = "Apache-2.0"


def build_all(folder: Path = DIST) -> Path:
    """Build every installer that can be built here into the folder, and tell which are left out, and why."""
    for name, make in INSTALLERS.items():
        try:
            print(make(folder))
        except Unbuildable as error:
            print(f"left out: {name}. {error}", file=sys.stderr)
    return folder


def build(folder: Path = DIST) -> Path:
    """Build all into the folder, which is emptied first; the file of digests, as ``sha256sum --check`` reads it."""
    shutil.rmtree(folder, ignore_errors=True)
    build_all(folder)
    debian = tarball.parts() if [*folder.glob("*.tar.gz")] else []
    told = json.dumps(materials(debian), indent=1) + "\n"
    (folder / f"resilver-{version()}.cdx.json").write_text(told, "utf-8")
    files = sorted(path for path in folder.iterdir() if path.name != SUMS)
    (folder / SUMS).write_text("".join(f"{_digest(path)}  {path.name}\n" for path in files), "utf-8")
    return folder / SUMS


def materials(debian: Sequence[tarball.Part] = ()) -> dict[str, Any]:
    """The bill of materials after CycloneDX 1.6: all that is shipped, and what needs what.

    ``debian``: what the tarball took of that system.
    """
    versions = locked(WINDOWS) | locked(LINUX)
    packages = sorted(third_party.packages())
    refs = {name: f"pkg:pypi/{name}@{versions[name]}" for name in packages} | {
        "resilver": f"pkg:pypi/resilver@{version()}"
    }
    networks = [_network(path) for path in sorted(_WEIGHTS.glob("*.bin"))]
    parts = [
        _component("library", f"pkg:deb/debian/{one.name}@{one.version}", one.name, one.version, one.licence)
        for one in debian
    ]
    needs = {refs[name]: sorted(refs[one] for one in needed(LINUX, name) | needed(WINDOWS, name)) for name in refs}
    needs[refs["resilver"]] += [one["bom-ref"] for one in [*networks, *parts]]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([refs, networks, parts]))}",
        "version": 1,
        "metadata": {
            "timestamp": dt.datetime.fromtimestamp(epoch(), dt.UTC).isoformat(),
            "component": _component("application", refs["resilver"], "resilver", version(), _OURS),
        },
        "components": [
            *(_component("library", refs[name], name, versions[name], third_party.licence(name)) for name in packages),
            *networks,
            *parts,
        ],
        "dependencies": [{"ref": ref, "dependsOn": others} for ref, others in needs.items()],
    }


def _component(kind: str, ref: str, name: str, release: str, licence: str) -> dict[str, Any]:
    about = {"type": kind, "bom-ref": ref, "name": name, "version": release, "licenses": [{"expression": licence}]}
    return about | ({"purl": ref} if ref.startswith("pkg:") else {})


def _network(path: Path) -> dict[str, Any]:
    about = _component("machine-learning-model", f"network:{path.stem}", path.stem, version(), _OURS)
    return about | {"hashes": [{"alg": "SHA-256", "content": _digest(path)}]}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
