"""Token sources that a test can look into."""

from __future__ import annotations

from resilver.errors import CloudUnauthorized

CANARY = "canary+/=&%20é-0123456789abcdefghij"
"""A token with every character that an address could trip over; no piece of it may be seen anywhere."""


class Tokens:
    """Gives one token after the other; ``refused`` holds those that were sent back."""

    def __init__(self, *tokens: str) -> None:
        self._tokens = list(tokens) or [CANARY]
        self.refused: list[str] = []

    def token(self) -> str:
        return self._tokens[0]

    def renew(self, rejected: str) -> str:
        self.refused.append(rejected)
        if len(self._tokens) == 1:
            raise CloudUnauthorized("There is no other token; log in.")
        del self._tokens[0]
        return self._tokens[0]
