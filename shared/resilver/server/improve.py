"""The improve method: a request's pictures become jobs, and the answer streams out as they are done."""

from __future__ import annotations

import asyncio
import base64
import itertools
import logging
from collections.abc import Iterable, Iterator
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope, Send

from resilver.errors import Cancelled, EngineError, ResilverError, Status
from resilver.http_contract import (
    PICTURE_FIELDS,
    Item,
    Meta,
    Mode,
    PictureField,
    Query,
    Refusal,
    check_parts,
    encode_answer,
    presentable,
)
from resilver.improve import FileResult
from resilver.recipe import Recipe
from resilver.server.body import Body
from resilver.server.door import body_of
from resilver.server.pool import Job
from resilver.server.room import Hold
from resilver.server.service import Service
from resilver.server.upload import Upload, UploadLimits

_log = logging.getLogger(__name__)
_PIECE_BYTES = 3 * (64 << 10)  # a multiple of 3, so that the base64 of the pieces is that of the whole


class Improve:
    """Answers the requests of the contract's one method."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._settings = service.settings

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request.

        Raises:
            Refusal: it is refused whole.
            ClientDisconnect: nobody is there any more.
        """
        self._admit(scope)
        body = body_of(scope)
        with self._service.room.hold() as hold:
            async with self._service.visit() as (folder, jobs):
                meta, files = await self._read(scope, body, hold, folder)
                by_mode = {mode: [_job(mode, meta, files[name], folder) for name in meta.names] for mode in meta.modes}
                for job in itertools.chain(*by_mode.values()):
                    jobs.append(job)
                    self._service.pool.put(job)
                items = {mode: self._items(mode, meta.names, by_mode[mode]) for mode in meta.modes}
                await self._stream(encode_answer(items, _base64_of), jobs, body, scope, send)
        # the end is told after the room is free, so that whoever waits for it finds room for the next request
        await send({"type": "http.response.body"})

    def _admit(self, scope: Scope) -> None:
        """Refuse at once what need not be read."""
        query = Query.parse(QueryParams(scope["query_string"]))
        if not self._service.tokens.accepts(query.token):
            raise Refusal(
                401, f"authorization failed, provider: {presentable(query.provider)}, reason: Access Token invalid"
            )
        providers = [name.strip() for name in self._settings.providers.split(",") if name.strip()]
        if providers and query.provider not in providers:
            raise Refusal(403, f"this server knows the providers {', '.join(providers)} only")
        if self._service.stopping:
            raise Refusal(503, "the server is being stopped; try again", 10)
        self._service.room.check()

    async def _read(self, scope: Scope, body: Body, hold: Hold, folder: Path) -> tuple[Meta, dict[str, Path]]:
        content_type = dict(scope["headers"]).get(b"content-type", b"").decode("latin-1")
        upload = Upload(content_type, folder, UploadLimits(self._settings.pictures, self._settings.bytes_each))
        try:
            async for block in body.blocks(self._settings.bytes_together):
                hold.grow(size=body.received)
                await asyncio.to_thread(upload.feed, block)
            meta = Meta.parse(upload.finish(), strict=self._settings.strict, max_pictures=self._settings.pictures)
        finally:
            upload.close()
        check_parts(meta, {name: path.stat().st_size for name, path in upload.files.items()})
        hold.grow(pictures=len(meta.names))
        return meta, upload.files

    def _items(self, mode: Mode, names: Iterable[str], jobs: Iterable[Job]) -> Iterator[Item]:
        for name, job in zip(names, jobs, strict=True):
            yield self._item(mode, name, job)

    def _item(self, mode: Mode, name: str, job: Job) -> Item:
        """What became of the job; waits for it."""
        try:
            result = job.done.result()
            item = Item(name, pictures=_pictures(mode, result), bw=result.bw if mode == "improve" else None)
            self._service.metrics.seconds.labels(mode).observe(result.seconds)
        except (CancelledError, Cancelled):
            item = Item(name, Status.TEMPORARY, "stopped")
        except ResilverError as error:
            # its sentence may name our file, which tells the client nothing
            text = error.message.replace(str(job.source), name).replace(job.source.name, name)
            item = Item(name, error.status, presentable(text))
        self._service.metrics.pictures.labels(mode, item.status.name.lower()).inc()
        return item

    async def _stream(self, pieces: Iterator[bytes], jobs: Iterable[Job], body: Body, scope: Scope, send: Send) -> None:
        """Send each piece as it is made, to a client that takes them; stop the jobs when it leaves."""
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        leaving = asyncio.create_task(body.gone())
        loop = asyncio.get_running_loop()
        pieces = filter(None, pieces)
        try:
            while True:
                step: asyncio.Future[bytes] = loop.run_in_executor(self._service.answers, next, pieces, b"")
                either: set[asyncio.Future[Any]] = {step, leaving}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if leaving.done():
                    for job in jobs:
                        job.cancel()
                piece = await step
                if leaving.done() or not piece:
                    return
                async with asyncio.timeout(self._settings.patience_s + len(piece) / self._settings.bytes_per_s):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError:
            _log.info("a client that does not take its answer was dropped")
            scope["state"]["abort"]()
        finally:
            leaving.cancel()


def _job(mode: Mode, meta: Meta, source: Path, folder: Path) -> Job:
    directory = folder / f"{mode}-{source.name}"
    if mode == "improve":
        return Job(source, directory, Recipe(colorize="auto", format="jpeg"), keep="all")
    return Job(source, directory, Recipe(improve=False, resolution=meta.factor, kind=meta.kind, format="jpeg"))


def _pictures(mode: Mode, result: FileResult) -> dict[PictureField, str]:
    if mode == "resolution":
        if "final" not in result.outputs:
            raise EngineError("The engine gave no enlarged picture.")
        return {"resolved": str(result.outputs["final"])}
    wanted = PICTURE_FIELDS["improve"] if result.bw else ("improved",)
    return {field: str(result.outputs[field]) for field in wanted if field in result.outputs}


def _base64_of(reference: str) -> Iterator[bytes]:
    with Path(reference).open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield base64.b64encode(piece)
