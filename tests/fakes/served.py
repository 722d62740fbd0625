"""Engines whose behaviour a request can choose, by the sizes of its pictures."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from pathlib import Path

from fakes.engines import Negative
from resilver.engine import FINAL, Report
from resilver.picture import Picture
from resilver.recipe import Recipe
from resilver.result import Output, OutputName, Result, Step

WAITING = 13  # pixels of width that choose the behaviour
DYING = 14


class Gated(Negative):
    """Works on pictures of the waiting width only once the file of the gate is there."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        while picture.width == WAITING and not Path(os.environ["RESILVER_TEST_GATE"]).exists():
            report.check()
            time.sleep(0.01)


class Mortal(Negative):
    """Dies at pictures of the dying width."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        if picture.width == DYING:
            os._exit(3)


class Painter(Negative):
    """Tells a gray picture from one in colour, and paints each result in a shade of its own."""

    def improve(
        self, picture: Picture, recipe: Recipe, report: Report, wanted: Collection[OutputName] = FINAL
    ) -> Result:
        outputs = {}
        for shade, name in enumerate(sorted(wanted)):
            pixels = (picture.pixels // 2 + shade * 30).astype(picture.pixels.dtype)
            outputs[name] = Output(picture.replace(pixels=pixels), (Step(name, "painter 1"),))
        return Result(outputs, bw=picture.gray)
