"""From what the user names to the pictures to work on."""

import os
import tempfile
from pathlib import Path

import pytest

from resilver.cli.inputs import collect


@pytest.fixture
def album(tmp_path):
    """A folder as it comes from a scanner, a camera, a Mac, Windows, a Synology and a browser."""
    root = tmp_path / "album"
    for name in (
        "b.jpg", "A.JPG", "c.tif", "notes.txt", ".hidden.jpg", "._a.jpg", ".DS_Store", "desktop.ini", "Thumbs.db",
        "half.jpg.part", "d.jpg~", "~$e.jpg", "@eaDir/b.jpg", "__MACOSX/b.jpg", ".thumbnails/b.jpg",
        "$RECYCLE.BIN/x.jpg", "1950/a.jpg", "1950/summer/a.jpg",
    ):  # fmt: skip
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def names(found, root):
    return [str(item.path.relative_to(root)) for item in found.items]


def test_a_folder_gives_its_own_pictures_only(album):
    """Without -r the pictures of the folder itself are taken, in order, without junk, and the rest is counted."""
    found = collect([album], None, recursive=False)
    assert names(found, album) == ["A.JPG", "b.jpg", "c.tif"]
    assert (found.others, found.unopened) == (1, 1)
    assert {item.directory for item in found.items} == {album}


def test_subfolders_are_mirrored(album, tmp_path):
    """With -r subfolders are searched too, but those of junk, and mirrored in the output folder."""
    found = collect([album], tmp_path / "out", recursive=True)
    assert {str(item.path.relative_to(album)): str(item.directory.relative_to(tmp_path)) for item in found.items} == {
        "A.JPG": "out", "b.jpg": "out", "c.tif": "out", "1950/a.jpg": "out/1950",
        "1950/summer/a.jpg": "out/1950/summer",
    }  # fmt: skip


def test_an_output_folder_inside_is_not_searched(album):
    """Results that lie in an output folder inside the input are no inputs, even when it is reached by a link."""
    out = album / "1950" / "restored"
    out.mkdir()
    (out / "a-improved.jpg").write_bytes(b"x")
    link = album.parent / "link"
    link.symlink_to(out)
    for output in (out, link):
        assert "1950/restored/a-improved.jpg" not in names(collect([album], output, recursive=True), album)
    assert "1950/restored/a-improved.jpg" in names(collect([album], None, recursive=True), album)


def test_links_pipes_and_loops_are_left_alone(album, tmp_path):
    """What is no regular file is listed once and never read, and a loop of links ends."""
    os.mkfifo(album / "pipe.jpg")
    (album / "link.jpg").symlink_to(album / "b.jpg")
    (album / "dangling.jpg").symlink_to(album / "nothing")
    (album / "1950" / "loop").symlink_to(album)
    (album / "folder.jpg").mkdir()
    found = collect([album], tmp_path / "out", recursive=True)
    assert len(found.items) == 5
    assert {path.name for path in found.odd} == {"pipe.jpg", "link.jpg", "dangling.jpg", "loop"}


def test_a_named_file_is_always_tried(album):
    """What the user names is taken whatever its name, also if it is hidden, a link or not there."""
    (album / "link.jpg").symlink_to(album / "b.jpg")
    named = [album / name for name in ("notes.txt", ".hidden.jpg", "link.jpg", "missing.jpg")]
    found = collect(named, None, recursive=False)
    assert [item.path for item in found.items] == named
    assert all(item.named for item in found.items)


def test_each_picture_once(album, monkeypatch):
    """A picture that is named twice, or named and in a folder, is done once."""
    monkeypatch.chdir(album)
    found = collect([Path("b.jpg"), album / "b.jpg", album], None, recursive=False)
    assert [item.path.name for item in found.items] == ["b.jpg", "A.JPG", "c.tif"]


@pytest.fixture
def nobody():
    """The file system as a user without rights sees it; root may open everything."""
    if os.getuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


def test_a_forbidden_folder_is_reported(nobody):
    """A subfolder that cannot be opened is an error of its own and stops nothing."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "a.jpg").write_bytes(b"x")
        (root / "1950").mkdir(mode=0)
        found = collect([root], None, recursive=True)
        (root / "1950").chmod(0o700)
    assert [path.name for path, _error in found.unreadable] == ["1950"]
    assert "Permission denied" in str(found.unreadable[0][1])
    assert len(found.items) == 1
