"""Which of several ways to do a step can be gone with the networks that are there."""

from __future__ import annotations

from collections.abc import Sequence

from resilver.engine import Report
from resilver.errors import EngineMissing, ModelBroken
from resilver.local.networks import NETWORKS
from resilver.local.runtime import Runtime
from resilver.local.tiling import Stage

Way = tuple[str, Stage]  # with its name for people and for provenance


def named(stage: Stage) -> Way:
    """A way called after its networks."""
    return " + ".join(dict.fromkeys(NETWORKS[name].label for name in stage.networks)), stage


def first_possible(ways: Sequence[Way], runtime: Runtime, report: Report, done: str) -> Way:
    """The first way whose networks can be opened; if that is not the first, the report hears why.

    ``done``: what the step did, as the first word of a sentence.

    Raises:
        EngineMissing: none is possible.
    """
    why = ""
    for name, stage in ways:
        try:
            runtime.require(stage.networks)
        except (EngineMissing, ModelBroken) as error:
            why = why or str(error)
            continue
        if why:
            report.note(f"{done} with {name} instead of {ways[0][0]}. {why}")
        return name, stage
    raise EngineMissing(why)
