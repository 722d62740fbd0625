"""The connection to the service: a request whose body streams from disk, an answer that is read as it comes.

httpx is used synchronously with HTTP/1.1: measured on 336 MB, HTTP/2 costs four times the CPU, and an async client
loses the answer of a server that refuses early. The token is added below httpx, which writes addresses into its
logs, errors and ``repr``. No redirect is followed: one would carry the pictures to another host.
"""

from __future__ import annotations

import contextlib
import email.utils
import ipaddress
import logging
import ssl
import urllib.request
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from typing import BinaryIO
from urllib.parse import urlencode

import httpx

from resilver import __version__
from resilver.cloud.watch import Watch
from resilver.errors import CloudError, CloudGarbage, CloudUnreachable, CloudUntrusted, SettingsError
from resilver.http_contract import PATH, PROVIDER_FIELD, TOKEN_FIELD, redact
from resilver.settings import CloudSettings

# (form name, (file name or None, content, media type or None)), as httpx takes them
Field = tuple[str, tuple[str | None, BinaryIO | bytes, str | None]]

_TOKEN = "resilver.token"  # noqa: S105, the name of an extension of a request
_PIECE = 64 * 1024
_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of which the body is still to come, in ``pieces`` of at most some 64 KiB, unpacked."""

    status: int
    pieces: Iterator[bytes]
    retry_after_s: float | None = None


class Service:
    """The service at ``settings.base_url``; each request has its own connection."""

    def __init__(self, settings: CloudSettings) -> None:
        self._url = improve_url(settings.base_url)
        self._redacting = _Redacting()
        self._redacting.attach()
        transport = _TokenAdding(_transport(settings, self._url), self._url, settings.provider)
        self._client = _client(settings, transport)

    @property
    def name(self) -> str:
        """The host, for people."""
        return self._url.host

    def close(self) -> None:
        """End what is open."""
        self._client.close()
        self._redacting.detach()

    @contextmanager
    def post(self, token: str, fields: Sequence[Field], watch: Watch) -> Iterator[Reply]:
        """Send one request; within the context the answer's pieces can be read.

        ``watch`` ends it at any moment, with its own reason.

        Raises:
            CloudUntrusted: the certificate cannot be verified; nothing was sent.
            CloudUnreachable: there is no connection, or it broke.
            CloudGarbage: what came is no HTTP, or packed in an unknown way.
        """
        self._redacting.secrets.add(token)
        extensions = {_TOKEN: _Secret(token), "trace": watch.trace}
        with watch, _faults(self.name, watch, token):
            request = self._client.build_request("POST", self._url, files=list(fields), extensions=extensions)
            response = self._client.send(request, stream=True)
            try:
                packing = response.headers.get("content-encoding", "").strip().lower()
                pieces = _unpacked(response.iter_raw(), packing)
                if not response.is_success:
                    pieces = _as_far_as_it_comes(pieces)
                yield Reply(response.status_code, pieces, retry_after(response.headers.get("retry-after")))
            finally:
                response.close()


@contextmanager
def plain_client(settings: CloudSettings, *secrets: str) -> Iterator[httpx.Client]:
    """A client with the settings' proxy, certificates and timeouts, for requests that carry no token in their query.

    ``secrets``: what its requests hold elsewhere.
    """
    redacting = _Redacting(*secrets)
    redacting.attach()
    try:
        with _client(settings, _transport(settings, httpx.URL(settings.token_url))) as client:
            yield client
    finally:
        redacting.detach()


def improve_url(base_url: str) -> httpx.URL:
    """The address of the method; a mere host gets the contract's path.

    Raises:
        SettingsError: it is no address of a web service.
    """
    try:
        url = httpx.URL(base_url)
    except httpx.InvalidURL as error:
        raise SettingsError(f"'{base_url}' is no address; a base URL looks like https://host{PATH}.") from error
    if url.scheme not in ("http", "https") or not url.host or url.query or url.userinfo or url.fragment:
        raise SettingsError(f"A base URL is like https://host{PATH}, without a query and without a password.")
    return url.copy_with(path=PATH) if url.path == "/" else url


def retry_after(value: str | None) -> float | None:
    """The seconds that a header ``Retry-After`` asks to wait (RFC 9110, 10.2.3: seconds or a date)."""
    if value is None:
        return None
    with contextlib.suppress(ValueError, OverflowError):
        return max(0.0, float(int(value)))
    with contextlib.suppress(ValueError, OverflowError, IndexError, TypeError):
        when = email.utils.parsedate_to_datetime(value)
        aware = when if when.tzinfo else when.replace(tzinfo=UTC)
        return max(0.0, (aware - datetime.now(UTC)).total_seconds())
    return None


class _Secret:
    """A token that no ``repr`` shows."""

    __slots__ = ("token",)

    def __init__(self, token: str) -> None:
        self.token = token

    def __repr__(self) -> str:
        return "<secret>"


class _TokenAdding(httpx.BaseTransport):
    """Puts the token into the query on the last step, and only on its way to the service itself."""

    def __init__(self, inner: httpx.BaseTransport, url: httpx.URL, provider: str) -> None:
        self._inner, self._origin, self._provider = inner, _origin(url), provider

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        extensions = dict(request.extensions)
        secret = extensions.pop(_TOKEN, None)
        url = request.url
        if isinstance(secret, _Secret) and _origin(url) == self._origin:
            query = urlencode({PROVIDER_FIELD: self._provider, TOKEN_FIELD: secret.token})
            url = url.copy_with(query=query.encode())
        inner = httpx.Request(
            request.method, url, headers=request.headers, stream=request.stream, extensions=extensions
        )
        return self._inner.handle_request(inner)

    def close(self) -> None:
        self._inner.close()


class _Redacting(logging.Filter):
    """Takes tokens out of what the libraries log: a service may echo one in a header, and DEBUG shows headers."""

    def __init__(self, *secrets: str) -> None:
        super().__init__()
        self.secrets = set(secrets)

    def attach(self) -> None:
        for name in _LOGGERS:  # a filter does not count for a logger's children
            logging.getLogger(name).addFilter(self)

    def detach(self) -> None:
        for name in _LOGGERS:
            logging.getLogger(name).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = redact(record.getMessage(), tuple(self.secrets)), ()
        return True


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _client(settings: CloudSettings, transport: httpx.BaseTransport) -> httpx.Client:
    client = httpx.Client(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        timeout=httpx.Timeout(settings.read_s, connect=settings.connect_s),
        headers={
            "User-Agent": f"resilver/{__version__}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # a small gzip can become any size
        },
    )
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return client


def _transport(settings: CloudSettings, url: httpx.URL) -> httpx.HTTPTransport:
    # a connection that lies idle may be dead before its next batch; a new one costs one handshake
    limits = httpx.Limits(max_keepalive_connections=0)
    try:
        return httpx.HTTPTransport(verify=_certificates(settings.ca_file), proxy=_proxy(settings, url), limits=limits)
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise SettingsError("The proxy is not usable; it must be like http://host:port.") from error


def _certificates(ca_file: str) -> ssl.SSLContext:
    if not ca_file:
        context = httpx.create_ssl_context(trust_env=False)  # for systems without certificates of their own
        context.load_default_certs()
        return context
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise SettingsError(f"The certificates in {ca_file} cannot be read; mend 'cloud.ca_file'.") from error


def _proxy(settings: CloudSettings, url: httpx.URL) -> httpx.Proxy | None:
    """Httpx leaves out the environment's proxies where a transport is given."""
    address = settings.proxy
    if not address and not _is_loopback(url.host) and not urllib.request.proxy_bypass(url.host):
        known = urllib.request.getproxies()
        address = known.get(url.scheme) or known.get("all") or ""
    if not address:
        return None
    return httpx.Proxy(address if "://" in address else f"http://{address}")


def _is_loopback(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


@contextmanager
def _faults(host: str, watch: Watch, token: str) -> Iterator[None]:
    """The one border at which the library's errors become ours."""
    try:
        yield
    except (httpx.HTTPError, httpx.StreamError, zlib.error) as error:
        watch.check()
        raise fault_of(host, error) from without_secrets(error, token)
    watch.check()  # a connection that was shut may look like an answer that ended


def fault_of(host: str, error: Exception) -> CloudError:
    """What an error of httpx means."""
    if isinstance(error, httpx.ConnectError) and any(isinstance(one, ssl.SSLError) for one in _causes(error)):
        return CloudUntrusted(
            f"{host} cannot prove who it is (its certificate is not trusted), so nothing was sent; "
            "name your own certificates with the setting 'cloud.ca_file' if that is meant."
        )
    if isinstance(error, (httpx.DecodingError, zlib.error)):
        return CloudGarbage(f"The answer of {host} is packed in a way that cannot be read; try later.")
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)):
        return CloudUnreachable(f"There is no connection to {host}; check the network, the proxy and the base URL.")
    if isinstance(error, httpx.TimeoutException):
        return CloudUnreachable(f"{host} stayed silent for too long; try later.")
    return CloudUnreachable(f"The connection to {host} broke ({type(error).__name__}); try later.")


def without_secrets(error: Exception, *secrets: str) -> Exception:
    """The cause to tell: an error of the libraries may repeat what came, and that a token."""
    return httpx.TransportError(redact(f"{type(error).__name__}: {error}", secrets))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _as_far_as_it_comes(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """A refusal counts, even if its text breaks off."""
    with contextlib.suppress(httpx.HTTPError, zlib.error):
        yield from pieces


def _unpacked(pieces: Iterator[bytes], packing: str) -> Iterator[bytes]:
    """The body's bytes; what was packed although nobody asked for it is unpacked in bounded pieces."""
    if packing in ("", "identity"):
        yield from pieces
        return
    if packing not in ("gzip", "x-gzip", "deflate"):
        raise httpx.DecodingError("unknown content encoding")
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # finds out itself which of both it is
    for piece in pieces:
        while piece and not unpacker.eof:
            yield unpacker.decompress(piece, _PIECE)
            piece = unpacker.unconsumed_tail  # noqa: PLW2901
    if not unpacker.eof:
        raise zlib.error("cut")
