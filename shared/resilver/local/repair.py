"""Improving: the steps that mend a picture, in their order."""

from __future__ import annotations

from resilver.engine import Report
from resilver.local.denoise import denoise
from resilver.local.measure import Assessment
from resilver.local.runtime import Runtime
from resilver.local.tone import mend_tone
from resilver.picture import Picture
from resilver.recipe import Quality
from resilver.result import Step

# Levels are one look into a table; the filters take the rest of the time
_TONE_SHARE = 0.05


def improve(  # noqa: PLR0917 - the recipe's fields in the recipe's order
    picture: Picture,
    assessment: Assessment,
    quality: Quality,
    strength: float,
    runtime: Runtime,
    report: Report,
) -> tuple[Picture, Step] | None:
    """Mend what the assessment found wrong, or give ``None`` where nothing is or ``strength`` is 0.

    Grain and blocks go first: levels would make them larger than they were measured.

    Raises:
        EngineError: a filter failed or does not fit into memory.
        OutputFull: no room for the pixels of a large picture.
        Cancelled: the report asked to stop.
    """
    if not assessment.wrong or strength == 0:
        return None
    tools = []
    if assessment.grainy or assessment.coarse or assessment.blocky:
        picture, tool = denoise(picture, assessment, quality, strength, runtime, report.part(0, 1 - _TONE_SHARE))
        tools.append(tool)
    if assessment.faded or assessment.yellowed:
        picture = mend_tone(picture, assessment, strength, report.part(1 - _TONE_SHARE, 1))
        tools.append("levels")
    report.progress(1.0, "improving")
    return picture, Step("improved", ", ".join(tools), ", ".join(assessment.wrong))
