"""The end: what was begun is finished or told to come again, and nothing lies about."""

from __future__ import annotations

import concurrent.futures
import json
import os
import signal
import time

import httpx
import psutil
import pytest

from fakes.served import WAITING
from fakes.servers import META, Served, eventually, images, items, picture

FILES = [(name, ("", picture(WAITING))) for name in "ab"]
TWO = {**META, "images": images("a", "b")}


def begun(server: Served, crowd: concurrent.futures.Executor) -> concurrent.futures.Future[httpx.Response]:
    request = crowd.submit(server.post, TWO, FILES)
    eventually(lambda: bool(server.workers()) and server.gauge("resilver_waiting_jobs") == 1)
    return request


def gone(workers: list[psutil.Process]) -> bool:
    return not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_begun_is_finished(tmp_path, number):
    """After the signal new requests are not taken, those begun get their whole answer, and no file is left."""
    with Served(tmp_path, engine="served.Gated") as server, concurrent.futures.ThreadPoolExecutor() as crowd:
        request = begun(server, crowd)
        workers = server.workers()
        server.process.send_signal(number)
        eventually(lambda: refuses(server))
        server.gate.touch()
        assert [item["status"] for item in items(request.result())] == [0, 0]
        server.process.wait(30)
        assert gone(workers)
        assert not list(server.temporary.iterdir())


def refuses(server: Served) -> bool:
    try:
        return httpx.get(server.url + "/healthz").status_code == 503
    except (httpx.ConnectError, httpx.RemoteProtocolError):  # the second: closed while it stood in the line
        return True


def test_what_takes_too_long_is_told_to_come_again(tmp_path):
    """After the time for stopping, pictures that are not done are temporary errors in a complete answer."""
    with Served(tmp_path, engine="served.Gated", stop_s=0.5) as server:
        with concurrent.futures.ThreadPoolExecutor() as crowd:
            request = begun(server, crowd)
            workers = server.workers()
            server.stop()
            assert [item["status"] for item in items(request.result())] == [2, 2]
        assert gone(workers)
        assert not list(server.temporary.iterdir())


def test_a_kept_connection_is_told_that_the_end_is_near(tmp_path):
    """An upload that is under way when the end begins is refused with 503, not cut off."""

    def slowly():
        yield b'--b\r\nContent-Disposition: form-data; name="file_0"\r\n\r\n'
        eventually(lambda: bool(server.leftovers()))
        server.process.send_signal(signal.SIGTERM)
        for _ in range(50):
            time.sleep(0.05)
            yield b"x"

    with Served(tmp_path) as server:
        headers = {"Content-Type": "multipart/form-data; boundary=b"}
        answer = server.post(meta=None, files=[], content=slowly(), headers=headers)
        assert (answer.status_code, answer.json()["status"]) == (503, 503)
        assert int(answer.headers["retry-after"]) > 0
        server.process.wait(30)


def test_who_asks_twice_does_not_wait(tmp_path):
    """The second Ctrl-C ends the server without waiting for what was begun, and still without leaving anything."""
    with Served(tmp_path, engine="served.Gated") as server, concurrent.futures.ThreadPoolExecutor() as crowd:
        request = begun(server, crowd)
        workers = server.workers()
        server.process.send_signal(signal.SIGINT)
        eventually(lambda: refuses(server))
        server.stop(signal.SIGINT, timeout_s=30)
        assert request.exception() is not None or [item["status"] for item in items(request.result())] == [2, 2]
        assert gone(workers)
        assert not list(server.temporary.iterdir())


def test_the_next_start_tidies_up_after_a_kill(tmp_path):
    """What a killed server left on the disk is deleted by the next one, and its workers end by themselves."""
    with Served(tmp_path, engine="served.Gated") as server, concurrent.futures.ThreadPoolExecutor() as crowd:
        request = begun(server, crowd)
        workers = server.workers()
        server.stop(signal.SIGKILL)
        with pytest.raises(httpx.TransportError):
            request.result()
        eventually(lambda: gone(workers))
        left = list(server.temporary.glob("resilver-server-*"))
        assert left
        for folder in left:  # what is younger than a minute may belong to a server that is about to lock it
            os.utime(folder, (0, 0))
    with Served(tmp_path) as server:
        assert not any(folder.exists() for folder in left)
        assert items(server.post())[0]["status"] == 0


def test_workers_that_are_killed_are_replaced(tmp_path):
    """A worker killed from outside costs nothing but time: its picture is done by the next one."""
    with Served(tmp_path, engine="served.Gated") as server, concurrent.futures.ThreadPoolExecutor() as crowd:
        request = begun(server, crowd)
        (worker,) = server.workers()
        worker.kill()
        eventually(lambda: server.workers() not in ([], [worker]))
        server.gate.touch()
        assert [item["status"] for item in items(request.result())] == [0, 0]
        assert json.loads(server.client.get("/healthz").text)["status"] == "ok"
