#!/usr/bin/env python3
"""A plug-in of the tests: restores the layer that ``$HOME/second`` names as soon as it is there, beside other runs."""

import os
import sys
from pathlib import Path

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, GLib  # noqa: E402

WISH = Path(os.environ["HOME"]) / "second"


class Second(Gimp.PlugIn):
    def do_set_i18n(self, _name):
        return False

    def do_query_procedures(self):
        return ["extension-resilver-second"]

    def do_create_procedure(self, name):
        return Gimp.Procedure.new(self, name, Gimp.PDBProcType.PERSISTENT, self.run, None)

    def run(self, procedure, _config, _data):
        procedure.persistent_ready()
        self.persistent_enable()
        GLib.timeout_add(100, self.look)
        GLib.MainLoop().run()

    def look(self):
        if not WISH.exists() or not (wish := WISH.read_text()):
            return True
        WISH.unlink()
        image, layer = map(int, wish.split())
        restore = Gimp.get_pdb().lookup_procedure("plug-in-resilver-restore")
        config = restore.create_config()
        config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
        config.set_property("image", Gimp.Image.get_by_id(image))
        config.set_core_object_array("drawables", [Gimp.Item.get_by_id(layer)])
        result = restore.run(config)
        done = result.index(0) == Gimp.PDBStatusType.SUCCESS
        WISH.with_suffix(".out").write_text("success" if done else Gimp.get_pdb().get_last_error())
        return True


Gimp.main(Second.__gtype__, sys.argv)
