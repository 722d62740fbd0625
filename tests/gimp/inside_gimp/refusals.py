"""What cannot be done, goes wrong or is stopped leaves the image as it was, and no files."""

import subprocess

from scene import CORE, HOME, Gimp, add_layer, call, core, gone, leftovers, made, refused, state

import job
from core import Cancelled, Trouble, find_core

WISH = job.Wish(recipe={"quality": "fast"}, group="Restored")


class Waiting:
    """Somebody who wants it to stop as soon as something was told, or does something else then."""

    def __init__(self, do=lambda: None, *, stop=False):
        self.do = do
        self.stop = stop
        self.told = False

    def progress(self, _fraction, _step):
        if not self.told:
            self.do()
        self.told = True

    def cancelled(self):
        return self.stop and self.told


def unharmed(manner, *words):
    core(manner)
    image, layer = made(alpha=True)
    before = state(image)
    refused(call("restore", image, [layer]), *words)
    assert state(image) == before
    assert not leftovers(), leftovers()


def cancelled(manner):
    core(manner)
    image, layer = made()
    before = state(image)
    try:
        job.run(find_core(HOME), image, [layer], WISH, Waiting(stop=True))
    except Cancelled:
        assert state(image) == before
        assert not leftovers(), leftovers()
    else:
        raise AssertionError("it was not cancelled")


def killed():
    """As GIMP's own Cancel does it."""
    core("cancels")
    image, layer = made()
    before = state(image)
    result = call("restore", image, [layer])
    assert result.index(0) != Gimp.PDBStatusType.SUCCESS
    assert state(image) == before
    assert gone(), leftovers()


def meanwhile(do, word):
    core("negative")
    image, layer = made()
    other = add_layer(image, "other")
    try:
        job.run(find_core(HOME), image, [layer], WISH, Waiting(lambda: do(image, layer)))
    except Trouble as trouble:
        assert word in str(trouble), trouble
        assert not leftovers(), leftovers()
        assert not image.is_valid() or image.get_layers() == [other]
    else:
        raise AssertionError("there was a result")


def closed():
    meanwhile(lambda image, _layer: image.delete(), "no place")


def deleted():
    meanwhile(lambda image, layer: image.remove_layer(layer), "no place")


def no_core():
    CORE.unlink()
    image, layer = made()
    refused(call("restore", image, [layer]), "not found", str(CORE), "resilver gimp install")


def broken_core():
    CORE.write_text("{")
    image, layer = made()
    refused(call("restore", image, [layer]), "cannot be read", "resilver gimp install")


def other_cores():
    image, layer = made()
    core("negative", protocol=0)
    refused(call("restore", image, [layer]), "too old for this plug-in")
    core("negative", protocol=2)
    refused(call("restore", image, [layer]), "This plug-in is too old")
    core("negative", interpreter="/nowhere/python")
    refused(call("restore", image, [layer]), "no longer at /nowhere/python", "install")
    core("negative", interpreter="/bin/true")
    refused(call("restore", image, [layer]), "ended before", "gimp.log")


def indexed():
    core("negative")
    image, layer = made()
    assert image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 16, False, False, "")
    for procedure in ("restore", "colorize", "upscale"):
        refused(call(procedure, image, [layer]), "indexed", "Mode > RGB")


def gray_colours():
    core("negative")
    gray, layer = made(gray=True)
    before = state(gray)
    refused(call("colorize", gray, [layer]), "grayscale", "Mode > RGB")
    refused(call("restore", gray, [layer], colorize="auto"), "grayscale", "Mode > RGB")
    assert state(gray) == before


def no_layers():
    core("negative")
    image, layer = made()
    group = Gimp.GroupLayer.new(image, "folder")
    image.insert_layer(group, None, 0)
    refused(call("restore", image, [group]), "folder", "layer group")
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.WHITE))
    refused(call("restore", image, [layer.get_mask()]), "mask")
    refused(call("restore", image, []), "No layer")
    layer.set_offsets(60, 0)
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 20, 20)
    refused(call("restore", image, [layer]), "selection does not touch")


def no_masks():
    core("negative")
    image, layer = made()
    refused(call("restore", image, [layer], with_mask="selection"), "Nothing is selected")
    refused(call("restore", image, [layer], with_mask="layer"), "No painted layer")
    refused(call("restore", image, [layer], with_mask="layer", mask_layer=layer), "own mask")


def two_at_once():
    """A run of another plug-in's at the same time, each waiting for the other's worker."""
    core("meets")
    (image, layer), (other, second) = made(), made(alpha=True)
    before = state(other)
    told = HOME / "second.out"
    (HOME / "second").write_text(f"{other.get_id()} {second.get_id()}")
    result = call("restore", image, [layer])
    assert result.index(0) == Gimp.PDBStatusType.SUCCESS, Gimp.get_pdb().get_last_error()
    subprocess.run(["timeout", "60", "sh", "-c", f"until [ -s {told} ]; do sleep 0.1; done"], check=True)
    assert told.read_text() == "success", told.read_text()
    assert [item.get_name() for item in image.get_layers()] == ["portrait – improved", "portrait"]
    assert [item.get_name() for item in other.get_layers()] == ["portrait – improved", "portrait"]
    assert state(other)[2][1] == before[2][0], "the original changed"
    assert gone(), leftovers()


CASES = {
    "the worker dies": lambda: unharmed("dies", "ended before it was done", "gimp.log"),
    "the picture is refused": lambda: unharmed("refuses", "The picture is refused; take another."),
    "another protocol": lambda: unharmed("old", "does not fit", "gimp.log"),
    "fewer pixels": lambda: unharmed("short", "fewer pixels"),
    "no JSON": lambda: unharmed("stray", "no sensible answer", "gimp.log"),
    "cancelled at work": lambda: cancelled("slow"),
    "cancelled while it hangs": lambda: cancelled("hangs"),
    "GIMP's own Cancel": killed,
    "the image is closed meanwhile": closed,
    "the layer is deleted meanwhile": deleted,
    "two runs at once": two_at_once,
    "no core": no_core,
    "a broken core": broken_core,
    "cores that do not fit": other_cores,
    "indexed images": indexed,
    "colours in gray images": gray_colours,
    "what is no layer": no_layers,
    "masks that are not there": no_masks,
}
