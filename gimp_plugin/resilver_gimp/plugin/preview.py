"""A detail of the layer at 1:1, as it is and as it would become; moved with the mouse or the arrow keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gi.repository import Gdk, GdkPixbuf, Gimp, GLib, Gtk

from core import Trouble
from language import _, said
from pixels import seen, seen_raw, write_layer

WIDTH, HEIGHT = 272, 304  # of a view, in pixels of the screen
PAUSE_MS = 150  # after which a movement counts as ended
STEP, LEAP = 16, 160  # of the arrow keys, in pixels of the screen; with Shift
_ARROWS = {Gdk.KEY_Left: (-1, 0), Gdk.KEY_Right: (1, 0), Gdk.KEY_Up: (0, -1), Gdk.KEY_Down: (0, 1)}
_CHECKS = 8, 0xFF999999, 0xFF666666  # behind what is transparent, as GIMP's
_FOCUS = b"#resilver-preview:focus { box-shadow: inset 0 0 0 2px @theme_selected_bg_color; }"

Ask = Callable[[dict[str, Any], tuple[int, int, int, int]], None]


class Preview:
    """Two views of a detail of ``layer``, before and after.

    ``ask`` is to compute a detail (x, y, width, height) of the raw layer; what comes of it goes to :meth:`show`.
    """

    def __init__(self, layer: Gimp.Layer, ask: Ask) -> None:
        self._layer = layer
        self._ask = ask
        self._raw: dict[str, Any] | None = None
        self._factor = 1  # of an enlargement
        self._x, self._y = _middle(layer)  # of the detail, in pixels of the layer
        self._grip: tuple[float, float] | None = None  # where the pointer holds the layer
        self._timer = 0
        self._open = True
        self._before, self._after = Gtk.Image(), Gtk.Image()
        self._state = Gtk.Label(label=_("Starting Resilver…"), xalign=0)
        self._place = Gtk.Label(xalign=1)
        self.widget = self._made()
        self._draw()

    def begin(self, folder: Path) -> None:
        """Give the worker the layer through its ``folder``, and compute the first detail."""
        self._say(_("Reading the layer…"))
        try:
            self._raw = write_layer(self._layer, folder / "layer", breathe=self._breathe)
        except _Closed:
            return
        except (OSError, Trouble) as error:
            self._say(said(str(error)))
            return
        self.renew()

    def enlarge(self, factor: int) -> None:
        """Show what is enlarged so much."""
        if factor != self._factor:
            self._factor = factor
            self._move(0, 0)

    def renew(self) -> None:
        """Compute the detail anew, after a moment without movements."""
        if self._raw is not None and self._open:
            self._say(_("Computing…"))
            if self._timer:
                GLib.source_remove(self._timer)
            self._timer = GLib.timeout_add(PAUSE_MS, self._compute)

    def show(self, raw: dict[str, Any] | None, reason: str, looking: bool = False) -> None:
        """The detail that was computed, or why there is none; ``looking``: damage elsewhere may still change it."""
        if not self._open:
            return
        if raw is None:
            self._after.set_from_pixbuf(self._before.get_pixbuf())
            sentence = said(reason)
            self._say(_("Nothing changes: {reason}").format(reason=sentence) if sentence else "", looking)
        else:
            self._after.set_from_pixbuf(_pixbuf(seen_raw(self._layer, raw), raw["width"], raw["height"]))
            Path(raw["path"]).unlink(missing_ok=True)  # one for each movement
            self._say("", looking)

    def rest(self) -> None:
        """There is no worker."""
        self._raw = None
        self._say(_("No preview"))

    def close(self) -> None:
        """Compute nothing more."""
        self._open = False
        if self._timer:
            GLib.source_remove(self._timer)
            self._timer = 0

    def _made(self) -> Gtk.Widget:
        views = Gtk.Box(spacing=6, border_width=4)
        for title, image in ((_("Before"), self._before), (_("After"), self._after)):
            image.set_size_request(WIDTH, HEIGHT)
            column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=3)
            column.pack_start(Gtk.Label(label=title), False, False, 0)
            image.set_valign(Gtk.Align.START)
            column.pack_start(image, False, False, 0)
            views.pack_start(column, False, False, 0)
        area = Gtk.EventBox(name="resilver-preview", can_focus=True, halign=Gtk.Align.START)
        area.add(views)
        area.set_tooltip_text(_("Drag, or use the arrow keys (with Shift: farther)"))
        area.add_events(
            Gdk.EventMask.BUTTON_PRESS_MASK | Gdk.EventMask.BUTTON_RELEASE_MASK | Gdk.EventMask.POINTER_MOTION_MASK
        )
        for name in ("button-press-event", "button-release-event", "motion-notify-event", "key-press-event"):
            area.connect(name, getattr(self, "_" + name.removesuffix("-event").replace("-", "_")))
        style = Gtk.CssProvider()
        style.load_from_data(_FOCUS)
        area.get_style_context().add_provider(style, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)
        title = Gtk.Label(label=_("_Detail at 1:1"), use_underline=True, mnemonic_widget=area, xalign=0)
        line = Gtk.Box(spacing=12)
        line.pack_start(title, False, False, 0)
        line.pack_end(self._place, False, False, 0)
        box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=3)
        box.pack_start(area, False, False, 0)
        box.pack_start(line, False, False, 0)
        self._state.set_line_wrap(True)
        self._state.set_max_width_chars(50)
        box.pack_start(self._state, False, False, 0)
        box.show_all()
        return box

    def _button_press(self, area: Gtk.Widget, event: Gdk.EventButton) -> bool:
        area.grab_focus()
        self._grip = event.x, event.y
        return True

    def _button_release(self, *_event: object) -> bool:
        self._grip = None
        return True

    def _motion_notify(self, _area: Gtk.Widget, event: Gdk.EventMotion) -> bool:
        if self._grip is not None:
            self._move(self._grip[0] - event.x, self._grip[1] - event.y)
            self._grip = event.x, event.y
        return True

    def _key_press(self, _area: Gtk.Widget, event: Gdk.EventKey) -> bool:
        if event.keyval not in _ARROWS:
            return False
        far = LEAP if event.state & Gdk.ModifierType.SHIFT_MASK else STEP
        x, y = _ARROWS[event.keyval]
        self._move(x * far, y * far)
        return True

    def _move(self, right: float, down: float) -> None:
        """By so many pixels of the screen."""
        _x, _y, width, height = self._detail()
        self._x = min(max(0, self._x + right / self._factor), self._layer.get_width() - width)
        self._y = min(max(0, self._y + down / self._factor), self._layer.get_height() - height)
        self._draw()
        self.renew()

    def _detail(self) -> tuple[int, int, int, int]:
        width = min(WIDTH // self._factor, self._layer.get_width())
        height = min(HEIGHT // self._factor, self._layer.get_height())
        x = min(int(self._x), self._layer.get_width() - width)
        return x, min(int(self._y), self._layer.get_height() - height), width, height

    def _draw(self) -> None:
        """The detail as it is now, in both views: what it becomes is computed."""
        x, y, width, height = self._detail()
        pixbuf = _pixbuf(seen(self._layer, (x, y, width, height)), width, height)
        if self._factor > 1:
            size = width * self._factor, height * self._factor
            pixbuf = pixbuf.scale_simple(*size, GdkPixbuf.InterpType.BILINEAR)
        self._before.set_from_pixbuf(pixbuf)
        self._after.set_from_pixbuf(pixbuf)
        self._place.set_text(f"{x}, {y}")

    def _compute(self) -> bool:
        self._timer = 0
        if self._raw is not None:
            self._ask(self._raw, self._detail())
        return GLib.SOURCE_REMOVE

    def _say(self, sentence: str, looking: bool = False) -> None:
        self._state.set_text(sentence or (_("Looking for damage in the whole layer…") if looking else ""))

    def _breathe(self) -> None:
        while Gtk.events_pending():
            Gtk.main_iteration_do(False)
        if not self._open:
            raise _Closed


class _Closed(Exception):
    """The window went away while the layer was read."""


def _middle(layer: Gimp.Layer) -> tuple[float, float]:
    """Where a detail begins that lies in the middle of the layer, or of what is selected of it."""
    _some, x, y, width, height = layer.mask_intersect()
    return max(0, x + (width - WIDTH) / 2), max(0, y + (height - HEIGHT) / 2)


def _pixbuf(rgba: bytes, width: int, height: int) -> GdkPixbuf.Pixbuf:
    data = GLib.Bytes.new(rgba)
    pixbuf = GdkPixbuf.Pixbuf.new_from_bytes(data, GdkPixbuf.Colorspace.RGB, True, 8, width, height, width * 4)
    return pixbuf.composite_color_simple(width, height, GdkPixbuf.InterpType.NEAREST, 255, *_CHECKS)
