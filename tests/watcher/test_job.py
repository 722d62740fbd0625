from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resilver_watcher.job import MOVES, IllegalMove, State, check_move
from resilver_watcher.journal import Journal


def test_every_state_has_a_way_on_and_can_be_reached() -> None:
    """No picture gets stuck for ever: every state has a way to done, and one that leads to it."""
    assert set(MOVES) == set(State)
    reached = {State.SEEN}
    for _ in State:
        reached |= {end for start in reached for end in MOVES[start]}
    assert reached == set(State)
    for start in State:
        ways = {start}
        for _ in State:
            ways |= {end for state in ways for end in MOVES[state]}
        assert State.DONE in ways


@pytest.mark.parametrize(
    ("start", "end"),
    [(State.SEEN, State.WORKING), (State.WAITING, State.DONE), (State.DONE, State.WORKING), (State.DONE, State.DONE)],
)
def test_shortcuts_are_refused(start: State, end: State) -> None:
    """A picture is never done without work, and never works without its turn."""
    with pytest.raises(IllegalMove):
        check_move(start, end)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from([*State, None]))))
def test_any_moves_keep_every_picture_in_one_state(moves: list[tuple[int, State | None]]) -> None:
    """Whatever is tried in whatever order, also with restarts (None): each picture is there once, where it may be."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "j.sqlite")
        journal = Journal(file)
        paths = [Path(folder, f"{number}.jpg") for number in range(4)]
        journal.see(Path(folder), {path: Path(folder, "out") for path in paths})
        states = [State.SEEN] * 4
        for number, end in moves:
            if end is None:
                journal.close()
                journal = Journal(file)
                states = [State.WAITING if state is State.WORKING else state for state in states]
                continue
            job = journal.find(paths[number])
            if end in MOVES[states[number]]:
                journal.move(job, end)
                states[number] = end
            else:
                with pytest.raises(IllegalMove):
                    journal.move(job, end)
        assert [journal.find(path).state for path in paths] == states
        assert sum(journal.counts().values()) == 4
        journal.close()
