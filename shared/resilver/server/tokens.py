"""Who may ask: the service tokens of the token file, and access tokens that are granted for them.

The file holds a token a line, as it is or, as the first start writes it, as ``sha256:`` with its digest, so that
nobody who sees the file has the token. Blank lines and lines with ``#`` in front are passed over.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from resilver.errors import SettingsError
from resilver.http_contract import Refusal

LIFETIME_S = 3600
MOST_GRANTS = 25  # access tokens and refresh tokens, each, as the service has it
_Kept = TypeVar("_Kept")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
_TOKEN = re.compile(r"[!-~]{16,}")


def load_tokens(path: Path) -> tuple[frozenset[bytes], str | None]:
    """The digests of the tokens in the file; without a file, one is made with a fresh token, which is told only here.

    Raises:
        SettingsError: the file cannot be read or made, or holds something else.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return _make(path)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"The tokens in {path} cannot be read ({error}); name another --token-file.") from error
    words = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not words:
        raise SettingsError(f"There is no token in {path}; remove that file, and the next start makes a fresh one.")
    return frozenset(_stored(word, path) for word in words), None


def readable_by_others(path: Path) -> bool:
    """Whether other users of this machine can read the file."""
    return os.name == "posix" and bool(path.stat().st_mode & 0o044)


def _stored(word: str, path: Path) -> bytes:
    if known := _DIGEST.fullmatch(word):
        return bytes.fromhex(known[1])
    if _TOKEN.fullmatch(word):
        return _digest(word)
    raise SettingsError(
        f"A line of {path} is no token: it needs 16 or more characters without blanks; mend or remove that line."
    )


def _make(path: Path) -> tuple[frozenset[bytes], str]:
    token = secrets.token_urlsafe(32)
    digest = _digest(token)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(f"sha256:{digest.hex()}\n")
    except OSError as error:
        raise SettingsError(f"A token cannot be written to {path} ({error}); name another --token-file.") from error
    return frozenset({digest}), token


def _digest(token: str) -> bytes:
    # a plain hash will do: tokens are long and random, and a comparison of hashes tells nothing by its time
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


class Tokens:
    """Knows the service tokens by their digests, and grants access tokens for them, as OAuth's client credentials.

    ``client_id`` is any name, ``client_secret`` a service token. Grants live in memory: after a restart clients ask
    again. ``clock`` gives seconds.
    """

    def __init__(self, services: Collection[bytes], clock: Callable[[], float] = time.monotonic) -> None:
        self._services = frozenset(services)
        self._clock = clock
        self._access: dict[bytes, float] = {}
        self._refresh: dict[bytes, str] = {}

    def accepts(self, token: str) -> bool:
        """Whether the token is a service token, or an access token that has not expired."""
        digest = _digest(token)
        return digest in self._services or self._access.get(digest, 0.0) > self._clock()

    def grant(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a request for an access token, by credentials or by a refresh token.

        Raises:
            Refusal: 400 or 401 with the reason.
        """
        client = _field(request, "client_id")
        match request.get("grant_type"):
            case "client_credentials":
                if _digest(_field(request, "client_secret")) not in self._services:
                    raise Refusal(401, "the client_secret is not valid")
                refresh = _keep(self._refresh, client)
            case "refresh_token":
                refresh = _field(request, "refresh_token")
                if self._refresh.get(_digest(refresh)) != client:
                    raise Refusal(401, "the refresh_token is not valid")
            case _:
                raise Refusal(400, "grant_type must be client_credentials or refresh_token")
        access = _keep(self._access, self._clock() + LIFETIME_S)
        return {"access_token": access, "refresh_token": refresh, "expired_in": str(LIFETIME_S), "scope": {}}


def _field(request: Mapping[str, Any], name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= 255:
        raise Refusal(400, f"{name} is required, with 1 to 255 characters")
    return value


def _keep(grants: dict[bytes, _Kept], value: _Kept) -> str:
    token = secrets.token_urlsafe(32)
    while len(grants) >= MOST_GRANTS:
        del grants[next(iter(grants))]  # the oldest
    grants[_digest(token)] = value
    return token
