"""The table of contents leads to every name, and costs nothing before a name is used."""

from __future__ import annotations

import subprocess
import sys


def test_every_name_is_there():
    """Each public name gives what it is called after, also once its module is loaded."""
    import resilver.improve  # a module must not hide a function of the same name

    for name in resilver.__all__:
        assert getattr(getattr(resilver, name), "__name__", name) == name or name in ("PRESETS", "__version__")


def test_a_bare_import_is_light():
    """``import resilver`` loads no library."""
    code = "import sys, resilver; print({'numpy', 'PIL', 'httpx'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
