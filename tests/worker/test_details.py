"""What a dialog asks of the worker before a run: details, and what the cloud would mean."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fakes.workers import Line
from resilver.errors import UsageError
from resilver.settings import CloudSettings

WIDTH, HEIGHT = 96, 64
NUMBERS = itertools.count()


class Real(Line):
    """A worker with the engines that users have."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-m", "resilver.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.hello = self.receive()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user without settings, and who agreed to nothing."""
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    return tmp_path


def ask(line: Line, **fields: object) -> dict:
    identifier = str(next(NUMBERS))
    line.send({"id": identifier, "type": "improve_raw", **fields})
    return line.last(identifier)


def layer(line: Line) -> dict:
    """Faded gray noise, as raw pixels in the worker's folder."""
    line.send({"type": "folder", "id": "f", "bytes": WIDTH * HEIGHT})
    path = Path(line.last("f")["path"]) / "layer"
    path.write_bytes(np.random.default_rng(1).integers(90, 150, WIDTH * HEIGHT, np.uint8).tobytes())
    return {"path": str(path), "width": WIDTH, "height": HEIGHT, "channels": 1, "depth": 8}


def test_a_detail_comes_in_its_own_size() -> None:
    """Only the part asked for is computed, at the factor of the recipe, and the next one of the same layer, too."""
    with Real() as line:
        raw = layer(line)
        recipe = {"improve": False, "resolution": 2}
        for box in ([0, 0, 20, 10], [70, 50, 26, 14]):
            made = ask(line, raw=raw, recipe=recipe, detail=box)["outputs"]["final"]["raw"]
            assert [made[side] for side in ("width", "height")] == [2 * side for side in box[2:]]
            assert Path(made["path"]).stat().st_size == made["width"] * made["height"]


@pytest.mark.parametrize(
    "box", [[0, 0, 97, 1], [-1, 0, 5, 5], [90, 60, 10, 10], [5, 5, 0, 5], [5, 5, 5, -1], [1, 2, 3], [1, 2, 3, 4, 5]]
)
def test_a_detail_that_is_none_is_an_error(box: list[int]) -> None:
    """What does not lie in the picture is refused in a sentence, and the worker goes on."""
    with Real() as line:
        raw = layer(line)
        assert ask(line, raw=raw, detail=box)["code"] == UsageError.code
        assert ask(line, raw=raw, detail=[0, 0, 8, 8])["type"] == "improved_raw"


def test_an_engine_without_details_says_so() -> None:
    """Nothing is sent to a cloud for a preview."""
    with Real() as line:
        told = ask(line, raw=layer(line), detail=[0, 0, 8, 8], settings={"engine": "cloud"})
    assert told["code"] == UsageError.code
    assert "local" in told["message"]


def test_the_account_is_told_and_a_consent_is_kept(home: Path) -> None:
    """Who would get pictures, the price of the settings, what is left; a consent counts for all programs."""
    file = home / "XDG_CONFIG_HOME" / "resilver" / "settings.toml"
    file.parent.mkdir(parents=True)
    file.write_text(
        '[cloud]\nbase_url = "http://127.0.0.1:9/improve"\nprice = 2.5\ncurrency = "EUR"\nmonthly_limit = 7'
    )
    with Real() as line:
        told = ask(line, type="info")["cloud"]
        assert told["service"] == "http://127.0.0.1:9"
        assert "without encryption to http://127.0.0.1:9" in told["notice"]
        assert [told[key] for key in ("agreed", "price", "currency", "left")] == [False, 2.5, "EUR", 7]
        assert ask(line, type="agree")["type"] == "agreed"
        assert ask(line, type="info")["cloud"]["agreed"]
    account = subprocess.run(
        [sys.executable, "-m", "resilver.cli", "account", "--json"], capture_output=True, text=True, check=True
    )
    assert json.loads(account.stdout)["consent"] is True


def test_a_ledger_that_cannot_be_used_means_no_cloud(home: Path) -> None:
    """The rest of the facts come all the same."""
    (home / "XDG_STATE_HOME").write_text("a file where the folder should be")
    with Real() as line:
        told = ask(line, type="info", settings={"cloud": {"price": CloudSettings().price}})
    assert told["cloud"] is None
    assert told["engine"] == "local"
