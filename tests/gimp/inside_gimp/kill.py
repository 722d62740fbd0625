"""A run in whose midst GIMP is killed."""

import sys

sys.dont_write_bytecode = True
sys.path += ["/project/tests/gimp/inside_gimp"]
from scene import call, core, made  # noqa: E402

core("kills")
image, layer = made()
call("restore", image, [layer])
