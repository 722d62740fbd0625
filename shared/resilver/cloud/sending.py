"""Pieces to paid results: what is here already is not sent again, and nothing goes out that is not written down."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from resilver.cloud.client import Answered, CloudClient, Part
from resilver.cloud.ledger import Ledger, Sending, origin
from resilver.cloud.paid import Paid, PaidResults, paid_key
from resilver.cloud.preparation import Piece
from resilver.engine import Report
from resilver.errors import (
    CloudConsent,
    CloudLimit,
    CloudUnauthorized,
    CloudUntrusted,
    OutputFull,
    PictureChanged,
    ResilverError,
)
from resilver.http_contract import PICTURE_FIELDS, Factor, Mode
from resilver.picture_io.identity import identify
from resilver.recipe import Kind
from resilver.settings import CloudSettings

POLL_S = 0.5  # while another process sends the same picture
_ANSWER_RATIO = 12  # of the bytes that come back to those sent: three results, or one of sixteen times the pixels
_SPARE_BYTES = 20_000_000
_NOT_BILLED = (CloudConsent, CloudLimit, CloudUnauthorized, CloudUntrusted)

Answers = dict[tuple[str, Mode], Paid | ResilverError]
"""What came back, by the content of a piece and the mode."""
Wish = tuple[Piece, tuple[Mode, ...]]


@dataclass(frozen=True, slots=True)
class Wording:
    """The values that go with the mode ``resolution``."""

    factor: Factor = 2
    kind: Kind = "photo"


class Sender:
    """Sends pieces by the service's limits and keeps what comes back; files lie in ``directory`` until then."""

    def __init__(
        self, settings: CloudSettings, client: CloudClient, ledger: Ledger, paid: PaidResults, directory: Path
    ) -> None:
        self._settings = settings
        self._client = client
        self._ledger = ledger
        self._paid = paid
        self._directory = directory

    def fetch(self, wishes: Sequence[Wish], wording: Wording, report: Report) -> Answers:
        """A result or an error for every piece in every mode; those that are the same are sent once.

        Raises:
            Cancelled: the report asked to stop; what was paid by then is kept.
            ResilverError: with ``halts``.
            OutputError: results cannot be kept.
        """
        answers: Answers = {}
        while rest := self._missing(wishes, wording, answers):
            went = False
            requests = list(self._requests(rest))
            for number, (modes, pieces) in enumerate(requests):
                part = report.part(number / len(requests), (number + 1) / len(requests))
                went |= self._send(pieces, modes, wording, part, answers)
            if not went:
                report.check()
                time.sleep(POLL_S)
        return answers

    def _missing(self, wishes: Iterable[Wish], wording: Wording, answers: Answers) -> dict[str, Wish]:
        """What is not here yet, by content; what was paid before joins the answers."""
        rest: dict[str, Wish] = {}
        for piece, modes in wishes:
            for mode in modes:
                if (piece.content, mode) in answers:
                    continue
                paid = self._paid.find(self._key(piece, mode, wording), mode)
                if paid is not None:
                    answers[piece.content, mode] = paid
                else:
                    before = rest[piece.content][1] if piece.content in rest else ()
                    rest[piece.content] = (piece, tuple(sorted({*before, mode})))
        return rest

    def _requests(self, rest: Mapping[str, Wish]) -> Iterator[tuple[tuple[Mode, ...], list[Piece]]]:
        """What goes up together: the same modes, within the service's limits."""
        groups: dict[tuple[Mode, ...], list[Piece]] = {}
        for piece, modes in rest.values():
            groups.setdefault(modes, []).append(piece)
        for modes, pieces in groups.items():
            batch: list[Piece] = []
            for piece in pieces:
                if batch and not fits(self._settings, [_size(other) for other in (*batch, piece)]):
                    yield modes, batch
                    batch = []
                batch.append(piece)
            yield modes, batch

    def _send(
        self, pieces: Sequence[Piece], modes: tuple[Mode, ...], wording: Wording, report: Report, answers: Answers
    ) -> bool:
        """Send those that nobody else is sending; whether there were any."""
        self._check_room(pieces)
        keys = {piece.content: "+".join(self._key(piece, mode, wording) for mode in modes) for piece in pieces}
        rows = self._ledger.claim(
            self._settings, [Sending(keys[piece.content], modes, _size(piece)) for piece in pieces]
        )
        mine = [piece for piece in pieces if keys[piece.content] in rows]
        if not mine:
            return False
        outcomes: dict[int, tuple[int | None, str]] = dict.fromkeys(rows.values(), (None, "interrupted"))
        try:
            directory = Path(tempfile.mkdtemp(dir=self._directory))
            parts = [Part(piece.path, piece.media_type) for piece in mine]
            for answered in self._client.improve(
                parts, modes, report, directory, factor=wording.factor, kind=wording.kind
            ):
                piece = mine[answered.index]
                words = [error.code for error in answered.errors.values()]
                outcomes[rows[keys[piece.content]]] = (answered.sent, " ".join(words) or "answered")
                self._take(piece, modes, wording, answered, answers)
        except _NOT_BILLED as error:
            for row, (_, word) in outcomes.items():
                if word == "interrupted":
                    outcomes[row] = (0, error.code)
            raise
        finally:
            self._ledger.settle(outcomes)
        return True

    def _check_room(self, pieces: Sequence[Piece]) -> None:
        """Refuse before anything is paid for what the disk could not take."""
        need = _ANSWER_RATIO * sum(map(_size, pieces)) + _SPARE_BYTES
        if shutil.disk_usage(self._directory).free < need:
            raise OutputFull(
                f"There may be no room for the answer in {self._directory.parent} ({need / 1e6:.0f} MB are needed), "
                "so nothing was sent; make some there."
            )

    def _take(
        self, piece: Piece, modes: Iterable[Mode], wording: Wording, answered: Answered, answers: Answers
    ) -> None:
        changed = piece.identity is not None and _changed(piece)
        for mode in modes:
            error = answered.errors.get(mode)
            pictures = {field: answered.pictures[field] for field in PICTURE_FIELDS[mode] if field in answered.pictures}
            if error is not None:
                answers[piece.content, mode] = Paid(pictures, answered.bw, error) if pictures else error
            elif changed:
                answers[piece.content, mode] = PictureChanged(
                    f"{piece.path.name} was changed while it was being sent; it will have to be done again."
                )
            else:
                key = self._key(piece, mode, wording)
                self._paid.keep(key, Paid(pictures, answered.bw))
                kept = self._paid.find(key, mode)
                assert kept is not None
                answers[piece.content, mode] = kept

    def _key(self, piece: Piece, mode: Mode, wording: Wording) -> str:
        details = (wording.factor, wording.kind) if mode == "resolution" else ()
        return paid_key(origin(self._settings), mode, piece.content, *details)


def fits(settings: CloudSettings, sizes: Sequence[int]) -> bool:
    """Whether pictures of so many bytes may go up in one request."""
    return len(sizes) <= settings.pictures and sum(sizes) <= settings.bytes_together


def _size(piece: Piece) -> int:
    return piece.path.stat().st_size


def _changed(piece: Piece) -> bool:
    try:
        return identify(piece.path) != piece.identity
    except ResilverError:
        return True
