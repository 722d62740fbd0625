"""The controls over the socket: what is asked arrives, and what is answered comes back, as the same values."""

from __future__ import annotations

import pytest

from fakes.controls import BUSY, FakeControls, some_files
from resilver.errors import RecipeError, UsageError
from resilver.recipe import Recipe
from resilver_watcher.control import ControlServer, call
from resilver_watcher.endpoint import Endpoint
from resilver_watcher.remote import Remote, answering
from resilver_watcher.state import Entry

ENTRIES = tuple(Entry(f"/p/{n}.jpg", "done", (f"/r/{n}.jpg",), notes=("a note",)) for n in range(5))


@pytest.fixture
def endpoint(tmp_path):
    return Endpoint(tmp_path)


@pytest.fixture
def controls(endpoint):
    controls = FakeControls(entries=ENTRIES)
    with ControlServer(endpoint, answering(controls, controls.show)):
        yield controls


def test_every_action(endpoint, controls):
    """Each method of the remote has the effect and the value of the daemon's own."""
    remote = Remote(endpoint)
    files = some_files("Bär.jpg", "w\udcff\n.jpg")
    assert remote.status() == BUSY
    remote.pause()
    assert remote.status().state == "paused"
    remote.resume()
    assert (remote.retry(), remote.retry(files)) == (4, 2)
    assert remote.enqueue(files, Recipe(resolution=2), beside=True) == 2
    assert remote.enqueue(files[:1]) == 1
    assert remote.enqueue(files[:1], into=files[1]) == 1
    remote.set_engine("cloud")
    remote.set_preset("Colorize")
    assert remote.history(3) == ENTRIES[:3]
    remote.show()
    remote.stop()
    assert controls.told == [
        ("pause",),
        ("resume",),
        ("retry", None),
        ("retry", files),
        ("enqueue", files, Recipe(resolution=2), True),
        ("enqueue", files[:1], None, False),
        ("enqueue", files[:1], None, False, files[1]),
        ("engine", "cloud"),
        ("preset", "Colorize"),
        ("show",),
        ("stop",),
    ]


def test_the_daemons_own_errors(endpoint, controls):
    """An error of the daemon is raised in the process that asked."""
    with pytest.raises(RecipeError, match="no preset 'Sharpen'"):
        Remote(endpoint).set_preset("Sharpen")


@pytest.mark.parametrize(
    ("do", "fields"),
    [
        ("dance", {}),
        (["status"], {}),
        ("enqueue", {}),
        ("enqueue", {"files": "a.jpg"}),
        ("enqueue", {"files": ["a.jpg"]}),
        ("enqueue", {"files": ["/a\0.jpg"]}),
        ("enqueue", {"files": [], "recipe": {"sharpen": 1}}),
        ("enqueue", {"files": [], "recipe": 3}),
        ("retry", {"paths": [1]}),
        ("engine", {}),
        ("preset", {"name": 1}),
        ("history", {"n": 0}),
        ("history", {"n": True}),
        ("history", {"n": "10"}),
    ],
)
def test_requests_that_mean_nothing(endpoint, controls, do, fields):
    """What no remote would ask is refused with a sentence and told to nobody."""
    with pytest.raises(UsageError):
        call(endpoint, do, **fields)
    assert controls.told == []
