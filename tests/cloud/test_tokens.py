"""Secrets: where they are kept, that nothing shows them, and how many renewals it takes."""

from __future__ import annotations

import json
import logging
import threading
import time

import keyring
import keyring.backend
import keyring.errors
import pytest

from fakes.cloud_service import serving
from resilver.cloud.tokens import Secret, SecretStore, Tokens, request_token
from resilver.errors import CloudGarbage, CloudUnauthorized, CloudUnreachable, SettingsError
from resilver.settings import CloudSettings

SETTINGS = CloudSettings(base_url="https://one.example/improve")
CANARY = "canary-secret-abcdefghijklmnop"


class Memory(keyring.backend.KeyringBackend):
    """A keyring that lives as long as the test."""

    priority = 1

    def __init__(self):
        super().__init__()
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        if (service, username) not in self.kept:
            raise keyring.errors.PasswordDeleteError("not there")
        del self.kept[service, username]


@pytest.fixture
def ring():
    """A system with a keyring."""
    before = keyring.get_keyring()
    keyring.set_keyring(Memory())
    yield keyring.get_keyring()
    keyring.set_keyring(before)


@pytest.fixture
def bare():
    """A system without one."""
    from keyring.backends.fail import Keyring

    before = keyring.get_keyring()
    keyring.set_keyring(Keyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def store(tmp_path):
    return SecretStore(tmp_path / "config" / "secrets.json")


def grants(**changes):
    """A token endpoint that numbers what it grants."""
    number = iter(range(1, 100))

    def grant(body):
        time.sleep(0.05)
        n = next(number)
        return 200, {"access_token": f"{CANARY}-{n}", "refresh_token": f"refresh-{n}", "expired_in": "3600", **changes}

    return grant


def test_without_a_keyring_it_is_a_private_file_and_said(store, tmp_path, bare):
    """The file is readable by its user alone, and the phrase says that it is not encrypted."""
    place = store.save(SETTINGS, Secret(CANARY))
    path = tmp_path / "config" / "secrets.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "not encrypted" in place
    assert str(path) in place
    assert SecretStore(path).load(SETTINGS) == Secret(CANARY)
    assert [item.name for item in path.parent.iterdir()] == ["secrets.json"]


def test_a_keyring_goes_first(store, tmp_path, ring):
    """With a keyring nothing is written to a file."""
    assert store.save(SETTINGS, Secret(CANARY)) == "the system's keyring"
    assert store.load(SETTINGS) == Secret(CANARY)
    assert not (tmp_path / "config").exists()
    assert store.delete(SETTINGS)
    assert ring.kept == {}
    assert not store.delete(SETTINGS)


def test_a_keyring_that_forgets_is_none(store, tmp_path, ring, monkeypatch):
    """Where the keyring is switched off, which takes secrets and keeps nothing, the file is used and named."""
    monkeypatch.setattr(ring, "set_password", lambda *_: None)
    assert "not encrypted" in store.save(SETTINGS, Secret(CANARY))
    assert store.load(SETTINGS) == Secret(CANARY)


def test_a_secret_is_for_one_service(store, bare):
    """The token of one host is never given out for another."""
    store.save(SETTINGS, Secret(CANARY))
    for url in ("https://two.example", "http://one.example", "https://one.example:444"):
        with pytest.raises(CloudUnauthorized, match="resilver login"):
            Tokens(CloudSettings(base_url=url), store, {}).token()


def test_the_environment_goes_first(store, bare):
    """RESILVER_TOKEN wins over what is kept, and is named when the service refuses it."""
    store.save(SETTINGS, Secret("kept"))
    tokens = Tokens(SETTINGS, store, {"RESILVER_TOKEN": f" {CANARY}\n"})
    assert tokens.token() == CANARY
    with pytest.raises(CloudUnauthorized, match="RESILVER_TOKEN") as refused:
        tokens.renew(CANARY)
    assert CANARY not in str(refused.value)


def test_nothing_shows_a_secret(store, bare):
    """No repr, no text of the objects has it."""
    secret = Secret(CANARY, CANARY, CANARY, CANARY)
    tokens = Tokens(SETTINGS, store, {"RESILVER_TOKEN": CANARY})
    for shown in (repr(secret), str(secret), repr(tokens), repr(store), f"{secret} {tokens}"):
        assert CANARY not in shown


def test_a_refused_service_token_asks_to_log_in(store, bare):
    """There is nothing to renew; unless another process logged in meanwhile."""
    store.save(SETTINGS, Secret("old"))
    tokens = Tokens(SETTINGS, store, {})
    assert tokens.token() == "old"
    with pytest.raises(CloudUnauthorized, match="resilver login"):
        tokens.renew("old")
    store.save(SETTINGS, Secret("new"))
    assert tokens.renew("old") == "new"


def test_many_waiters_cause_one_renewal(store, bare):
    """Eight threads and a second process's tokens get the same new token from one grant."""
    with serving() as service:
        service.grant = grants()
        settings = service.settings()
        store.save(settings, Secret("stale", "id", "secret", "refresh-0", expires=time.time() + 10))
        shared, other = Tokens(settings, store, {}), Tokens(settings, store, {})
        got = []
        threads = [threading.Thread(target=lambda t=t: got.append(t.token())) for t in [shared] * 8 + [other] * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert got == [f"{CANARY}-1"] * 10
    assert service.grants == [{"client_id": "id", "refresh_token": "refresh-0", "grant_type": "refresh_token"}]


def test_many_refusals_cause_one_renewal(store, bare):
    """All who were refused the same token get the same next one."""
    with serving() as service:
        service.grant = grants()
        settings = service.settings()
        store.save(settings, Secret("revoked", "id", "secret", expires=time.time() + 3600))
        tokens, got = Tokens(settings, store, {}), []
        threads = [threading.Thread(target=lambda: got.append(tokens.renew("revoked"))) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert got == [f"{CANARY}-1"] * 6
    assert [grant["grant_type"] for grant in service.grants] == ["client_credentials"]


def test_a_token_is_kept_between_starts(store, bare):
    """A later start uses the access token that is there; the service allows few of them."""
    with serving() as service:
        service.grant = grants()
        settings = service.settings()
        store.save(settings, Secret(client_id="id", client_secret="secret"))
        assert [Tokens(settings, store, {}).token() for _ in range(3)] == [f"{CANARY}-1"] * 3
    assert len(service.grants) == 1


def test_an_expired_refresh_token_falls_back_to_the_credentials(store, bare):
    """A refused refresh is followed by the client's credentials, once."""
    with serving() as service:
        good = grants()
        service.grant = lambda body: (401, {}) if body["grant_type"] == "refresh_token" else good(body)
        made = request_token(service.settings(), Secret("", "id", "secret", "old"))
    assert (made.access, made.refresh) == (f"{CANARY}-1", "refresh-1")
    assert [grant["grant_type"] for grant in service.grants] == ["refresh_token", "client_credentials"]


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [({"expired_in": "120"}, 120), ({"expired_in": None, "expires_in": 90}, 90), ({"expired_in": "soon"}, 3600)],
)
def test_the_life_of_a_token_in_every_spelling(answer, seconds):
    """``expired_in`` as text, ``expires_in`` as a number, or the usual hour."""
    with serving() as service:
        service.grant = grants(**answer)
        made = request_token(service.settings(), Secret("", "id", "secret"))
    assert made.expires == pytest.approx(time.time() + seconds, abs=20)


@pytest.mark.parametrize(
    ("answer", "error"),
    [((403, {}), CloudUnauthorized), ((500, {}), CloudGarbage), ((200, {}), CloudGarbage),
     ((200, {"access_token": 5}), CloudGarbage), ((302, {}), CloudGarbage)],
)  # fmt: skip
def test_bad_answers_are_typed_and_show_no_secret(answer, error, caplog):
    """What the token endpoint says wrongly becomes a sentence; neither it nor any log holds a secret."""
    caplog.set_level(logging.DEBUG)
    with serving() as service:
        service.grant = lambda body: (answer[0], {"echo": body, **answer[1]})
        with pytest.raises(error) as raised:
            request_token(service.settings(), Secret("", "id", CANARY, CANARY))
    assert CANARY not in str(raised.value) + caplog.text


def test_no_connection_is_said():
    """A token endpoint that is not there is no fault of the token."""
    settings = CloudSettings(base_url="http://127.0.0.1:9", token_url="http://127.0.0.1:9/token")
    with pytest.raises(CloudUnreachable):
        request_token(settings, Secret("", "id", "secret"))


def test_an_answer_without_end_is_cut():
    """A token endpoint that sends megabytes is garbage, not memory."""
    with serving() as service:
        service.grant = lambda body: (200, {"access_token": "x" * 10_000_000})
        with pytest.raises(CloudGarbage):
            request_token(service.settings(), Secret("", "id", "secret"))


@pytest.mark.parametrize("url", ["nonsense", "ftp://one.example", "http://one.example:port/"])
def test_an_address_that_is_none_is_a_setting(url):
    """The setting is named."""
    with pytest.raises(SettingsError, match="token_url"):
        request_token(CloudSettings(token_url=url), Secret("", "id", "secret"))


def test_a_broken_file_asks_to_log_in(store, tmp_path, bare):
    """Junk where the secret should be is an error that says what to do."""
    path = tmp_path / "config" / "secrets.json"
    for junk in ("{", json.dumps({"https://one.example": "{"}), json.dumps({"https://one.example": '{"nonsense": 1}'})):
        path.parent.mkdir(exist_ok=True)
        path.write_text(junk)
        with pytest.raises(CloudUnauthorized, match="resilver login"):
            Tokens(SETTINGS, store, {}).token()
