"""Every error has its own stable code, and the tree drawn in the module is the real one."""

from __future__ import annotations

import re

from resilver import errors
from resilver.errors import ResilverError, Status


def _all(kind=ResilverError):
    yield kind
    for inner in kind.__subclasses__():
        if inner.__module__ == "resilver.errors":
            yield from _all(inner)


def test_codes_are_unique():
    """No two kinds of error share a code."""
    codes = [kind.code for kind in _all()]
    assert len(codes) == len(set(codes))


def test_the_drawn_tree_is_true():
    """The module's docstring names every error, below its parent."""
    drawn = re.findall(r"^    ([│├└─ ]*)(\w+)", errors.__doc__, re.MULTILINE)
    parents: list[str] = []
    found = {}
    for branch, name in drawn:
        depth = len(branch) // 4
        parents = [*parents[:depth], name]
        found[name] = parents[depth - 1] if depth else None
    assert found == {kind.__name__: kind.__base__.__name__ if kind is not ResilverError else None for kind in _all()}


def test_what_people_and_scripts_see():
    """The JSON holds code, title and sentence; a temporary error has the contract's status 2."""
    error = errors.OutputFull("There is no room left; free some.")
    assert error.to_json() == {"code": "output-full", "title": "The disk is full", "message": str(error)}
    assert error.status is Status.TEMPORARY
    assert errors.PictureBroken("x").status is Status.PERMANENT
