"""Where the tray's icon is shown: by pystray, of which the part for this desktop is chosen before it is imported.

pystray chooses at import and takes the first part that imports at all; without a display that import raises, and with a
part that has no menu (xorg) the tray would be half of what it can be.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import importlib.util
import logging
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

from resilver_watcher.icons import STEPS, draw
from resilver_watcher.menu import Action, Item, Look

Backend = Literal["appindicator", "gtk", "xorg", "darwin", "win32"]
Act = Callable[[Action], None]

_TITLE_LETTERS = 120  # Windows takes 127
# where Debian and its children, and then Fedora and its kin, keep PyGObject; the latter is not verified
_SYSTEM_PACKAGES = [
    Path("/usr/lib/python3/dist-packages"),
    Path(f"/usr/lib64/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages"),
]
_log = logging.getLogger(__name__)


class TrayIcon(Protocol):
    """What the tray needs of a desktop."""

    def run(self, follow: Callable[[], None], leave: Callable[[], None]) -> None:
        """Show the icon until :meth:`stop`; only from the main thread.

        ``follow`` runs in a thread of its own meanwhile; ``leave`` is what :func:`on_signals` was told.
        """

    def show(self, look: Look) -> None:
        """Show this from now on; from the thread of ``follow``."""

    def stop(self) -> None:
        """End :meth:`run`."""


class NullIcon:
    """No icon, where no desktop could show one: :meth:`run` returns at once."""

    def run(self, follow: Callable[[], None], leave: Callable[[], None]) -> None:
        """Show nothing."""

    def show(self, look: Look) -> None:
        """Show nothing."""

    def stop(self) -> None:
        """There is nothing to end."""


class PystrayIcon:
    """An icon by pystray's part ``backend``; a click calls ``act``, which must return at once.

    Raises:
        ImportError: pystray cannot work with that part.
    """

    def __init__(self, backend: Backend, act: Act) -> None:
        os.environ["PYSTRAY_BACKEND"] = backend
        self._pystray = importlib.import_module("pystray")
        self._backend = backend
        self._act = act
        self._shown: Look | None = None
        self._icon = self._pystray.Icon("resilver", title="Resilver", menu=self._pystray.Menu(self._lines))

    def run(self, follow: Callable[[], None], leave: Callable[[], None]) -> None:
        """See :class:`TrayIcon`."""
        if self._backend in ("appindicator", "gtk"):
            # pystray gives SIGINT back to the system when its loop starts, which would leave the icon's file behind
            importlib.import_module("gi.repository.GLib").idle_add(on_signals, leave)
        if self._backend == "xorg":
            _hear_clicks(self._icon)
        try:
            self._icon.run(lambda _icon: follow())
        except Exception:  # noqa: BLE001 - in its end it takes back a notification, which fails where nothing shows one
            _log.debug("tray: pystray ended with an error", exc_info=True)

    def show(self, look: Look) -> None:
        """See :class:`TrayIcon`; only what changed is drawn again, since a new menu closes an open one."""
        last, self._shown = self._shown, look
        if last is None or (last.mood, last.step) != (look.mood, look.step):
            self._icon.icon = draw(look.mood, look.step / STEPS)
        self._icon.title = look.title[:_TITLE_LETTERS]
        if last is None or last.items != look.items:
            self._icon.update_menu()
        self._icon.visible = True

    def stop(self) -> None:
        """See :class:`TrayIcon`."""
        self._icon.stop()

    def _lines(self) -> list[Any]:
        shown = self._shown
        if shown is None:
            return []
        # pystray's part for X has no menu, only this; on Windows it is the left button's
        click = self._pystray.MenuItem("", self._clicked(shown.click), default=True, visible=False)
        return [click, *map(self._line, shown.items)]

    def _clicked(self, action: Action | None) -> Callable[[], None]:
        def act() -> None:
            if action is not None:
                self._act(action)

        return act

    def _line(self, item: Item) -> Any:
        if not item.text:
            return self._pystray.Menu.SEPARATOR
        if item.items:
            action: Any = self._pystray.Menu(*(self._line(inner) for inner in item.items))
        else:
            action = self._clicked(item.action)
        checked = None if item.checked is None else lambda _line: bool(item.checked)
        enabled = bool(item.action or item.items)
        # Windows takes & for the mark of the letter to press
        text = item.text.replace("&", "&&") if self._backend == "win32" else item.text
        return self._pystray.MenuItem(text, action, checked=checked, radio=item.radio, enabled=enabled)


def _hear_clicks(icon: Any) -> None:
    """Pystray's part for X acts on clicks, but as of 0.19.5 does not ask the server for them."""
    x = importlib.import_module("Xlib.X")
    icon._window.change_attributes(event_mask=x.ExposureMask | x.StructureNotifyMask | x.ButtonPressMask)  # noqa: SLF001
    icon._display.flush()  # noqa: SLF001


def on_signals(leave: Callable[[], None]) -> None:
    """Call ``leave`` when the system or a terminal asks for the end; only from the main thread."""
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: leave())


def make_icon(act: Act, environ: Mapping[str, str], platform: str = sys.platform) -> TrayIcon:
    """The icon for this desktop, or a :class:`NullIcon`; a tray that cannot be is never a reason to fail."""
    backend = choose(environ, platform)
    if backend is None:
        return NullIcon()
    try:
        return PystrayIcon(backend, act)
    except Exception as error:  # noqa: BLE001 - an X server that refuses us makes the import raise Xlib's own errors
        _log.warning("tray: no icon by %s (%s)", backend, error)
        return NullIcon()


def choose(environ: Mapping[str, str], platform: str = sys.platform) -> Backend | None:
    """The best part of pystray that can work here, tried without importing pystray; ``None`` without a display."""
    if platform in ("darwin", "win32"):
        return "darwin" if platform == "darwin" else "win32"
    display = environ.get("DISPLAY", "")
    if not (display or environ.get("WAYLAND_DISPLAY")):
        return None
    if _holds(_gtk_works):
        return "appindicator" if _holds(_indicator_is_there) else "gtk"
    return "xorg" if display and _holds(lambda: _x_works(display)) else None


def tray_is_there(environ: Mapping[str, str], platform: str = sys.platform) -> bool:
    """Whether the desktop shows icons at all just now; GNOME without an extension does not."""
    display = environ.get("DISPLAY", "")
    return (
        platform in ("darwin", "win32")
        or _holds(_watcher_is_there)
        or (bool(display) and _holds(lambda: _x_works(display, tray=True)))
    )


def _holds(probe: Callable[[], bool]) -> bool:
    try:
        return probe()
    except Exception:  # noqa: BLE001 - GLib and Xlib have errors of their own, which cannot be named without them
        return False


def _gtk_works() -> bool:
    """Whether Gtk finds a display and a session bus: pystray's parts for it cannot do without either."""
    _borrow_gi()
    importlib.import_module("gi").require_version("Gtk", "3.0")
    gio = importlib.import_module("gi.repository.Gio")
    gio.bus_get_sync(gio.BusType.SESSION, None)
    return bool(importlib.import_module("gi.repository.Gtk").init_check()[0])


def _borrow_gi() -> None:
    """Let a virtual environment see the system's own PyGObject, which pip can only build with compilers."""
    if importlib.util.find_spec("gi") is not None:
        return
    for place in _SYSTEM_PACKAGES:
        if any((place / "gi" / f"_gi{suffix}").exists() for suffix in importlib.machinery.EXTENSION_SUFFIXES):
            sys.path.append(str(place))  # last, so that everything else still comes from the environment
            return


def _indicator_is_there() -> bool:
    known = importlib.import_module("gi").Repository.get_default().enumerate_versions
    return bool(known("AppIndicator3") or known("AyatanaAppIndicator3"))


def _x_works(display: str, *, tray: bool = False) -> bool:
    """Whether an X server answers, and has a place for icons if that is asked for."""
    connection = importlib.import_module("Xlib.display").Display(display)
    try:
        selection = connection.intern_atom(f"_NET_SYSTEM_TRAY_S{connection.get_default_screen()}")
        return not tray or bool(connection.get_selection_owner(selection))
    finally:
        connection.close()


def _watcher_is_there() -> bool:
    gio = importlib.import_module("gi.repository.Gio")
    name = "org.kde.StatusNotifierWatcher"
    proxy = gio.DBusProxy.new_for_bus_sync(
        gio.BusType.SESSION, gio.DBusProxyFlags.DO_NOT_AUTO_START, None, name, "/StatusNotifierWatcher", name, None
    )
    shown = proxy.get_cached_property("IsStatusNotifierHostRegistered")
    return shown is not None and bool(shown.unpack())
