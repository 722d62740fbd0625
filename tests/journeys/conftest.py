"""Whole journeys: the installed command in processes of its own, with a home of their own."""

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter


@dataclass
class Home:
    """A user's folder, and the command as that user calls it there."""

    path: Path
    environ: dict[str, str] = field(default_factory=dict)

    def command(self, *argv: object) -> list[str]:
        return [sys.executable, "-c", "import sys; from resilver.cli import main; sys.exit(main())", *map(str, argv)]

    def start(self, *argv: object, **options: object) -> subprocess.Popen:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(self.command(*argv), cwd=self.path, env=self.environ, **{**pipes, **options})

    def run(self, *argv: object, **options: object) -> subprocess.CompletedProcess:
        with self.start(*argv, **options) as process:
            out, err = process.communicate(timeout=200)
        return subprocess.CompletedProcess(argv, process.returncode, out, err)


@pytest.fixture
def home(tmp_path):
    folders = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "HOME")
    environ = {**os.environ, **{name: str(tmp_path / "home" / name.lower()) for name in folders}}
    (tmp_path / "here").mkdir()
    return Home(tmp_path / "here", environ)


@pytest.fixture
def faded():
    """Makes a photograph-like picture with little contrast and a strong yellow cast, as an old print has."""

    def make(path: Path, size: tuple[int, int] = (300, 200), seed: int = 1) -> Path:
        rng = np.random.default_rng(seed)
        scene = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(
            size, Image.Resampling.BICUBIC
        )
        pixels = np.asarray(scene.filter(ImageFilter.DETAIL), np.float32)
        old = 90 + pixels * (0.4, 0.36, 0.22) + rng.normal(0, 6, pixels.shape)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(old.clip(0, 255).astype(np.uint8)).save(path, quality=92)
        return path

    return make
