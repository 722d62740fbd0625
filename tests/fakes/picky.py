"""Engines that treat pictures differently, by the names of their files."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Collection

from fakes.engines import Negative
from resilver.engine import FINAL, Report
from resilver.picture import Picture
from resilver.recipe import Recipe
from resilver.result import Output, OutputName, Result


class SegfaultsAtB(Negative):
    def misbehave(self, picture: Picture, report: Report) -> None:
        if picture.source.name.startswith("b"):
            ctypes.string_at(0)


class KilledAtB(Negative):
    def misbehave(self, picture: Picture, report: Report) -> None:
        if picture.source.name.startswith("b"):
            os.kill(os.getpid(), signal.SIGKILL)


class DiesOnce(Negative):
    """Dies, unless the file ``died`` in the folder above the picture's tells that it did so before."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        mark = picture.source.parent.parent / "died"
        if not mark.exists():
            mark.touch()
            os._exit(3)


class Overtaken(Negative):
    """While it works, a scanner replaces the picture by what lies beside it with the suffix .new."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        fresh = picture.source.with_suffix(".new")
        if fresh.exists():
            fresh.replace(picture.source)


class Content(Negative):
    """Finds every picture good."""

    def improve(
        self, picture: Picture, recipe: Recipe, report: Report, wanted: Collection[OutputName] = FINAL
    ) -> Result:
        good = Output(absent="already good")
        return Result({**dict.fromkeys(wanted, good), "improved": good}, bw=False)
