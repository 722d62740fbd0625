"""Rows of the list of faults, provoked at the real ``resilver watch``: a service that lies and leads astray.

After each of them the invariants of ``CloudWatched`` hold: originals untouched, whole results only and one of each, one
state for each picture, the next one is done, and the token is in no log, note, journal, page, status or command line.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from fakes.hostile_answers import (
    dripping,
    each,
    echoing_token,
    encoded,
    failing,
    good,
    gzip_bomb,
    page,
    raw,
    redirecting,
    refused,
    text,
    with_items,
    with_names,
    with_strangers,
)
from fakes.hostile_server import CERTIFICATE, HostileServer, Script
from fakes.leaks import TOKEN
from fakes.watched import jpeg
from fakes.watched_cloud import CloudWatched


def drop_heap(folder: CloudWatched, *names: str) -> None:
    """Pictures that come together, so that they go out together."""
    for name in names:
        folder.drop(name)


@pytest.mark.parametrize("status", [401, 403])
def test_row_24_stops_and_asks(tmp_path: Path, status: int) -> None:
    """A refused token stops the cloud and names the command; asked again with a good one, all is done."""
    with CloudWatched(tmp_path, refused(status)) as folder:
        drop_heap(folder, "a.jpg", "b.jpg")
        folder.eventually(lambda: "RESILVER_TOKEN" in folder.remote.status().trouble)
        sent = len(folder.server.requests)
        folder.drop("c.jpg")
        folder.eventually(lambda: folder.remote.status().counts["waiting"] == 3)
        status_now = folder.remote.status()
        assert (status_now.state, status_now.counts["failed"]) == ("trouble", 0)
        assert len(folder.server.requests) == sent
        folder.mend()


def test_row_24_nobody_agreed_yet(tmp_path: Path) -> None:
    """Nothing is sent and the trouble says how to agree; once somebody has, it goes on without being asked."""
    with CloudWatched(tmp_path, good) as folder:
        folder.run("account", "consent", "--withdraw")
        folder.drop("a.jpg")
        folder.eventually(lambda: "account consent" in folder.remote.status().trouble)
        assert folder.remote.status().counts["failed"] == 0
        assert not folder.server.requests
        folder.run("account", "consent")
        folder.wait(done=1)
        assert not folder.remote.status().trouble


TEMPORARY: dict[str, Script] = {
    "429": refused(429, Retry_After="1"),
    "503": refused(503, {"status": 2}),
    "envelope 500 in HTTP 200": refused(500, "Internal Server Error", http=200),
    "item status 2": failing(2, "try later"),
}


@pytest.mark.parametrize("name", TEMPORARY)
def test_row_24_backs_off_and_goes_on(tmp_path: Path, name: str) -> None:
    """What is temporary lets all wait, with the reason and without a storm of requests; later it is done."""
    with CloudWatched(tmp_path, TEMPORARY[name]) as folder:
        folder.drop("a.jpg")
        folder.eventually(lambda: folder.remote.status().state == "trouble")
        folder.drop("b.jpg")
        folder.eventually(lambda: folder.remote.status().counts["waiting"] == 2)
        assert len(folder.server.requests) <= 2
        folder.mend()


PERMANENT: dict[str, tuple[Script, str]] = {
    "body a string": (refused(200, "something"), "cloud-refused"),
    "item status 1": (failing(1, "no"), "cloud-refused"),
    "HTML": (page(200), "cloud-garbage"),
    "bad base64": (each(improved="no base64! " * 900), "cloud-garbage"),
    "base64 of no picture": (each(improved=text(b"<html>" * 900)), "cloud-garbage"),
}


@pytest.mark.parametrize("name", PERMANENT)
def test_row_24_fails_for_good(tmp_path: Path, name: str) -> None:
    """What would come again is not asked for again: the picture failed, with a text in its place."""
    script, code = PERMANENT[name]
    with CloudWatched(tmp_path, script) as folder:
        folder.drop("a.jpg")
        folder.wait(failed=1)
        (entry,) = folder.remote.status().failed
        assert entry.code == code
        (note,) = folder.output.glob("*.not-restored.txt")
        assert entry.reason in note.read_text()
        assert len(folder.server.requests) == 1


def test_row_24_already_good(tmp_path: Path) -> None:
    """No ``improved`` is no error: the picture is done, and comes out as it is."""
    with CloudWatched(tmp_path, each(improved=None, colorized_improved=None, colorized=None)) as folder:
        folder.checked = False
        photo = folder.drop("a.jpg")
        folder.wait(done=1)
        assert (folder.output / "a.jpg").read_bytes() == photo.read_bytes()


def test_row_24_one_of_a_batch(tmp_path: Path) -> None:
    """Of three pictures that went together one was refused: it alone fails."""

    def change(items: list, exchange: object) -> None:
        items[1].clear()
        items[1].update({"status": 1, "error": "no face", "name": "file_1"})

    with CloudWatched(tmp_path, with_items(change)) as folder:
        folder.run("pause")
        drop_heap(folder, "a.jpg", "b.jpg", "c.jpg")
        folder.eventually(lambda: folder.remote.status().counts["waiting"] == 3)
        folder.run("resume")
        folder.wait(done=2, failed=1)


def test_row_24_strangers(tmp_path: Path) -> None:
    """Results that nobody asked for make no file."""
    with CloudWatched(tmp_path, with_strangers) as folder:
        folder.drop("a.jpg")
        folder.wait(done=1)


def test_row_25_more_than_the_service_takes(tmp_path: Path) -> None:
    """Seven pictures go in requests of at most three, one of too many bytes is made smaller, and all are done."""
    with CloudWatched(tmp_path, good, pictures=3, bytes_each=45_000) as folder:
        folder.run("pause")
        drop_heap(folder, *(f"{number}.jpg" for number in range(6)))
        folder.drop("large.png", encoded(Image.effect_noise((300, 200), 90), "PNG"))
        folder.eventually(lambda: folder.remote.status().counts["waiting"] == 7)
        folder.run("resume")
        folder.wait(done=7)
        sizes = [[len(request.parts[name]) for name in request.names] for request in folder.server.requests]
        assert max(map(len, sizes)) <= 3
        assert max(size for request in sizes for size in request) <= 45_000
        assert sum(map(len, sizes)) == 7


def test_row_25_slow_drip(tmp_path: Path) -> None:
    """A byte now and then does not outlast the deadline; the picture waits, and nothing hangs."""
    with CloudWatched(tmp_path, dripping(), deadline_s=2.0) as folder:
        folder.drop("a.jpg")
        folder.eventually(lambda: "deadline_s" in folder.remote.status().trouble)
        assert folder.remote.status().counts["failed"] == 0
        folder.mend()


def test_row_25_gzip_bomb(tmp_path: Path) -> None:
    """300 MB in a small answer fail the picture, and nothing else."""
    with CloudWatched(tmp_path, gzip_bomb()) as folder:
        folder.drop("a.jpg")
        folder.wait(failed=1)
        assert folder.remote.status().failed[0].code == "cloud-garbage"


def test_row_26_redirects_are_never_followed(tmp_path: Path) -> None:
    """Neither a picture nor the token goes to the host that the service points to."""
    with HostileServer(good) as other, CloudWatched(tmp_path, redirecting(other.url, 307)) as folder:
        folder.drop("a.jpg")
        folder.wait(failed=1)
        assert other.connections == 0
        assert folder.remote.status().failed[0].code == "cloud-refused"


def test_row_26_certificate_stops_the_queue(tmp_path: Path) -> None:
    """A certificate that nobody vouches for stops everything before a byte is sent, and says which setting mends it."""
    with CloudWatched(tmp_path, good, tls=True) as folder:
        drop_heap(folder, "a.jpg", "b.jpg")
        folder.eventually(lambda: "cloud.ca_file" in folder.remote.status().trouble)
        assert folder.remote.status().counts["waiting"] == 2
        assert not folder.server.requests
        folder.stop()
        folder.set(cloud__ca_file=CERTIFICATE)
        folder.start()
        folder.wait(done=2)


def test_row_26_proxy(tmp_path: Path) -> None:
    """The proxy of the settings gets the request for the service."""
    with CloudWatched(tmp_path, good, url="http://service.invalid") as folder:
        folder.stop()
        folder.set(cloud__proxy=folder.server.url)
        folder.start()
        folder.drop("a.jpg")
        folder.wait(done=1)
        assert {request.target.partition("?")[0] for request in folder.server.requests} == {
            "http://service.invalid/api/v1/photo/improve"
        }


SHOUTING: dict[str, Script] = {
    "401 that echoes the token": echoing_token(401, 999),
    "500 that echoes it": echoing_token(500, 999),
    "400 that echoes it": echoing_token(400, 999),
    "its picture's error": failing(1, f"token {TOKEN} has no right"),
    "no HTTP": raw(f"HTTP/1.1 2oo {TOKEN}\r\n{TOKEN}\r\n\r\n".encode()),
    "no JSON": page(200, f'{{"status": {TOKEN}'.encode(), Set_Cookie=f"a={TOKEN}"),
}


@pytest.mark.parametrize("name", SHOUTING)
def test_row_27_no_token_anywhere(tmp_path: Path, name: str) -> None:
    """A service that gives the token back: it stands in no log, note, journal, page, status or list of processes, even
    where daemon and worker log at DEBUG.
    """
    with CloudWatched(tmp_path, SHOUTING[name], talkative=True) as folder:
        folder.drop("a.jpg")
        folder.eventually(lambda: folder.remote.status().state == "trouble" or folder.remote.status().failed != ())
        assert {request.token for request in folder.server.requests} == {TOKEN}
        folder.assert_no_token()
        folder.mend()
        assert "DEBUG httpcore" in folder.said() or "DEBUG httpx" in folder.said(), folder.words()


def test_row_28_names_of_the_service(tmp_path: Path) -> None:
    """Names from outside are keys at most: no file of theirs is made, wherever they point."""
    names = ["../../evil.jpg", "/tmp/evil.jpg", "evil\0.jpg", "evil\n.jpg", "w\udcff.jpg", "é" * 255, "file_0"]
    with CloudWatched(tmp_path, with_names(*names)) as folder:
        folder.drop("a.jpg", jpeg())
        folder.wait(done=1)
        assert not list(tmp_path.glob("**/evil*"))
