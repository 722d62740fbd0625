"""The tray: what it shows and does for a status, and the real one on a display and a session bus of its own."""

from __future__ import annotations

import gettext
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from fakes.controls import FakeControls
from resilver_watcher.control import ControlServer
from resilver_watcher.endpoint import Endpoint
from resilver_watcher.menu import Action, Ask, Autostart, Command, Leave, Look, Open
from resilver_watcher.remote import Remote, answering
from resilver_watcher.state import Current, Entry, PairState, Status
from resilver_watcher.tray import Tray
from resilver_watcher.tray_backend import NullIcon, choose, make_icon

PANEL = Path(__file__).parents[1] / "fakes" / "panel.py"
BUSY = Status(
    state="working",
    current=Current("/photos/in/attic_1931.jpg", fraction=0.5, seconds_left=150.0),
    counts={"waiting": 3, "working": 1, "done": 7, "failed": 1, "aside": 0},
    failed=(
        Entry("/photos/in/torn.jpg", "failed", code="picture-broken", reason="The picture is cut off; scan it again."),
    ),
    results=(Entry("/photos/in/a.jpg", "done", outputs=("/photos/out/a-improved.jpg",)),),
    pairs=(PairState("/photos/in", "/photos/out"),),
)


class FakeDesktop:
    """The tray in this process with an icon that remembers, and what was opened and run."""

    def __init__(self, controls: FakeControls | Remote, autostart: bool | None = False) -> None:
        self.looks: list[Look] = []
        self.opened: list[Path] = []
        self.commands: list[tuple[str, ...]] = []
        self.stopped = False
        self.autostart = autostart
        self.tray = Tray(
            controls,
            gettext.NullTranslations(),
            run_command=self._run,
            open_path=self.opened.append,
            autostart=lambda: self.autostart,
            set_autostart=self._set_autostart,
            settings=Path("/settings.toml"),
            look_s=0.01,
        )

    def _run(self, arguments: Sequence[str]) -> None:
        self.commands.append(tuple(arguments))

    def _set_autostart(self, on: bool) -> None:
        self.autostart = on

    def show(self, look: Look) -> None:
        self.looks.append(look)

    def stop(self) -> None:
        self.stopped = True

    def run(self, *clicks: Action) -> Look:
        """Click these, leave, and give the last look."""
        for click in clicks:
            self.tray.click(click)
        self.tray.leave()
        self.tray.follow(self)  # type: ignore[arg-type]
        return self.looks[-1]


def find(look: Look, *labels: str) -> Any:
    """The item under these beginnings of labels."""
    items = look.items
    found = None
    for label in labels:
        found = next(item for item in items if item.text.startswith(label))
        items = found.items
    return found


def test_the_menu_is_complete() -> None:
    """A working daemon shows what goes on now and every entry, each with what its click does."""
    look = FakeDesktop(FakeControls(BUSY)).run()
    assert look.items[0].text == "Restoring attic_1931.jpg. 3 more pictures are waiting."
    assert look.items[0].action is None
    assert (look.mood, look.step) == ("working", 6)
    assert "50 %" in look.title
    assert find(look, "Pause").checked is False
    actions = {
        ("Pause",): Ask("pause"),
        ("Open folder to restore",): Open(Path("/photos/in")),
        ("Open restored folder",): Open(Path("/photos/out")),
        ("Last results", "a-improved.jpg"): Open(Path("/photos/out/a-improved.jpg")),
        ("Failed (1)", "Try all again"): Ask("retry"),
        ("Failed (1)", "torn.jpg", "Try again"): Ask("retry", "/photos/in/torn.jpg"),
        ("Compare before and after",): Command(("history", "--html", "--open")),
        ("Engine", "This computer"): Ask("engine", "local"),
        ("Engine", "Cloud"): Ask("engine", "cloud"),
        ("Preset", "Restore and colorize"): Ask("preset", "Colorize"),
        ("Start with the computer",): Autostart(on=True),
        ("Settings",): Open(Path("/settings.toml")),
        ("Quit",): Leave(),
    }
    assert {path: find(look, *path).action for path in actions} == actions
    reason = find(look, "Failed (1)", "torn.jpg").items[0]
    assert find(look, "Failed (1)").items[2].text == "torn.jpg: The picture is damaged"
    assert (reason.text, reason.action) == ("The picture is cut off; scan it again.", None)
    assert [item.checked for item in find(look, "Engine").items] == [True, False]
    assert look.click == Open(Path("/photos/out"))


def test_the_engines_say_cost_and_privacy() -> None:
    """Whoever changes the engine reads beside it what it costs and where pictures go."""
    local, cloud = find(FakeDesktop(FakeControls(BUSY)).run(), "Engine").items
    assert "free" in local.text
    assert "stay" in local.text
    assert "sent" in cloud.text
    assert "charge" in cloud.text


def test_a_menu_stays_while_a_picture_goes_on() -> None:
    """Progress changes icon and title only: a changed menu would close under the user's hand."""
    first = FakeDesktop(FakeControls(BUSY)).run()
    controls = FakeControls(
        Status.from_json(
            {**BUSY.to_json(), "current": {"source": "/photos/in/attic_1931.jpg", "fraction": 0.75, "seconds_left": 20}}
        )
    )
    later = FakeDesktop(controls).run()
    assert later.items == first.items
    assert (later.step, later.title != first.title) == (9, True)


@pytest.mark.parametrize(
    ("click", "asked"),
    [
        (Ask("pause"), ("pause",)),
        (Ask("resume"), ("resume",)),
        (Ask("retry"), ("retry", None)),
        (Ask("retry", "/in/torn.jpg"), ("retry", [Path("/in/torn.jpg")])),
        (Ask("engine", "cloud"), ("engine", "cloud")),
        (Ask("preset", "Colorize"), ("preset", "Colorize")),
    ],
)
def test_a_click_reaches_the_daemon(click: Ask, asked: tuple[object, ...]) -> None:
    """Every entry that tells the daemon something tells it just that."""
    controls = FakeControls(BUSY)
    FakeDesktop(controls).run(click)
    assert controls.told == [asked]


def test_pause_is_a_toggle() -> None:
    """After Pause the entry is ticked and takes it back, and the icon says so."""
    controls = FakeControls(BUSY)
    look = FakeDesktop(controls).run(Ask("pause"))
    (pause,) = [item for item in look.items if item.text == "Pause"]
    assert (pause.checked, pause.action, look.mood) == (True, Ask("resume"), "paused")
    assert look.items[0].text == "Paused. 3 more pictures are waiting."


def test_quit_stops_the_daemon_and_leaving_does_not() -> None:
    """Quit ends the daemon too; a tray that is ended by the system leaves it running."""
    controls = FakeControls(BUSY)
    desktop = FakeDesktop(controls)
    desktop.run()
    assert (controls.told, desktop.stopped) == ([], True)
    desktop.run(Leave())
    assert controls.told == [("stop",)]


def test_a_refusal_is_told() -> None:
    """What the daemon refuses stands on top of the menu until the next click, and the tray lives."""
    controls = FakeControls(BUSY)
    desktop = FakeDesktop(controls)
    desktop.run(Ask("preset", "Sharpen"), Ask("pause"))
    first_lines = [look.items[0].text for look in desktop.looks]
    assert first_lines[1] == "There is no preset 'Sharpen'."
    assert first_lines[-1].startswith("Paused.")
    assert controls.told == [("pause",)]


def test_autostart_is_ticked_as_it_is() -> None:
    """The entry shows how things stand, changes them, and is absent where they cannot be changed."""
    desktop = FakeDesktop(FakeControls(BUSY))
    desktop.run(Autostart(on=True))
    assert desktop.autostart is True
    assert find(desktop.run(), "Start with the computer").action == Autostart(on=False)
    cannot = FakeDesktop(FakeControls(BUSY), autostart=None).run()
    assert not [item for item in cannot.items if item.text.startswith("Start with")]


def test_without_a_daemon_it_offers_to_start_one(tmp_path: Path) -> None:
    """When nothing answers, the tray says so, offers a start, and sees the daemon when it is there."""
    endpoint = Endpoint(tmp_path)
    desktop = FakeDesktop(Remote(endpoint))
    look = desktop.run()
    assert look.mood == "trouble"
    assert find(look, "Start watching").action == look.click == Command(("watch", "--no-tray"))
    with ControlServer(endpoint, answering(FakeControls(BUSY), lambda: None)):
        assert desktop.run().mood == "working"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (Status("idle"), "Nothing to do."),
        (Status("idle", counts={"waiting": 1}), "1 picture is waiting."),
        (Status("paused"), "Paused."),
        (Status("trouble", trouble="The disk is full; make room."), "The disk is full; make room."),
        (Status("trouble", pairs=(PairState("/i", "/o", trouble="/i is missing."),)), "/i is missing."),
    ],
)
def test_each_state_in_words(status: Status, said: str) -> None:
    """The first line says what goes on, in every state."""
    assert FakeDesktop(FakeControls(status)).run().items[0].text.startswith(said)


def test_names_that_cannot_be_shown_are_mended() -> None:
    """Bytes that are no UTF-8, line breaks and long names come out as one short line that a menu can show."""
    hostile = os.fsdecode(b"/in/w\xff\n" + b"x" * 120 + b"-0042.jpg")
    look = FakeDesktop(FakeControls(Status("working", current=Current(hostile)))).run()
    shown = " ".join(item.text for item in look.items[:2])
    assert "-0042.jpg" in shown
    assert shown.encode().decode() == shown
    assert "\n" not in shown
    assert len(shown) < 80


@pytest.mark.parametrize(
    ("platform", "environ", "backend"),
    [
        ("linux", {}, None),
        ("linux", {"DISPLAY": ":987"}, None),
        ("linux", {"DISPLAY": "nonsense"}, None),
        ("darwin", {}, "darwin"),
        ("win32", {}, "win32"),
    ],
)
def test_the_backend_is_chosen_before_the_import(platform: str, environ: dict[str, str], backend: str | None) -> None:
    """No display, or one that does not answer, is seen without pystray's import, which would raise."""
    program = (
        "import sys; from resilver_watcher.tray_backend import choose, make_icon, NullIcon\n"
        f"assert choose({environ!r}, {platform!r}) == {backend!r}\n"
        "assert 'pystray' not in sys.modules\n"
    )
    bare = {"PATH": os.environ["PATH"], "HOME": "/nowhere", **environ}
    subprocess.run([sys.executable, "-c", program], env=bare, check=True, timeout=60)


def test_headless_there_is_no_icon_and_one_line(tmp_path: Path) -> None:
    """Without a display the tray says one line, ends well, and nothing failed."""
    assert choose({}, "linux") is None
    icon = make_icon(lambda _action: None, {}, "linux")
    assert isinstance(icon, NullIcon)
    done = subprocess.run(
        [sys.executable, "-m", "resilver_watcher.tray"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert "resilver status" in line
