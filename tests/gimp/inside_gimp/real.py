"""A photograph in GIMP, with the real core: what comes is what was asked for, and the rest stays."""

from gi.repository import Gio
from scene import Gimp, call, pixels, refused, succeeded


def photograph():
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path("/project/photograph.jpg"))
    return image, image.get_layers()[0]


def restored():
    image, layer = photograph()
    before = pixels(layer)
    new, names = succeeded(call("restore", image, [layer], show_mask="hidden-layer"))
    hidden, result = new.get_children()
    assert names == [f"{layer.get_name()} – repaired places", f"{layer.get_name()} – improved"], names
    assert set(pixels(hidden, "Y u8")) <= {0, 255}
    assert pixels(result) != before
    assert pixels(layer) == before


def masked():
    image, layer = photograph()
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 20, 20, 30, 5)
    new, _ = succeeded(call("restore", image, [layer], with_mask="selection", show_mask="layer-mask"))
    mask = pixels(new.get_mask(), "Y u8")
    width = image.get_width()
    assert {number for number, value in enumerate(mask) if value} == {
        y * width + x for y in range(20, 25) for x in range(20, 50)
    }


def colorized():
    image, layer = photograph()
    new, names = succeeded(call("colorize", image, [layer], vividness=1.0, as_colour_layer="lch"))
    assert names == [f"{layer.get_name()} – colorized"]
    colours = pixels(new, "R'G'B' u8")
    spread = max(max(colours[at : at + 3]) - min(colours[at : at + 3]) for at in range(0, len(colours), 300))
    assert spread > 30, f"hardly any colour: {spread}"


def enlarged():
    image, layer = photograph()
    new, _ = succeeded(call("upscale", image, [layer], factor="2", target="new-image"))
    assert (new.get_width(), new.get_height()) == (2 * image.get_width(), 2 * image.get_height())


def sent():
    """Never without consent."""
    image, layer = photograph()
    refused(call("restore", image, [layer], engine="cloud"), "Nothing was sent", "consent")
    assert image.get_layers() == [layer]


CASES = {"restored": restored, "masked": masked, "colorized": colorized, "enlarged": enlarged, "sent": sent}
