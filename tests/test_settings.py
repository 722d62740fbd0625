"""Settings: defaults < file < environment < options; whatever is wrong is named."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilver.errors import SettingsError
from resilver.settings import load_settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.toml"
    path.write_text('engine = "cloud"\n[limits]\nmegapixels = 50\n[local]\nthreads = 3\n', encoding="utf-8")
    return path


def test_each_layer_wins_over_the_one_below(file):
    """Options win over the environment, the environment over the file, the file over the defaults."""
    environ = {"RESILVER_LIMITS_MEGAPIXELS": "60", "RESILVER_LOCAL_GPU": "off"}
    settings = load_settings(file, environ, {"limits": {"megapixels": 70}})
    assert settings.engine == "cloud"
    assert settings.local.threads == 3
    assert settings.local.gpu == "off"
    assert settings.limits.megapixels == 70
    assert settings.limits.megabytes == 2000


def test_no_file_is_no_error(tmp_path):
    """Without a file the defaults hold."""
    assert load_settings(tmp_path / "none.toml", {}).engine == "local"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("colour = 1", "colour"),
        ("[limits]\nmegapixel = 1", "limits.megapixel"),
        ('[local]\nthreads = "many"', "local.threads"),
        ("[local]\nthreads = 1.5", "local.threads"),
        ("[limits]\nmegapixels = inf", "limits.megapixels.*must be a number"),
        ("[limits]\nmegapixels = nan", "limits.megapixels"),
        ("[limits]\nmegapixels = 1" + 400 * "0", "limits.megapixels"),
        ("[limits]\nmegapixels = 1" + 5000 * "0", "settings.toml"),
        ("[server]\nstrict = 2", "server.strict.*true or false"),
        ('engine = "other"', "engine"),
        ("limits = 3", "limits"),
        ("not toml", "settings.toml"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, named):
    """A wrong setting is named with its section."""
    path = tmp_path / "settings.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=named):
        load_settings(path, {})


@given(st.binary(max_size=60))
def test_any_file_gives_settings_or_a_settings_error(tmp_path_factory, data):
    """Junk in the settings file never ends in anything but SettingsError."""
    path = tmp_path_factory.mktemp("settings") / "settings.toml"
    path.write_bytes(data)
    try:
        load_settings(path, {})
    except SettingsError as error:
        assert str(path) in str(error) or "setting" in str(error)
