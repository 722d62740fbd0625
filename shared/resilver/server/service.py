"""What all requests share: the room, the workers, the folder for what comes in, and the end."""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from resilver.server.metrics import Metrics
from resilver.server.pool import Job, Pool
from resilver.server.room import Room
from resilver.server.tokens import Tokens
from resilver.settings import ServerSettings, Settings
from resilver.worker.client import Worker, share_cores, usable_cores
from resilver.worker.scratch import Scratch, sweep

_PREFIX = "resilver-server-"
_ON_DISK = 1 << 50  # what clients send must not take the memory that the engines need


class Service:
    """Made once; :meth:`close` ends the workers and deletes all that is temporary.

    ``start_worker`` makes a worker for these settings, where another than the usual one is wanted.

    Raises:
        OutputError: there is no folder for what comes in.
    """

    def __init__(self, settings: Settings, tokens: Tokens, start_worker: Callable[[Settings], Worker] = Worker) -> None:
        self.settings: ServerSettings = settings.server
        self.tokens = tokens
        workers = self.settings.workers or max(1, usable_cores() // 2)
        limits = dataclasses.replace(
            settings.limits, megapixels=min(settings.limits.megapixels, self.settings.megapixels)
        )
        worker_settings = share_cores(dataclasses.replace(settings, limits=limits), workers)
        sweep(_PREFIX)
        self._scratch = Scratch(_PREFIX)
        self._folder = self._scratch.make(_ON_DISK)
        self.pool = Pool(workers, lambda: start_worker(worker_settings))
        self.room = Room(self.settings.queue_pictures, self.settings.queue_bytes, lambda: self.pool.wait_s)
        self.metrics = Metrics(self.room, self.pool)
        # a thread for each request, since it waits there for the pictures in their turn
        self.answers = concurrent.futures.ThreadPoolExecutor(self.settings.queue_pictures, "answer")
        self.stopping = False

    @asynccontextmanager
    async def visit(self) -> AsyncIterator[tuple[Path, list[Job]]]:
        """A folder and a list of jobs for one request; afterwards the jobs are stopped and the folder is gone."""
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        jobs: list[Job] = []
        try:
            yield folder, jobs
        finally:
            for job in jobs:
                job.cancel()
            running = [job.done for job in jobs if not job.done.cancelled()]
            # a worker that still writes would make the folder anew
            await asyncio.get_running_loop().run_in_executor(self.answers, concurrent.futures.wait, running)
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    def stop_soon(self) -> None:
        """Take nothing on any more; what was begun may go on for some time, then it is told to come again."""
        self.stopping = True
        asyncio.get_running_loop().call_later(self.settings.stop_s, self.pool.stop)

    def close(self) -> None:
        """End the workers, and delete what lies about."""
        self.pool.close()
        self.answers.shutdown()
        self._scratch.clear()
