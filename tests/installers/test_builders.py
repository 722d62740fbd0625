"""What `./run build` says where something cannot be built."""

import hashlib
import zipfile

import pytest

from builders import release, windows
from builders.project import Unbuildable


def other_python(folder):
    """A package of another Python than the one that wheels are locked for, and the variables that name it."""
    archive = folder / "python-3.12.1-embed-amd64.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name in ("python.exe", "pythonw.exe", "python312._pth"):
            packed.writestr(name, b"")
    return {windows.ARCHIVE: str(archive), windows.DIGEST: hashlib.sha256(archive.read_bytes()).hexdigest()}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({windows.ARCHIVE: ""}, "RESILVER_WINDOWS_PYTHON=python-3.13.N-embed-amd64.zip"),
        ({windows.DIGEST: ""}, "RESILVER_WINDOWS_PYTHON_SHA256="),
        ({windows.ARCHIVE: "/nowhere.zip"}, "cannot be read"),
        ({windows.DIGEST: "0" * 64}, "has the digest"),
        ({}, "is not the embeddable package of Python 3.13"),
    ],
)
def test_the_installer_for_windows_says_what_to_give(changed, said, tmp_path):
    """Each lack is one sentence, and nothing is built."""
    with pytest.raises(Unbuildable, match=said):
        windows.build(tmp_path / "built", other_python(tmp_path) | changed)
    assert not (tmp_path / "built").exists()


def test_what_cannot_be_built_keeps_nothing_back(tmp_path, monkeypatch, capsys):
    """The others are built, and what is left out is told with its reason."""

    def cannot(_folder):
        raise Unbuildable("Something is missing.")

    def can(folder):
        return folder / "made"

    monkeypatch.setattr(release, "INSTALLERS", {"first": cannot, "second": can})
    assert release.build_all(tmp_path) == tmp_path
    told = capsys.readouterr()
    assert told.out == f"{tmp_path / 'made'}\n"
    assert told.err == "left out: first. Something is missing.\n"
