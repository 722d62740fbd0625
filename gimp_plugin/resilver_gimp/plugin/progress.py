"""How far a run is: a window with the time left and a Cancel that cancels, or GIMP's own progress where nobody looks.

Both are told of progress and asked again and again whether to go on.
"""

from __future__ import annotations

import time

from gi.repository import Gimp

from language import _, ngettext, said

TELL_EVERY_S = 1.0
_SURE_S, _SURE = 2.0, 0.04  # before so much is done, any guess of the rest would be wild


class Quiet:
    """GIMP's own progress; a context manager."""

    def __init__(self) -> None:
        self._fraction = 0.0
        self._next_s = 0.0

    def __enter__(self) -> Quiet:
        Gimp.progress_init("Resilver")
        return self

    def __exit__(self, *_: object) -> None:
        Gimp.progress_end()

    def progress(self, fraction: float, step: str) -> None:
        """Show that ``fraction``, 0..1, is done, now at ``step``."""
        self._fraction = fraction
        Gimp.progress_set_text(f"Resilver: {said(step)}")
        Gimp.progress_update(fraction)

    def cancelled(self) -> bool:
        """Never; but where GIMP is gone, this ends the process."""
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + TELL_EVERY_S
            Gimp.progress_update(self._fraction)
        return False


class Window:
    """A window of the run; a context manager. GIMP's windows stay usable beside it."""

    def __init__(self, title: str) -> None:
        import gi

        gi.require_version("GimpUi", "3.0")
        from gi.repository import GimpUi, Gtk

        GimpUi.init("resilver")  # a repeat had no dialog
        self._gtk = Gtk
        self._rest = Rest()
        self._next_s = 0.0
        self._stopped = False
        self._window = window = Gtk.Dialog(title=title, resizable=False)
        window.set_role("resilver-progress")
        self._step = Gtk.Label(label=_("Beginning…"), xalign=0, width_chars=44)
        self._bar = Gtk.ProgressBar()
        self._left = Gtk.Label(label=" ", xalign=0)
        area = window.get_content_area()
        area.set_spacing(6)
        area.set_border_width(12)
        for widget in (self._step, self._bar, self._left):
            area.pack_start(widget, False, False, 0)
        self._button = window.add_button(_("_Cancel"), Gtk.ResponseType.CANCEL)
        window.connect("response", self._stop)  # also by Escape and by the window's own button
        window.connect("delete-event", lambda *_: True)  # it goes when the work has stopped
        GimpUi.window_set_transient(window)

    def __enter__(self) -> Window:
        self._window.show_all()
        self._breathe()
        return self

    def __exit__(self, *_: object) -> None:
        self._window.destroy()
        self._breathe()

    def progress(self, fraction: float, step: str) -> None:
        """Show that ``fraction``, 0..1, is done, now at ``step``."""
        self._bar.set_fraction(min(1.0, max(0.0, fraction)))
        left = self._rest.seconds(fraction, time.monotonic())
        if not self._stopped:
            sentence = said(step)
            self._step.set_text(sentence[:1].upper() + sentence[1:])
            self._left.set_text(" " if left is None else in_words(left))

    def cancelled(self) -> bool:
        """Whether the user wants it to stop; keeps the window alive."""
        self._breathe()
        if time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + TELL_EVERY_S
            Gimp.getpid()  # where GIMP is gone, this ends the process
        return self._stopped

    def _breathe(self) -> None:
        while self._gtk.events_pending():
            self._gtk.main_iteration_do(False)

    def _stop(self, *_event: object) -> None:
        self._stopped = True
        self._button.set_sensitive(False)
        self._step.set_text(_("Stopping…"))
        self._left.set_text(" ")


class Rest:
    """Guesses the seconds left from how far it is; each answer leans on the one before, so that it does not jump."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._end: float | None = None

    def seconds(self, fraction: float, now: float) -> float | None:
        """Until the end, at the time ``now``; ``None``: it is too early to say."""
        if self._began is None:
            self._began = now
        spent = now - self._began
        if spent < _SURE_S or fraction < _SURE:
            return None
        end = self._began + spent / fraction
        self._end = end if self._end is None else self._end + 0.2 * (end - self._end)
        return max(0.0, self._end - now)


def in_words(seconds: float) -> str:
    """``About 3 minutes left``, as finely as anybody wants to know."""
    if seconds < 8:
        return _("A few seconds left")
    if seconds < 55:
        rounded = max(10, round(seconds / 10) * 10)
        return ngettext("About {count} second left", "About {count} seconds left", rounded).format(count=rounded)
    minutes = max(1, round(seconds / 60))
    return ngettext("About {count} minute left", "About {count} minutes left", minutes).format(count=minutes)
