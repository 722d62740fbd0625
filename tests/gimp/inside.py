"""Runs in GIMP's own batch interpreter: every case is done to real images, and what came of it is told in JSON."""

import json
import os
import sys
import traceback
from pathlib import Path

import gi

gi.require_version("Gimp", "3.0")
gi.require_version("Gegl", "0.4")
gi.require_version("Babl", "0.1")
from gi.repository import Babl, Gegl, Gimp  # noqa: E402

sys.stdout.reconfigure(line_buffering=True)
HOME = Path(os.environ["HOME"])
P, BASE, TYPE = Gimp.Precision, Gimp.ImageBaseType, Gimp.ImageType
PRECISIONS = [
    P.U8_NON_LINEAR, P.U8_LINEAR, P.U8_PERCEPTUAL, P.U16_NON_LINEAR, P.U16_LINEAR, P.U32_NON_LINEAR,
    P.HALF_NON_LINEAR, P.FLOAT_NON_LINEAR, P.FLOAT_LINEAR, P.DOUBLE_LINEAR,
]  # fmt: skip
TYPES = {
    (False, False): TYPE.RGB_IMAGE,
    (False, True): TYPE.RGBA_IMAGE,
    (True, False): TYPE.GRAY_IMAGE,
    (True, True): TYPE.GRAYA_IMAGE,
}
WIDTH, HEIGHT = 61, 300  # more than one strip of 256 rows


def core(manner):
    """Let the plug-in find the fake worker of that manner."""
    program = HOME / manner
    if not program.exists():
        program.symlink_to("/project/tests/fakes/gimp_worker.py")
    told = {"interpreter": str(program), "version": "0.1.0", "protocol": 1, "log": str(HOME / "log" / "gimp.log")}
    path = HOME / ".config" / "resilver" / "gimp.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(told))


def made(precision=P.U8_NON_LINEAR, gray=False, alpha=False, offsets=(0, 0), profile=None):
    image = Gimp.Image.new_with_precision(80, 320, BASE.GRAY if gray else BASE.RGB, precision)
    if profile and not gray:
        image.set_color_profile(Gimp.ColorProfile.new_rgb_adobe())
    layer = add_layer(image, "portrait", gray, alpha)
    layer.set_offsets(*offsets)
    image.set_selected_layers([layer])
    return image, layer


def add_layer(image, name, gray=False, alpha=False):
    layer = Gimp.Layer.new(image, name, WIDTH, HEIGHT, TYPES[gray, alpha], 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(layer, None, 0)
    model = ("Y'" if gray else "R'G'B'") + ("A" if alpha else "")
    channels = (1 if gray else 3) + alpha
    name = Babl.get_name(Babl.format_with_space(f"{model} u8", Babl.format_get_space(layer.get_format())))
    data = bytes((number * 37 + number // 91) % 256 for number in range(WIDTH * HEIGHT * channels))
    buffer = layer.get_buffer()
    buffer.set(Gegl.Rectangle.new(0, 0, WIDTH, HEIGHT), name, data)
    buffer.flush()
    return layer


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
    assert result.index(0) == Gimp.PDBStatusType.SUCCESS, Gimp.get_pdb().get_last_error()
    return result.index(1), list(result.index(2) or [])


def refused(result, *words):
    assert result.index(0) == Gimp.PDBStatusType.EXECUTION_ERROR, result.index(0)
    told = Gimp.get_pdb().get_last_error()
    assert all(word in told for word in words), told


def state(image):
    return (
        image.get_width(),
        image.get_height(),
        [(item.get_name(), tuple(item.get_offsets())[1:], pixels(item)) for item in image.get_layers()],
        [item.get_name() for item in image.get_selected_layers()],
    )


def leftovers():
    return [*Path("/tmp").glob("resilver-worker-*"), *Path("/dev/shm").glob("resilver-worker-*")]


def matrix(precision, gray, alpha, selection, offsets, profile):
    core("negative")
    image, layer = made(precision, gray, alpha, offsets, profile)
    if selection:
        image.select_ellipse(Gimp.ChannelOps.REPLACE, 5, 20, 40, 200)
        Gimp.Selection.feather(image, 6)
    before, seen = pixels(layer), values(Gimp.Layer.new_from_visible(image, image, "seen"))
    new, names = succeeded(call("restore", image, [layer]))
    assert names == ["portrait – improved"], names
    assert pixels(layer) == before, "the original changed"
    assert image.get_selected_layers() == [layer], "the original is not the selected layer"
    assert [item.get_name() for item in image.get_layers()] == [*names, "portrait"]
    assert tuple(new.get_offsets()) == (True, *offsets), new.get_offsets()
    inverted(layer, new)
    if selection:
        outside_is_bit_identical(image, new, seen)
    else:
        assert new.get_mask() is None
    assert not leftovers(), leftovers()


def inverted(layer, new):
    (old, channels), (result, same) = values(layer), values(new)
    assert channels == same
    alpha = channels in (2, 4)
    # a linear tone curve has few steps in the shadows, and half floats have few in the lights
    name = Babl.format_get_encoding(layer.get_format())
    tolerance = 3 / 65535 if "'" in name and "half" not in name else 0.07
    for number, (a, b) in enumerate(zip(old, result, strict=True)):
        if alpha and number % channels == channels - 1:
            assert abs(a - b) <= 1 / 1024, f"alpha {a} became {b}"
        elif not alpha or old[number - number % channels + channels - 1]:  # colours that nobody sees may be lost
            assert abs(b - (1 - a)) <= tolerance, f"{a} became {b} in {name}"


def outside_is_bit_identical(image, new, seen):
    assert new.get_mask() is not None, "no mask"
    assert not new.get_edit_mask()
    selected = memoryview(pixels(image.get_selection(), "Y float")).cast("f")
    feathered = memoryview(pixels(new.get_mask(), "Y float")).cast("f")
    assert any(0 < value < 1 for value in feathered), "the feather is lost"
    now, channels = values(Gimp.Layer.new_from_visible(image, image, "shown"))
    # in more than 8 bits GIMP blends alpha in linear light, where 5e-6 are 0.004 next to black in a gamma of 2.2
    tolerance = 0 if image.get_precision() == P.U8_NON_LINEAR else 0.005
    changed = 0
    for number, value in enumerate(selected):
        here = slice(number * channels, (number + 1) * channels)
        pairs = zip(now[here], seen[0][here], strict=True)
        same = all(abs(a - b) <= tolerance for a, b in pairs) or (channels in (2, 4) and now[here][-1] == 0)
        assert same or value, f"pixel {number} outside changed from {list(seen[0][here])} to {list(now[here])}"
        changed += not same
    assert changed, "nothing changed inside the selection"


def several():
    core("negative")
    image, first = made()
    second = add_layer(image, "back")
    image.set_selected_layers([first, second])
    new, names = succeeded(call("restore", image, [first, second]))
    assert names == ["portrait – improved", "back – improved"], names
    assert new.is_group()
    assert new.get_name() == "Restored"
    assert len(new.get_children()) == 2
    assert set(image.get_selected_layers()) == {first, second}


def colorize():
    core("negative")
    image, layer = made()
    new, names = succeeded(call("colorize", image, [layer], as_colour_layer="lch"))
    assert names == ["portrait – colorized"], names
    assert new.get_mode() == Gimp.LayerMode.LCH_COLOR
    gray, layer = made(gray=True)
    before = state(gray)
    refused(call("colorize", gray, [layer]), "grayscale", "Mode > RGB")
    assert state(gray) == before


def upscale_image():
    core("negative")
    image, layer = made(offsets=(-3, 7))
    add_layer(image, "other")
    new, names = succeeded(call("upscale", image, [layer], factor="2"))
    assert (image.get_width(), image.get_height()) == (160, 640)
    assert names == ["portrait – enlarged 2x"], names
    assert (new.get_width(), new.get_height()) == (2 * WIDTH, 2 * HEIGHT)
    assert tuple(new.get_offsets())[1:] == (-6, 14)
    assert (layer.get_width(), layer.get_height()) == (2 * WIDTH, 2 * HEIGHT)


def upscale_new_image():
    core("negative")
    image, layer = made(P.U16_NON_LINEAR, profile=True)
    image.set_resolution(300, 300)
    before = state(image)
    new, _ = succeeded(call("upscale", image, [layer], factor="4", target="new-image"))
    assert state(image) == before, "the image changed"
    other = new.get_image()
    assert other != image
    assert (other.get_width(), other.get_height()) == (4 * WIDTH, 4 * HEIGHT)
    assert tuple(other.get_resolution())[1:] == (1200, 1200)
    assert other.get_precision() == image.get_precision()
    assert bytes(other.get_color_profile().get_icc_profile()) == bytes(image.get_color_profile().get_icc_profile())


def already_good():
    core("good")
    image, layer = made()
    before = state(image)
    new, names = succeeded(call("restore", image, [layer]))
    assert new is None
    assert names == []
    assert state(image) == before


def unharmed(manner, *words):
    core(manner)
    image, layer = made(alpha=True)
    before = state(image)
    refused(call("restore", image, [layer]), *words)
    assert state(image) == before
    assert not leftovers(), leftovers()


def no_core():
    (HOME / ".config" / "resilver" / "gimp.json").unlink()
    image, layer = made()
    refused(call("restore", image, [layer]), "not found", "resilver gimp install")


def cannot():
    core("negative")
    image, layer = made()
    group = Gimp.GroupLayer.new(image, "folder")
    image.insert_layer(group, None, 0)
    refused(call("restore", image, [group]), "folder", "layer group")
    mask = layer.create_mask(Gimp.AddMaskType.WHITE)
    layer.add_mask(mask)
    refused(call("restore", image, [mask]), "mask")
    refused(call("restore", image, []), "No layer")
    layer.set_offsets(60, 0)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 20, 20)
    refused(call("restore", image, [layer]), "selection does not touch")
    image, layer = made()
    assert image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, "")
    refused(call("restore", image, [layer]), "indexed", "Mode > RGB")


def locked():
    core("negative")
    image, layer = made()
    layer.set_lock_content(True)
    before = pixels(layer)
    succeeded(call("restore", image, [layer]))
    assert pixels(layer) == before


CASES = {
    "several layers become one group": several,
    "colorize": colorize,
    "upscale the image": upscale_image,
    "upscale into a new image": upscale_new_image,
    "already good": already_good,
    "the worker dies": lambda: unharmed("dies", "ended before it was done", "gimp.log"),
    "the picture is refused": lambda: unharmed("refuses", "The picture is refused; take another."),
    "another protocol": lambda: unharmed("old", "does not fit"),
    "no core": no_core,
    "what cannot be done": cannot,
    "locked content": locked,
}
for _precision in PRECISIONS:
    for _gray in (False, True):
        for _alpha in (False, True):
            for _selection in (False, True):
                _case = (_precision, _gray, _alpha, _selection, (-7, 11) if _alpha else (0, 0), _selection)
                _name = f"{_precision.value_nick} {'gray' if _gray else 'rgb'}{' alpha' if _alpha else ''}"
                CASES[f"restore {_name}{' selection' if _selection else ''}"] = lambda c=_case: matrix(*c)

for _name, _do in CASES.items():
    try:
        _do()
        _told = None
    except BaseException:  # noqa: BLE001  told, and the next case goes on
        _told = traceback.format_exc()
    for _image in Gimp.get_images():
        _image.delete()
    print("CASE " + json.dumps([_name, _told]))
print("END " + json.dumps(Gimp.version()))
