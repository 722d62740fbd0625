"""``resilver login``, ``logout``, ``account``: secrets never shown, consent and limits by command."""

from __future__ import annotations

import io
import json
import os
import sys

import pytest

from fakes.cloud_service import TOKEN, serving
from resilver.cli import main

URL = "https://one.example"


@pytest.fixture(autouse=True)
def bare(home, monkeypatch):
    """A system without a keyring, a user without a token."""
    import keyring
    from keyring.backends.fail import Keyring

    monkeypatch.delenv("RESILVER_TOKEN", raising=False)
    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())
    yield
    keyring.set_keyring(before)


def given(monkeypatch, text):
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def account(capsys, *argv):
    assert main(["account", "--json", *argv]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_token_comes_by_standard_input_and_is_never_shown(home, monkeypatch, capsys):
    """Login keeps it in a private file and warns; account tells where; logout forgets it; none prints it."""
    given(monkeypatch, f"{TOKEN}\n")
    assert main(["login", "--base-url", URL]) == 0
    said = capsys.readouterr()
    assert "not encrypted" in said.out
    files = list(home.rglob("secrets.json"))
    assert [path.stat().st_mode & 0o777 for path in files] == [0o600]
    assert TOKEN in files[0].read_text()
    facts = account(capsys, "--base-url", URL)
    assert str(files[0]) in facts["token"]
    assert account(capsys)["token"] == "nowhere"
    assert main(["logout", "--base-url", URL]) == 0
    assert main(["logout", "--base-url", URL]) == 0
    assert TOKEN not in files[0].read_text()
    assert TOKEN not in said.out + said.err + json.dumps(facts) + capsys.readouterr().out


def test_an_argument_is_no_place_for_a_token(capsys):
    """There is no option or argument that would take one."""
    assert main(["login", TOKEN]) == 2
    assert main(["login", "--token", TOKEN]) == 2


def test_nothing_given_is_wrong_usage(monkeypatch, capsys):
    """An empty standard input is told."""
    given(monkeypatch, "")
    assert main(["login", "--base-url", URL]) == 2
    assert "nothing was given" in capsys.readouterr().err


def test_oauth_login_tries_the_credentials(monkeypatch, capsys, home):
    """An OAuth client gets its first token at once, and a refused one is not kept."""
    with serving() as service:
        monkeypatch.setenv("RESILVER_CLOUD_TOKEN_URL", f"{service.url}/token")
        given(monkeypatch, "id\nwrong\n")
        service.grant = lambda body: (401, {})
        assert main(["login", "--oauth", "--base-url", service.url]) == 1
        assert list(home.rglob("secrets.json")) == []
        service.grant = lambda body: (200, {"access_token": TOKEN, "refresh_token": "r", "expired_in": "3600"})
        given(monkeypatch, "id\nsecret\n")
        assert main(["login", "--oauth", "--base-url", service.url]) == 0
    assert service.grants[-1] == {"client_id": "id", "client_secret": "secret", "grant_type": "client_credentials"}
    assert TOKEN not in "".join(capsys.readouterr())


def test_consent_is_given_and_withdrawn(capsys):
    """The command says what is agreed to; account shows it."""
    assert not account(capsys)["consent"]
    assert main(["account", "consent"]) == 0
    assert "leave this computer" in capsys.readouterr().out
    assert account(capsys)["consent"]
    assert not account(capsys, "--base-url", URL)["consent"]
    assert main(["account", "consent", "--withdraw"]) == 0
    capsys.readouterr()
    assert not account(capsys)["consent"]


def test_an_allowance_adds_to_the_limit(monkeypatch, capsys):
    """Allowing more shows at once."""
    monkeypatch.setenv("RESILVER_CLOUD_MONTHLY_LIMIT", "5")
    assert account(capsys)["left_this_month"] == 5
    assert main(["account", "allow", "7"]) == 0
    assert "12 pictures" in capsys.readouterr().out
    assert main(["account", "allow", "-1"]) == 2


def test_the_variable_is_told_by_name(monkeypatch, capsys):
    """A token in the environment is named, not shown."""
    monkeypatch.setenv("RESILVER_TOKEN", TOKEN)
    monkeypatch.setenv("RESILVER_CLOUD_PRICE", "0.06")
    assert main(["account"]) == 0
    said = capsys.readouterr().out
    assert "RESILVER_TOKEN" in said
    assert "0.00" in said
    assert TOKEN not in said


@pytest.mark.parametrize(
    "url", ["nonsense", "ftp://one.example", "https://user:secret@one.example", "https://a?token=b"]
)
def test_what_is_no_address_is_refused(url, capsys):
    """A base URL has a host and nothing secret in it."""
    assert main(["account", "consent", "--base-url", url]) == 2
    assert "secret" not in capsys.readouterr().err


def test_on_a_terminal_the_secret_is_asked_for_unseen(home):
    """What is typed is not echoed and not shown."""
    pty = pytest.importorskip("pty")
    import subprocess

    leader, follower = pty.openpty()
    code = "import sys; from resilver.cli import main; sys.exit(main(['login', '--base-url', 'https://one.example']))"
    environ = {**os.environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=follower, stdout=follower, stderr=follower, env=environ,
        start_new_session=True,
    )  # fmt: skip
    os.close(follower)
    seen = b""
    while b"(not shown)" not in seen:
        seen += os.read(leader, 1024)
    os.write(leader, TOKEN.encode() + b"\n")
    try:
        while chunk := os.read(leader, 1024):
            seen += chunk
    except OSError:  # how Linux tells that the other end is closed
        pass
    assert process.wait(60) == 0
    os.close(leader)
    assert TOKEN.encode() not in seen
