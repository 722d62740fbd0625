#!/usr/bin/env python3
"""Resilver in GIMP: the file that GIMP starts."""

import sys

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp  # noqa: E402  its version comes first

import procedures  # noqa: E402


class Plugin(Gimp.PlugIn):
    """Registers the three procedures."""

    def do_set_i18n(self, _name: str) -> bool:
        """There are no translations; without this GIMP complains at every start."""
        return False

    def do_query_procedures(self) -> list[str]:
        """Their names."""
        return list(procedures.NAMES)

    def do_create_procedure(self, name: str) -> Gimp.Procedure:
        """One of them."""
        return procedures.create(self, name)


if __name__ == "__main__":
    Gimp.main(Plugin.__gtype__, sys.argv)
