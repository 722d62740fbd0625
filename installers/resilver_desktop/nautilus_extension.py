"""Resilver in the context menu of Nautilus 43 and later.

Runs inside Nautilus, in the system's Python, so it knows nothing of Resilver but the command that is filled in.
"""

import os
import subprocess
import threading

from gi.repository import GObject, Nautilus

PROGRAM = []
ITEMS = []
KINDS = []


def _label(labels):
    # as gettext looks for the language
    names = next((os.environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(name)), "C")
    if names.split(".")[0] not in ("C", "POSIX"):
        names = os.environ.get("LANGUAGE") or names
    for name in names.split(":"):
        language = name.split(".")[0].split("_")[0]
        if language in labels or language == "C":
            return labels.get(language, labels["en"])
    return labels["en"]


class Resilver(GObject.GObject, Nautilus.MenuProvider):
    """The sub-menu, where pictures and folders alone are chosen."""

    def get_file_items(self, *arguments):
        """What Nautilus asks for; it gives its window before the files, or does not."""
        paths = [self._path(file) for file in arguments[-1]]
        if not paths or None in paths:
            return []
        top = Nautilus.MenuItem(name="Resilver", label="Resilver")
        menu = Nautilus.Menu()
        top.set_submenu(menu)
        for name, labels in ITEMS:
            item = Nautilus.MenuItem(name=f"Resilver::{name}", label=_label(labels))
            item.connect("activate", self._start, name, paths)
            menu.append_item(item)
        return [top]

    def get_background_items(self, *_arguments):
        """Nothing where nothing is chosen."""
        return []

    def _path(self, file):
        if file.get_uri_scheme() != "file" or file.get_mime_type() not in KINDS:
            return None
        return file.get_location().get_path()

    def _start(self, _item, name, paths):
        process = subprocess.Popen([*PROGRAM, name, "--", *paths], stdin=subprocess.DEVNULL, start_new_session=True)
        threading.Thread(target=process.wait, daemon=True).start()
