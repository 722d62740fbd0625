import os
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilver.picture_io.names import folded, output_stem
from resilver.result import Step

IMPROVED, COLORIZED, TWICE = Step("improved", "levels"), Step("colorized", "net", generated=True), Step("x2", "net")
ALL = (IMPROVED, COLORIZED, TWICE)
# any bytes as Linux gives them as a name, and any text at all, halves of characters included
NAMES = st.binary(max_size=300).map(os.fsdecode) | st.text(st.characters(), max_size=300)


@pytest.mark.parametrize(
    ("source", "steps", "stem"),
    [
        ("attic.jpg", (IMPROVED,), "attic-improved"),
        ("attic.jpg", ALL, "attic-improved-colorized-x2"),
        ("Scan 12.tar.tif", (TWICE,), "Scan 12.tar-x2"),
        ("no suffix", (IMPROVED,), "no suffix-improved"),
        (".hidden.png", (IMPROVED,), "_hidden-improved"),
        ("../../etc/passwd", (IMPROVED,), "passwd-improved"),
        ("C:\\photos\\a.jpg", (IMPROVED,), "a-improved"),
        ("front \\ back.jpg", (IMPROVED,), "front _ back-improved"),
        ("a\nb\0c.jpg", (IMPROVED,), "a_b_c-improved"),
        (os.fsdecode(b"w\xff\n.jpg"), (IMPROVED,), "w__-improved"),
        ("what?.jpg", (), "what_"),
        ("con.jpg", (), "_con"),
        ("NUL.tar.gz", (IMPROVED,), "_NUL.tar-improved"),
        ("", (IMPROVED,), "picture-improved"),
        ("..", (IMPROVED,), "picture-improved"),
        ("Möbel 1931.jpg", (IMPROVED,), "Möbel 1931-improved"),
    ],
)
def test_known_names(source, steps, stem):
    """The name tells what was done, and is harmless."""
    assert output_stem(source, steps) == stem


def test_long_names_are_cut_by_bytes_and_stay_apart():
    """128 two-byte letters are 256 bytes; two long names that differ at the end only stay different."""
    first, second = (output_stem("é" * 127 + end + ".jpg", ALL) for end in "ab")
    assert first != second
    assert max(len(os.fsencode(f"{stem}-99999.webp")) for stem in (first, second)) <= 255
    assert "�" not in first


@given(NAMES, st.sampled_from([(), (IMPROVED,), ALL]))
def test_any_name_gives_one_valid_part_of_a_path(tmp_path_factory, name, steps):
    """Whatever the source is called, a file of the resulting name can be made in the folder and nowhere else."""
    stem = output_stem(name, steps)
    final = f"{stem}-99999.webp"
    assert len(final.encode()) <= 255
    assert not set(final) & set('<>:"/\\|?*\0\n\r')
    assert not stem.startswith((".", " "))
    assert not stem.endswith((".", " "))
    assert os.path.basename(final) == final  # noqa: PTH119 - a name, not a path
    folder = tmp_path_factory.getbasetemp()
    (folder / final).touch()
    assert final in {unicodedata.normalize("NFC", entry) for entry in os.listdir(folder)} | set(os.listdir(folder))  # noqa: PTH208
    (folder / final).unlink()


@given(NAMES)
def test_the_stem_without_steps_begins_every_other(name):
    """Earlier results of a picture are found by this prefix."""
    assert output_stem(name, ALL).startswith(output_stem(name, ()))


@given(st.text(max_size=30))
def test_folding_is_stable(name):
    """A folded name folds to itself, whatever its case and Unicode form were."""
    assert folded(folded(name)) == folded(name)
    assert folded(unicodedata.normalize("NFD", name)) == folded(unicodedata.normalize("NFC", name))
