"""Every kind of layer is restored, coloured and enlarged, through the procedures and by what is below them."""

import functools
import itertools

from gi.repository import Babl
from scene import HOME, Gimp, P, call, core, leftovers, made, pixels, state, succeeded, values

import job
from core import find_core

PRECISIONS = [
    P.U8_NON_LINEAR, P.U8_LINEAR, P.U8_PERCEPTUAL, P.U16_NON_LINEAR, P.U16_LINEAR, P.U32_NON_LINEAR,
    P.HALF_NON_LINEAR, P.FLOAT_NON_LINEAR, P.FLOAT_LINEAR, P.DOUBLE_LINEAR,
]  # fmt: skip

WISHES = {
    "restore": job.Wish(recipe={"quality": "fast"}),
    "colorize": job.Wish(recipe={"improve": False, "colorize": "always"}),
    "upscale": job.Wish(recipe={"improve": False, "resolution": 2, "kind": "photo"}, apart=True),
}
DONE = {"restore": "portrait – improved", "colorize": "portrait – colorized"}


def renew(name, precision, gray, alpha, selection, offsets, profile, through_procedure):
    core("negative")
    image, layer = made(precision, gray, alpha, offsets, profile)
    if selection:
        image.select_ellipse(Gimp.ChannelOps.REPLACE, 5, 20, 40, 200)
        Gimp.Selection.feather(image, 6)
    before, seen = pixels(layer), shown(image)
    if through_procedure:
        new, names = succeeded(call(name, image, [layer]))
        assert names == [DONE[name]], names
    else:  # which spares the start of a process, so that all combinations can be tried
        [new] = job.run(find_core(HOME), image, [layer], WISHES[name], Patient())
    assert pixels(layer) == before, "the original changed"
    assert image.get_selected_layers() == [layer], "the original is not the selected layer"
    assert [item.get_name() for item in image.get_layers()] == [DONE[name], "portrait"]
    assert tuple(new.get_offsets()) == (True, *offsets), new.get_offsets()
    inverted(layer, new)
    if selection:
        outside_is_bit_identical(image, new, seen)
    else:
        assert new.get_mask() is None
    assert not leftovers(), leftovers()


def enlarge(precision, gray, alpha, selection, offsets, profile, through_procedure):
    core("negative")
    image, layer = made(precision, gray, alpha, offsets, profile)
    if selection:
        image.select_ellipse(Gimp.ChannelOps.REPLACE, 5, 20, 40, 200)
    before = state(image)
    if through_procedure:
        new, _ = succeeded(call("upscale", image, [layer], target="new-image"))
    else:
        [new] = job.run(find_core(HOME), image, [layer], WISHES["upscale"], Patient())
    assert state(image) == before, "the original changed"
    assert new.get_mask() is None, "the new image shows only a part"
    assert (new.get_width(), new.get_height()) == (2 * layer.get_width(), 2 * layer.get_height())
    assert new.get_image().get_precision() == image.get_precision()
    profiles = [one.get_color_profile() for one in (image, new.get_image())]
    assert profiles[0] is profiles[1] is None or profiles[0].is_equal(profiles[1])
    inverted(layer, new)
    assert not leftovers(), leftovers()


def shown(image):
    return Gimp.Layer.new_from_visible(image, image, "shown")


def inverted(layer, new):
    (old, channels), (result, same) = values(layer), values(new)
    assert channels == same
    result = thinned(result, new.get_width(), channels, new.get_width() // layer.get_width())
    alpha = channels in (2, 4)
    # a linear tone curve has few steps in the shadows, and half floats have few in the lights
    name = Babl.format_get_encoding(layer.get_format())
    tolerance = 3 / 65535 if "'" in name and "half" not in name else 0.07
    for number, (a, b) in enumerate(zip(old, result, strict=True)):
        if alpha and number % channels == channels - 1:
            assert abs(a - b) <= 1 / 1024, f"alpha {a} became {b}"
        elif not alpha or old[number - number % channels + channels - 1]:  # colours that nobody sees may be lost
            assert abs(b - (1 - a)) <= tolerance, f"{a} became {b} in {name}"


def thinned(values, width, channels, factor):
    """One of the pixels that the worker repeated."""
    row = width * channels
    firsts = range(0, row, factor * channels)
    tops = range(0, len(values), factor * row)
    return [value for top in tops for at in firsts for value in values[top + at : top + at + channels]]


def outside_is_bit_identical(image, new, seen):
    assert new.get_mask() is not None, "no mask"
    assert not new.get_edit_mask()
    selected = memoryview(pixels(image.get_selection(), "Y float")).cast("f")
    feathered = memoryview(pixels(new.get_mask(), "Y float")).cast("f")
    assert any(0 < value < 1 for value in feathered), "the feather is lost"
    now = shown(image)
    same = bits(now, seen) if exact(image) else nearly(now, seen)
    outside = [same[number] for number, value in enumerate(selected) if not value]
    assert all(outside), f"{outside.count(False)} of {len(outside)} pixels outside changed"
    assert not all(same), "nothing changed inside the selection"


def exact(image):
    """GIMP itself blends everything in floats of 32 bits, and gray as if it were RGB: 8 and 16 bits survive that."""
    return image.get_precision() in PRECISIONS[:5]


def bits(now, seen):
    a, b = pixels(now), pixels(seen)
    size = len(a) // (now.get_width() * now.get_height())
    return [a[at : at + size] == b[at : at + size] for at in range(0, len(a), size)]


def nearly(now, seen):
    (a, channels), (b, _) = values(now), values(seen)
    pairs = [all(abs(x - y) <= 1e-6 for x, y in zip(a[at : at + channels], b[at : at + channels], strict=True))
             for at in range(0, len(a), channels)]  # fmt: skip
    return [same or (channels in (2, 4) and not a[(n + 1) * channels - 1]) for n, same in enumerate(pairs)]


class Patient:
    """Waits for the end."""

    def progress(self, _fraction, _step):
        pass

    def cancelled(self):
        return False


def cases():
    for precision, gray, alpha, selection, moved, profile in itertools.product(PRECISIONS, *[(False, True)] * 5):
        words = [precision.value_nick, "gray" if gray else "rgb"]
        flags = {"alpha": alpha, "selection": selection, "moved": moved, "profile": profile}
        kind = " ".join(words + [word for word, is_so in flags.items() if is_so])
        through_procedure = moved == alpha and profile == (selection and not gray)
        case = precision, gray, alpha, selection, (-7, 11) if moved else (0, 0), profile, through_procedure
        if not (gray and profile):
            yield f"restore {kind}", functools.partial(renew, "restore", *case)
            yield f"upscale {kind}", functools.partial(enlarge, *case)
        if not gray:  # whose image cannot hold colours
            yield f"colorize {kind}", functools.partial(renew, "colorize", *case)


CASES = dict(cases())
