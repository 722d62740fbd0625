"""THIRD_PARTY.md."""

import pytest

from builders import third_party

PAGE = third_party.PAGE.read_text("utf-8")


@pytest.mark.parametrize("name", sorted(third_party.packages()))
def test_every_package_stands_there_with_its_licence(name):
    """A package that a new dependency brings along fails here until `./run build third-party` was run."""
    assert f"| {name} | {third_party.licence(name)} |" in PAGE


def test_packages_of_packages_are_found():
    """httpx is asked for, h11 comes with it by way of httpcore, and uvicorn belongs to an extra."""
    assert {"httpx", "h11", "uvicorn"} <= third_party.packages()


def test_every_network_stands_there():
    """Our own by their cards, those of others by their whole notices."""
    local = third_party.ROOT / "shared" / "resilver" / "local"
    assert all(f"| {weights.stem} | " in PAGE for weights in local.glob("weights/*.bin"))
    assert all(notice.read_text("utf-8").strip() in PAGE for notice in local.glob("notices/*.txt"))


@pytest.mark.parametrize(
    "said", ["", "License: GPL-3.0-only", "License: UNKNOWN", "License-Expression: MIT AND SSPL-1.0"]
)
def test_an_unknown_licence_is_refused(said, tmp_path, monkeypatch):
    """What names no licence, or one that nobody has looked at, must not be shipped unnoticed."""
    about = tmp_path / "stranger-1.0.dist-info" / "METADATA"
    about.parent.mkdir()
    about.write_text(f"Metadata-Version: 2.4\nName: stranger\nVersion: 1.0\n{said}\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="stranger is not known"):
        third_party.licence("stranger")
