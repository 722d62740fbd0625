"""Improving: the steps that mend a picture, in their order."""

from __future__ import annotations

from resilver.engine import Report
from resilver.local.damage import FILL, fill_damage
from resilver.local.denoise import denoise
from resilver.local.measure import Assessment
from resilver.local.networks import NETWORKS
from resilver.local.runtime import Runtime
from resilver.local.tone import mend_tone
from resilver.picture import Picture, Pixels
from resilver.recipe import Quality
from resilver.result import Step

# Levels are one look into a table; the filters take the rest of the time
_FILL_SHARE, _TONE_SHARE = 0.3, 0.05
FILLED = "fill damage"


def improve(  # noqa: PLR0917 - the recipe's fields in the recipe's order
    picture: Picture,
    assessment: Assessment,
    quality: Quality,
    strength: float,
    runtime: Runtime,
    report: Report,
    mask: Pixels | None = None,
) -> tuple[Picture, Step] | None:
    """Mend what the assessment found wrong, or give ``None`` where nothing is or ``strength`` is 0.

    ``mask``: where damage is to be filled, if there is any. That is done first, for grain and fading are the same
    inside and outside of what was filled; then grain and blocks, which levels would make larger than measured.

    Raises:
        EngineError: a filter failed or does not fit into memory.
        OutputFull: no room for the pixels of a large picture.
        Cancelled: the report asked to stop.
    """
    if strength == 0 or not (assessment.wrong or mask is not None):
        return None
    tools, found, filled = [], assessment.wrong, mask is not None
    if mask is not None:
        picture = fill_damage(picture, mask, strength, runtime, report.part(0, _FILL_SHARE))
        tools.append(NETWORKS[FILL].label)
        found = (FILLED, *found)
    rest = report.part(_FILL_SHARE if filled else 0, 1 - _TONE_SHARE)
    if assessment.grainy or assessment.coarse or assessment.blocky:
        picture, tool = denoise(picture, assessment, quality, strength, runtime, rest)
        tools.append(tool)
    if assessment.faded or assessment.yellowed:
        picture = mend_tone(picture, assessment, strength, report.part(1 - _TONE_SHARE, 1))
        tools.append("levels")
    report.progress(1.0, "improving")
    return picture, Step("improved", ", ".join(tools), ", ".join(found), generated=filled)
