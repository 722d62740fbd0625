"""The scenarios that were measured with real programs, told here event by event with a clock of our own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilver.picture_io.identity import Identity
from resilver_watcher.readiness import OPEN_S, ZEROS_S, Hint, Readiness
from resilver_watcher.scan import Look

PATH = "/in/a.jpg"


class Story:
    """A file that is written, seen by the rule every tenth of a second."""

    def __init__(self, trust_clock: bool = False) -> None:
        self.now = 0.0
        self.size = 0
        self.there = True
        self.zeros = False
        self.changed_s = 0.0
        self.trust_clock = trust_clock
        self.taken: list[tuple[float, int]] = []
        self.stuck: list[float] = []
        self.rule = Readiness(1.0, 2.0, 600.0, look=self._look, zeros=lambda _path: self.zeros)

    def _look(self, path: str) -> Look | None:
        stamp = int(self.changed_s * 1e9)
        return Look(Identity(1, 2, self.size, stamp), stamp) if self.there else None

    def write(self, size: int) -> None:
        self.size, self.changed_s = size, self.now

    def tell(self, *hints: Hint) -> None:
        for hint in hints:
            self.rule.hint(PATH, hint, self.now)

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now = round(self.now + 0.1, 6)
            if (due := self.rule.next_s()) is not None and due <= self.now:
                complete, stuck = self.rule.ready(self.now, int(self.now * 1e9) if self.trust_clock else None)
                self.taken += [(self.now, look.identity.size) for _, look in complete]
                self.stuck += [self.now for _ in stuck]


C, M, CW, MV, SEEN = Hint.CREATED, Hint.MODIFIED, Hint.CLOSED, Hint.MOVED, Hint.SEEN


def test_copied_file_is_taken_a_second_after_it_was_closed() -> None:
    """cp: C M M CW."""
    story = Story()
    story.write(5)
    story.tell(C, M, M, CW)
    story.wait(10)
    assert story.taken == [(pytest.approx(1.0, abs=0.15), 5)]


@pytest.mark.parametrize("gap_s", [0.5, 4.0, 30.0])
def test_slow_writer_with_one_handle_is_waited_for(gap_s: float) -> None:
    """Between pieces nothing is taken, however long they are apart; afterwards at once."""
    story = Story()
    story.tell(C)
    for piece in range(1, 6):
        story.write(piece)
        story.tell(M)
        story.wait(gap_s)
    assert story.taken == []
    story.tell(CW)
    story.wait(3)
    assert [size for _, size in story.taken] == [5]


def test_scanner_that_comes_back_is_waited_for() -> None:
    """Closed and opened again every 0.7 s: one picture, the whole one."""
    story = Story()
    for piece in range(1, 15):
        story.write(piece)
        story.tell(C if piece == 1 else M, M, CW)
        story.wait(0.7)
    story.wait(5)
    assert [size for _, size in story.taken] == [14]


def test_moved_in_file_needs_quiet_only() -> None:
    """A rename brings a complete file."""
    story = Story()
    story.write(5)
    story.tell(MV)
    story.wait(5)
    assert story.taken == [(pytest.approx(1.0, abs=0.15), 5)]


def test_file_of_which_nothing_is_told_needs_two_equal_looks() -> None:
    """Found by a sweep while it grows: taken two seconds after it stopped."""
    story = Story()
    story.write(1)
    story.tell(SEEN)
    for piece in range(2, 8):
        story.wait(1.0)
        story.write(piece)
    assert story.taken == []
    story.wait(6)
    assert [size for _, size in story.taken] == [7]
    assert story.taken[0][0] >= 6.0 + 2.0


def test_old_file_needs_one_look() -> None:
    """Where the clock can be trusted, an inode that did not change for that long is quiet already."""
    story = Story(trust_clock=True)
    story.write(5)
    story.now = 100.0
    story.tell(SEEN)
    story.wait(0.2)
    assert len(story.taken) == 1


def test_clock_that_jumped_back_is_no_harm() -> None:
    """A file from the future is taken by looks."""
    story = Story(trust_clock=True)
    story.write(5)
    story.changed_s = 1e6
    story.tell(SEEN)
    story.wait(5)
    assert len(story.taken) == 1


def test_placeholder_is_not_a_picture() -> None:
    """Closed while empty, as downloads do: not taken before it has bytes, given up when it never gets any."""
    story = Story()
    story.tell(C, CW)
    story.wait(60)
    assert story.taken == []
    story.write(5)
    story.tell(M, CW)
    story.wait(5)
    assert [size for _, size in story.taken] == [5]
    story.write(0)
    story.tell(C)
    story.wait(620)
    assert len(story.stuck) == 1
    assert story.rule.next_s() is None


def test_reserved_place_is_waited_for() -> None:
    """A tail of zeros is no end, unless it stays so: black pictures exist."""
    story = Story()
    story.write(5)
    story.zeros = True
    story.tell(SEEN)
    story.wait(ZEROS_S - 5)
    assert story.taken == []
    story.wait(15)
    assert len(story.taken) == 1


def test_close_that_was_lost_is_not_waited_for_for_ever() -> None:
    """Without any event for a minute, looks decide."""
    story = Story()
    story.write(5)
    story.tell(C, M)
    story.wait(OPEN_S - 1)
    assert story.taken == []
    story.wait(10)
    assert len(story.taken) == 1


def test_file_that_is_gone_is_no_candidate() -> None:
    """Told or found."""
    story = Story()
    story.write(5)
    story.tell(C, Hint.GONE)
    story.wait(5)
    story.tell(C)
    story.there = False
    story.wait(5)
    assert story.taken == []
    assert len(story.rule) == 0


def test_fifty_announcements_are_one_picture() -> None:
    """Touched and renamed all the time, then left alone."""
    story = Story()
    story.write(5)
    for _ in range(50):
        story.tell(C, M, CW, MV)
        story.wait(0.1)
    story.wait(10)
    assert len(story.taken) == 1


@given(st.lists(st.tuples(st.sampled_from([C, M, CW, MV, SEEN]), st.floats(0, 100), st.booleans())))
def test_whatever_is_told_the_last_bytes_are_taken(events: list[tuple[Hint, float, bool]]) -> None:
    """After any story the file has been taken since its last write, and no candidate is left behind."""
    story = Story()
    story.write(1)
    story.tell(SEEN)
    for hint, pause_s, writes in events:
        if writes:
            story.write(story.size + 1)
        story.tell(hint if not writes else M)
        story.wait(min(pause_s, 5.0))
    story.tell(SEEN)
    story.wait(OPEN_S + 10)
    assert story.taken[-1][1] == story.size
    assert len(story.rule) == 0
    assert story.rule.next_s() is None or story.rule.next_s() > 0
