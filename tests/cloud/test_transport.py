"""The connection to the service over real sockets: what goes out, how it ends, and where the token is not."""

from __future__ import annotations

import io
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from fakes import hostile_answers as answers
from fakes.hostile_server import CERTIFICATE, Exchange, HostileServer
from fakes.tokens import CANARY
from resilver.cloud.transport import Service, _Secret, _TokenAdding, improve_url, plain_client, retry_after
from resilver.cloud.watch import Watch
from resilver.errors import (
    Cancelled,
    CloudGarbage,
    CloudUnreachable,
    CloudUntrusted,
    ResilverError,
    SettingsError,
)
from resilver.settings import CloudSettings

META = b'{"mode":["improve"]}'


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def connect() -> Iterator[Callable[..., Service]]:
    services: list[Service] = []

    def make(url: str, **settings: Any) -> Service:
        services.append(Service(CloudSettings(base_url=url, **settings)))
        return services[-1]

    yield make
    for service in services:
        service.close()


def watch(cancelled: Callable[[], bool] = lambda: False, seconds: float = 60) -> Watch:
    return Watch(cancelled, time.monotonic() + seconds)


def fields(picture: bytes = b"picture") -> list[Any]:
    return [
        ("file_0", ("file_0.jpg", io.BytesIO(picture), "image/jpeg")),
        ("meta", (None, META, None)),
    ]


def post(service: Service, *, picture: bytes = b"picture", token: str = CANARY, by: Watch | None = None) -> Any:
    with service.post(token, fields(picture), by or watch()) as reply:
        return reply.status, b"".join(reply.pieces), reply.retry_after_s


def silent_ok(exchange: Exchange) -> None:
    exchange.answer(200, b"done")


def test_the_request_is_as_the_contract_has_it(connect: Callable[..., Service]) -> None:
    """Path, query, header and body of a request are the golden ones, byte by byte but for the boundary."""
    golden = (Path(__file__).parents[1] / "golden" / "http" / "request.http").read_bytes()
    with HostileServer(silent_ok) as server:
        assert post(connect(server.url), token="to ken/+=")[:2] == (200, b"done")
    request = server.requests[0]
    kind, _equals, boundary = request.headers["content-type"].partition("boundary=")
    head = f"{request.method} {request.target}\ncontent-type: {kind}boundary=B\n\n"
    assert head.encode() + request.body.replace(boundary.encode(), b"B").replace(b"\r\n", b"\n") == golden
    assert request.headers["content-length"] == str(len(request.body))
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"].startswith("resilver/")
    assert "transfer-encoding" not in request.headers
    assert "cookie" not in request.headers


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("https://host", "https://host/api/v1/photo/improve"),
        ("https://host/", "https://host/api/v1/photo/improve"),
        ("http://127.0.0.1:8470", "http://127.0.0.1:8470/api/v1/photo/improve"),
        ("https://host/other/improve/", "https://host/other/improve/"),
    ],
)
def test_a_host_is_enough_as_base_url(given: str, address: str) -> None:
    """A mere host gets the contract's path, without a slash at its end; a path stays as it is."""
    assert str(improve_url(given)) == address


@pytest.mark.parametrize(
    "given", ["", "host", "ftp://host", "https://", "https://host/x?a=1", "https://u:p@host", "https://h:no", "a b"]
)
def test_what_is_no_base_url_is_told(given: str) -> None:
    """A base URL that cannot be meant is an error of the settings."""
    with pytest.raises(SettingsError):
        improve_url(given)


def test_any_token_arrives_whole(connect: Callable[..., Service]) -> None:
    """A token with characters that mean something in an address is the same on the other side."""
    with HostileServer(silent_ok) as server:
        post(connect(server.url, provider="mr"))
    assert server.requests[0].query == {"oauth_provider": ["mr"], "oauth_token": [CANARY]}


def test_the_token_goes_to_the_service_alone() -> None:
    """Another scheme, host or port gets no token, whatever asks for it."""
    seen: list[httpx.URL] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        assert "resilver.token" not in request.extensions
        return httpx.Response(200)

    adding = _TokenAdding(httpx.MockTransport(handler), httpx.URL("https://host/improve"), "mcs")
    urls = ["http://host/", "https://other/", "https://host:444/", "https://host.other/", "https://host/improve"]
    for url in urls:
        adding.handle_request(httpx.Request("POST", url, extensions={"resilver.token": _Secret("secret-token")}))
    assert ["oauth_token" in str(url) for url in seen] == [False, False, False, False, True]


def test_no_log_line_shows_the_token(connect: Callable[..., Service], caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG, with a service that echoes the token in its status line, its headers and its text, nothing shows it."""

    def echoing(exchange: Exchange) -> None:
        token = exchange.token
        head = f"HTTP/1.1 401 {token}\r\nX-Token: {token}\r\nSet-Cookie: t={token[:24]}\r\nContent-Length: 0\r\n\r\n"
        exchange.send(head.encode())

    caplog.set_level(logging.DEBUG)
    with HostileServer(echoing) as server:
        assert post(connect(server.url))[0] == 401
    assert "receive_response_headers.complete" in caplog.text
    assert CANARY[:8] not in caplog.text
    assert CANARY[-8:] not in caplog.text


def test_no_repr_and_no_error_shows_the_token(connect: Callable[..., Service]) -> None:
    """A request's repr and every error, with all that caused it, are without the token."""
    seen: list[str] = []
    looking = watch()
    trace = looking.trace
    looking.trace = lambda event, info: (seen.append(repr((event, info))), trace(event, info))[1]  # type: ignore[method-assign,func-returns-value]
    with HostileServer(answers.leaving) as server, pytest.raises(CloudUnreachable) as caught:
        post(connect(server.url), by=looking)
    error: BaseException | None = caught.value
    while error is not None:
        seen += [str(error), repr(error), repr(vars(error))]
        request = getattr(error, "_request", None)
        seen += [repr(request), str(getattr(request, "url", "")), repr(getattr(request, "extensions", ""))]
        error = error.__cause__ or error.__context__
    assert any("send_request_body" in text for text in seen)
    assert not [text for text in seen if CANARY[:8] in text]


def test_closing_takes_the_filters_away() -> None:
    """A closed service leaves nothing behind in the process's logging."""
    loggers = [logging.getLogger(name) for name in ("httpx", "httpcore.http11")]
    before = [list(logger.filters) for logger in loggers]
    service = Service(CloudSettings())
    assert [logger.filters for logger in loggers] != before
    service.close()
    assert [logger.filters for logger in loggers] == before


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(connect: Callable[..., Service], status: int) -> None:
    """A redirect is the answer itself; the other host hears nothing."""
    with HostileServer(silent_ok) as other, HostileServer(answers.redirecting(other.url, status)) as server:
        assert post(connect(server.url))[0] == status
    assert (len(server.requests), other.connections) == (1, 0)


@pytest.mark.parametrize("drained", [False, True])
@pytest.mark.parametrize("status", [413, 429])
def test_an_early_refusal_is_read(connect: Callable[..., Service], status: int, drained: bool) -> None:
    """The answer of a service that refuses while the pictures still go up is not lost."""
    with HostileServer(answers.refusing_early(status, drained), reads=False) as server:
        found, body, _pause = post(connect(server.url), picture=bytes(16_000_000))
    assert found == status
    assert b"too large" in body


class Stop:
    """Says that the user stopped, as soon as it was told so."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def __call__(self) -> bool:
        return self.event.is_set()


@pytest.mark.parametrize("script", [answers.silent, answers.dripping_header(), answers.endless(b" ")])
@pytest.mark.parametrize("tls", [False, True])
def test_cancel_while_waiting(connect: Callable[..., Service], script: Any, tls: bool) -> None:
    """A silent, a dripping and an endless answer end at the user's wish, long before any timeout; also within TLS."""
    stop = Stop()

    def then_stop(exchange: Exchange) -> None:
        stop.event.set()
        script(exchange)

    with HostileServer(then_stop, tls=tls) as server:
        service = connect(server.url, ca_file=str(CERTIFICATE) if tls else "")
        with pytest.raises(Cancelled):
            post(service, by=watch(stop))


def test_cancel_in_the_middle_of_an_upload(connect: Callable[..., Service]) -> None:
    """An upload that the service does not take any more ends at the user's wish."""
    stop = Stop()

    def stuck(exchange: Exchange) -> None:
        stop.event.set()
        answers.stalling(exchange)

    with HostileServer(stuck, reads=False) as server, pytest.raises(Cancelled):
        post(connect(server.url), picture=bytes(64_000_000), by=watch(stop))


@pytest.mark.parametrize("script", [answers.silent, answers.dripping(0.01), answers.dripping_header(0.01)])
def test_the_deadline_holds_against_drops(connect: Callable[..., Service], script: Any) -> None:
    """A byte now and then, which satisfies every timeout, does not outlast the deadline."""

    def with_parts(exchange: Exchange) -> None:
        exchange.parts["meta"] = META[:-1] + b',"images":[]}'
        script(exchange)

    with HostileServer(with_parts) as server, pytest.raises(CloudUnreachable, match="deadline_s"):
        post(connect(server.url), by=watch(seconds=0.3))


def test_an_end_by_the_watch_is_no_answer(connect: Callable[..., Service]) -> None:
    """An answer without a length, cut by the deadline, is not taken for a whole one."""

    def unframed(exchange: Exchange) -> None:
        exchange.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        exchange.gone.wait(60)

    with HostileServer(unframed) as server, pytest.raises(CloudUnreachable):
        post(connect(server.url), by=watch(seconds=0.3))


def test_silence_longer_than_the_setting(connect: Callable[..., Service]) -> None:
    """A service that says nothing for ``read_s`` is out of reach."""
    with HostileServer(answers.silent) as server, pytest.raises(CloudUnreachable, match="silent"):
        post(connect(server.url, read_s=0.2))


@pytest.mark.parametrize(
    "script",
    [
        answers.leaving,
        answers.resetting,
        answers.raw(b"nonsense\r\n\r\n"),
        answers.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf"),
        answers.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        answers.raw(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
    ],
)
def test_a_broken_connection_is_one_error(connect: Callable[..., Service], script: Any) -> None:
    """Whatever breaks on the way is CloudUnreachable, and temporary."""
    with HostileServer(script) as server, pytest.raises(CloudUnreachable) as caught:
        post(connect(server.url))
    assert caught.value.temporary


def test_nobody_there(connect: Callable[..., Service]) -> None:
    """A port on which nobody listens, and a name that nobody has, are out of reach."""
    with HostileServer(silent_ok) as server:
        url = server.url
    for address in (url, "http://nobody.invalid"):
        with pytest.raises(CloudUnreachable, match="no connection"):
            post(connect(address))


def test_a_certificate_is_asked_for(connect: Callable[..., Service]) -> None:
    """A certificate that nobody trusts halts before a byte is sent; one that the settings name is trusted."""
    with HostileServer(silent_ok, tls=True) as server:
        with pytest.raises(CloudUntrusted) as caught:
            post(connect(server.url))
        assert caught.value.halts
        assert server.requests == []
        assert post(connect(server.url, ca_file=str(CERTIFICATE)))[:2] == (200, b"done")


def test_a_missing_certificate_file_is_told(connect: Callable[..., Service], tmp_path: Path) -> None:
    """A certificate file that is not there is an error of the settings."""
    for content in (None, "no certificate"):
        path = tmp_path / "ca.pem"
        if content is not None:
            path.write_text(content)
        with pytest.raises(SettingsError, match=r"ca\.pem"):
            connect("https://host", ca_file=str(path))


@pytest.mark.parametrize("named_by", ["setting", "bare setting", "environment"])
def test_the_proxy_is_used(connect: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, named_by: str) -> None:
    """A proxy of the settings or of the environment gets the request; the token goes through it to the service."""
    with HostileServer(silent_ok) as proxy:
        if named_by == "environment":
            monkeypatch.setenv("http_proxy", proxy.url)
            service = connect("http://photos.invalid")
        else:
            service = connect("http://photos.invalid", proxy=proxy.url[7:] if "bare" in named_by else proxy.url)
        assert post(service, token="t")[:2] == (200, b"done")
    target = proxy.requests[0].target
    assert target == "http://photos.invalid/api/v1/photo/improve?oauth_provider=mcs&oauth_token=t"


@pytest.mark.parametrize(("variable", "value"), [("no_proxy", "photos.invalid"), ("", "")])
def test_exceptions_from_the_proxy(
    connect: Callable[..., Service], monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """``NO_PROXY`` counts, and a server on this machine is never asked by way of the environment's proxy."""
    with HostileServer(silent_ok) as proxy, HostileServer(silent_ok) as server:
        monkeypatch.setenv("http_proxy", proxy.url)
        if variable:
            monkeypatch.setenv(variable, value)
            with pytest.raises(CloudUnreachable):
                post(connect("http://photos.invalid"))
        else:
            assert post(connect(server.url))[0] == 200
        assert proxy.connections == 0


def test_a_proxy_that_cannot_be_used_is_told(connect: Callable[..., Service]) -> None:
    """A proxy of an unknown kind is an error of the settings, without its password."""
    with pytest.raises(SettingsError) as caught:
        connect("https://host", proxy="gopher://user:hunter2@host")
    assert "hunter2" not in str(caught.value)


def test_packed_answers_are_unpacked_in_bounded_pieces(connect: Callable[..., Service]) -> None:
    """What comes packed unasked is read, and no piece of it is large, however much it unpacks to."""
    with HostileServer(answers.gzip_bomb(40)) as server:
        longest = total = 0
        with connect(server.url).post(CANARY, fields(), watch()) as reply:
            for piece in reply.pieces:
                longest, total = max(longest, len(piece)), total + len(piece)
    assert total > 40_000_000
    assert longest <= 65536


@pytest.mark.parametrize(
    ("packing", "body"),
    [("br", b"x"), ("gzip", b"no gzip at all"), ("gzip", b"\x1f\x8b\x08\0\0\0\0\0\0\xff"), ("deflate", b"")],
)
def test_packing_that_cannot_be_read_is_garbage(connect: Callable[..., Service], packing: str, body: bytes) -> None:
    """An unknown encoding, a wrong one and a cut one are CloudGarbage."""
    with HostileServer(answers.page(200, body, Content_Encoding=packing)) as server, pytest.raises(CloudGarbage):
        post(connect(server.url))


def test_a_refusal_counts_though_its_text_breaks_off(connect: Callable[..., Service]) -> None:
    """The status of a refusal is enough; only a success must come whole."""
    cut = b"HTTP/1.1 %d X\r\nContent-Length: 50\r\n\r\nhalf"
    with HostileServer(answers.raw(cut % 413)) as server:
        assert post(connect(server.url))[:2] == (413, b"half")


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("7", 7, 7),
        (" 0 ", 0, 0),
        ("-5", 0, 0),
        (timedelta(hours=1), 3590, 3600),
        (timedelta(hours=-1), 0, 0),
        ("Wed, 21 Oct 2015 07:28:00 -0000", 0, 0),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | timedelta, low: float, high: float) -> None:
    """Both forms of the header are understood; what is past means now."""
    if isinstance(value, timedelta):
        value = format_datetime(datetime.now(UTC) + value, usegmt=True)
    found = retry_after(value)
    assert found is not None
    assert low <= found <= high


@pytest.mark.parametrize(
    "value", [None, "", "soon", "1.5.2", "Wed, 99 Xyz", "9" * 5000, "Mon, 01 Jan 99999999 00:00:00 GMT"]
)
def test_a_retry_after_that_says_nothing(value: str | None) -> None:
    """What is neither is as if it were not there."""
    assert retry_after(value) is None


def test_each_request_has_its_own_connection(connect: Callable[..., Service]) -> None:
    """A connection that may have died in the meantime is never used again."""
    with HostileServer(silent_ok) as server:
        service = connect(server.url)
        post(service)
        post(service)
    assert server.connections == 2


def test_no_cookie_comes_back(connect: Callable[..., Service]) -> None:
    """What a service wants remembered is not."""
    with HostileServer(lambda exchange: exchange.answer(200, b"", [("Set-Cookie", "a=b")])) as server:
        service = connect(server.url)
        post(service)
        post(service)
    assert "cookie" not in server.requests[1].headers


def test_the_plain_client_has_no_token() -> None:
    """The client for other addresses follows no redirect and adds nothing to the query."""
    with HostileServer(answers.redirecting("http://127.0.0.1:1")) as server:
        with plain_client(CloudSettings(token_url=server.url)) as client:
            assert client.post(server.url + "/token", json={}).status_code == 307
        assert server.requests[0].target == "/token"


def test_a_watch_tells_its_reason_once_asked() -> None:
    """A watch that had no reason lets everything pass; one with a reason raises that."""
    with watch() as calm:
        calm.check()
    stopped: type[ResilverError] = Cancelled
    hasty = watch(lambda: True)
    with hasty:
        hasty._thread.join()
    with pytest.raises(stopped):
        hasty.check()
