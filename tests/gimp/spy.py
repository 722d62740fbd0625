#!/usr/bin/env python3
"""A plug-in of the tests: tells, while GIMP's windows are open, what its images hold, in ``$HOME/images.json``."""

import hashlib
import json
import os
import sys
from pathlib import Path

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
gi.require_version("Babl", "0.1")
from gi.repository import Babl, Gegl, Gimp, GLib  # noqa: E402

FILE = Path(os.environ["HOME"]) / "images.json"


class Spy(Gimp.PlugIn):
    def do_set_i18n(self, _name):
        return False

    def do_query_procedures(self):
        return ["extension-resilver-spy"]

    def do_create_procedure(self, name):
        return Gimp.Procedure.new(self, name, Gimp.PDBProcType.PERSISTENT, self.run, None)

    def run(self, procedure, _config, _data):
        procedure.persistent_ready()
        self.persistent_enable()
        GLib.timeout_add(300, self.look)
        GLib.MainLoop().run()

    def look(self):
        new = FILE.with_suffix(".new")
        new.write_text(json.dumps([image(one) for one in Gimp.get_images()]))
        new.replace(FILE)
        return True


def image(one):
    return {
        "size": [one.get_width(), one.get_height()],
        "layers": [layer(item) for item in one.get_layers()],
        "selected": [item.get_name() for item in one.get_selected_layers()],
    }


def layer(item):
    size = Gegl.Rectangle.new(0, 0, item.get_width(), item.get_height())
    pixels = item.get_buffer().get(size, 1.0, Babl.get_name(item.get_format()), Gegl.AbyssPolicy.NONE)
    return {
        "name": item.get_name(),
        "size": [item.get_width(), item.get_height()],
        "mask": item.get_mask() is not None,
        "pixels": hashlib.sha256(pixels).hexdigest(),
    }


Gimp.main(Spy.__gtype__, sys.argv)
