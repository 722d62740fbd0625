"""Paid results are there whole or not at all, and are found again."""

from __future__ import annotations

import os

import pytest

from resilver.cloud.paid import Paid, PaidResults, paid_key


@pytest.fixture
def results(tmp_path):
    return PaidResults(tmp_path / "paid")


def came(tmp_path, name, size=100):
    path = tmp_path / name
    path.write_bytes(os.urandom(size))
    return path


def test_what_is_kept_is_found_again(results, tmp_path):
    """Files and the judgement come back; the files were moved, not copied."""
    path = came(tmp_path, "one")
    content = path.read_bytes()
    results.keep("key", Paid({"improved": path}, bw=True))
    found = results.find("key", "improve")
    assert found.bw is True
    assert found.pictures["improved"].read_bytes() == content
    assert not path.exists()
    assert results.find("other", "improve") is None


def test_nothing_to_repair_is_kept_too(results):
    """An answer without pictures was paid for like any other."""
    results.keep("key", Paid({}))
    assert results.find("key", "improve") == Paid({})


def test_damage_is_never_taken_for_a_result(results, tmp_path):
    """A folder that misses a file or whose facts are broken is not found, and can be replaced."""
    for spoil in (lambda home: (home / "improved").unlink(), lambda home: (home / "answer.json").write_text("{")):
        results.keep("key", Paid({"improved": came(tmp_path, "one")}))
        spoil(tmp_path / "paid" / "key")
        assert results.find("key", "improve") is None
    results.keep("key", Paid({"improved": came(tmp_path, "one")}))
    assert results.find("key", "improve") is not None


def test_the_oldest_go_first(results, tmp_path):
    """Above the limit those go that were not used for longest; finding one is using it."""
    for number, name in enumerate("abc"):
        results.keep(name, Paid({"improved": came(tmp_path, "one", 1000)}))
        os.utime(tmp_path / "paid" / name, (1000 + number, 1000 + number))
    assert results.find("a", "improve")
    results.prune(2500)
    assert [results.find(name, "improve") is not None for name in "abc"] == [True, False, True]


def test_leftovers_of_killed_processes_go(results, tmp_path):
    """An old draft is deleted, a young one may belong to somebody."""
    results.keep("key", Paid({}))
    for name, age in ((".draft-old", 0), (".draft-new", 4e9)):
        (tmp_path / "paid" / name).mkdir()
        os.utime(tmp_path / "paid" / name, (age, age))
    results.prune(1e6)
    assert {path.name for path in (tmp_path / "paid").iterdir()} == {"key", ".draft-new"}


def test_keys_differ_by_all_that_decides():
    """Another address, mode, content or value is another result."""
    keys = [
        paid_key("https://a", "improve", "x"),
        paid_key("https://b", "improve", "x"),
        paid_key("https://a", "resolution", "x", 2, "photo"),
        paid_key("https://a", "resolution", "x", 4, "photo"),
        paid_key("https://a", "resolution", "x", 2, "art"),
        paid_key("https://a", "improve", "y"),
    ]
    assert len(set(keys)) == len(keys)
