"""Tokens: where secrets are kept, and how an OAuth client renews its own.

A secret is looked for in ``RESILVER_TOKEN``, then in the system's keyring, then in a file that only this user
can read. It is kept for one service (scheme, host, port) and never goes to another.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from resilver.cloud.ledger import origin
from resilver.errors import CloudError, CloudGarbage, CloudUnauthorized, SettingsError
from resilver.settings import CloudSettings, config_file

if sys.platform != "win32":
    import fcntl

VARIABLE = "RESILVER_TOKEN"
_KEYRING = "resilver"  # the name of our entries there
_EARLY_S = 60.0  # renewed so long before the end
_USUAL_S = 3600.0  # of life, where the service does not say
_MOST_BYTES = 64 * 1024  # of an answer
_PATIENCE_S = 60.0  # for an answer that drips
_LOG_IN = "call 'resilver login'"


@dataclass(frozen=True, slots=True)
class Secret:
    """What one service knows this user by; ``repr`` shows nothing of it.

    A service token has ``access`` alone. An OAuth client has ``client_id``, ``client_secret`` and what it got
    with them: ``access`` until ``expires`` (seconds since 1970), then ``refresh`` for the next.
    """

    access: str = field(default="", repr=False)
    client_id: str = field(default="", repr=False)
    client_secret: str = field(default="", repr=False)
    refresh: str = field(default="", repr=False)
    expires: float = 0.0

    @property
    def oauth(self) -> bool:
        """Whether it can be renewed."""
        return bool(self.client_id)


class SecretStore:
    """The keyring, or where there is none a file of mode 0600."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file or config_file().parent / "secrets.json"

    def load(self, settings: CloudSettings) -> Secret | None:
        """The secret for this service, if one is kept."""
        text = self._keyring("get_password", origin(settings)) or self._read().get(origin(settings))
        return _parse(text)

    def save(self, settings: CloudSettings, secret: Secret) -> str:
        """Keep it; says where, a phrase for people."""
        text = json.dumps(asdict(secret))
        self._keyring("set_password", origin(settings), text)
        if self._keyring("get_password", origin(settings)) == text:  # one that is switched off takes and forgets
            self._write(origin(settings), None)
            return "the system's keyring"
        self._write(origin(settings), text)
        return f"the file {self._file}, which is not encrypted, since this system has no keyring"

    def delete(self, settings: CloudSettings) -> bool:
        """Forget it; whether there was one."""
        found = self.load(settings) is not None
        self._keyring("delete_password", origin(settings))
        self._write(origin(settings), None)
        return found

    def place(self, settings: CloudSettings) -> str:
        """Where it is, a phrase for people."""
        if self._keyring("get_password", origin(settings)):
            return "the system's keyring"
        return f"the file {self._file}, not encrypted" if origin(settings) in self._read() else "nowhere"

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One process at a time."""
        if sys.platform == "win32":
            yield
            return
        self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._file.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _keyring(self, action: str, *values: str) -> str | None:
        """What the keyring gives; ``None`` where there is none, or nothing in it."""
        import keyring
        import keyring.errors

        try:
            return getattr(keyring, action)(_KEYRING, *values) or ("" if action != "get_password" else None)
        except keyring.errors.KeyringError:  # none, locked, or nothing to delete
            return None

    def _read(self) -> dict[str, str]:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise CloudUnauthorized(f"{self._file} cannot be read; remove it and {_LOG_IN}.") from error
        return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}

    def _write(self, name: str, text: str | None) -> None:
        kept = self._read()
        if text is None and name not in kept:
            return
        kept.pop(name, None)
        if text is not None:
            kept[name] = text
        draft = self._file.with_name(f".{self._file.name}-{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(kept, stream)
                stream.flush()
                os.fsync(stream.fileno())
            draft.replace(self._file)
        except OSError as error:
            raise CloudError(
                f"The token cannot be kept in {self._file} ({error.strerror}); make room there."
            ) from error


class Tokens:
    """Gives the client its token and renews it: one renewal for all threads and processes that wait for it."""

    def __init__(self, settings: CloudSettings, store: SecretStore, environ: Mapping[str, str]) -> None:
        self._settings = settings
        self._store = store
        self._fixed = Secret(environ.get(VARIABLE, "").strip())
        self._known: Secret | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Tokens({origin(self._settings)})"

    def token(self) -> str:
        """The token to send now.

        Raises:
            CloudUnauthorized: there is none, or it cannot be renewed.
        """
        if self._fixed.access:
            return self._fixed.access
        with self._lock:
            secret = self._secret()
            if secret.oauth and time.time() > secret.expires - _EARLY_S:
                secret = self._renewed(secret.access)
            return secret.access

    def renew(self, rejected: str) -> str:
        """Another token after the service refused ``rejected``.

        Raises:
            CloudUnauthorized: no other can be had.
        """
        if self._fixed.access:
            raise CloudUnauthorized(f"{origin(self._settings)} refuses the token in {VARIABLE}; set it to a valid one.")
        with self._lock:
            return self._renewed(rejected).access

    def _secret(self) -> Secret:
        if self._known is None:
            self._known = self._store.load(self._settings)
        if self._known is None:
            raise CloudUnauthorized(f"There is no token for {origin(self._settings)}; {_LOG_IN} or set {VARIABLE}.")
        return self._known

    def _renewed(self, rejected: str) -> Secret:
        with self._store.alone():
            self._known = None
            secret = self._secret()  # another process may have renewed it meanwhile
            fresh = secret.access and secret.access != rejected
            if fresh and (not secret.oauth or time.time() <= secret.expires - _EARLY_S):
                return secret
            if not secret.oauth:
                raise CloudUnauthorized(f"{origin(self._settings)} refuses the token; {_LOG_IN} with a valid one.")
            self._known = request_token(self._settings, secret)
            self._store.save(self._settings, self._known)
            return self._known


def request_token(settings: CloudSettings, secret: Secret) -> Secret:
    """Get an access token for an OAuth client, by its refresh token while that is accepted.

    Raises:
        CloudUnauthorized: the client is refused.
        CloudUnreachable, CloudUntrusted, CloudGarbage: there is no answer, or none that makes sense.
        SettingsError: the address of the tokens is none.
    """
    client = {"client_id": secret.client_id}
    if secret.refresh:
        renewal = {**client, "refresh_token": secret.refresh, "grant_type": "refresh_token"}
        with contextlib.suppress(CloudUnauthorized):  # it may have expired; the credentials have not
            return _granted(settings, secret, renewal)
    credentials = {**client, "client_secret": secret.client_secret, "grant_type": "client_credentials"}
    return _granted(settings, secret, credentials)


def _granted(settings: CloudSettings, secret: Secret, body: Mapping[str, str]) -> Secret:
    answer = _post(settings, body)
    access, refresh = answer.get("access_token"), answer.get("refresh_token")
    if not isinstance(access, str) or not access:
        raise CloudGarbage(f"{settings.token_url} gave no token; check the setting 'cloud.token_url'.")
    return replace(
        secret,
        access=access,
        refresh=refresh if isinstance(refresh, str) and refresh else secret.refresh,
        expires=time.time() + _lifetime(answer),
    )


def _lifetime(answer: Mapping[str, Any]) -> float:
    # the service writes "expired_in": "3600"; RFC 6749 has "expires_in": 3600
    for name in ("expired_in", "expires_in"):
        with contextlib.suppress(TypeError, ValueError):
            return max(0.0, float(answer.get(name)))  # type: ignore[arg-type]
    return _USUAL_S


def _post(settings: CloudSettings, body: Mapping[str, str]) -> Mapping[str, Any]:
    import httpx

    from resilver.cloud.transport import fault_of, plain_client, without_secrets

    hidden = [body[name] for name in ("client_secret", "refresh_token") if name in body]
    text, deadline = b"", time.monotonic() + _PATIENCE_S
    try:
        with (
            plain_client(settings, *hidden) as client,
            client.stream("POST", settings.token_url, json=body) as answer,
        ):
            for piece in answer.iter_raw():
                text += piece
                if len(text) > _MOST_BYTES or time.monotonic() > deadline:
                    break
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        raise SettingsError("The setting 'cloud.token_url' is no address; mend it.") from error
    except httpx.HTTPError as error:
        raise fault_of(httpx.URL(settings.token_url).host, error) from without_secrets(error, *hidden)
    if answer.status_code in (400, 401, 403):
        raise CloudUnauthorized(f"{settings.token_url} refuses the client's credentials; {_LOG_IN} with valid ones.")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if answer.status_code != 200 or not isinstance(found, dict):
        raise CloudGarbage(f"{settings.token_url} answered with status {answer.status_code} and no token; try later.")
    return found


def _parse(text: str | None) -> Secret | None:
    if not text:
        return None
    try:
        return Secret(**json.loads(text))
    except (ValueError, TypeError):
        raise CloudUnauthorized(f"The token that is kept cannot be read; {_LOG_IN} again.") from None
