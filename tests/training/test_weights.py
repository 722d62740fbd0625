from pathlib import Path

import numpy as np
import pytest
from training.apply import Exported, cleaned, on_luminance, plane_function

from training import figures

WEIGHTS = Path(__file__).parents[2] / "shared" / "resilver" / "local" / "weights"


@pytest.mark.parametrize("file", sorted(WEIGHTS.glob("*.bin")), ids=lambda file: file.stem)
def test_every_network_has_its_card(file: Path) -> None:
    """The shipped networks together are below 30 MB; each comes with its structure and a card that names its cost."""
    assert sum(other.stat().st_size for other in WEIGHTS.glob("*.bin")) < 30_000_000
    assert file.with_suffix(".param").exists()
    assert "cost" in file.with_suffix(".md").read_text()


@pytest.mark.parametrize(
    ("name", "damage", "least"), [("fast", "clean", 1.5), ("fast", "scan", 0.9), ("clean", "clean", 2.4)]
)
def test_the_enlarger_beats_lanczos(name: str, damage: str, least: float) -> None:
    """Doubled from a clean reduction or a scan, photographs come out nearer to the truth than by Lanczos."""
    run = plane_function(Exported(WEIGHTS / f"enlarge-x2-{name}"), 2)
    gains = []
    for truth in figures.photographs().values():
        small = figures.reduced(truth, 2, damage)
        got = on_luminance(small, run, 2)
        gains.append(figures.psnr(truth, got) - figures.psnr(truth, figures.lanczos(small, 2)))
    assert np.mean(gains) > least


@pytest.mark.parametrize(("kind", "least"), [("noise 10", 4.0), ("noise 25", 7.0), ("JPEG 20", 0.8)])
def test_the_denoiser_cleans_blindly(kind: str, least: float) -> None:
    """Without being told the damage, photographs come out nearer to the truth."""
    run = plane_function(Exported(WEIGHTS / "denoise"), 8)
    gains = []
    for truth in figures.photographs().values():
        given = figures.SPOILED[kind](truth)
        gains.append(figures.psnr(truth, cleaned(given, run)) - figures.psnr(truth, given))
    assert np.mean(gains) > least


def test_gray_stays_gray() -> None:
    """Three equal channels stay equal through both networks."""
    gray = figures.others()["camera"][:96, :96]
    double = on_luminance(gray, plane_function(Exported(WEIGHTS / "enlarge-x2-fast"), 2), 2)
    clean = cleaned(gray, plane_function(Exported(WEIGHTS / "denoise"), 8))
    for picture in (double, clean):
        assert int(np.ptp(picture.astype(int), axis=2).max()) <= 1
