"""Engines with the real interface: good ones, and one for each way to fail."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Collection

import numpy as np

from resilver.engine import FINAL, Limits, Report
from resilver.picture import Picture
from resilver.recipe import Recipe
from resilver.result import Output, OutputName, Result, Step


class Negative:
    """Good and quick: the negative of the picture, each pixel as often as the recipe enlarges."""

    name = "local"
    limits = Limits()

    def improve(
        self, picture: Picture, recipe: Recipe, report: Report, wanted: Collection[OutputName] = FINAL
    ) -> Result:
        report.progress(0.0, "turning")
        self.misbehave(picture, report)
        output = Output(self.turned(picture, recipe.resolution or 1), (Step("improved", "negative 1"),))
        report.progress(1.0, "turning")
        return Result(dict.fromkeys(wanted, output), bw=False, notes=("turned",))

    def turned(self, picture: Picture, factor: int) -> Picture:
        pixels = (picture.peak - picture.pixels).repeat(factor, 0).repeat(factor, 1)
        alpha = None if picture.alpha is None else picture.alpha.repeat(factor, 0).repeat(factor, 1)
        return picture.replace(pixels=pixels, alpha=alpha)

    def misbehave(self, picture: Picture, report: Report) -> None:
        pass

    def close(self) -> None:
        print("closed", file=sys.stderr, flush=True)


class Still(Negative):
    """Does nothing: the picture is its own result."""

    def turned(self, picture: Picture, factor: int) -> Picture:
        return picture


class Slow(Negative):
    """Two seconds in a hundred steps, with progress."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        report.note("This takes a while.")
        for step in range(100):
            report.progress(step / 100, "waiting")
            time.sleep(0.02)


class Hasty(Negative):
    """Reports its progress thousands of times, sometimes backwards."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        for step in range(20_000):
            report.progress((step - step % 7) / 20_000, "hurrying")
            report.progress(step / 40_000, "hurrying")


class Segfaults(Negative):
    def misbehave(self, picture: Picture, report: Report) -> None:
        ctypes.string_at(0)


class Exits(Negative):
    """Ends the process in the middle of the job, as a library's fatal error does."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        print("fatal: no such device", file=sys.stderr, flush=True)
        os._exit(3)


class Leaves(Negative):
    def misbehave(self, picture: Picture, report: Report) -> None:
        sys.exit("an engine must not do this")


class Killed(Negative):
    """Dies as the kernel kills what takes too much memory."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class EatsMemory(Negative):
    """Takes up to 3 GB, if it can."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        _eaten = [np.ones(100_000_000, np.uint8) for _ in range(30)]


class Hangs(Negative):
    """Never looks up again, in native code."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        report.progress(0.5, "hanging")
        ctypes.CDLL(None).sleep(3600)


class Noisy(Negative):
    """Prints as Python, as a child of the C library, and straight to the file descriptor; and reads standard input."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        print('{"type": "improved", "id": "1"}', flush=True)
        os.write(1, b"noise from below\n")
        libc = ctypes.CDLL(None)
        libc.puts(b"noise from the C library")
        libc.fflush(None)
        os.system("echo noise from a child")
        assert sys.stdin.read() == ""


class Black(Negative):
    def turned(self, picture: Picture, factor: int) -> Picture:
        return picture.replace(pixels=np.zeros_like(picture.pixels))


class NotANumber(Negative):
    """What a network's NaN become when they are rounded to pixels."""

    def turned(self, picture: Picture, factor: int) -> Picture:
        with np.errstate(invalid="ignore"):
            return picture.replace(
                pixels=np.full(picture.pixels.shape, np.nan, np.float32).astype(picture.pixels.dtype)
            )


class Raises(Negative):
    """Lets a foreign exception through."""

    def misbehave(self, picture: Picture, report: Report) -> None:
        raise KeyError("some layer")


class BadNames(Negative):
    """Names its step so that a path made of it would leave the folder."""

    def improve(
        self, picture: Picture, recipe: Recipe, report: Report, wanted: Collection[OutputName] = FINAL
    ) -> Result:
        output = Output(self.turned(picture, 1), (Step("../../evil\n\0", "bad names 1"),))
        return Result(dict.fromkeys(wanted, output), bw=False)


class Content(Negative):
    """Finds every picture good already."""

    def improve(
        self, picture: Picture, recipe: Recipe, report: Report, wanted: Collection[OutputName] = FINAL
    ) -> Result:
        return Result({name: Output(absent="already good") for name in ("improved", *wanted)}, bw=False)
