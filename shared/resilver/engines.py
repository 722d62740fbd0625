"""The only place that chooses an engine."""

from __future__ import annotations

from resilver.engine import Engine
from resilver.settings import Settings


def make_engine(settings: Settings) -> Engine:
    """The engine that the settings name; its libraries are loaded only now."""
    if settings.engine == "cloud":
        from resilver.cloud.engine import CloudEngine

        return CloudEngine(settings.cloud)
    from resilver.local.engine import LocalEngine

    return LocalEngine(settings.local)
