"""A desktop's panel without pixels: shows tray icons over D-Bus and reads and clicks their menus, as told on stdin.

One JSON object a line each way. Run by a Python that has PyGObject, in a session bus of its own:
    {"do": "icons"}                                how many icons there are
    {"do": "look"}                                 {"title", "icon" (path), "status"} of the newest
    {"do": "menu"}                                 its menu: [{"label", "enabled", "checked", "radio", "items"}]
    {"do": "click", "path": ["Engine", "Cloud"]}   by beginnings of labels
"""

import json
import sys

import gi

gi.require_version("Gio", "2.0")
from gi.repository import Gio, GLib  # noqa: E402

NAME = "org.kde.StatusNotifierWatcher"
INTERFACE = """<node><interface name="org.kde.StatusNotifierWatcher">
<method name="RegisterStatusNotifierItem"><arg type="s" direction="in"/></method>
<method name="RegisterStatusNotifierHost"><arg type="s" direction="in"/></method>
<property name="RegisteredStatusNotifierItems" type="as" access="read"/>
<property name="IsStatusNotifierHostRegistered" type="b" access="read"/>
<property name="ProtocolVersion" type="i" access="read"/>
<signal name="StatusNotifierItemRegistered"><arg type="s"/></signal>
<signal name="StatusNotifierHostRegistered"/>
</interface></node>"""


class Panel:
    def __init__(self):
        self.bus = Gio.bus_get_sync(Gio.BusType.SESSION)
        self.icons = []
        node = Gio.DBusNodeInfo.new_for_xml(INTERFACE)
        self.bus.register_object("/StatusNotifierWatcher", node.interfaces[0], self.called, self.asked, None)
        Gio.bus_own_name_on_connection(self.bus, NAME, Gio.BusNameOwnerFlags.NONE, lambda *_: say("ready"), None)

    def called(self, _bus, sender, _path, _interface, method, arguments, invocation):
        if method == "RegisterStatusNotifierItem":
            given = arguments.unpack()[0]
            icon = (sender, given) if given.startswith("/") else (given, "/StatusNotifierItem")
            self.icons = [*(one for one in self.icons if one != icon), icon]  # some register twice
            Gio.bus_watch_name_on_connection(
                self.bus, sender, Gio.BusNameWatcherFlags.NONE, None, lambda _, name: self.gone(name)
            )
        invocation.return_value(None)

    def gone(self, name):
        self.icons = [icon for icon in self.icons if icon[0] != name]

    def asked(self, _bus, _sender, _path, _interface, name):
        return {
            "RegisteredStatusNotifierItems": GLib.Variant("as", ["".join(icon) for icon in self.icons]),
            "IsStatusNotifierHostRegistered": GLib.Variant("b", True),
            "ProtocolVersion": GLib.Variant("i", 0),
        }[name]

    def call(self, path, interface, method, arguments):
        sender, _ = self.icons[-1]  # LookupError, and so null, without one
        flags = Gio.DBusCallFlags.NONE
        return self.bus.call_sync(sender, path, interface, method, arguments, None, flags, 5000, None).unpack()

    def property(self, name):
        arguments = GLib.Variant("(ss)", ("org.kde.StatusNotifierItem", name))
        return self.call(self.icons[-1][1], "org.freedesktop.DBus.Properties", "Get", arguments)[0]

    def menu(self):
        path = self.property("Menu")
        arguments = GLib.Variant("(iias)", (0, -1, []))
        _, (_, _, children) = self.call(path, "com.canonical.dbusmenu", "GetLayout", arguments)
        return [line(child) for child in children]

    def click(self, labels):
        lines, found = self.menu(), None
        for label in labels:
            found = next(one for one in lines if one["label"].startswith(label) and one["enabled"])
            lines = found["items"]
        event = GLib.Variant("(isvu)", (found["id"], "clicked", GLib.Variant("i", 0), 0))
        self.call(self.property("Menu"), "com.canonical.dbusmenu", "Event", event)

    def answer(self, request):
        match request["do"]:
            case "icons":
                return len(self.icons)
            case "look":
                named = {"title": "Title", "icon": "IconName", "status": "Status"}
                return {name: self.property(of) for name, of in named.items()}
            case "menu":
                return self.menu()
            case "click":
                return self.click(request["path"])


def line(child):
    number, properties, children = child
    return {
        "id": number,
        # a single underscore would mark the letter to press
        "label": properties.get("label", "").replace("__", "_"),
        "enabled": properties.get("enabled", True),
        "checked": bool(properties["toggle-state"]) if "toggle-state" in properties else None,
        "radio": properties.get("toggle-type") == "radio",
        "items": [line(inner) for inner in children],
    }


def say(answer):
    print(json.dumps(answer), flush=True)


def main():
    panel, loop = Panel(), GLib.MainLoop()

    def heard(_channel, _condition):
        text = sys.stdin.readline()
        if not text:
            loop.quit()
            return False
        try:
            say({"ok": panel.answer(json.loads(text))})
        except (GLib.Error, LookupError, StopIteration) as error:
            say({"error": repr(error)})
        return True

    GLib.io_add_watch(sys.stdin, GLib.IO_IN | GLib.IO_HUP, heard)
    loop.run()


if __name__ == "__main__":
    main()
