"""What is sent again, how often and after which pause: the whole of it, without any sending.

============================== ==================================================================================
what came                      what follows
============================== ==================================================================================
401, 403                       the token is renewed once and the request repeated once; then everything stops
400 for several pictures       one of them is meant: each is sent alone
400, 404, 413, 415, others     no: the pictures failed for good
408, 429, 500, 502, 503, 504   again, after a growing pause, or the one that ``Retry-After`` asks for
no connection, a broken one    likewise
picture with status 1          no
picture with status 2          again, this picture only
picture or list not there      once more, alone
no JSON, no picture            no: it would be paid again for the same
============================== ==================================================================================

A picture is tried ``attempts`` times in all and goes up whole at most three times, for the service may bill each.
Of two modes only the one that failed is asked for again.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from resilver.errors import (
    CloudBusy,
    CloudError,
    CloudGarbage,
    CloudRefused,
    CloudUnauthorized,
    ResilverError,
    Status,
)
from resilver.http_contract import Failure, Item, Mode, PictureField, presentable

_MOST_SENT = 3
_BUSY = (408, 429, 500, 502, 503, 504)
_UNAUTHORIZED = (401, 403)
_FIRST_PAUSE_S = 1.0
# a service that wants more time gets it by the next job
_LONGEST_PAUSE_S = 120.0


@dataclass(slots=True)
class Work:
    """A picture on its way: the modes that are still open, and what came for the others.

    ``tries``: requests that held it; ``sent``: those in which it went up whole and may have been billed.
    ``missed``: modes that an answer left out; ``alone``: not to be sent with others; ``pause_s``: before the next try.
    """

    index: int
    path: Path
    media_type: str
    pending: tuple[Mode, ...]
    pictures: dict[PictureField, Path] = field(default_factory=dict)
    errors: dict[Mode, ResilverError] = field(default_factory=dict)
    bw: bool | None = None
    sent: int = 0
    tries: int = 0
    alone: bool = False
    missed: set[Mode] = field(default_factory=set)
    pause_s: float = 0.0

    def done(self, mode: Mode) -> None:
        """This mode needs no further try."""
        self.pending = tuple(other for other in self.pending if other != mode)

    def fail(self, error: ResilverError, *modes: Mode) -> None:
        """Give these modes up."""
        for mode in modes:
            self.errors[mode] = error
            self.done(mode)


@dataclass(frozen=True, slots=True)
class Talk:
    """Who answers, and by which token; how often a picture is tried, and until when.

    ``deadline``: in seconds of :func:`time.monotonic`. ``refused``: a token that was tried before.
    """

    service: str
    attempts: int
    deadline: float
    token: str = field(default="", repr=False)
    refused: str = field(default="", repr=False)

    def said(self, text: str) -> str:
        """What the service said, as a clause to put behind a sentence's subject."""
        shown = presentable(text, (self.token, self.refused))
        return f' ("{shown}")' if shown else ""


def unauthorized(failure: Failure | None) -> bool:
    """Whether another token may help."""
    return failure is not None and failure.status in _UNAUTHORIZED


def billable(failure: Failure | None) -> bool:
    """Whether the service may have worked on what was sent."""
    return failure is None or not 300 <= failure.status < 500


def _failure_error(failure: Failure, retry_after_s: float | None, talk: Talk) -> CloudError:
    """The failure of a whole request as an error."""
    said = talk.said(failure.text)
    if unauthorized(failure):
        return CloudUnauthorized(f"{talk.service} refuses the token{said}; log in again with 'resilver login'.")
    if failure.status in _BUSY or failure.temporary:
        return CloudBusy(f"{talk.service} is busy or has a fault of its own{said}; try later.", retry_after_s)
    if 200 <= failure.status < 300:
        if failure.text:
            return CloudRefused(f"{talk.service} refused the request{said}.")
        return CloudGarbage(f"The answer of {talk.service} cannot be understood; is the base URL right?")
    if 300 <= failure.status < 400:
        return CloudRefused(f"{talk.service} points to another address, which is not followed; correct the base URL.")
    if failure.status == 404:
        return CloudRefused(f"There is no such service at {talk.service}{said}; correct the base URL.")
    return CloudRefused(f"{talk.service} refused the request with status {failure.status}{said}.")


def settle_failure(works: Sequence[Work], failure: Failure, retry_after_s: float | None, talk: Talk) -> None:
    """Decide what becomes of the pictures of a request that failed whole.

    Raises:
        CloudUnauthorized: the renewed token was refused, too.
    """
    error = _failure_error(failure, retry_after_s, talk)
    if error.halts:
        raise error
    if failure.status == 400 and len(works) > 1:
        for work in works:
            work.alone = True
        return
    settle_error(works, error, talk)


def settle_error(works: Sequence[Work], error: ResilverError, talk: Talk) -> None:
    """The same for an error by which every picture is struck."""
    for work in works:
        _again(work, error, talk, work.pending)


def settle_item(work: Work, mode: Mode, item: Item, talk: Talk) -> None:
    """Decide what becomes of a picture that failed or is missing in an answer; one that came is left as it is."""
    said = talk.said(item.error)
    if item.missing and mode not in work.missed and work.sent < _MOST_SENT:
        work.missed.add(mode)
        work.alone = True
    elif item.missing:
        work.fail(CloudBusy(f"{talk.service} gave nothing for this picture, even alone; try later."), mode)
    elif item.status is Status.TEMPORARY:
        error = CloudBusy(f"{talk.service} could not do this picture now{said}; try later.")
        _again(work, error, talk, (mode,))
    else:
        work.fail(CloudRefused(f"{talk.service} cannot do this picture{said}."), mode)


def _again(work: Work, error: ResilverError, talk: Talk, modes: Sequence[Mode]) -> None:
    if not error.temporary or work.tries >= talk.attempts or work.sent >= _MOST_SENT:
        work.fail(error, *modes)
        return
    pause = pause_s(work.tries, error.retry_after_s if isinstance(error, CloudBusy) else None)
    if time.monotonic() + pause >= talk.deadline:
        work.fail(error, *modes)
        return
    work.pause_s = max(work.pause_s, pause)


def pause_s(tries: int, asked_s: float | None = None) -> float:
    """Exponential with jitter, so that many clients do not come back together; never less than asked, but capped."""
    own: float = _FIRST_PAUSE_S * 2 ** (tries - 1) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
    return min(_LONGEST_PAUSE_S, max(own, asked_s or 0.0))
