import pytest

from resilver.errors import PictureUnreadable
from resilver.picture_io.identity import file_digest, identify
from resilver.picture_io.read import ReadLimits, read_picture


@pytest.mark.parametrize("look", [identify, file_digest, lambda path: read_picture(path, ReadLimits())])
@pytest.mark.parametrize(("name", "cure"), [("gone.jpg", "check the name"), ("loop.jpg", "circle"), ("\0", "name")])
def test_what_cannot_be_opened_says_what_to_do(tmp_path, look, name, cure):
    """Whichever step meets a missing file, a circle of links or an impossible name first, says the same."""
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    with pytest.raises(PictureUnreadable, match=cure):
        look(tmp_path / name)
