"""The plug-in's logic that is not GIMP's, over a GIMP in memory."""

import json

import pytest

from fakes.gimp import Image, ImageBaseType, Layer, LayerMode, plugin
from fakes.gimp_procedures import Config


@pytest.fixture(scope="module")
def modules():
    with plugin() as found:
        yield found


@pytest.fixture
def image(modules):
    """Two layers, the upper one selected."""
    made = Image(40, 30, ImageBaseType.RGB)
    for name in ("back", "portrait"):
        made.insert_layer(layer(made, name), None, 0)
    made.steps = 0
    return made


def layer(image, name, width=4, height=3):
    kind = {ImageBaseType.GRAY: "Y'"}.get(image.base, "R'G'B'A")
    return Layer(image, name, width, height, kind)


def raw(folder, value, width=4, height=3, channels=4):
    path = folder / f"raw-{value}"
    path.write_bytes(bytes([value]) * width * height * channels)
    return {"path": str(path), "width": width, "height": height, "channels": channels, "depth": 8}


def procedure(modules, name):
    return modules.procedures.create(None, f"plug-in-resilver-{name}")


def wish(modules, name, **told):
    made = procedure(modules, name)
    return modules.procedures.wish(made.name, Config(made, **told))


@pytest.fixture
def told(tmp_path, monkeypatch):
    """Writes what an installation wrote for this user."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "python").touch()
    good = {"interpreter": str(tmp_path / "python"), "version": "0.1.0", "protocol": 1, "log": str(tmp_path / "log")}

    def write(path=tmp_path / "config" / "resilver" / "gimp.json", text=None, **other):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(good | other) if text is None else text)

    return write


def test_the_users_own_core_comes_before_that_of_the_package(modules, told, tmp_path):
    """What stands in the user's file wins; without one, what a package laid beside the plug-in counts."""
    beside = tmp_path / "plug-in"
    told(beside / "core.json", version="0.2.0")
    assert modules.core.find_core(beside).version == "0.2.0"
    told()
    assert modules.core.find_core(beside).version == "0.1.0"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (None, ["not found", "resilver gimp install"]),
        ({"text": "{"}, ["cannot be read", "resilver gimp install"]),
        ({"text": "[]"}, ["cannot be read"]),
        ({"text": '{"version": "1"}'}, ["cannot be read"]),
        ({"protocol": 0}, ["too old for this plug-in", "update Resilver"]),
        ({"protocol": 2}, ["plug-in is too old"]),
        ({"interpreter": "/nowhere/python"}, ["no longer at /nowhere/python", "install it again"]),
    ],
)
def test_a_core_that_cannot_be_used_is_told_with_what_to_do(modules, told, tmp_path, wrong, words):
    """Missing, broken, too old, too new or gone: each has its sentence."""
    if wrong is not None:
        told(**wrong)
    with pytest.raises(modules.core.Trouble) as raised:
        modules.core.find_core(tmp_path)
    assert all(word in str(raised.value) for word in words)


@pytest.mark.parametrize("name", ["restore", "colorize", "upscale"])
def test_defaults_are_values_that_are_allowed_and_stay_on_this_computer(modules, name):
    """A call without arguments is one that GIMP takes, has no preset, and sends nothing."""
    made = procedure(modules, name)
    assert made.menu == "<Image>/Filters/Enhance/Resilver"
    for kind, default, allowed in made.arguments.values():
        assert kind == "layer" or default in allowed if kind != "double" else allowed[0] <= default <= allowed[1]
    assert wish(modules, name).settings == {"engine": "local"}


@pytest.mark.parametrize("name", ["restore", "colorize", "upscale"])
def test_no_two_controls_of_a_dialog_share_a_letter(modules, name):
    """Each argument has a letter of its own to reach it by; S is taken by GIMP's own buttons."""
    made = procedure(modules, name)
    letters = [label[label.index("_") + 1].lower() for label in made.labels[1:]]
    assert len(letters) == len(made.arguments)
    assert len(set(letters)) == len(letters)
    assert "s" not in letters


def test_presets_name_only_arguments_and_values_that_there_are(modules):
    """Each preset of each procedure can be chosen, and says what the procedure understands."""
    for name, presets in modules.arguments.PRESETS.items():
        made = modules.procedures.create(None, name)
        assert made.arguments["preset"][2] == ["custom", *presets]
        for values in presets.values():
            for argument, value in values.items():
                kind, _, allowed = made.arguments[argument]
                assert value in allowed if kind != "double" else allowed[0] <= value <= allowed[1]


def test_a_preset_wins_over_what_is_set_below_it(modules):
    """Chosen presets count, whatever the other arguments say."""
    recipe = wish(modules, "restore", preset="gentle", strength=0.9, quality="best").recipe
    assert (recipe["strength"], recipe["quality"]) == (0.5, "fast")
    assert wish(modules, "restore", strength=0.9).recipe["strength"] == 0.9


def test_each_procedure_asks_for_its_own_work(modules):
    """Colorize colours and leaves the rest unless told; upscale only enlarges; restore repairs and leaves colours."""
    assert wish(modules, "colorize").recipe["colorize"] == "always"
    assert wish(modules, "colorize").recipe["improve"] is False
    assert wish(modules, "colorize", also_repair=True).recipe["improve"] is True
    assert wish(modules, "colorize", as_colour_layer="hsl").mode == LayerMode.HSL_COLOR
    enlarged = wish(modules, "upscale", factor="4", kind="art", target="new-image")
    assert (enlarged.recipe["resolution"], enlarged.recipe["kind"], enlarged.apart) == (4, "art", True)
    assert "resolution" not in wish(modules, "restore").recipe
    assert wish(modules, "restore").recipe["colorize"] == "never"


def test_a_painted_mask_must_be_chosen(modules, image):
    """With a mask that is a layer, the layer is needed, and is what the wish holds."""
    with pytest.raises(modules.core.Trouble, match="painted layer"):
        wish(modules, "restore", with_mask="layer")
    back = image.layers[1]
    assert wish(modules, "restore", with_mask="layer", mask_layer=back).mask is back


def test_what_cannot_be_done_is_refused_in_a_sentence(modules, image):
    """Indexed, no layer, a mask, a group; colours in gray, an untouched selection, a mask that marks nothing."""
    check_image, check, trouble = modules.job.check_image, modules.job.check, modules.core.Trouble
    portrait = image.layers[0]
    check_image(image, [portrait])
    for drawables, words in (
        ([], "No layer is selected"),
        ([modules.Gimp.Channel.new(image, "mask", 4, 3, 100.0, None)], "mask or channel"),
        ([modules.Gimp.GroupLayer.new(image, "folder")], "layer group"),
    ):
        with pytest.raises(trouble, match=words):
            check_image(image, drawables)
    with pytest.raises(trouble, match="indexed"):
        check_image(Image(4, 3, ImageBaseType.INDEXED), [portrait])
    with pytest.raises(trouble, match="grayscale"):
        check(Image(4, 3, ImageBaseType.GRAY), [], wish(modules, "colorize"))
    with pytest.raises(trouble, match="Nothing is selected"):
        check(image, [portrait], wish(modules, "restore", with_mask="selection"))
    with pytest.raises(trouble, match="its own mask"):
        check(image, [portrait], wish(modules, "restore", with_mask="layer", mask_layer=portrait))
    image.touched = False
    with pytest.raises(trouble, match="selection does not touch “portrait”"):
        check(image, [portrait], wish(modules, "restore"))


def test_pixels_come_back_as_they_went(modules, image, tmp_path):
    """A layer higher than one strip is the same after the way out and back."""
    tall = layer(image, "tall", 3, 600)
    tall.buffer.data[:] = bytes(number % 251 for number in range(3 * 600 * 4))
    told = modules.pixels.write_layer(tall, tmp_path / "layer")
    assert (told["width"], told["height"], told["channels"], told["depth"], told["icc"]) == (3, 600, 4, 8, None)
    again = layer(image, "again", 3, 600)
    modules.pixels.read_into(again, told)
    assert again.buffer.data == tall.buffer.data


def test_too_few_pixels_are_refused(modules, image, tmp_path):
    """GIMP would only murmur and leave the layer empty."""
    told = raw(tmp_path, 7)
    (tmp_path / "raw-7").write_bytes(b"few")
    with pytest.raises(modules.core.Trouble, match="fewer pixels"):
        modules.pixels.read_into(layer(image, "new"), told)


def test_a_result_lies_above_its_original_which_stays_selected(modules, image, tmp_path):
    """One new layer, right above, with the original's offsets, mode and opacity; one undo step."""
    back = image.layers[1]
    image.set_selected_layers([back])
    back.offsets, back.mode, back.opacity = (-3, 7), LayerMode.MULTIPLY, 40.0
    done = modules.placement.Done(layer=back, raw=raw(tmp_path, 9), name="back – improved")
    (new,) = modules.placement.place_above(image, [done], group="Restored")
    assert [one.name for one in image.layers] == ["portrait", "back – improved", "back"]
    assert (new.offsets, new.mode, new.opacity, new.mask) == ((-3, 7), LayerMode.MULTIPLY, 40.0, None)
    assert set(new.buffer.data) == {9}
    assert image.selected == [back]
    assert (image.steps, image.open_groups) == (1, 0)


def test_several_results_come_in_one_group_in_their_order(modules, image, tmp_path):
    """The group lies above the first original, holds the results from top to bottom, and is one undo step."""
    done = [
        modules.placement.Done(layer=one, raw=raw(tmp_path, number), name=f"{one.name} – improved")
        for number, one in enumerate(image.layers)
    ]
    group, *new = modules.placement.place_above(image, done, group="Restored")
    assert [one.name for one in image.layers] == ["Restored", "portrait", "back"]
    assert [one.name for one in group.children] == ["portrait – improved", "back – improved"]
    assert group.children == new
    assert (image.steps, image.open_groups) == (1, 0)


def test_a_selection_becomes_the_mask_of_the_result(modules, image, tmp_path):
    """With a selection the new layer has a mask of it, and it is the layer that is edited, not the mask."""
    image.selection = True
    done = modules.placement.Done(layer=image.layers[0], raw=raw(tmp_path, 1), name="new")
    (new,) = modules.placement.place_above(image, [done], group="")
    assert new.mask.name == "SELECTION"
    assert not new.edits_mask


def test_a_result_that_cannot_be_read_leaves_the_image_alone(modules, image, tmp_path):
    """No layer, no undo step, no open undo group."""
    broken = modules.placement.Done(layer=image.layers[0], raw=raw(tmp_path, 1), name="new")
    (tmp_path / "raw-1").write_bytes(b"")
    before = list(image.layers)
    for place in (modules.placement.place_above, modules.placement.place_enlarged):
        words = [2] if place is modules.placement.place_enlarged else []
        with pytest.raises(modules.core.Trouble):
            place(image, [broken], *words, group="")
        assert (image.layers, image.size, image.steps, image.open_groups) == (before, (40, 30), 0, 0)


def test_enlarging_scales_the_image_and_the_offsets(modules, image, tmp_path):
    """The canvas and the place of the result grow by the factor, in one undo step."""
    image.layers[0].offsets = (-3, 7)
    done = modules.placement.Done(layer=image.layers[0], raw=raw(tmp_path, 1, 8, 6), name="new")
    (new,) = modules.placement.place_enlarged(image, [done], 2, group="")
    assert image.size == (80, 60)
    assert new.offsets == (-6, 14)
    assert (image.steps, image.open_groups) == (1, 0)


def test_an_enlarged_layer_of_its_own_is_as_large_on_paper(modules, image, tmp_path):
    """The new image has the layer's size and a resolution raised by the factor; the old one is not touched."""
    done = modules.placement.Done(layer=image.layers[0], raw=raw(tmp_path, 1, 8, 6), name="new")
    (new,) = modules.placement.place_apart(image, [done], 2)
    assert new.image is not image
    assert new.image.size == (8, 6)
    assert new.image.resolution == (144.0, 144.0)
    assert (image.steps, image.size) == (0, (40, 30))


def test_the_time_left_is_told_once_it_is_known(modules):
    """Nothing at the beginning, then a guess that follows the progress and ends at zero."""
    rest = modules.progress.Rest()
    assert rest.seconds(0.0, 100.0) is None
    assert rest.seconds(0.5, 101.0) is None
    assert rest.seconds(0.1, 110.0) == pytest.approx(90.0)
    assert rest.seconds(0.5, 150.0) == pytest.approx(50.0)
    assert rest.seconds(1.0, 300.0) == 0.0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3, "A few seconds left"),
        (12, "About 10 seconds left"),
        (49, "About 50 seconds left"),
        (60, "About 1 minute left"),
        (170, "About 3 minutes left"),
    ],
)
def test_the_time_left_is_told_as_finely_as_anybody_wants(modules, seconds, words):
    """Seconds by tens, then minutes, in the singular where it is one."""
    assert modules.progress.in_words(seconds) == words
