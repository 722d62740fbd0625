"""Sockets: HTTPS by certificate files, and what a listening socket must be."""

from __future__ import annotations

import socket
import ssl
import subprocess

import httpx
import pytest

from fakes.servers import PATH, TOKEN, Served, items, picture
from resilver.errors import SettingsError
from resilver.server.listen import check_certificate, open_socket


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            key,
            "-out",
            certificate,
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


def test_https(pair, tmp_path):
    """With a certificate the method is there over HTTPS, for httpx that trusts it and for the contract's curl -k."""
    with Served(tmp_path, tls=pair) as server:
        with httpx.Client(base_url=server.url, verify=ssl.create_default_context(cafile=str(pair[0]))) as client:
            assert client.get("/healthz").json()["status"] == "ok"
        assert items(server.post())[0]["status"] == 0
        (tmp_path / "1.png").write_bytes(picture())
        done = subprocess.run(
            [
                "curl",
                "-sS",
                "-k",
                f"{server.url}{PATH}?oauth_provider=mcs&oauth_token={TOKEN}",
                "-F",
                f"file_0=@{tmp_path / '1.png'}",
                "-F",
                'meta={"mode":["improve"],"images":[{"name":"file_0"}]}',
            ],
            capture_output=True,
            check=True,
            timeout=60,
        )
        assert done.stdout.startswith(b'{"status":200')
        with pytest.raises(httpx.TransportError):
            httpx.get(f"http://127.0.0.1:{server.port}/healthz")


def test_files_that_cannot_be_used(pair, tmp_path):
    """Missing files, files that do not belong together, and keys with a password are refused before the start."""
    locked = tmp_path / "locked.pem"
    subprocess.run(
        ["openssl", "ec", "-in", pair[1], "-aes128", "-passout", "pass:secret", "-out", locked],
        check=True,
        capture_output=True,
    )
    for certificate, key in (
        (tmp_path / "none", pair[1]),
        (pair[0], tmp_path / "none"),
        (pair[1], pair[0]),
        (pair[0], locked),
    ):
        with pytest.raises(SettingsError, match="TLS"):
            check_certificate(certificate, key)


def test_answers_are_not_held_back():
    """Connections send what they have at once, instead of waiting for the other side's acknowledgement."""
    with open_socket("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        line, _ = listener.accept()
        with line:
            assert line.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_port_that_is_taken():
    """A port that somebody else has, or that there cannot be, is a sentence."""
    with open_socket("127.0.0.1", 0) as taken:
        for host, port in (("127.0.0.1", taken.getsockname()[1]), ("127.0.0.1", 99_999), ("no.such.host.invalid", 0)):
            with pytest.raises(SettingsError, match="--port"):
                open_socket(host, port)
