"""A user who has nothing yet."""

from __future__ import annotations

import os

import pytest

from resilver_desktop.machine import this_machine


@pytest.fixture
def environ(tmp_path):
    """Of programs that this user starts."""
    home = tmp_path / "home"
    home.mkdir()
    folders = {f"XDG_{name}_HOME": str(home / name.lower()) for name in ("CONFIG", "DATA", "STATE", "CACHE")}
    system = {f"XDG_{name}_DIRS": str(tmp_path / f"system {name.lower()}") for name in ("CONFIG", "DATA")}
    return {"PATH": os.environ["PATH"], "HOME": str(home), **folders, **system, "LANG": "C.UTF-8"}


@pytest.fixture
def machine(environ):
    return this_machine(environ, "linux")
