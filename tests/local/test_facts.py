"""What is told of a picture."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import ImageCms

from resilver.local.facts import facts
from resilver.local.runtime import Runtime
from resilver.picture import Picture
from resilver.settings import LocalSettings


@pytest.fixture
def runtime(tmp_path):
    return Runtime(LocalSettings(models=tmp_path, gpu="off"))


def test_facts_are_plain_values(runtime) -> None:
    """Size, depth and measurements as JSON has them, for a gray picture of 16 bits."""
    noise = np.random.default_rng(3).normal(30_000, 2_000, (200, 300, 1)).astype(np.uint16)
    told = facts(Picture(pixels=noise), runtime)
    assert json.loads(json.dumps(told)) == told
    assert (told["width"], told["height"], told["depth"]) == (300, 200, 16)
    assert (told["bw"], told["icc"], told["jpeg_quality"]) == (True, None, None)
    assert 4 < told["noise"] < 12  # 2,000 of 65,535 are 7.8 of 255


def test_profile_has_its_name(runtime) -> None:
    """A profile is told by its own description, and one that is none does no harm."""
    pixels = np.zeros((20, 20, 3), np.uint8)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert "sRGB" in facts(Picture(pixels=pixels, icc=srgb), runtime)["icc"]
    assert facts(Picture(pixels=pixels, icc=b"junk"), runtime)["icc"] == "unreadable"
