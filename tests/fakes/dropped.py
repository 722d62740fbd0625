"""Engines for the hot folder: what they do depends on the names of the pictures."""

from __future__ import annotations

import ctypes
import hashlib
import os
import time
from pathlib import Path

from fakes.engines import EatsMemory, Negative
from resilver.engine import Report
from resilver.errors import EngineMissing
from resilver.picture import Picture


class Steady(Negative):
    """Some work on each picture, so that a kill finds it in the middle of one."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        for step in range(5):
            report.progress(step / 5, "working")
            report.check()
            time.sleep(0.01)


class Counted(Negative):
    """Writes into the file ``worked`` which picture it worked on, by its pixels, as soon as it has begun."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        with Path(os.environ["RESILVER_TEST_GATE"]).with_name("worked").open("a") as file:
            file.write(hashlib.sha256(picture.pixels.tobytes()).hexdigest() + "\n")
        time.sleep(0.03)


class GatedAtB(Negative):
    """Works on pictures of that name only once the file of the gate is there; a file beside it tells that it began."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        gate = Path(os.environ["RESILVER_TEST_GATE"])
        if picture.source.name.startswith("b"):
            gate.with_name("begun").touch()
            while not gate.exists():
                report.check()
                time.sleep(0.01)


class HangsAtB(Negative):
    """Never looks up again, in native code."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        if picture.source.name.startswith("b"):
            ctypes.CDLL(None).sleep(3600)


class EatsMemoryAtB(EatsMemory):
    """Takes up to 3 GB, if it can; the file ``eaten`` counts how often it tried."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        if picture.source.name.startswith("b"):
            with Path(os.environ["RESILVER_TEST_GATE"]).with_name("eaten").open("a") as file:
                file.write("x")
            super().misbehave(picture, report)


class MissingAtB(Negative):
    """Has no network for such pictures."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        if picture.source.name.startswith("b"):
            raise EngineMissing("There is no network for it; get it with: resilver models install b")


class DeletedAtB(Negative):
    """While it works on such a picture, somebody takes the file away."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        if picture.source.name.startswith("b"):
            picture.source.unlink()
