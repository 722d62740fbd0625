"""One batch of pictures to the service and back: what is sent again, and when, is decided here alone."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from resilver.cloud.answer import AnswerLimits
from resilver.cloud.exchange import Wish, Withdrawn, exchange
from resilver.cloud.retry import Talk, Work, settle_error, settle_failure, unauthorized
from resilver.cloud.transport import Service
from resilver.engine import Report
from resilver.errors import CloudError, ResilverError
from resilver.http_contract import MODES, Factor, Mode, PictureField
from resilver.recipe import Kind
from resilver.settings import CloudSettings

# how soon a pause hears that the user stopped, in seconds
_LISTEN_S = 0.1


class TokenSource(Protocol):
    """Where the client gets its token; ``repr`` never shows it. Safe to use from many threads."""

    def token(self) -> str:
        """The token to send now, renewed ahead of its expiry.

        Raises:
            CloudUnauthorized: there is none, or it cannot be renewed.
        """

    def renew(self, rejected: str) -> str:
        """Another token after the service refused ``rejected``; many callers cause one renewal.

        Raises:
            CloudUnauthorized: no other can be had; ask the user to log in.
        """


@dataclass(frozen=True, slots=True)
class Part:
    """One picture to send: a file, streamed as it is for every try, of a kind that the service takes."""

    path: Path
    media_type: str = "image/jpeg"


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back for the part ``index`` of the request.

    ``pictures``: decoded files, which belong to the caller; ``improve`` without error and without pictures means
    that there was nothing to repair. ``errors``: modes that failed, for good by now; of one whose pictures came only
    in part, the good ones are there. ``bw``: as the service judged.
    ``sent``: how often the picture went up whole, which is how often it may be billed.
    """

    index: int
    pictures: Mapping[PictureField, Path] = field(default_factory=dict)
    errors: Mapping[Mode, ResilverError] = field(default_factory=dict)
    bw: bool | None = None
    sent: int = 1


class CloudClient:
    """Sends batches to the service that the settings name; for one thread at a time. :meth:`close` it."""

    def __init__(
        self,
        settings: CloudSettings,
        tokens: TokenSource,
        *,
        limits: AnswerLimits | None = None,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """``sleep`` makes the pauses between tries, in seconds.

        Raises:
            SettingsError: the base URL, the proxy or the certificates cannot be used.
        """
        self._settings, self._tokens, self._sleep = settings, tokens, sleep
        self._limits = limits or AnswerLimits()
        self._service = Service(settings)

    def close(self) -> None:
        """Give the connection back."""
        self._service.close()

    def improve(
        self,
        parts: Sequence[Part],
        modes: Collection[Mode],
        report: Report,
        directory: Path,
        *,
        factor: Factor = 2,
        kind: Kind = "photo",
    ) -> Iterator[Answered]:
        """Send the parts in one request and give each, once, as soon as nothing more is tried for it.

        The caller sees to it that they are within the service's limits. Results are written into ``directory``.
        A picture that failed has ``errors``; what would strike every other picture, too, is raised.

        Raises:
            Cancelled: the report asked to stop.
            CloudError: one that halts: CloudUnauthorized, CloudUntrusted.
            OutputError: the results cannot be written to ``directory``.
        """
        wanted = tuple(mode for mode in MODES if mode in modes)
        works = [Work(index, part.path, part.media_type, wanted) for index, part in enumerate(parts)]
        wish = Wish(directory, factor, kind, self._limits)
        deadline = time.monotonic() + self._settings.deadline_s
        report, finished = _rising(report), 0
        batches = deque([works] if works and wanted else [])
        try:
            while batches:
                batch = batches.popleft()
                self._wait(batch, report)
                share = report.part(finished / len(works), (finished + len(batch)) / len(works))
                self._round(batch, wish, deadline, share)
                batches.extend(_regrouped(batch))
                for work in (work for work in batch if not work.pending):
                    finished += 1
                    yield _handed_over(work)
        finally:
            for path in (path for work in works for path in work.pictures.values()):
                path.unlink(missing_ok=True)

    def _wait(self, works: Sequence[Work], report: Report) -> None:
        """Let the pause before the next try pass, and hear meanwhile whether to stop."""
        left = max(work.pause_s for work in works)
        while left > 0:
            report.check()
            self._sleep(min(left, _LISTEN_S))
            left -= _LISTEN_S

    def _round(self, works: Sequence[Work], wish: Wish, deadline: float, report: Report) -> None:
        """One request, repeated once if its token was refused, and what follows from its answer."""
        for work in works:
            work.tries, work.pause_s = work.tries + 1, 0.0
        talk = Talk(self._service.name, self._settings.attempts, deadline)
        try:
            talk = replace(talk, token=self._tokens.token())
            refused = exchange(self._service, works, wish, talk, report)
            if refused is not None and unauthorized(refused.failure):
                talk = replace(talk, token=self._tokens.renew(talk.token), refused=talk.token)
                refused = exchange(self._service, works, wish, talk, report)
        except Withdrawn as withdrawn:
            for work in works:
                work.tries -= 1
            withdrawn.work.fail(withdrawn.error, *withdrawn.work.pending)
        except CloudError as error:
            if error.halts:
                raise
            settle_error(works, error, talk)
        else:
            if refused is not None:
                settle_failure(works, refused.failure, refused.retry_after_s, talk)


def _rising(report: Report) -> Report:
    """Fractions never fall, though a picture that is sent again starts anew."""
    reached = 0.0

    def tell(fraction: float, step: str) -> None:
        nonlocal reached
        reached = max(reached, fraction)
        report.on_progress(reached, step)

    return replace(report, on_progress=tell)


def _regrouped(works: Sequence[Work]) -> Iterator[list[Work]]:
    """The next requests for what is still open: the same wanted together, what must be alone by itself."""
    together: dict[tuple[Mode, ...], list[Work]] = {}
    for work in works:
        if work.pending and work.alone:
            yield [work]
        elif work.pending:
            together.setdefault(work.pending, []).append(work)
    yield from together.values()


def _handed_over(work: Work) -> Answered:
    answered = Answered(work.index, work.pictures, work.errors, work.bw, work.sent)
    work.pictures = {}
    return answered
