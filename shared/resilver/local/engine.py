"""The embedded engine: the order of the steps."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cached_property

from resilver.engine import FINAL, Limits, Report
from resilver.errors import Cancelled, EngineMemory, EngineMissing, ModelBroken, ResilverError
from resilver.local import colour, enlarge, repair
from resilver.local.damage import find_damage
from resilver.local.detail import Part
from resilver.local.measure import Assessment, assess
from resilver.local.runtime import Runtime
from resilver.picture import Box, Picture, Pixels
from resilver.recipe import Recipe
from resilver.result import Output, OutputName, Result, Step
from resilver.settings import LocalSettings

NOT_ASKED = "not asked for"
ALREADY_GOOD = "already good"
STRENGTH_0 = "strength 0 leaves it as it is"


class LocalEngine:
    """Restores and enlarges on this machine; networks are opened when first used and stay warm."""

    name = "local"
    limits = Limits(features=("mask", "hints"))

    def __init__(self, settings: LocalSettings) -> None:
        self._runtime = Runtime(settings)
        self._seen: tuple[Pixels, Assessment] | None = None

    def improve(
        self, picture: Picture, recipe: Recipe, report: Report, wanted: Collection[OutputName] = FINAL
    ) -> Result:
        """Do the recipe's steps; see :meth:`resilver.engine.Engine.improve`."""
        chain = _Chain(picture, recipe, report, self._runtime)
        outputs: dict[OutputName, Output] = {name: getattr(chain, name) for name in wanted}
        if set(wanted) == {"mask"}:  # which needs no repair
            return Result(outputs, chain.assessment.bw, tuple(chain.notes))
        left: dict[OutputName, str | None] = {"improved": chain.improved.absent, "colorized": chain.left_gray}
        for name, why in left.items():
            if name not in outputs and why not in (None, NOT_ASKED):
                outputs[name] = Output(absent=why)
        return Result(outputs, chain.assessment.bw, tuple(chain.notes))

    def improve_detail(self, picture: Picture, detail: Box, recipe: Recipe, report: Report) -> Result:
        """A part of what :meth:`improve` would give; see :meth:`resilver.engine.DetailEngine.improve_detail`."""
        if self._seen is None or self._seen[0] is not picture.pixels:
            self._seen = picture.pixels, assess(picture)
        part, seen = Part(picture, detail), self._seen[1]
        chain = _Chain(part.cut(), recipe, report, self._runtime, part)
        chain.assessment = replace(seen, frame=part.frame(seen.frame))
        final = chain.final
        if final.picture is not None:
            final = replace(final, picture=part.trim(final.picture))
        return Result({"final": final}, chain.assessment.bw, tuple(chain.notes))

    def close(self) -> None:
        """Unload the networks."""
        self._seen = None
        self._runtime.unload()


class _Chain:
    """The results of one picture, each computed when first asked for; ``part``: what it is of another, if so."""

    def __init__(
        self, picture: Picture, recipe: Recipe, report: Report, runtime: Runtime, part: Part | None = None
    ) -> None:
        # what comes out of the steps has another size, or no damage any more
        self._picture, self._given = picture.replace(mask=None), picture.mask
        self._recipe = recipe
        self._runtime = runtime
        self._part_of = part
        self._enlarged: dict[int, Output] = {}
        self.notes: list[str] = []
        self._reached = 0.0
        self._on_progress = report.on_progress
        self._report = Report(self._progress, self._note, report.cancelled)

    def _progress(self, fraction: float, step: str) -> None:
        # several results of one picture repeat a step
        self._reached = max(self._reached, fraction)
        self._on_progress(self._reached, step)

    def _note(self, sentence: str) -> None:
        if sentence not in self.notes:
            self.notes.append(sentence)

    @cached_property
    def assessment(self) -> Assessment:
        """The measurements of the original."""
        self._report.progress(0.0, "looking")
        return assess(self._picture)

    @cached_property
    def damage(self) -> Pixels | ResilverError:
        """How far each pixel is to be replaced; or why damage was not looked for."""
        if self._given is not None:
            return self._given
        try:
            return find_damage(self._picture, self.assessment, self._runtime, self._part("improve").part(0, 0.4))
        except (EngineMissing, ModelBroken) as error:
            return error

    @property
    def mask(self) -> Output:
        """How far each pixel is replaced by a fill of damage."""
        if not self._recipe.improve:
            return Output(absent=NOT_ASKED)
        try:
            damage = self.damage
        except Cancelled:
            raise
        except ResilverError as error:
            damage = error
        if isinstance(damage, ResilverError):
            return Output(error=damage)
        return Output(Picture(pixels=damage[..., None], dpi=self._picture.dpi, source=self._picture.source))

    @cached_property
    def improved(self) -> Output:
        """The original with its damage filled and its fading, casts, grain and blocks mended."""
        if not self._recipe.improve:
            return Output(absent=NOT_ASKED)
        made = _attempt(self._repaired, ALREADY_GOOD)
        wrong = self.assessment.wrong or (made.absent and self._believed() is not None)
        return Output(absent=STRENGTH_0) if made.absent and wrong else made

    def _repaired(self) -> tuple[Picture, Step] | None:
        recipe, mask = self._recipe, self._believed()
        if isinstance(self.damage, ResilverError):
            self._report.note(f"Damage was not looked for. {self.damage}")
        report = self._part("improve").part(0.4, 1)
        picture, seen = self._picture, self.assessment
        return repair.improve(picture, seen, recipe.quality, recipe.strength, self._runtime, report, mask)

    def _believed(self) -> Pixels | None:
        """The mask, if there is anything to fill."""
        return None if isinstance(self.damage, ResilverError) or not self.damage.any() else self.damage

    @cached_property
    def colorized(self) -> Output:
        """The original in colour."""
        return self._colorize(self._picture, ())

    @property
    def left_gray(self) -> str | None:
        """Why there are no colours to guess, if so."""
        if self._recipe.colorize == "never":
            return NOT_ASKED
        return "already in colour" if self._recipe.colorize == "auto" and not self.assessment.bw else None

    @cached_property
    def colorized_improved(self) -> Output:
        """The improved picture in colour."""
        if not self._recipe.improve:
            return Output(absent=NOT_ASKED)
        if self.improved.error is not None:
            return self.improved
        if self.improved.picture is None:
            return self.colorized
        return self._colorize(self.improved.picture, self.improved.steps)

    @cached_property
    def resolved(self) -> Output:
        """The original, enlarged."""
        return self._enlarge(self._picture, ())

    @cached_property
    def final(self) -> Output:
        """All the steps asked for, one after the other."""
        picture, steps = self._picture, ()  # type: tuple[Picture, tuple[Step, ...]]
        for output in (self.improved, self.colorized_improved if self._recipe.improve else self.colorized):
            if output.error is not None:
                return output
            if output.picture is not None:
                picture, steps = output.picture, output.steps
        enlarged = self._enlarge(picture, steps)
        if enlarged.picture is not None or enlarged.error is not None:
            return enlarged
        if steps:
            return Output(picture, steps)
        reasons = [why for why in (self.improved.absent, self.left_gray) if why != NOT_ASKED]
        return Output(absent=", ".join(reason for reason in reasons if reason) or NOT_ASKED)

    def _colorize(self, picture: Picture, steps: tuple[Step, ...]) -> Output:
        if self.left_gray is not None:
            return Output(absent=self.left_gray)
        recipe = self._recipe
        made = _attempt(
            lambda: colour.colorize(
                picture, recipe.vividness, recipe.hints, self._runtime, self._part("colorize"), self._part_of
            ),
            NOT_ASKED,
        )
        return Output(made.picture, steps + made.steps) if made.picture is not None else made

    def _enlarge(self, picture: Picture, steps: tuple[Step, ...]) -> Output:
        factor = self._recipe.resolution
        if factor is None:
            return Output(absent=NOT_ASKED)
        if id(picture) not in self._enlarged:
            recipe = self._recipe
            report = self._part("enlarge")
            # what was improved is clean by now; what was not is enlarged with an eye on its damage
            damage = None if any(step.action == "improved" for step in steps) else self.assessment
            made = _attempt(
                lambda: enlarge.enlarge(
                    picture, factor, recipe.kind, recipe.quality, recipe.strength, self._runtime, report, damage
                ),
                NOT_ASKED,
            )
            self._enlarged[id(picture)] = made
        output = self._enlarged[id(picture)]
        return Output(output.picture, steps + output.steps) if output.picture is not None else output

    def _part(self, step: str) -> Report:
        """The report for a step: its part of the time, by the costs per megapixel measured for each."""
        recipe = self._recipe
        costs = {
            "improve": 1.0 * recipe.improve,
            "colorize": 0.3 * (self.left_gray is None),
            "enlarge": {None: 0.0, 2: 1.0, 4: 4.0}[recipe.resolution],
        }
        done = list(costs).index(step)
        before, after = (sum(list(costs.values())[:count]) / sum(costs.values()) for count in (done, done + 1))
        return self._report.part(0.02 + 0.98 * before, 0.02 + 0.98 * after)


def _attempt(step: Callable[[], tuple[Picture, Step] | None], otherwise: str) -> Output:
    try:
        made = step()
    except Cancelled:
        raise
    except ResilverError as error:
        return Output(error=error)
    except MemoryError:
        return Output(error=EngineMemory("There was not enough memory for this picture; close other programs."))
    return Output(absent=otherwise) if made is None else Output(made[0], (made[1],))
