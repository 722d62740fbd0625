"""The messages: there and back, and what cannot be understood."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resilver import errors
from resilver.errors import EngineError, RecipeError, ResilverError, UsageError
from resilver.picture_io.raw import RawFile
from resilver.recipe import Hint, Recipe
from resilver.result import Step
from resilver.worker.codec import read_line
from resilver.worker.failures import error_data, to_error
from resilver.worker.parts import BatchFile, ErrorData, FileDone, RawOutput
from resilver.worker.protocol import (
    Batch,
    Batched,
    BatchedFile,
    Failed,
    Hello,
    Improve,
    Improved,
    ImprovedRaw,
    ImproveRaw,
    read_answer,
    read_request,
    to_line,
)

# what os.fsdecode makes of any bytes: text, and a lone surrogate for each byte that is no UTF-8
paths = st.binary(min_size=1).map(lambda name: Path("/", name.replace(b"\0", b"").decode("utf-8", "surrogateescape")))
raws = st.builds(
    RawFile,
    path=paths,
    width=st.integers(1),
    height=st.integers(1),
    channels=st.integers(1, 4),
    depth=st.sampled_from((8, 16)),
    icc=st.none() | paths,
)
hints = st.builds(Hint, st.integers(0, 10**6), st.integers(0, 10**6), st.from_regex("#[0-9a-fA-F]{6}", fullmatch=True))
recipes = st.builds(
    Recipe,
    resolution=st.sampled_from((None, 2, 4)),
    strength=st.floats(0, 1),
    hints=st.lists(hints, max_size=2).map(tuple),
)


@given(
    st.builds(Improve, id=st.text(), input=paths, directory=paths, recipe=recipes, mask=st.none() | paths)
    | st.builds(ImproveRaw, id=st.text(), raw=raws, recipe=recipes, mask=st.none() | raws)
    | st.builds(
        Batch,
        id=st.text(),
        files=st.lists(st.builds(BatchFile, input=paths, directory=paths, found=st.booleans())).map(tuple),
        recipe=recipes,
    )
)
def test_requests_survive_the_line(request) -> None:
    """A request comes out of its line as it went in, with any path; the line is ASCII and has one end."""
    line = to_line(request)
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert read_request(read_line(line)) == request


@given(
    st.builds(
        ImprovedRaw,
        id=st.text(),
        bw=st.booleans(),
        outputs=st.dictionaries(
            st.text(),
            st.builds(
                RawOutput,
                raw=st.none() | raws,
                steps=st.lists(st.builds(Step, action=st.text(), tool=st.text())).map(tuple),
                error=st.none() | st.builds(ErrorData, code=st.text(), title=st.text(), message=st.text()),
            ),
        ),
    )
    | st.builds(
        Improved, id=st.text(), input=paths, outputs=st.dictionaries(st.text(), paths), seconds=st.floats(0, 1e9)
    )
    | st.builds(
        BatchedFile,
        id=st.text(),
        number=st.integers(0),
        improved=st.none() | st.builds(FileDone, outputs=st.dictionaries(st.text(), paths), seconds=st.floats(0, 1e9)),
        error=st.none() | st.builds(ErrorData, code=st.text(), title=st.text(), message=st.text()),
    )
    | st.builds(Batched, id=st.text())
    | st.builds(Failed, id=st.none() | st.text(), code=st.text(), title=st.text(), message=st.text())
)
def test_answers_survive_the_line(answer) -> None:
    """An answer comes out of its line as it went in."""
    assert read_answer(read_line(to_line(answer))) == answer


def test_newer_partner() -> None:
    """Fields and answers that only a newer version knows are passed over."""
    assert read_answer({"type": "hello", "protocol": 1, "mood": "good"}) == Hello(protocol=1)
    assert read_answer({"type": "thought", "id": "1"}) is None
    request = read_request({"type": "improve", "id": "1", "input": "/a", "directory": "/b", "new": {}})
    assert request == Improve(id="1", input=Path("/a"), directory=Path("/b"))


@pytest.mark.parametrize(
    "request_",
    [
        {},
        {"type": "dance", "id": "1"},
        {"type": ["ping"], "id": "1"},
        {"type": "ping"},
        {"type": "ping", "id": 1},
        {"type": "folder", "id": "1", "bytes": True},
        {"type": "improve", "id": "1", "input": "relative.jpg", "directory": "/b"},
        {"type": "improve", "id": "1", "input": "/nul\0.jpg", "directory": "/b"},
        {"type": "improve", "id": "1", "input": "/a", "directory": "/b", "keep": "some"},
        {"type": "improve", "id": "1", "input": "/a", "directory": "/b", "settings": []},
        {"type": "improve_raw", "id": "1", "raw": {"path": "/a"}},
        {"type": "improve_raw", "id": "1", "raw": "/a"},
        {"type": "assess", "id": "1", "raw": {"path": "/a", "width": 1.5, "height": 1, "channels": 1, "depth": 8}},
    ],
)
def test_wrong_request(request_) -> None:
    """A wrong request is a usage error, whatever is wrong with it."""
    with pytest.raises(UsageError):
        read_request(request_)


def test_wrong_recipe() -> None:
    """A recipe says itself what is wrong with it."""
    with pytest.raises(RecipeError, match="strength"):
        read_request({"type": "improve", "id": "1", "input": "/a", "directory": "/b", "recipe": {"strength": 2}})


@pytest.mark.parametrize("line", [b"", b"\n", b"[]", b"1", b'"improve"', b"{", b"\xff", b"[" * 100_000, b"null"])
def test_no_object(line: bytes) -> None:
    """What is no JSON object is a usage error."""
    with pytest.raises(UsageError):
        read_line(line)


@pytest.mark.parametrize(
    "kind", [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, ResilverError)]
)
def test_errors_keep_their_class(kind: type[ResilverError]) -> None:
    """Every error of the tree comes back as the same class with the same sentence."""
    back = to_error(error_data(kind("Do this.")))
    assert type(back) is kind
    assert str(back) == "Do this."


def test_unknown_error() -> None:
    """An error that only a newer worker knows keeps its sentence."""
    back = to_error(ErrorData(code="moon-phase", title="Wrong moon", message="Wait for the full moon."))
    assert type(back) is EngineError
    assert str(back) == "Wait for the full moon."
