"""Tokens: made once, kept as digests, granted by OAuth, never seen in a log."""

from __future__ import annotations

import hashlib
import stat

import pytest

from fakes.servers import TOKEN, Served, items
from resilver.errors import SettingsError
from resilver.http_contract import TOKEN_PATH, Refusal
from resilver.server.tokens import LIFETIME_S, MOST_GRANTS, Tokens, load_tokens, readable_by_others

CREDENTIALS = {"client_id": "me", "client_secret": TOKEN, "grant_type": "client_credentials"}


def tokens(clock=lambda: 0.0) -> Tokens:
    return Tokens({hashlib.sha256(TOKEN.encode()).digest()}, clock)


def test_the_first_start_makes_a_token(tmp_path):
    """The file is made for this user only, holds no token that could be read, and the token is told only once."""
    path = tmp_path / "new" / "tokens"
    digests, fresh = load_tokens(path)
    assert len(fresh) >= 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not readable_by_others(path)
    assert fresh not in path.read_text()
    assert Tokens(digests).accepts(fresh)
    again, none = load_tokens(path)
    assert (again, none) == (digests, None)


def test_tokens_of_ones_own(tmp_path):
    """A file may hold several tokens as they are, with comments; others can read it is told."""
    path = tmp_path / "tokens"
    path.write_text(f"# for the museum\n{TOKEN}\n\n  another-token-of-ours  \n")
    path.chmod(0o644)
    known = Tokens(load_tokens(path)[0])
    assert known.accepts(TOKEN)
    assert known.accepts("another-token-of-ours")
    assert not known.accepts("for the museum")
    assert not known.accepts("")
    assert readable_by_others(path)


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"short", b"with blanks between it all", b"\xff" * 20])
def test_a_file_without_tokens_is_refused(tmp_path, content):
    """What holds no usable token is named, and never taken for an empty list of tokens."""
    path = tmp_path / "tokens"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="tokens"):
        load_tokens(path)


def test_a_token_that_cannot_be_kept(tmp_path):
    """Where the file cannot be made, the start fails with a sentence."""
    (tmp_path / "file").touch()
    with pytest.raises(SettingsError, match="token-file"):
        load_tokens(tmp_path / "file" / "tokens")


def test_access_tokens_expire():
    """An access token is good for its lifetime, and a refresh token gives another after it."""
    now = [0.0]
    known = tokens(lambda: now[0])
    grant = known.grant(CREDENTIALS)
    assert grant["expired_in"] == str(LIFETIME_S)
    now[0] = LIFETIME_S - 1
    assert known.accepts(grant["access_token"])
    now[0] = LIFETIME_S
    assert not known.accepts(grant["access_token"])
    renewal = {"client_id": "me", "refresh_token": grant["refresh_token"], "grant_type": "refresh_token"}
    renewed = known.grant(renewal)
    assert known.accepts(renewed["access_token"])
    assert renewed["refresh_token"] == grant["refresh_token"]


def test_grants_are_bounded():
    """At most 25 access tokens and refresh tokens live; the oldest go first."""
    known = tokens()
    grants = [known.grant(CREDENTIALS) for _ in range(MOST_GRANTS + 1)]
    assert [known.accepts(grant["access_token"]) for grant in grants] == [False] + [True] * MOST_GRANTS
    with pytest.raises(Refusal):
        known.grant({"client_id": "me", "refresh_token": grants[0]["refresh_token"], "grant_type": "refresh_token"})


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"client_secret": TOKEN + "x"}, 401),
        ({"client_secret": None}, 400),
        ({"client_id": ""}, 400),
        ({"client_id": "x" * 256}, 400),
        ({"client_secret": "\ud800"}, 401),
        ({"grant_type": "password"}, 400),
        ({"grant_type": ["client_credentials"]}, 400),
        ({"grant_type": "refresh_token"}, 400),
        ({"grant_type": "refresh_token", "refresh_token": TOKEN}, 401),
    ],
)
def test_wrong_credentials(change, status):
    """What is missing is 400, what is wrong is 401; neither tells what was sent."""
    with pytest.raises(Refusal) as refusal:
        tokens().grant({**CREDENTIALS, **change})
    assert refusal.value.envelope_status == status
    assert TOKEN not in str(refusal.value)


def test_refresh_tokens_belong_to_a_client():
    """A refresh token is good for the client that it was given to."""
    known = tokens()
    refresh = known.grant(CREDENTIALS)["refresh_token"]
    with pytest.raises(Refusal):
        known.grant({"client_id": "you", "refresh_token": refresh, "grant_type": "refresh_token"})


def test_the_whole_flow_over_the_wire_and_no_token_in_the_log(tmp_path):
    """Credentials give an access token, it opens the method, a refresh gives the next; the log at DEBUG has none."""
    with Served(tmp_path) as server:
        grants = []
        for path in (TOKEN_PATH, TOKEN_PATH + "/"):
            answer = server.client.post(path, json=CREDENTIALS)
            assert answer.headers["cache-control"] == "no-store"
            grants.append(answer.json())
        renewal = {"client_id": "me", "refresh_token": grants[0]["refresh_token"], "grant_type": "refresh_token"}
        grants.append(server.client.post(TOKEN_PATH, json=renewal).json())
        for grant in grants:
            params = {"oauth_provider": "mcs", "oauth_token": grant["access_token"]}
            assert items(server.post(params=params))[0]["status"] == 0
        for wrong in (b"", b"{", b"[]", b'{"client_id": "\xff"}', b"[" * 10_000, b"x" * 20_000):
            answer = server.client.post(TOKEN_PATH, content=wrong)
            assert answer.status_code == answer.json()["status"]
            assert answer.status_code in (400, 413)
        server.post(meta={"mode": 1})
        server.post(params={"oauth_provider": TOKEN, "oauth_token": TOKEN})
        server.client.get("/nowhere", params={"oauth_token": TOKEN})
        server.stop()
        log = server.log.read_text()
        assert "/api/v1/photo/improve" in log
        secrets = {TOKEN, *(grant[key] for grant in grants for key in ("access_token", "refresh_token"))}
        assert not [secret for secret in secrets if secret in log or secret[:8] in log]
