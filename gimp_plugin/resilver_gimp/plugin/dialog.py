"""The dialog before a run: GIMP's own for the arguments, with a preview, and what the user must know beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gi

gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gimp, GimpUi, Gio, GLib, Gtk  # noqa: E402  their versions come first

import procedures  # noqa: E402
from core import Core, Trouble, find_core  # noqa: E402
from language import LANGUAGE, _, said  # noqa: E402
from preview import Preview  # noqa: E402
from warm import Warm  # noqa: E402

_HELP = Path(__file__).with_name("help")


def ask_for(procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, layers: Sequence[Gimp.Layer]) -> Core | None:
    """Let the user set the arguments; the core to do it with, or ``None`` if it is not to be done."""
    GimpUi.init(procedure.get_name())
    dialog = _Dialog(procedure, config, layers[0])
    try:
        return dialog.run()
    finally:
        dialog.close()


class _Dialog:
    """The window and what it knows: the core, the account with the cloud, and what is wrong."""

    def __init__(self, procedure: Gimp.Procedure, config: Gimp.ProcedureConfig, layer: Gimp.Layer) -> None:
        self._name = procedure.get_name()
        self._config = config
        self._core: Core | None = None
        self._warm: Warm | None = None
        self._cloud: dict[str, Any] | None = None
        self._open = True
        title = procedure.get_menu_label().replace("_", "").rstrip("…")
        self._window = GimpUi.ProcedureDialog.new(procedure, config, title)
        self._window.set_role(self._name)
        self._trouble = _Trouble(self._start)
        self._sending = _Sending(self._renew)
        self._preview = Preview(layer, self._ask_preview)
        self._fill()
        config.connect("notify", self._changed)
        self._renew()
        self._start()

    def run(self) -> Core | None:
        """Until it is answered."""
        if not self._window.run() or self._core is None:
            return None
        if self._config.get_property("engine") == "cloud" and self._warm and not (self._cloud or {}).get("agreed"):
            self._warm.agree()  # the box was ticked, or there would have been no OK
        return self._core

    def close(self) -> None:
        """Take the window away and end the worker."""
        self._open = False
        self._preview.close()
        if self._warm:
            self._warm.close()
        self._window.destroy()

    def _fill(self) -> None:
        arguments = procedures.ARGUMENTS[self._name]
        for name in {"strength", "vividness"} & set(arguments):
            self._window.get_scale_entry(name, 1.0)
        self._window.fill(list(arguments))
        area = self._window.get_content_area()
        for place, widget in enumerate((self._trouble.widget, self._preview.widget)):
            area.pack_start(widget, False, False, 0)
            area.reorder_child(widget, place)
        area.pack_start(self._sending.widget, False, False, 0)
        self._add_help()

    def _add_help(self) -> None:
        # GIMP's own button would look for a page of its manual
        own = self._window.get_widget_for_response(Gtk.ResponseType.HELP)
        if own is not None:
            own.hide()
            own.set_no_show_all(True)
        button = Gtk.Button(label=_("_Help"), use_underline=True)
        button.connect("clicked", self._help)
        button.show()
        area = self._window.get_action_area()
        area.pack_start(button, False, False, 0)
        area.set_child_secondary(button, True)
        self._window.connect("key-press-event", lambda _window, event: event.keyval == Gdk.KEY_F1 and self._help())

    def _help(self, *_event: object) -> bool:
        page = _HELP / f"{LANGUAGE}.html"
        page = page if page.is_file() else _HELP / "en.html"
        try:
            Gio.AppInfo.launch_default_for_uri(page.as_uri(), None)
        except GLib.Error as error:
            self._trouble.show(
                _("No program shows the help ({reason}); open this file in a browser: {page}").format(
                    reason=error.message, page=page
                )
            )
        return True

    def _start(self) -> None:
        """Find the core and start it; again, where that failed before."""
        self._trouble.hide()
        self._core = None
        if self._warm:
            self._warm.close()
            self._warm = None
        try:
            core = find_core(Path(__file__).parent)
        except Trouble as trouble:
            self._failed(str(trouble))
        else:
            self._warm = Warm(core, self._ready, self._failed)
            self._core = core
        self._renew()

    def _ready(self, info: dict[str, Any], folder: Path) -> None:
        if self._open:
            self._cloud = info.get("cloud")
            self._renew()
            self._preview.begin(folder)

    def _failed(self, sentence: str) -> None:
        if self._open:
            self._core = None
            self._trouble.show(said(sentence))
            self._preview.rest()
            self._renew()

    def _ask_preview(self, raw: dict[str, Any], detail: tuple[int, int, int, int]) -> None:
        if self._warm:
            recipe = procedures.wish(self._name, self._config).recipe
            self._warm.ask(raw, recipe, detail, self._preview.show)

    def _changed(self, *_event: object) -> None:
        self._renew()
        self._preview.renew()

    def _renew(self) -> None:
        """What is told of the cloud, and whether there is an OK."""
        cloud = self._config.get_property("engine") == "cloud"
        agreed = self._sending.show(self._cloud) if cloud else self._sending.hide()
        self._window.set_response_sensitive(Gtk.ResponseType.OK, self._core is not None and agreed)


class _Trouble:
    """A bar that says what is wrong and what to do, and lets the user try again."""

    def __init__(self, again: Any) -> None:
        self.widget = Gtk.InfoBar(message_type=Gtk.MessageType.ERROR, no_show_all=True)
        self._label = Gtk.Label(xalign=0, wrap=True, selectable=True, max_width_chars=60)
        self._label.show()
        self.widget.get_content_area().pack_start(self._label, True, True, 0)
        self.widget.add_button(_("_Try again"), Gtk.ResponseType.APPLY)
        self.widget.connect("response", lambda *_: again())

    def show(self, sentence: str) -> None:
        """Say it."""
        self._label.set_text(sentence)
        self.widget.show()

    def hide(self) -> None:
        """Nothing is wrong."""
        self.widget.hide()


class _Sending:
    """What the cloud means: who gets the layer, at what price; and a box to tick that one agrees."""

    def __init__(self, ticked: Any) -> None:
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, no_show_all=True)
        self._label = Gtk.Label(xalign=0, wrap=True, max_width_chars=60)
        self._box = Gtk.CheckButton(label=_("I _agree that the layer is sent"), use_underline=True)
        self._box.connect("toggled", lambda *_: ticked())
        for widget in (self._label, self._box):
            self.widget.pack_start(widget, False, False, 0)
        self._label.show()

    def show(self, cloud: dict[str, Any] | None) -> bool:
        """Say what ``cloud``, as the worker tells of it, means; whether the user agrees."""
        self.widget.show()
        self._label.set_text(sending(cloud))
        self._box.set_visible(bool(cloud) and not cloud["agreed"])
        return bool(cloud) and (cloud["agreed"] or self._box.get_active())

    def hide(self) -> bool:
        """Nothing is sent, and so nothing has to be agreed to."""
        self.widget.hide()
        return True


def sending(cloud: dict[str, Any] | None) -> str:
    """Who gets a layer, at what price, and how many more may go, in some sentences."""
    if not cloud:
        return _("Resilver has not told yet where the layer would be sent.")
    told = [said(cloud["notice"])]
    if cloud["price"]:
        price = f"{cloud['price']:.2f} {cloud['currency']}".strip()
        told.append(_("A layer costs {price}, unless it must be sent in parts.").format(price=price))
    else:
        told.append(_("The price is not known here; your contract with the service has it."))
    if cloud["left"] is not None:
        told.append(_("{count} more may be sent this month.").format(count=cloud["left"]))
    told.append(_("The preview is made on this computer."))
    return " ".join(told)
