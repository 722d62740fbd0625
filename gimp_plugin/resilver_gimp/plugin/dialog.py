"""The dialog before a run: GIMP's own for the arguments, with a preview, and what the user must know beforehand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gdk", "3.0")
gi.require_version("GimpUi", "3.0")
gi.require_version("Gtk", "3.0")
from gi.repository import Gdk, Gimp, GimpUi, Gio, GLib, GObject, Gtk  # noqa: E402  their versions come first

from arguments import PRESETS, shown  # noqa: E402
from core import Core, Trouble, find_core, write_down  # noqa: E402
from job import Wish, check, write_marked  # noqa: E402
from language import LANGUAGE, _, said  # noqa: E402
from preview import Preview  # noqa: E402
from procedures import wish  # noqa: E402
from warm import Warm  # noqa: E402

_HELP = Path(__file__).with_name("help")
_IN_VAIN: dict[str, Callable[[Callable[[str], Any]], bool]] = {  # arguments that are of no use now
    "vividness": lambda value: value("colorize") == "never",
    "mask-layer": lambda value: value("with-mask") != "layer",
    "strength": lambda value: value("also-repair") is False,
}


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
        self._layer = layer
        self._core: Core | None = None
        self._warm: Warm | None = None
        self._cloud: dict[str, Any] | None = None
        self._presetting = False
        self._masks: dict[Path, dict[str, Any] | None] = {}
        self._arguments: list[str] = []
        title = procedure.get_menu_label().replace("_", "").rstrip("…")
        self._window = GimpUi.ProcedureDialog.new(procedure, config, title)
        self._window.set_role(self._name)
        self._trouble = _Trouble(self._start)
        self._sending = _Sending(self._renew)
        self._preview = Preview(layer, self._ask_preview)
        self._start()
        self._arguments = shown(self._name, self._core.features if self._core else ())
        self._fill()
        config.connect("notify", self._changed)
        self._window.connect("response", self._answered)
        self._renew()

    def run(self) -> Core | None:
        """Until it is answered."""
        if not self._window.run() or self._core is None:
            return None
        if self._value("engine") == "cloud" and self._warm and self._cloud and not self._cloud["agreed"]:
            self._warm.agree()  # the box was ticked, or there would have been no OK
        return self._core

    def close(self) -> None:
        """Take the window away and end the worker."""
        self._preview.close()
        if self._warm:
            self._warm.close()
        self._window.destroy()

    def _fill(self) -> None:
        for name in self._arguments:
            if name in ("strength", "vividness"):
                self._window.get_scale_entry(name, 1.0)
            elif self._config.find_property(name).value_type == GObject.TYPE_STRING:
                # GIMP 3.2 would make buttons of few choices, which no key leads to
                self._window.get_widget(name, Gtk.ComboBox.__gtype__)
        columns = Gtk.Box(spacing=18)
        fields = self._window.fill_box("resilver-arguments", self._arguments)
        fields.show()
        columns.pack_start(fields, True, True, 0)
        columns.pack_start(self._preview.widget, False, False, 0)
        columns.show()
        area = self._window.get_content_area()
        for place, widget in enumerate((self._trouble.widget, columns, self._sending.widget)):
            area.pack_start(widget, False, False, 0)
            area.reorder_child(widget, place)
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
            sentence = _("No program shows the help ({reason}); open this file in a browser: {page}")
            self._trouble.show(sentence.format(reason=error.message, page=page))
        return True

    def _start(self) -> None:
        """Find the core and start it; again, where that failed before."""
        self._trouble.hide()
        if self._warm:
            self._warm.close()
        self._core, self._warm = None, None
        try:
            self._core = find_core(Path(__file__).parent)
        except Trouble as trouble:
            self._failed(str(trouble))
        else:
            size = self._layer.get_width() * self._layer.get_height() * 8  # 4 channels of 2 bytes at most
            self._warm = Warm(self._core, size, self._ready, self._failed)
        self._renew()

    def _ready(self, info: dict[str, Any], folder: Path) -> None:
        self._cloud = info.get("cloud")
        self._renew()
        self._preview.begin(folder)

    def _failed(self, sentence: str) -> None:
        log = write_down(sentence, self._core)
        if log is not None and str(log) not in sentence:
            sentence = _("{sentence} (log: {log})").format(sentence=sentence, log=log)
        self._core = None
        self._trouble.show(sentence)
        self._preview.rest()
        self._renew()

    def _ask_preview(self, raw: dict[str, Any], detail: tuple[int, int, int, int]) -> None:
        try:
            wanted = wish(self._name, self._config)
            mask = self._mask_of(Path(raw["path"]).parent, wanted)
        except Trouble as trouble:
            self._preview.show(None, str(trouble))
            return
        if self._warm:
            request = {"raw": raw, "recipe": wanted.recipe, "detail": detail, "mask": mask}
            self._warm.ask(request, self._preview.show)

    def _mask_of(self, folder: Path, wanted: Wish) -> dict[str, Any] | None:
        """What the user marked as damage, written into the worker's folder once."""
        check(self._layer.get_image(), [self._layer], wanted)
        path = folder / ("selection" if wanted.mask == "selection" else f"mask-{getattr(wanted.mask, 'get_id', str)()}")
        if path not in self._masks:
            self._masks[path] = write_marked(self._layer, path, wanted)
        return self._masks[path]

    def _value(self, name: str) -> Any:
        return self._config.get_property(name) if self._config.find_property(name) else None

    def _changed(self, _config: object, changed: GObject.ParamSpec) -> None:
        if self._presetting:
            return
        self._presetting = True
        preset = PRESETS[self._name].get(self._value("preset"), {})
        if changed.name == "preset":
            for name, value in preset.items():
                self._config.set_property(name, value)
        elif preset.get(changed.name, self._value(changed.name)) != self._value(changed.name):
            self._config.set_property("preset", "custom")  # which would win over what was set just now
        self._presetting = False
        self._renew()
        self._preview.renew()

    def _answered(self, _window: object, response: int) -> None:
        if response in (Gtk.ResponseType.OK, Gtk.ResponseType.CANCEL, Gtk.ResponseType.DELETE_EVENT):
            self._preview.close()

    def _renew(self) -> None:
        """What is told of the cloud, what can be set, and whether there is an OK."""
        agreed = self._sending.show(self._cloud) if self._value("engine") == "cloud" else self._sending.hide()
        self._window.set_response_sensitive(Gtk.ResponseType.OK, self._core is not None and agreed)
        self._preview.enlarge(int(self._value("factor") or 1))
        for name, in_vain in _IN_VAIN.items():
            if name in self._arguments:
                self._window.get_widget(name, GObject.TYPE_NONE).set_sensitive(not in_vain(self._value))


class _Trouble:
    """A bar that says what is wrong and what to do, and lets the user try again."""

    def __init__(self, again: Callable[[], None]) -> None:
        self.widget = Gtk.InfoBar(message_type=Gtk.MessageType.ERROR, no_show_all=True)
        self._label = Gtk.Label(xalign=0, wrap=True, selectable=True, max_width_chars=90)
        self._label.show()
        self.widget.get_content_area().pack_start(self._label, True, True, 0)
        self.widget.add_button(_("Try agai_n"), Gtk.ResponseType.APPLY)
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

    def __init__(self, ticked: Callable[[], None]) -> None:
        self.widget = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=6, no_show_all=True)
        self._label = Gtk.Label(xalign=0, wrap=True, max_width_chars=90)
        self._box = Gtk.CheckButton(label=_("I _agree that the layer is sent"), use_underline=True)
        self._box.connect("toggled", lambda *_: ticked())
        for widget in (self._label, self._box):
            self.widget.pack_start(widget, False, False, 0)
        self._label.show()

    def show(self, cloud: dict[str, Any] | None) -> bool:
        """Say what ``cloud``, as the worker tells of it, means; whether the user agrees."""
        self._label.set_text(sending(cloud))
        self._box.set_visible(cloud is not None and not cloud["agreed"])
        self.widget.show()
        return cloud is not None and (cloud["agreed"] or self._box.get_active())

    def hide(self) -> bool:
        """Nothing is sent, and so nothing has to be agreed to."""
        self.widget.hide()
        return True


def sending(cloud: dict[str, Any] | None) -> str:
    """Who gets a layer, at what price, and how many more may go, in some sentences."""
    if cloud is None:
        return _("Resilver has not told yet where the layer would be sent.")
    told = [said(cloud["notice"])]
    if cloud["price"]:
        price = f"{cloud['price']:.2f} {cloud['currency']}".strip()
        told.append(_("A layer costs {price}, unless it must be sent in parts.").format(price=price))
    else:
        told.append(_("The price is not known here; your contract with the service has it."))
    if cloud["left"] is not None:
        told.append(_("Layers that may still be sent this month: {count}.").format(count=cloud["left"]))
    told.append(_("The preview is made on this computer."))
    return " ".join(told)
