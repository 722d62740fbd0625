from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from training.apply import bordered
from training.damage import damage, drawn
from training.data import allowed

from training import colour

ROWS = """shard,name,category,width,height,repository,terms
train-0.tar,people/a.jpg,people,256,256,one/a,CC0
train-0.tar,people/b.jpg,people,256,256,one/a,CC BY-SA 4.0
train-0.tar,people/c.jpg,people,256,256,one/b,LGPL-3
val.tar,people/d.jpg,people,256,256,one/a,CC0
"""


def test_terms_bar_pictures(tmp_path: Path) -> None:
    """No validation picture and none with share-alike terms may shape weights."""
    (tmp_path / "index.csv").write_text(ROWS)
    assert allowed(tmp_path) == {"train-0.tar": {"people/a.jpg"}}


def test_alike_portraits_are_thinned(tmp_path: Path) -> None:
    """Of the portraits on one backdrop every eighth stays, of other sources all."""
    rows = [f"train-0.tar,people/{n}.jpg,people,186,186,{r},CC BY 3.0" for n, r in enumerate(["globalroo/uk-mps"] * 16)]
    rows += [f"train-0.tar,other/{n}.jpg,other,256,256,one/a,CC0" for n in range(16)]
    (tmp_path / "index.csv").write_text("\n".join([ROWS.splitlines()[0], *rows]))
    names = allowed(tmp_path)["train-0.tar"]
    assert len([n for n in names if n.startswith("people")]) == 2
    assert len([n for n in names if n.startswith("other")]) == 16


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_only_damage_is_in_the_mask(seed: int) -> None:
    """Captions, frames, fading, grain and JPEG leave the mask empty; damage is marked where it changed the picture."""
    rng = np.random.default_rng(seed)
    picture = np.linspace(0.2, 0.8, 128 * 128, dtype=np.float32).reshape(128, 128)
    assert not damage(picture, rng, clean=1.0, alike=1.0).mask.any()
    for case in (damage(picture, rng, clean=0.0, alike=0.0), drawn(picture, rng)):
        inside = case.mask > 0
        if inside.any():
            change = np.abs(case.given - case.truth)
            assert change[inside].mean() > change[~inside].mean()


@settings(deadline=None)
@given(height=st.integers(17, 70), width=st.integers(17, 70), multiple=st.sampled_from([1, 2, 8, 16]))
def test_borders_are_cut_off_again(height: int, width: int, multiple: int) -> None:
    """A network that doubles every pixel gives exactly the doubled picture, whatever the size."""
    plane = np.random.default_rng(1).random((1, height, width), np.float32)

    def double(planes: np.ndarray) -> np.ndarray:
        assert planes.shape[1] % multiple == (32 % multiple)
        return planes.repeat(2, 1).repeat(2, 2)

    assert np.array_equal(bordered(double, plane, multiple), double_of(plane))


def double_of(plane: np.ndarray) -> np.ndarray:
    return plane.repeat(2, 1).repeat(2, 2)


def test_colour_bins_come_back() -> None:
    """Certainty about a bin decodes to that bin's colour, whatever the vividness."""
    assert (colour.nearest(colour.CENTRES) == np.arange(len(colour.CENTRES))).all()
    rarity = np.linspace(0.5, 3, len(colour.CENTRES), dtype=np.float32)
    for bin_number in (0, 100, len(colour.CENTRES) - 1):
        logits = np.full((len(colour.CENTRES), 1, 1), -60, np.float32)
        logits[bin_number] = 60
        for vividness in (0.0, 1.0):
            assert np.allclose(colour.decode(logits, rarity, vividness)[0, 0], colour.CENTRES[bin_number], atol=1e-3)


def test_vividness_adds_colour() -> None:
    """Where gray and a rare red are as likely, more vividness gives more red."""
    gray, red = (int(colour.nearest(np.array([place], np.float32))[0]) for place in ((0, 0), (60, 40)))
    rarity = np.ones(len(colour.CENTRES), np.float32)
    rarity[red] = 5
    logits = np.full((len(colour.CENTRES), 1, 1), -60, np.float32)
    logits[[gray, red]] = 0
    chroma = [np.hypot(*colour.decode(logits, rarity, vividness)[0, 0]) for vividness in (0.0, 0.5, 1.0)]
    assert chroma[0] < chroma[1] < chroma[2]
