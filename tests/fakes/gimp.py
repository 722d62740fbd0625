"""A small GIMP in memory, for the plug-in's logic that is not GIMP's: images, layers, undo groups, configurations.

It has what the plug-in uses, and refuses what the real one punishes: writing a wrong number of bytes, or converting by
a short format name. Formats are texts such as "R'G'B'A u8 sRGB"; it converts nothing.
"""

from __future__ import annotations

import contextlib
import enum
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

from fakes.gimp_procedures import Choice, Config, Procedure

PLUGIN = Path(__file__).parents[2] / "gimp_plugin" / "resilver_gimp" / "plugin"
_BYTES = {"u8": 1, "u16": 2, "float": 4}
_CHANNELS = {"Y": 1, "Y'": 1, "Y'A": 2, "R'G'B'": 3, "R'G'B'A": 4}


class Rectangle(NamedTuple):
    x: int
    y: int
    width: int
    height: int

    @classmethod
    def new(cls, *box: int) -> Rectangle:
        return cls(*box)


class Buffer:
    def __init__(self, width: int, height: int, name: str) -> None:
        self.width, self.height, self.name = width, height, name
        self.data = bytearray(width * height * pixel_bytes(name))

    def get(self, box: Rectangle, scale: float, name: str, _abyss: object) -> bytes:
        assert (scale, name) == (1.0, self.name), "the fake neither scales nor converts"
        return b"".join(self.data[row] for row in self._rows(box))

    def set(self, box: Rectangle, name: str, data: bytes) -> None:
        assert name == self.name, "the fake does not convert"
        assert len(data) == box.width * box.height * pixel_bytes(name)
        size = box.width * pixel_bytes(name)
        for number, row in enumerate(self._rows(box)):
            self.data[row] = data[number * size : (number + 1) * size]

    def flush(self) -> None:
        pass

    def _rows(self, box: Rectangle) -> Iterator[slice]:
        assert box.x >= 0 <= box.y, "the fake has nothing beyond its edges"
        assert box.x + box.width <= self.width
        assert box.y + box.height <= self.height
        for y in range(box.y, box.y + box.height):
            start = (y * self.width + box.x) * pixel_bytes(self.name)
            yield slice(start, start + box.width * pixel_bytes(self.name))


def pixel_bytes(name: str) -> int:
    model, kind, _space = name.split()
    return _CHANNELS[model] * _BYTES[kind]


class Item:
    def __init__(self, image: Image, name: str, width: int, height: int, model: str) -> None:
        self.image, self.name, self.offsets = image, name, (0, 0)
        self.parent: GroupLayer | None = None
        self.buffer = Buffer(width, height, f"{model} {image.depth} {image.space}")
        self.deleted = False

    def get_name(self) -> str:
        return self.name

    def get_image(self) -> Image:
        return self.image

    def get_width(self) -> int:
        return self.buffer.width

    def get_height(self) -> int:
        return self.buffer.height

    def get_parent(self) -> GroupLayer | None:
        return self.parent

    def get_offsets(self) -> tuple[bool, int, int]:
        return True, *self.offsets

    def set_offsets(self, x: int, y: int) -> None:
        self.offsets = x, y

    def get_format(self) -> str:
        return self.buffer.name

    def get_buffer(self) -> Buffer:
        return self.buffer

    def update(self, *_box: int) -> None:
        pass

    def is_valid(self) -> bool:
        return not self.deleted

    def is_group(self) -> bool:
        return False

    def is_gray(self) -> bool:
        return self.buffer.name.startswith("Y")

    def has_alpha(self) -> bool:
        return "A " in self.buffer.name

    def mask_intersect(self) -> tuple[bool, int, int, int, int]:
        return self.image.touched, 0, 0, self.get_width(), self.get_height()


class Channel(Item):
    @classmethod
    def new(cls, image: Image, name: str, width: int, height: int, _opacity: float, _color: object) -> Channel:
        return cls(image, name, width, height, "Y")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.buffer.name = "Y u8"
        self.joined: list[Channel] = []

    def combine_masks(self, other: Channel, _operation: object, _x: int, _y: int) -> None:
        self.joined.append(other)


class Layer(Item):
    @classmethod
    def new(
        cls, image: Image, name: str, width: int, height: int, kind: ImageType, opacity: float, mode: object
    ) -> Layer:
        layer = cls(image, name, width, height, kind.value)
        layer.opacity, layer.mode = opacity, mode
        return layer

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.opacity, self.mode, self.visible = 100.0, LayerMode.NORMAL, True
        self.mask: Channel | None = None
        self.edits_mask = True

    def get_mode(self) -> object:
        return self.mode

    def get_opacity(self) -> float:
        return self.opacity

    def set_opacity(self, opacity: float) -> None:
        self.opacity = opacity

    def set_visible(self, visible: bool) -> None:
        self.visible = visible

    def create_mask(self, kind: AddMaskType) -> Channel:
        return Channel(self.image, kind.name, self.get_width(), self.get_height(), "Y")

    def add_mask(self, mask: Channel) -> None:
        self.mask = mask

    def get_mask(self) -> Channel | None:
        return self.mask

    def get_apply_mask(self) -> bool:
        return self.mask is not None

    def set_edit_mask(self, edit: bool) -> None:
        self.edits_mask = edit

    def set_composite_space(self, space: object) -> None:
        pass

    set_blend_space = set_composite_space


class GroupLayer(Layer):
    @classmethod
    def new(cls, image: Image, name: str) -> GroupLayer:
        return cls(image, name)

    def __init__(self, image: Image, name: str) -> None:
        super().__init__(image, name, 0, 0, "R'G'B'A")
        self.children: list[Layer] = []

    def is_group(self) -> bool:
        return True

    def get_children(self) -> list[Layer]:
        return self.children


class Image:
    """``touched``: the selection touches its layers; ``steps``: how many an undo would take back, each a group."""

    depth, space = "u8", "sRGB"

    def __init__(self, width: int, height: int, base: ImageBaseType, _precision: object = None) -> None:
        self.size, self.base = (width, height), base
        self.layers: list[Layer] = []
        self.selected: list[Layer] = []
        self.touched, self.selection = True, False
        self.open_groups, self.steps = 0, 0
        self.resolution = 72.0, 72.0

    @classmethod
    def new_with_precision(cls, *words: Any) -> Image:
        return cls(*words)

    def get_base_type(self) -> ImageBaseType:
        return self.base

    def get_precision(self) -> str:
        return self.depth

    def get_color_profile(self) -> None:
        pass

    def get_width(self) -> int:
        return self.size[0]

    def get_height(self) -> int:
        return self.size[1]

    def get_resolution(self) -> tuple[bool, float, float]:
        return True, *self.resolution

    def set_resolution(self, x: float, y: float) -> None:
        self.resolution = x, y

    def is_valid(self) -> bool:
        return True

    def get_selected_layers(self) -> list[Layer]:
        return self.selected

    def set_selected_layers(self, layers: list[Layer]) -> None:
        self.selected = list(layers)

    def get_item_position(self, layer: Layer) -> int:
        return (layer.parent.children if layer.parent else self.layers).index(layer)

    def insert_layer(self, layer: Layer, parent: GroupLayer | None, position: int) -> None:
        layer.parent = parent
        (parent.children if parent else self.layers).insert(position, layer)
        self.selected = [layer]
        self.steps += not self.open_groups

    def scale(self, width: int, height: int) -> None:
        self.size = width, height
        self.steps += not self.open_groups

    def undo_group_start(self) -> None:
        self.open_groups += 1

    def undo_group_end(self) -> None:
        self.open_groups -= 1
        self.steps += not self.open_groups

    def undo_disable(self) -> None:
        pass

    undo_enable = undo_disable


class ImageBaseType(enum.Enum):
    RGB, GRAY, INDEXED = range(3)


class ImageType(enum.Enum):
    RGB_IMAGE, RGBA_IMAGE, GRAY_IMAGE, GRAYA_IMAGE = "R'G'B'", "R'G'B'A", "Y'", "Y'A"


class LayerMode(enum.Enum):
    NORMAL, MULTIPLY, LCH_COLOR, HSL_COLOR = range(4)


class AddMaskType(enum.Enum):
    SELECTION, WHITE = range(2)


def _modules() -> dict[str, ModuleType]:
    spaces = SimpleNamespace(RGB_NON_LINEAR="nonlinear", RGB_PERCEPTUAL="perceptual", RGB_LINEAR="linear")
    gimp = _module(
        "Gimp", Image=Image, Layer=Layer, GroupLayer=GroupLayer, LayerMask=Channel, Channel=Channel, Item=Item,
        ImageBaseType=ImageBaseType, ImageType=ImageType, LayerMode=LayerMode, AddMaskType=AddMaskType, Choice=Choice,
        Drawable=Item, Selection=SimpleNamespace(is_empty=lambda image: not image.selection), LayerColorSpace=spaces,
        ChannelOps=SimpleNamespace(INTERSECT=0), InterpolationType=SimpleNamespace(CUBIC=0),
        ImageProcedure=SimpleNamespace(new=lambda _plug_in, name, *_: Procedure(name)), Procedure=Procedure,
        PDBProcType=SimpleNamespace(PLUGIN=0), PDBStatusType=SimpleNamespace(SUCCESS=0, CANCEL=1, EXECUTION_ERROR=2),
        ProcedureSensitivityMask=SimpleNamespace(DRAWABLE=1, DRAWABLES=2), RunMode=SimpleNamespace(NONINTERACTIVE=1),
        PlugIn=object, ProcedureConfig=Config, ValueArray=list, ColorProfile=None,
        context_push=lambda: None, context_pop=lambda: None, context_set_interpolation=lambda _: None,
        progress_init=lambda _: None, progress_end=lambda: None, MESSAGES=[],
    )  # fmt: skip
    gimp.message = gimp.MESSAGES.append
    babl = _module(
        "Babl", get_name=lambda name: name, space=lambda name: name, Object=str,
        format_get_encoding=lambda name: name.rpartition(" ")[0] or name,
        format_get_space=lambda name: name.rpartition(" ")[2], format_with_space=lambda name, space: f"{name} {space}",
    )  # fmt: skip
    gegl = _module(
        "Gegl", Rectangle=Rectangle, Buffer=Buffer, AbyssPolicy=SimpleNamespace(NONE=0, CLAMP=1),
        Color=SimpleNamespace(new=str),
    )  # fmt: skip
    glib = _module("GLib", Error=type("Error", (Exception,), {}))
    flags = SimpleNamespace(READWRITE=3)
    return {one.__name__: one for one in (gimp, babl, gegl, glib, _module("GObject", ParamFlags=flags))}


def _module(name: str, **members: Any) -> ModuleType:
    module = ModuleType(name)
    vars(module).update(members)
    return module


@contextlib.contextmanager
def plugin() -> Iterator[Any]:
    """The plug-in's modules by their names, imported over this GIMP, and ``Gimp``; gone from Python afterwards."""
    modules = _modules()
    gi = _module("gi", require_version=lambda *_: None)
    gi.repository = _module("gi.repository", **modules)
    ours = {path.stem for path in PLUGIN.glob("*.py")} - {"resilver"} | {"sentences"}
    before = dict(sys.modules)
    for name in {*ours, "gi", "gi.repository"} & set(sys.modules):
        del sys.modules[name]
    sys.modules |= {"gi": gi, "gi.repository": gi.repository, "sentences": None}  # what an installation lays there
    sys.path.append(str(PLUGIN))  # the last: its entry has the package's name
    try:
        yield _Plugin(modules["Gimp"])
    finally:
        sys.path.remove(str(PLUGIN))
        for name in [name for name in sys.modules if name.split(".")[0] in {*ours, "gi"}]:
            del sys.modules[name]
        sys.modules |= {name: module for name, module in before.items() if name.split(".")[0] in {*ours, "gi"}}


class _Plugin:
    def __init__(self, gimp: ModuleType) -> None:
        self.Gimp = gimp

    def __getattr__(self, name: str) -> ModuleType:
        return importlib.import_module(name)
