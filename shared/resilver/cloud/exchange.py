"""One request and its answer: pictures from disk, results to disk, and each picture's outcome settled."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from resilver.cloud.answer import AnswerLimits, AnswerScanner
from resilver.cloud.retry import Talk, Work, billable, settle_item
from resilver.cloud.transport import Field, Reply, Service
from resilver.cloud.watch import Watch
from resilver.engine import Report
from resilver.errors import CloudGarbage, PictureChanged, PictureUnknown, PictureUnreadable, ResilverError, Status
from resilver.http_contract import META_PART, Answer, Factor, Failure, Item, Meta, Mode, read_answer
from resilver.recipe import Kind

# twice as quick as httpx's own 64 KiB, measured
_PIECE = 256 * 1024
_HEAD = 256
_SUFFIXES = {"image/jpeg": ".jpg", "image/png": ".png", "image/tiff": ".tif"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of every picture of a batch, and where its results go."""

    directory: Path
    factor: Factor
    kind: Kind
    limits: AnswerLimits


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that failed whole, and how long its answer asks to wait."""

    failure: Failure
    retry_after_s: float | None


class Withdrawn(Exception):
    """A picture cannot be sent after all; the request was given up because of it."""

    def __init__(self, work: Work, error: ResilverError) -> None:
        super().__init__(str(error))
        self.work, self.error = work, error


def exchange(service: Service, works: Sequence[Work], wish: Wish, talk: Talk, report: Report) -> Refused | None:
    """Send one request for works of which the same is wanted; settle each, unless the request failed whole.

    Raises:
        Withdrawn: a picture is gone or changed under way.
        CloudError: there was no answer, or none that can be understood.
        Cancelled: the report asked to stop.
        OutputError: the results cannot be written.
    """
    named = {f"file_{work.index}": work for work in works}
    meta = Meta(works[0].pending, tuple(named), wish.factor, wish.kind)
    with ExitStack() as stack, AnswerScanner(wish.directory, wish.limits) as scanner:
        uploads = _Uploads(named, stack, report)
        try:
            watch = Watch(report.cancelled, talk.deadline)
            with service.post(talk.token, uploads.fields(meta), watch) as reply:
                document = _read(reply, scanner, uploads.size, report)
        except BaseException:
            uploads.count()
            raise
        answer = read_answer(document, reply.status, meta, scanner.text)
        if billable(answer.failure):
            uploads.count()
        if answer.failure is not None:
            return Refused(answer.failure, reply.retry_after_s)
        _settle(answer, named, scanner, talk)
    return None


def _read(reply: Reply, scanner: AnswerScanner, sent: int, report: Report) -> object:
    """The answer's document; ``None`` for a refusal that is no JSON."""
    received = 0
    try:
        for piece in reply.pieces:
            scanner.feed(piece)
            received += len(piece)
            report.progress(0.5 + 0.5 * received / (received + sent), "receiving")  # its length is not told
        return scanner.finish()
    except CloudGarbage:
        if 200 <= reply.status < 300:
            raise
        return None


def _settle(answer: Answer, named: Mapping[str, Work], scanner: AnswerScanner, talk: Talk) -> None:
    if answer.unknown:
        _log.warning("%d results belong to no picture that was sent; they were ignored.", answer.unknown)
    for mode, items in answer.items.items():
        for name, item in items.items():
            work = named[name]
            if item.status is Status.SUCCESS:
                _receive(work, mode, item, scanner, talk)
            else:
                settle_item(work, mode, item, talk)


def _receive(work: Work, mode: Mode, item: Item, scanner: AnswerScanner, talk: Talk) -> None:
    for field, reference in item.pictures.items():
        path = scanner.take(reference) if reference in scanner.blobs else scanner.store(reference)
        if path is not None and _is_picture(path):
            work.pictures[field] = path
            continue
        if path is not None:
            path.unlink()
        # it was paid for; to ask again would pay twice for what most likely comes again
        work.errors[mode] = CloudGarbage(f"{talk.service} sent something that is no picture; try later.")
    work.bw = item.bw if item.bw is not None else work.bw
    work.done(mode)


def _is_picture(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if head.startswith(b"\xff\xd8"):
        return True
    from resilver.picture_io.read import sniff

    try:
        return bool(sniff(memoryview(head), path.name))
    except PictureUnknown:
        return False


class _Uploads:
    """The pictures of one request, opened for it; made anew for every try."""

    def __init__(self, named: Mapping[str, Work], stack: ExitStack, report: Report) -> None:
        self._report, self._read = report, 0
        self._files = {name: _Upload(work, stack, self._progress) for name, work in named.items()}
        self.size = sum(file.size for file in self._files.values())

    def fields(self, meta: Meta) -> list[Field]:
        """The form, with ``meta`` behind the pictures and without a media type, as in all of its examples."""
        pictures: list[Field] = [
            (name, (name + _SUFFIXES.get(file.work.media_type, ".jpg"), cast("BinaryIO", file), file.work.media_type))
            for name, file in self._files.items()
        ]
        return [*pictures, (META_PART, (None, meta.encode().encode(), None))]

    def count(self) -> None:
        """Note that the pictures went up, if the last of them did."""
        if self._read >= self.size:
            for file in self._files.values():
                file.work.sent += 1

    def _progress(self, count: int) -> None:
        self._read += count
        self._report.progress(0.5 * self._read / max(1, self.size), "sending")


class _Upload:
    """A file as httpx reads it; reading raises when the user stops or the file is not what it was."""

    def __init__(self, work: Work, stack: ExitStack, progress: Callable[[int], None]) -> None:
        self.work, self._progress = work, progress
        try:
            self._file: BinaryIO = stack.enter_context(work.path.open("rb"))
            self.size = os.fstat(self._file.fileno()).st_size
        except OSError as error:
            raise Withdrawn(work, _unreadable(work.path, error)) from error
        self._left = self.size

    def fileno(self) -> int:
        """From which httpx learns the size."""
        return self._file.fileno()

    def read(self, _size: int = -1) -> bytes:
        """The next piece, larger than httpx asks for."""
        try:
            data = self._file.read(min(_PIECE, self._left))
        except OSError as error:
            raise Withdrawn(self.work, _unreadable(self.work.path, error)) from error
        if self._left and not data:
            path = self.work.path
            raise Withdrawn(self.work, PictureChanged(f"{path} became shorter while it was sent; try again."))
        self._left -= len(data)
        self._progress(len(data))
        return data


def _unreadable(path: Path, error: OSError) -> PictureUnreadable:
    return PictureUnreadable(f"{path} cannot be read ({error.strerror}); check that it is still there.")
