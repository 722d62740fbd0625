"""What the tray shows for a status: picture, title and menu, as plain values that can be compared and tested."""

from __future__ import annotations

import gettext
import textwrap
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from resilver.recipe import PRESETS
from resilver_watcher.icons import STEPS
from resilver_watcher.language import said
from resilver_watcher.reasons import reason_title
from resilver_watcher.state import COPIED, Entry, Mood, Status

RESULTS = 10
FAILED = 15  # a menu longer than the screen scrolls badly; `resilver history` has them all
_NAME_LETTERS, _LINE_LETTERS = 44, 60


@dataclass(frozen=True, slots=True)
class Ask:
    """Tell the daemon something, ``about`` an engine, a preset, or a picture to retry (empty: all that failed)."""

    do: Literal["pause", "resume", "retry", "engine", "preset"]
    about: str = ""


@dataclass(frozen=True, slots=True)
class Open:
    """Open a file or folder with the desktop's own program."""

    path: Path


@dataclass(frozen=True, slots=True)
class Command:
    """Run ``resilver`` with these arguments."""

    arguments: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Autostart:
    """Start with the computer from now on, or no more."""

    on: bool


@dataclass(frozen=True, slots=True)
class Leave:
    """End the tray, and the daemon with it."""


Action = Ask | Open | Command | Autostart | Leave


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a menu; without text it is a separator, without action and items it cannot be clicked.

    ``checked``: whether its tick is set, or ``None`` for a line without one; ``radio``: one of several.
    """

    text: str = ""
    action: Action | None = None
    items: tuple[Item, ...] = ()
    checked: bool | None = None
    radio: bool = False


SEPARATOR = Item()


@dataclass(frozen=True, slots=True)
class Look:
    """Everything that a tray icon shows.

    ``step``: of icons.STEPS that are done while working. ``click``: what a click on the icon itself does, where that
    does not open the menu.
    """

    mood: Mood
    title: str
    items: tuple[Item, ...]
    step: int = 0
    click: Action | None = None


def look(
    status: Status, words: gettext.NullTranslations, *, settings: Path, autostart: bool | None, refused: str = ""
) -> Look:
    """The look for a status.

    ``autostart``: whether it starts with the computer, ``None`` where that cannot be set. ``refused``: a sentence on
    why the last click did nothing.
    """
    _ = words.gettext
    now = headline(status, words)
    step = round(status.current.fraction * STEPS) if status.state == "working" and status.current else 0
    items = (
        *_sentence(said(refused, words)),
        *_sentence(now),
        SEPARATOR,
        Item(_("Pause"), Ask("resume" if status.state == "paused" else "pause"), checked=status.state == "paused"),
        SEPARATOR,
        *_folders(status, words),
        _results(status, words),
        _failed(status, words),
        Item(_("Compare before and after"), Command(("history", "--html", "--open"))),
        SEPARATOR,
        _engine(status, words),
        _preset(status, words),
        *_autostart(autostart, words),
        Item(_("Settings"), Open(settings)),
        SEPARATOR,
        Item(_("Quit"), Leave()),
    )
    click = Open(Path(status.pairs[0].output)) if status.pairs else None
    return Look(status.state, _title(now, status, words), items, step, click)


def look_without_daemon(words: gettext.NullTranslations, reason: str = "") -> Look:
    """The look while no daemon answers; ``reason``: a sentence, if it is more than that there is none."""
    _ = words.gettext
    why = said(reason, words) or _("Resilver is not watching any folder.")
    start = Command(("watch", "--no-tray"))
    items = (*_sentence(why), SEPARATOR, Item(_("Start watching"), start), Item(_("Quit"), Leave()))
    return Look("trouble", f"Resilver: {readable(why)}", items, click=start)


def headline(status: Status, words: gettext.NullTranslations) -> str:
    """One sentence on what is going on. It stays the same during a picture, since a menu that changes closes."""
    _ = words.gettext
    waiting = status.counts.get("waiting", 0)
    more = words.ngettext("{n} more picture is waiting", "{n} more pictures are waiting", waiting).format(n=waiting)
    trouble = status.trouble or next((pair.trouble for pair in status.pairs if pair.trouble), "")
    if status.state == "trouble" and trouble:
        return readable(said(trouble, words))
    if status.state == "paused":
        paused = _("Paused")
        return f"{paused}. {more}." if waiting else f"{paused}."
    if status.current:
        doing = _("Restoring {name}").format(name=short_name(status.current.source))
        return f"{doing}. {more}." if waiting else f"{doing}."
    if waiting:
        return words.ngettext("{n} picture is waiting.", "{n} pictures are waiting.", waiting).format(n=waiting)
    return _("Nothing to do. Drop photographs into the folder to restore.")


def short_name(path: str, letters: int = _NAME_LETTERS) -> str:
    """A file's name for people, with its end kept, since that is where names of scans differ."""
    name = readable(Path(path).name)
    return name if len(name) <= letters else f"{name[: letters // 2 - 1]}…{name[-letters // 2 :]}"


def readable(text: str) -> str:
    """Text that can be shown: on one line, and without the lone surrogates that stand for bytes in names."""
    whole = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    return " ".join("".join(letter if letter.isprintable() else " " for letter in whole).split())


def _sentence(text: str) -> list[Item]:
    return [Item(line) for line in textwrap.wrap(readable(text), _LINE_LETTERS)]


def _title(now: str, status: Status, words: gettext.NullTranslations) -> str:
    _ = words.gettext
    if status.state != "working" or not status.current:
        return f"Resilver: {now}"
    done = f"{round(status.current.fraction * 100)} %"
    left = status.current.seconds_left
    if left is None:
        return f"Resilver: {now} {done}"
    if left < 60:
        soon = _("less than a minute left")
    else:
        minutes = round(left / 60)
        soon = words.ngettext("about {n} minute left", "about {n} minutes left", minutes).format(n=minutes)
    return f"Resilver: {now} {done}, {soon}"


def _folders(status: Status, words: gettext.NullTranslations) -> list[Item]:
    _ = words.gettext
    inputs, outputs = _("Open folder to restore"), _("Open restored folder")
    if not status.pairs:
        return [Item(inputs), Item(outputs)]
    if len(status.pairs) == 1:
        pair = status.pairs[0]
        return [Item(inputs, Open(Path(pair.input))), Item(outputs, Open(Path(pair.output)))]
    return [
        Item(inputs, items=tuple(Item(short_name(pair.input), Open(Path(pair.input))) for pair in status.pairs)),
        Item(outputs, items=tuple(Item(short_name(pair.output), Open(Path(pair.output))) for pair in status.pairs)),
    ]


def _results(status: Status, words: gettext.NullTranslations) -> Item:
    last = [entry for entry in status.results if entry.outputs][:RESULTS]
    return Item(words.gettext("Last results"), items=tuple(_result(entry, words) for entry in last))


def _result(entry: Entry, words: gettext.NullTranslations) -> Item:
    name = short_name(entry.outputs[-1])
    unchanged = f" ({said(COPIED, words)})" if COPIED in entry.notes else ""
    return Item(name + unchanged, Open(Path(entry.outputs[-1])))


def _failed(status: Status, words: gettext.NullTranslations) -> Item:
    _ = words.gettext
    number = status.counts.get("failed", 0) + status.counts.get("aside", 0)
    title = _("Failed ({n})").format(n=number)
    if not status.failed:
        return Item(title)
    shown = map(partial(_failure, words=words), status.failed[:FAILED])
    return Item(title, items=(Item(_("Try all again"), Ask("retry")), SEPARATOR, *shown))


def _failure(entry: Entry, words: gettext.NullTranslations) -> Item:
    _ = words.gettext
    title = reason_title(entry.code, words)
    name = short_name(entry.source)
    return Item(
        f"{name}: {title}" if title else name,
        items=(
            *_sentence(said(entry.reason, words) or _("The reason is not known.")),
            SEPARATOR,
            Item(_("Try again"), Ask("retry", entry.source)),
            Item(_("Show the picture"), Open(Path(entry.source))),
        ),
    )


def _engine(status: Status, words: gettext.NullTranslations) -> Item:
    _ = words.gettext
    texts = {
        "local": _("This computer: free, pictures stay here"),
        "cloud": _("Cloud: pictures are sent to the service, which may charge for each"),
    }
    items = tuple(
        Item(text, Ask("engine", name), checked=status.engine == name, radio=True) for name, text in texts.items()
    )
    return Item(_("Engine"), items=items)


def _preset(status: Status, words: gettext.NullTranslations) -> Item:
    _ = words.gettext
    texts = {
        "Restore": _("Restore"),
        "Colorize": _("Restore and colorize"),
        "Upscale 2x": _("Enlarge 2x"),
        "Upscale 4x": _("Enlarge 4x"),
    }
    items = [
        Item(texts.get(name, name), Ask("preset", name), checked=status.preset == name, radio=True) for name in PRESETS
    ]
    if status.preset not in PRESETS:
        items.append(Item(_("As the settings say"), checked=True, radio=True))
    return Item(_("Preset"), items=tuple(items))


def _autostart(on: bool | None, words: gettext.NullTranslations) -> list[Item]:
    text = words.gettext("Start with the computer")
    return [] if on is None else [Item(text, Autostart(on=not on), checked=on)]
