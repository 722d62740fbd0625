"""What results are called, where they go, and what their masks show."""

from pathlib import Path

from matrix import bits, shown
from scene import (
    BASE,
    HEIGHT,
    HOME,
    WIDTH,
    Gimp,
    P,
    add_layer,
    asked,
    call,
    core,
    fill,
    made,
    pixels,
    refused,
    state,
    succeeded,
    values,
)

from pixels import write_layer


def several():
    core("negative")
    image, first = made()
    second = add_layer(image, "back")
    image.set_selected_layers([first, second])
    new, names = succeeded(call("restore", image, [first, second]))
    assert names == ["portrait – improved", "back – improved"], names
    assert new.is_group()
    assert new.get_name() == "Restored"
    assert [layer.get_name() for layer in new.get_children()] == names
    assert set(image.get_selected_layers()) == {first, second}


def in_a_group():
    core("negative")
    image, _ = made()
    group = Gimp.GroupLayer.new(image, "album")
    image.insert_layer(group, None, 0)
    add_layer(image, "below", parent=group)
    layer = add_layer(image, "inner", parent=group)
    layer.set_opacity(40)
    layer.set_offsets(5, 6)
    new, _ = succeeded(call("restore", image, [layer]))
    assert [item.get_name() for item in group.get_children()] == ["inner – improved", "inner", "below"]
    assert new.get_opacity() == layer.get_opacity()
    assert tuple(new.get_offsets())[1:] == (5, 6)


def other_sizes():
    core("negative")
    for size, offsets in (((200, 400), (-50, -30)), ((7, 5), (70, 300)), ((1, 1), (200, 500)), ((300, 2), (-9, 9))):
        image, layer = made(size=size, offsets=offsets)
        before = pixels(layer)
        new, _ = succeeded(call("restore", image, [layer]))
        assert (new.get_width(), new.get_height()) == size
        assert tuple(new.get_offsets())[1:] == offsets
        assert pixels(new) == bytes(255 - value for value in before)
        assert (image.get_width(), image.get_height()) == (80, 320)


def a_selection_on_a_larger_layer():
    core("negative")
    image, layer = made(size=(200, 400), offsets=(-50, -30))
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 20, 30, 40)
    new, _ = succeeded(call("restore", image, [layer]))
    mask = pixels(new.get_mask(), "Y u8")
    for y in range(400):
        row = bytes(255 if 60 <= x < 90 and 50 <= y < 90 else 0 for x in range(200))
        assert mask[y * 200 : y * 200 + 200] == row, f"row {y}"


def its_own_mask():
    core("negative")
    image, layer = made()
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.WHITE))
    half = bytes(number % 200 for number in range(WIDTH * HEIGHT))
    fill(layer.get_mask(), "Y u8", half)
    new, _ = succeeded(call("restore", image, [layer]))
    assert pixels(new.get_mask(), "Y u8") == half
    assert pixels(layer.get_mask(), "Y u8") == half
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, WIDTH, 10)
    new, _ = succeeded(call("restore", image, [layer]))
    assert pixels(new.get_mask(), "Y u8") == half[: WIDTH * 10] + bytes(WIDTH * (HEIGHT - 10))
    layer.set_apply_mask(False)
    Gimp.Selection.none(image)
    new, _ = succeeded(call("restore", image, [layer]))
    assert new.get_mask() is None, "a mask that is switched off was taken"


def names():
    core("negative")
    for procedure, arguments, done in (
        ("restore", {}, "improved"),
        ("restore", {"colorize": "always"}, "improved, colorized"),
        ("colorize", {}, "colorized"),
        ("colorize", {"also_repair": True}, "improved, colorized"),
        ("upscale", {"factor": "4", "target": "new-image"}, "enlarged 4x"),
    ):
        image, layer = made()
        new, told = succeeded(call(procedure, image, [layer], **arguments))
        assert told == [f"portrait – {done}"] == [new.get_name()], told


def recipes():
    core("negative")
    plain = {"quality": "fast", "strength": 1.0, "vividness": 0.0}
    for procedure, arguments, recipe in (
        ("restore", {}, {**plain, "colorize": "never"}),
        ("restore", {"quality": "best", "strength": 0.25, "colorize": "auto", "vividness": 0.5},
         {"quality": "best", "strength": 0.25, "vividness": 0.5, "colorize": "auto"}),
        ("restore", {"preset": "gentle", "strength": 0.9}, {**plain, "strength": 0.5, "colorize": "never"}),
        ("colorize", {}, {**plain, "improve": False, "colorize": "always"}),
        ("colorize", {"preset": "old-print"},
         {"quality": "best", "strength": 1.0, "vividness": 0.5, "improve": True, "colorize": "always"}),
        ("upscale", {}, {"quality": "fast", "strength": 1.0, "improve": False, "resolution": 2, "kind": "photo"}),
        ("upscale", {"preset": "drawing"},
         {"quality": "best", "strength": 1.0, "improve": False, "resolution": 2, "kind": "art"}),
    ):  # fmt: skip
        image, layer = made()
        succeeded(call(procedure, image, [layer], **arguments))
        assert asked()["recipe"] == recipe, asked()["recipe"]
        assert asked()["settings"] == {"engine": "local"}
    image, layer = made()
    succeeded(call("restore", image, [layer], engine="cloud"))
    assert asked()["settings"] == {"engine": "cloud"}


def colour_layers():
    core("negative")
    for nick, mode in (
        ("none", Gimp.LayerMode.NORMAL),
        ("lch", Gimp.LayerMode.LCH_COLOR),
        ("hsl", Gimp.LayerMode.HSL_COLOR),
    ):
        for precision in (P.U8_NON_LINEAR, P.U16_NON_LINEAR):
            image, layer = made(precision)
            image.select_rectangle(Gimp.ChannelOps.REPLACE, 10, 20, 30, 40)
            before = shown(image)
            new, _ = succeeded(call("colorize", image, [layer], as_colour_layer=nick))
            assert new.get_mode() == mode
            same = bits(shown(image), before)
            inside = {y * 80 + x for y in range(20, 60) for x in range(10, 40)}
            assert all(one for number, one in enumerate(same) if number not in inside), f"{nick} {precision}"
            assert not all(same)


def hidden_damage():
    core("negative")
    image, layer = made(precision=P.U16_NON_LINEAR, offsets=(3, 4), alpha=True)
    new, names = succeeded(call("restore", image, [layer], show_mask="hidden-layer"))
    assert names == ["portrait – repaired places", "portrait – improved"], names
    assert new.is_group()
    hidden, result = new.get_children()
    assert not hidden.get_visible()
    assert result.get_visible()
    assert result.get_mask() is None
    assert tuple(hidden.get_offsets())[1:] == (3, 4)
    assert damage(layer) == pixels(hidden, "Y u8")


def another_images_mask():
    core("negative")
    (image, layer), (_, other) = made(), made()
    refused(call("restore", image, [layer], with_mask="layer", mask_layer=other), "another image")


def damage_as_a_mask():
    core("negative")
    image, layer = made()
    new, _ = succeeded(call("restore", image, [layer], show_mask="layer-mask"))
    assert not new.is_group()
    assert damage(layer) == pixels(new.get_mask(), "Y u8")


def damage(layer):
    """As the fake worker has it."""
    first = pixels(layer, "R'G'B' u8")[::3]
    return bytes(255 if value < 64 else 0 for value in first)


def with_the_selection():
    core("negative")
    image, layer = made(offsets=(-7, 11))
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 10, 20)
    new, _ = succeeded(call("restore", image, [layer], with_mask="selection", show_mask="hidden-layer"))
    shown = pixels(new.get_children()[0], "Y u8")
    for y in range(HEIGHT):
        row = bytes(255 if 7 <= x < 17 and y < 9 else 0 for x in range(WIDTH))
        assert shown[y * WIDTH : y * WIDTH + WIDTH] == row, f"row {y}"


def with_a_painted_layer():
    core("negative")
    image, layer = made(offsets=(-7, 11))
    painted = Gimp.Layer.new(image, "scratches", 20, 10, Gimp.ImageType.RGBA_IMAGE, 100.0, Gimp.LayerMode.NORMAL)
    image.insert_layer(painted, None, 0)
    painted.set_offsets(-10, 10)
    fill(painted, "R'G'B'A u8", bytes((255, 255, 255, 255)) * 200)
    new, _ = succeeded(call("restore", image, [layer], with_mask="layer", mask_layer=painted, show_mask="hidden-layer"))
    shown = pixels(new.get_children()[0], "Y u8")
    for y in range(HEIGHT):
        row = bytes(255 if x < 17 and y < 9 else 0 for x in range(WIDTH))
        assert shown[y * WIDTH : y * WIDTH + WIDTH] == row, f"row {y}"


def enlarged_image():
    core("negative")
    image, layer = made(offsets=(-3, 7))
    add_layer(image, "other")
    image.set_selected_layers([layer])
    image.select_rectangle(Gimp.ChannelOps.REPLACE, 0, 0, 20, 30)
    new, names = succeeded(call("upscale", image, [layer], factor="2"))
    assert (image.get_width(), image.get_height()) == (160, 640)
    assert names == ["portrait – enlarged 2x"], names
    assert (new.get_width(), new.get_height()) == (2 * WIDTH, 2 * HEIGHT)
    assert tuple(new.get_offsets())[1:] == (-6, 14)
    assert {(one.get_width(), one.get_height()) for one in image.get_layers()} == {(2 * WIDTH, 2 * HEIGHT)}
    assert image.get_selected_layers() == [layer]
    mask = pixels(new.get_mask(), "Y u8")
    assert mask[6 + 20] == 255, "the selection was not enlarged"
    assert mask[-1] == 0


def enlarged_apart():
    core("negative")
    image, layer = made(P.U16_NON_LINEAR, profile=True)
    image.set_resolution(300, 300)
    layer.add_mask(layer.create_mask(Gimp.AddMaskType.WHITE))
    fill(layer.get_mask(), "Y u8", bytes(WIDTH * 150) + bytes([255]) * (WIDTH * 150))
    before = state(image)
    new, _ = succeeded(call("upscale", image, [layer], factor="4", target="new-image"))
    assert state(image) == before, "the image changed"
    other = new.get_image()
    assert other != image
    assert (other.get_width(), other.get_height()) == (4 * WIDTH, 4 * HEIGHT)
    assert tuple(other.get_resolution())[1:] == (1200, 1200)
    assert other.get_precision() == image.get_precision()
    assert other.get_base_type() == BASE.RGB
    assert bytes(other.get_color_profile().get_icc_profile()) == bytes(image.get_color_profile().get_icc_profile())
    mask = pixels(new.get_mask(), "Y u8")
    half = 4 * WIDTH * 4 * 150
    assert set(mask[: half - 8 * WIDTH]) == {0}
    assert set(mask[half + 8 * WIDTH :]) == {255}


def already_good():
    core("good")
    image, layer = made()
    before = state(image)
    new, names = succeeded(call("restore", image, [layer]))
    assert new is None
    assert names == []
    assert state(image) == before


def many_pixels():
    """babl begins to take short cuts after some, of which one was wrong."""
    _, layer = made(P.U8_LINEAR, alpha=True, size=(500, 500))
    true, channels = values(layer)
    for number in range(4):
        told = write_layer(layer, HOME / f"many-{number}")
        seen = memoryview(Path(told["path"]).read_bytes()).cast("H")
        far = [at for at in range(0, len(true), 7) if abs(seen[at] / 65535 - true[at]) > 0.001]
        wrong = [at for at in far if true[at - at % channels + 3]]
        assert not wrong, f"{len(wrong)} values, such as {seen[wrong[0]] / 65535} for {true[wrong[0]]}"


def locked():
    core("negative")
    image, layer = made()
    layer.set_lock_content(True)
    before = pixels(layer)
    succeeded(call("restore", image, [layer]))
    assert pixels(layer) == before


CASES = {
    "several layers become one group": several,
    "a layer in a group": in_a_group,
    "layers larger and smaller than the image": other_sizes,
    "a selection on a larger layer": a_selection_on_a_larger_layer,
    "the layer's own mask": its_own_mask,
    "names say what was done": names,
    "arguments, their defaults and presets": recipes,
    "colour layers": colour_layers,
    "what was repaired as a hidden layer": hidden_damage,
    "what was repaired as the layer's mask": damage_as_a_mask,
    "a layer of another image as the mask of the damage": another_images_mask,
    "the selection as the mask of the damage": with_the_selection,
    "a painted layer as the mask of the damage": with_a_painted_layer,
    "upscale the image": enlarged_image,
    "upscale into a new image": enlarged_apart,
    "already good": already_good,
    "many pixels of 8 bits in linear light with alpha": many_pixels,
    "locked content": locked,
}
