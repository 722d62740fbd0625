"""Rows of the list of faults, provoked at the real ``resilver watch``: what was paid to the cloud is not paid again.

After each of them the invariants of ``CloudWatched`` hold: originals untouched, whole results only and one of each, one
state for each picture, the next one is done, and the token is nowhere to be seen.
"""

from __future__ import annotations

from pathlib import Path

from fakes.hostile_answers import good
from fakes.killed_cloud import Book, kill_folder_and_cloud
from fakes.namespaces import linux
from fakes.watched_cloud import CloudWatched


@linux
def test_row_1_kill_of_the_folder_and_the_cloud(tmp_path: Path) -> None:
    """Killed six times at random instants, and `resilver serve` that it sends batches to as well: nothing is lost, done
    twice, or sent again of which the answer had come.
    """
    pictures, worked, _twice = kill_folder_and_cloud(tmp_path, kills=6, seed=11, longest_s=2.5)
    assert worked >= pictures > 0


@linux
def test_row_1_kill_between_answer_and_result(tmp_path: Path) -> None:
    """Killed when answers have come and results are not all written, it makes these from those, and asks for no other
    twice.
    """
    with CloudWatched(tmp_path, good) as folder:
        folder.run("pause")
        for number in range(8):
            folder.drop(f"{number}.jpg")
        folder.eventually(lambda: folder.remote.status().counts["waiting"] == 8)
        folder.run("resume")
        paid = tmp_path / "state" / "resilver" / "cloud" / "paid"
        folder.eventually(lambda: len(list(paid.glob("*/answer.json"))) > 4)
        folder.kill(workers=True)
        book = Book(folder)
        book.look()
        folder.start()
        folder.wait(done=8)
        book.assert_nothing_sent_again()
        assert len(folder.server.requests) <= 2


def test_row_22_damaged_journal_and_the_cloud(tmp_path: Path) -> None:
    """Made anew after damage, it sends nothing that it sent before, also where the results were thrown away."""
    with CloudWatched(tmp_path, good) as folder:
        for name in ("a.jpg", "sub/b.jpg"):
            folder.drop(name)
        folder.wait(done=2)
        folder.stop()
        sent = len(folder.server.requests)
        folder.journal.write_bytes(b"no journal " * 1000)
        (lost,) = (folder.output / "sub").iterdir()
        lost.unlink()
        folder.start()
        folder.wait(done=2)
        assert lost.exists()
        assert len(folder.server.requests) == sent
