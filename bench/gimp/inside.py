"""Runs in GIMP's own batch interpreter: times the plug-in, and PNG beside it."""

import json
import os
import sys
import time
from pathlib import Path

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gimp, Gio  # noqa: E402

sys.stdout.reconfigure(line_buffering=True)
HOME = Path(os.environ["HOME"])
SIZE = 6000, 4000
TURNS = 5
PRECISIONS = os.environ["BENCH"].split()
TICKS = os.sysconf("SC_CLK_TCK")


def prepare():
    """A worker that copies, where the plug-in looks for it."""
    program = HOME / "still"
    program.symlink_to(Path("tests/fakes/gimp_worker.py").resolve())
    told = {"interpreter": str(program), "version": "0.1.0", "protocol": 1, "log": str(HOME / "gimp.log")}
    path = HOME / ".config" / "resilver" / "gimp.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(told))


def photograph(precision, size):
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path("samples/cafe.jpg"))
    image.undo_disable()
    image.scale(*size)
    image.convert_precision(getattr(Gimp.Precision, precision))
    layer = image.get_layers()[0]
    layer.add_alpha()
    return image, layer


def spent():
    """Processor seconds of GIMP and of those of its plug-ins that have ended."""
    numbers = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[11:15]
    return sum(map(int, numbers)) / TICKS


def timed(do):
    wall, cpu = time.perf_counter(), spent()
    do()
    wall = time.perf_counter() - wall
    time.sleep(0.3)  # until GIMP has seen that the plug-in ended
    return wall, spent() - cpu


def restore(image, layer):
    procedure = Gimp.get_pdb().lookup_procedure("plug-in-resilver-restore")
    config = procedure.create_config()
    config.set_property("image", image)
    config.set_core_object_array("drawables", [layer])
    assert procedure.run(config).index(0) == Gimp.PDBStatusType.SUCCESS, Gimp.get_pdb().get_last_error()


def by_png(image):
    file = Gio.File.new_for_path("/tmp/resilver-bench.png")
    Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, file, None)
    image.insert_layer(Gimp.file_load_layer(Gimp.RunMode.NONINTERACTIVE, image, file), None, 0)
    file.delete()


def measure(precision):
    image, layer = photograph(precision, SIZE)
    small, pixel = photograph(precision, (1, 1))
    told = {"precision": precision, "layer": [], "pixel": []}
    for _ in range(TURNS):
        for name, one, what in (("layer", image, layer), ("pixel", small, pixel)):
            told[name].append(timed(lambda one=one, what=what: restore(one, what)))
            one.remove_layer(next(new for new in one.get_layers() if new != what))
    print("RAW " + json.dumps(told))
    if precision == PRECISIONS[0]:  # takes minutes
        wall, cpu = timed(lambda: by_png(image))
        print(f"PNG {precision:14} {wall:5.2f} s by PNG ({cpu:.2f} CPU-s), no process started; once")
    image.delete()
    small.delete()


prepare()
for _precision in PRECISIONS:
    measure(_precision)
print(f"GIMP GIMP {Gimp.version()}")
