"""The only place that chooses an engine."""

from __future__ import annotations

from resilver.engine import Engine
from resilver.errors import EngineMissing
from resilver.settings import Settings


def make_engine(settings: Settings) -> Engine:
    """The engine that the settings name; its libraries are loaded only now.

    Raises:
        EngineMissing: this version does not have that engine.
    """
    if settings.engine == "local":
        from resilver.local.engine import LocalEngine

        return LocalEngine(settings.local)
    raise EngineMissing("The cloud engine is not part of this version; use --engine local.")
