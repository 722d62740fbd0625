"""One batch of pictures to the service and back: what is sent again, and when, is decided here alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from resilver.errors import ResilverError
from resilver.http_contract import Mode, PictureField


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
    that there was nothing to repair. ``errors``: modes that failed, for good by now. ``bw``: as the service judged.
    ``sent``: how often the picture went up whole, which is how often it may be billed.
    """

    index: int
    pictures: Mapping[PictureField, Path] = field(default_factory=dict)
    errors: Mapping[Mode, ResilverError] = field(default_factory=dict)
    bw: bool | None = None
    sent: int = 1


# class CloudClient:
#     def __init__(self, settings: CloudSettings, tokens: TokenSource) -> None
#     def improve(self, parts: Sequence[Part], modes: Collection[Mode], report: Report, directory: Path,
#                 *, factor: Factor = 2, kind: Kind = "photo") -> Iterator[Answered]
#         """Yields each part once, as soon as nothing more is tried for it; files are written into ``directory``.
#         A part that failed has ``errors``; raises only Cancelled, CloudUnauthorized (stop and ask), CloudConsent-like
#         stops, TLS errors (CloudUnreachable, permanent) and OutputFull: what concerns the rest of the queue, too."""
#     def close(self) -> None
