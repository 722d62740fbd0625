"""Names that are no photographs."""

import pytest

from resilver.picture_io.junk import PICTURE_SUFFIXES, is_junk_file, is_junk_folder


@pytest.mark.parametrize(
    "name",
    [
        "desktop.ini", "Thumbs.db", "THUMBS.DB", ".DS_Store", "._attic.jpg", "Icon\r", "~$album.jpg", "attic.jpg~",
        "attic.jpg.part", "attic.jpg.crdownload", "attic.JPG.TMP", ".resilver-12-ab.jpg", ".nfs000001", ".hidden.png",
    ],
)  # fmt: skip
def test_junk_files(name):
    """Hidden files, unfinished downloads, backups and what systems leave behind are junk, whatever their case."""
    assert is_junk_file(name)


@pytest.mark.parametrize("name", ["attic.jpg", "Desktop.jpg", "part.jpg", "thumbs.png", "~attic.jpg", "a.tmp.jpg"])
def test_photographs(name):
    """A photograph with a name that only resembles junk is none."""
    assert not is_junk_file(name)


def test_junk_folders():
    """Thumbnails of a NAS, resource forks of a Mac, waste bins and hidden folders hold no originals."""
    for name in ("@eaDir", "__MACOSX", "$RECYCLE.BIN", "#recycle", "System Volume Information", ".thumbnails"):
        assert is_junk_folder(name)
    for name in ("1950", "tmp", "Recycle", "MACOSX"):
        assert not is_junk_folder(name)


def test_suffixes():
    """The suffixes are compared in lower case, and none is junk by itself."""
    assert all(suffix == suffix.casefold() and not is_junk_file(f"attic{suffix}") for suffix in PICTURE_SUFFIXES)
