"""How much the server has taken on and not answered yet; what does not fit is told to come again."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from resilver.http_contract import Refusal

_LONGEST_WAIT_S = 120


class Room:
    """Bounds of pictures and bytes over all requests; ``wait_s()`` guesses when there will be room again.

    Only what has come counts, so that a client that says it will send much, and does not, takes nothing away.
    """

    def __init__(self, pictures: int, size: int, wait_s: Callable[[], float]) -> None:
        self._most_pictures = pictures
        self._most_bytes = size
        self._wait_s = wait_s
        self.pictures = 0
        self.bytes = 0

    @contextmanager
    def hold(self) -> Iterator[Hold]:
        """A share of the room for one request, given back at the end."""
        hold = Hold(self)
        try:
            yield hold
        finally:
            self.pictures -= hold.pictures
            self.bytes -= hold.bytes

    def check(self) -> None:
        """Look whether anything at all would fit.

        Raises:
            Refusal: 429, it would not.
        """
        if self.pictures >= self._most_pictures or self.bytes >= self._most_bytes:
            raise self._full()

    def take(self, pictures: int, size: int) -> None:
        """Count so much more.

        Raises:
            Refusal: 429, it does not fit.
        """
        if self.pictures + pictures > self._most_pictures or self.bytes + size > self._most_bytes:
            raise self._full()
        self.pictures += pictures
        self.bytes += size

    def _full(self) -> Refusal:
        wait_s = min(_LONGEST_WAIT_S, max(1, math.ceil(self._wait_s())))
        return Refusal(429, "too many pictures are waiting; try again later", wait_s)


class Hold:
    """What one request has taken of the room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.pictures = 0
        self.bytes = 0

    def grow(self, pictures: int = 0, size: int = 0) -> None:
        """Bring the share up to so much; it never shrinks.

        Raises:
            Refusal: 429, it does not fit.
        """
        more_pictures, more_bytes = max(0, pictures - self.pictures), max(0, size - self.bytes)
        self._room.take(more_pictures, more_bytes)
        self.pictures += more_pictures
        self.bytes += more_bytes
