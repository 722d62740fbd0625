"""What is printed is safe to print, and exact where a program reads it."""

import json
import os
from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st

from resilver.cli.printing import print_json, shown, shown_some, span


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name))
@example(b"w\xff\n.jpg")
@example(b"\x1b]0;gone\x07.jpg")
def test_any_name_can_be_shown(name):
    """Whatever bytes a name has, what is printed is plain UTF-8 without control characters."""
    text = shown(os.fsdecode(name))
    assert text.isprintable()
    text.encode("utf-8")


def test_ordinary_names_are_shown_as_they_are():
    """Letters of all languages stay."""
    assert shown(Path("Tante Lübbe & дедушка.jpg")) == "Tante Lübbe & дедушка.jpg"
    assert shown(os.fsdecode(b"w\xff\n.jpg")) == r"w\xff\n.jpg"


@given(name=st.binary(min_size=1).filter(lambda name: b"\0" not in name))
def test_json_gives_every_name_back(name):
    """A program gets the very bytes of a name back out of the JSON, which is one line of ASCII."""
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        print_json({"input": os.fsdecode(name)})
    line = out.getvalue()
    assert line.isascii()
    assert line.count("\n") == 1
    assert os.fsencode(json.loads(line)["input"]) == name


def test_long_lists_are_cut():
    """The first names and the number of the others."""
    assert shown_some([Path(f"{n}.jpg") for n in range(7)], limit=2) == "0.jpg, 1.jpg, 5 more"
    assert shown_some([Path("a")]) == "a"


def test_spans():
    """Times as people say them."""
    assert [span(seconds) for seconds in (0.44, 3, 59.4, 185, 7800)] == [
        "0.4 s",
        "3 s",
        "59 s",
        "3 min 5 s",
        "2 h 10 min",
    ]
