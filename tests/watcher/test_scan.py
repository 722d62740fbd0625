from __future__ import annotations

import os
from pathlib import Path

from fakes.photos import save_photo
from resilver_watcher.scan import ends_in_zeros, folder_identity, is_picture_name, look_at, sweep


def test_a_sweep_finds_pictures_and_leaves_the_rest(tmp_path: Path) -> None:
    """Pictures in all subfolders; no junk, no hidden or unfinished files, no links, pipes or sockets."""
    for name in ("a.jpg", "sub/b.PNG", "sub/deep/c.tif", "folder.jpg/d.webp"):
        save_photo(tmp_path / "new.jpg").rename(_made(tmp_path / name))
    for name in (".e.jpg", "f.jpg.part", "g.txt", "@eaDir/h.jpg", ".thumbnails/i.jpg", "._j.jpg", "Originals/k.jpg"):
        _made(tmp_path / name).write_bytes(b"x")
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a.jpg")
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "nothing")
    (tmp_path / "loop").symlink_to(tmp_path)
    found = sweep(tmp_path, ["Originals"])
    assert sorted(str(Path(path).relative_to(tmp_path)) for path in found.files) == [
        "a.jpg", "folder.jpg/d.webp", "sub/b.PNG", "sub/deep/c.tif",
    ]  # fmt: skip
    assert sorted(Path(path).name for path in found.odd) == ["dangling.jpg", "link.jpg", "loop", "pipe.jpg"]
    assert found.files[str(tmp_path / "a.jpg")] == look_at(str(tmp_path / "a.jpg"))
    assert found.folders == 4


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_a_missing_folder_is_not_an_empty_one(tmp_path: Path) -> None:
    """What cannot be opened is told, so that nobody takes its pictures for deleted."""
    assert sweep(tmp_path / "gone").unread == [str(tmp_path / "gone")]
    assert sweep(tmp_path).unread == []


def test_a_folder_made_anew_is_another_one(tmp_path: Path) -> None:
    """Renaming and making anew changes the identity; a file is no folder."""
    folder = tmp_path / "in"
    folder.mkdir()
    before = folder_identity(folder)
    folder.rename(tmp_path / "kept")
    assert folder_identity(folder) is None
    folder.mkdir()
    assert folder_identity(folder) not in (None, before)
    assert folder_identity(save_photo(tmp_path / "a.jpg")) is None


def test_only_what_can_be_a_picture_is_looked_at() -> None:
    """By the name alone."""
    assert is_picture_name("Omas Hochzeit.JPG")
    for name in ("a.txt", "a", ".a.jpg", "a.jpg~", "~$a.jpg", "a.jpg.crdownload", "jpg"):
        assert not is_picture_name(name)


def test_a_reserved_file_ends_in_zeros(tmp_path: Path) -> None:
    """Four KiB of zeros at the end; a picture, a small file and a missing one have none."""
    file = tmp_path / "a.bmp"
    file.write_bytes(b"BM" + bytes(9000))
    assert ends_in_zeros(str(file))
    file.write_bytes(b"BM" + bytes(9000) + b"\1")
    assert not ends_in_zeros(str(file))
    file.write_bytes(bytes(10))
    assert not ends_in_zeros(str(file))
    assert not ends_in_zeros(str(tmp_path / "none"))
