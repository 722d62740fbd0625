"""Improving: the steps that mend a picture, in their order."""

from __future__ import annotations

from resilver.engine import Report
from resilver.local.measure import Assessment
from resilver.local.runtime import Runtime
from resilver.picture import Picture
from resilver.recipe import Quality
from resilver.result import Step


def improve(
    picture: Picture,
    assessment: Assessment,
    quality: Quality,
    strength: float,
    runtime: Runtime,
    report: Report,
) -> tuple[Picture, Step] | None:
    """Mend what the assessment found wrong, or give ``None`` where nothing is.

    Raises:
        Cancelled: the report asked to stop.
    """
    report.progress(1.0, "improving")
    return None
