"""Resilver brings old photographs back: it repairs, colours and enlarges them.

The table of contents; everything else is reached through these names. They are loaded when first
used, so that ``import resilver`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_ROOMS = {
    "ResilverError": "errors",
    "Recipe": "recipe",
    "PRESETS": "recipe",
    "Picture": "picture",
    "Metadata": "picture",
    "Result": "result",
    "Output": "result",
    "Step": "result",
    "Engine": "engine",
    "Report": "engine",
    "Settings": "settings",
    "load_settings": "settings",
    "improve_picture": "improve",
    "improve_file": "improve",
    "make_engine": "engines",
}

__all__ = [
    "PRESETS",
    "Engine",
    "Metadata",
    "Output",
    "Picture",
    "Recipe",
    "Report",
    "ResilverError",
    "Result",
    "Settings",
    "Step",
    "__version__",
    "improve_file",
    "improve_picture",
    "load_settings",
    "make_engine",
]

if TYPE_CHECKING:
    from resilver.engine import Engine, Report
    from resilver.engines import make_engine
    from resilver.errors import ResilverError
    from resilver.improve import improve_file, improve_picture
    from resilver.picture import Metadata, Picture
    from resilver.recipe import PRESETS, Recipe
    from resilver.result import Output, Result, Step
    from resilver.settings import Settings, load_settings


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'resilver' has no attribute '{name}'")
    return getattr(importlib.import_module(f"resilver.{_ROOMS[name]}"), name)
