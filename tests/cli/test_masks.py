"""``--mask``, ``--with-mask`` and ``--hint`` on the command line."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from skimage import data

from resilver.cli import main
from resilver.cli.parser import build_parser
from resilver.cli.recipe_options import recipe_from
from resilver.errors import UsageError
from resilver.recipe import Hint


@pytest.fixture
def photo(home):
    Image.fromarray(data.camera()[:160, :200]).save(home / "attic.png")
    return home / "attic.png"


def test_own_mask_and_told_colour(photo, home, capsys):
    """The mask that is named is followed and comes out again; the point has the colour that was told."""
    mask = np.zeros((160, 200), np.uint8)
    mask[20:60, 30:50] = 255
    Image.fromarray(mask).save(home / "own.png")
    options = "--with-mask own.png --mask used.png --colorize always --hint 20,20,#3050a0 --keep all -o out"
    assert main(["restore", str(photo), *options.split()]) == 0
    assert "used.png" in capsys.readouterr().out
    assert np.array_equal(np.asarray(Image.open("used.png")), mask)
    red, green, blue = np.asarray(Image.open("out/attic-improved-colorized.png").convert("RGB"))[20, 20].astype(int)
    assert blue > green > red


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--mask", "used.jpg"], "used.png"),
        (["--mask", "used.png", "*"], "single photograph"),
        (["--with-mask", "own.png", "*"], "single photograph"),
        (["--colorize", "auto", "--hint", "1,2,#aabbcc", "*"], "single photograph"),
        (["--with-mask", "gone.png"], "gone.png"),
        (["--hint", "1,2,#aabbcc"], "--colorize"),
        (["--colorize", "auto", "--hint", "1,2,red"], "#RRGGBB"),
        (["--engine", "cloud", "--mask", "used.png"], "local engine"),
    ],
)
def test_what_cannot_be_meant(photo, home, capsys, options, said):
    """Each is refused in a sentence that says what to do, and nothing is written."""
    Image.open(photo).save(home / "second.png")
    second = ["second.png"] if options[-1] == "*" else []
    assert main(["restore", str(photo), *second, *(said for said in options if said != "*"), "-o", "out"]) != 0
    assert said in capsys.readouterr().err
    assert not (home / "out").exists()


def test_hints_become_points():
    """Each --hint is a point of the recipe, in their order."""
    options = ["restore", "a.jpg", "--colorize", "auto", "--hint", "1,2,#AABBCC", "--hint", "3,4,#000000"]
    assert recipe_from(build_parser().parse_args(options)).hints == (Hint(1, 2, "#aabbcc"), Hint(3, 4, "#000000"))


def test_points_without_places(capsys):
    """A hint that is no point is refused by the parser, which shows one that is."""
    with pytest.raises((SystemExit, UsageError)):
        build_parser().parse_args(["restore", "a.jpg", "--hint", "left,#aabbcc"])
    assert "410,200,#7a4b2e" in capsys.readouterr().err
