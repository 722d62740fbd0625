"""A home of their own for all tests of the command line."""

import logging

import pytest

from resilver.settings import LocalSettings

INSTALLED = LocalSettings().models  # of the user who runs the tests; the tests only read it


@pytest.fixture(autouse=True)
def home(tmp_path_factory, monkeypatch):
    """Settings, data, state and working folder of a user who has none yet."""
    home = tmp_path_factory.mktemp("home")
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(variable, str(home / variable.lower()))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(home)
    before = list(logging.getLogger().handlers)
    yield home
    for handler in logging.getLogger().handlers[:]:
        if handler not in before and isinstance(handler, logging.FileHandler):
            logging.getLogger().removeHandler(handler)
            handler.close()


@pytest.fixture
def networks(home, monkeypatch):
    """The networks that are installed on this machine."""
    if not INSTALLED.is_dir() or not list(INSTALLED.iterdir()):
        pytest.skip("no networks are installed: resilver models install waifu2x realcugan")
    monkeypatch.setenv("RESILVER_LOCAL_MODELS", str(INSTALLED))
