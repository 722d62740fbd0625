"""Images, calls and looks for the cases that run inside GIMP."""

import json
import os
import time
from pathlib import Path

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
gi.require_version("Babl", "0.1")
from gi.repository import Babl, Gegl, Gimp  # noqa: E402

HOME = Path(os.environ["HOME"])
LOG = HOME / "log" / "gimp.log"
CORE = HOME / ".config" / "resilver" / "gimp.json"
P, BASE, TYPE = Gimp.Precision, Gimp.ImageBaseType, Gimp.ImageType
TYPES = {
    (False, False): TYPE.RGB_IMAGE,
    (False, True): TYPE.RGBA_IMAGE,
    (True, False): TYPE.GRAY_IMAGE,
    (True, True): TYPE.GRAYA_IMAGE,
}
WIDTH, HEIGHT = 61, 300  # more than one strip of 256 rows
GONE_S = 10.0  # how long files of a killed run may still be there


def core(manner, **other):
    """Let the plug-in find the fake worker of that manner."""
    program = HOME / manner
    if not program.exists():
        program.symlink_to("/project/tests/fakes/gimp_worker.py")
    told = {"interpreter": str(program), "version": "0.1.0", "protocol": 1, "log": str(LOG), **other}
    CORE.parent.mkdir(parents=True, exist_ok=True)
    CORE.write_text(json.dumps(told))


def made(precision=P.U8_NON_LINEAR, gray=False, alpha=False, offsets=(0, 0), profile=None, size=(WIDTH, HEIGHT)):
    image = Gimp.Image.new_with_precision(80, 320, BASE.GRAY if gray else BASE.RGB, precision)
    if profile and not gray:
        image.set_color_profile(Gimp.ColorProfile.new_rgb_adobe())
    layer = add_layer(image, "portrait", gray, alpha, size)
    layer.set_offsets(*offsets)
    image.set_selected_layers([layer])
    return image, layer


def add_layer(image, name, gray=False, alpha=False, size=(WIDTH, HEIGHT), parent=None):
    layer = Gimp.Layer.new(image, name, *size, TYPES[gray, alpha], 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, parent, 0)
    model = ("Y'" if gray else "R'G'B'") + ("A" if alpha else "")
    channels = (1 if gray else 3) + alpha
    name = Babl.get_name(Babl.format_with_space(f"{model} u8", Babl.format_get_space(layer.get_format())))
    fill(layer, name, bytes((number * 37 + number // 91) % 256 for number in range(size[0] * size[1] * channels)))
    return layer


def fill(drawable, name, data):
    buffer = drawable.get_buffer()
    buffer.set(Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height()), name, data)
    buffer.flush()


def pixels(drawable, name=None):
    size = Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())
    name = name or Babl.get_name(drawable.get_format())
    return drawable.get_buffer().get(size, 1.0, name, Gegl.AbyssPolicy.NONE)


def values(drawable):
    """All values from 0 to 1 in the tone curve of the drawable's own space, and how many there are per pixel."""
    model = ("Y'" if drawable.is_gray() else "R'G'B'") + ("A" if drawable.has_alpha() else "")
    name = Babl.get_name(Babl.format_with_space(f"{model} float", Babl.format_get_space(drawable.get_format())))
    return memoryview(pixels(drawable, name)).cast("f"), len(model.replace("'", ""))


def call(procedure, image, layers, **arguments):
    procedure = Gimp.get_pdb().lookup_procedure(f"plug-in-resilver-{procedure}")
    config = procedure.create_config()
    config.set_property("run-mode", Gimp.RunMode.NONINTERACTIVE)
    config.set_property("image", image)
    config.set_core_object_array("drawables", layers)
    for name, value in arguments.items():
        config.set_property(name.replace("_", "-"), value)
    return procedure.run(config)


def succeeded(result):
    """The first new item, and the names of all new layers."""
    assert result.index(0) == Gimp.PDBStatusType.SUCCESS, Gimp.get_pdb().get_last_error()
    return result.index(1), list(result.index(2) or [])


def refused(result, *words):
    assert result.index(0) == Gimp.PDBStatusType.EXECUTION_ERROR, result.index(0)
    told = Gimp.get_pdb().get_last_error()
    assert all(word in told for word in words), told


def asked():
    """The last request to restore, as the worker got it."""
    lines = LOG.read_text().splitlines()
    requests = [json.loads(line.removeprefix("ASKED ")) for line in lines if line.startswith("ASKED {")]
    return [request for request in requests if request["type"] == "improve_raw"][-1]


def state(image):
    return (
        image.get_width(),
        image.get_height(),
        [(item.get_name(), tuple(item.get_offsets())[1:], pixels(item)) for item in image.get_layers()],
        [item.get_name() for item in image.get_selected_layers()],
    )


def leftovers():
    return [*Path("/tmp").glob("resilver-worker-*"), *Path("/dev/shm").glob("resilver-worker-*")]


def gone():
    """Whether no files are left, or soon will not be."""
    end = time.monotonic() + GONE_S
    while leftovers() and time.monotonic() < end:
        time.sleep(0.05)
    return not leftovers()
