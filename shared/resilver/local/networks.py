"""The networks that the engine knows: which file, which blobs, which border, how much of it is lost.

The carried networks take RGB as float32 of shape (3, height, width) in 0..1 and give the same, ``scale``
times as large; their figures below were measured against their own programs (equal within 1/255). Ours
take and give luma, of shape (1, height, width); their figures are those of their cards in ``weights``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

OWN = "own"  # a source


@dataclass(frozen=True, slots=True)
class Pool:
    """An average over the whole input (squeeze and excite), by the names of a network's blobs.

    ``blob`` is the average of ``of``, which ``lost`` pixels of the input on each side do not reach. With the
    input, ``of``, ``keep`` and the averages so far the rest of the network can be run; with ``spare``, too,
    nothing is computed twice.
    """

    blob: str
    of: str
    lost: int
    keep: tuple[str, ...] = ()
    spare: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """One network.

    ``source`` and ``stem``: where :class:`resilver.local.models.ModelStore` finds its weights; those of
    :data:`OWN` are in the package.
    ``pad``: pixels of the input on each side that make no output, or that a tile needs as overlap.
    ``multiple``: of the input's sides and of the places where tiles start.
    ``border``: how a picture is continued beyond its edge (:func:`numpy.pad`'s terms).
    ``pooled``: its averages over the whole input in their order: tiles of one picture must share them or
    their seams show. ``kept``: bytes per pixel of its input that it holds at most from one to the next,
    without and with what is spare, in tiles of its size or smaller.
    ``cut``: blobs that are another one without so many values on each side. They are cut here, for the network's own
    layer takes their size from a blob that is not there yet.
    ``crops``: whether the network itself leaves the pad out of its output.
    ``residual``: whether the output is to be added to the input, every pixel repeated.
    ``tile``: the side in input pixels that was measured as quickest within its memory.
    """

    source: str
    stem: str
    label: str
    scale: int
    pad: int
    multiple: int = 1
    border: Literal["edge", "reflect"] = "reflect"
    input: str
    output: str
    pooled: tuple[Pool, ...] = ()
    kept: tuple[int, int] = (0, 0)
    cut: tuple[tuple[str, tuple[str, int]], ...] = ()
    crops: bool = True
    residual: bool = False
    tile: int = 192


_UPCONV = Network(
    source="waifu2x",
    stem="models-upconv_7_photo/",
    label="waifu2x upconv_7_photo",
    scale=2,
    pad=7,
    multiple=2,
    border="edge",
    input="Input1",
    output="Eltwise4",
)
_CUNET = replace(
    _UPCONV,
    stem="models-cunet/",
    label="waifu2x cunet",
    pad=18,
    pooled=(
        Pool("Pooling1", "Convolution5_ReLU5", 6, ("Convolution2_ReLU2",)),
        Pool("Pooling2", "Convolution13_ReLU13", 11, ("Deconvolution2",), ("Crop3",)),
        Pool("Pooling3", "Convolution18_ReLU17", 15, ("Deconvolution2", "Convolution13_ReLU13"), ("Crop3",)),
        Pool("Pooling4", "Convolution22_ReLU21", 17, ("Deconvolution2",), ("Crop3",)),
    ),
    kept=(315, 685),
    cut=(("Crop3", ("Convolution10_ReLU10", 16)),),
)


def _gaps(blobs: str) -> tuple[Pool, ...]:
    """Real-CUGAN's; ``base``: what its first half gives to the second; ``early``, ``late``: skips, one cropped."""
    early, first, base, late, second, third, fourth = blobs.split()
    return (
        Pool("gap0", first, 6, (early,)),
        Pool("gap1", second, 11, (base,), (late,)),
        Pool("gap2", third, 15, (base, second), (late,)),
        Pool("gap3", fourth, 17, (base,), (late,)),
    )


_CUGAN = Network(
    source="realcugan",
    stem="models-se/",
    label="Real-CUGAN se",
    scale=2,
    pad=18,
    multiple=2,
    input="in0",
    output="out0",
    pooled=_gaps("3 8 19 57 28 39 50"),
    kept=(315, 685),
)
# an overlap of 12 leaves 0.9/255, of 18 nothing; x4plus would need more than the 32 that leave 3/255, has the
# 10 of its own program here, and is no preset of ours: it is for comparisons
_ESRGAN = Network(
    source="realesrgan", stem="", label="Real-ESRGAN", scale=4, pad=18, input="data", output="output", crops=False
)
# an overlap of 12 leaves 2/255 in one pixel of 260,000
_OWN = Network(
    source=OWN,
    stem="enlarge-x2-fast",
    label="Resilver enlarger x2",
    scale=2,
    pad=14,
    multiple=2,
    input="in0",
    output="out0",
    crops=False,
    tile=320,
)


def _named(base: Network, stem: str, label: str) -> Network:
    return replace(base, stem=base.stem + stem, label=f"{base.label} {label}")


NETWORKS: Mapping[str, Network] = MappingProxyType(
    {
        "own-x2": _OWN,
        # an overlap of 14 leaves 0.4/255
        "own-x2-clean": replace(_OWN, stem="enlarge-x2-clean", label="Resilver enlarger x2 clean"),
        "own-x2-scan": replace(_OWN, stem="enlarge-x2-scan", label="Resilver enlarger x2 scan"),
        # an overlap of 14 leaves 1.4/255 in single pixels, of 16 0.3
        "own-x4": replace(_OWN, stem="enlarge-x4-fast", label="Resilver enlarger x4", scale=4, pad=16),
        # tiles begin where JPEG's blocks of 8 do; an overlap of 32 leaves 11/255 in single pixels, 48 leaves 3
        "own-denoise": replace(_OWN, stem="denoise", label="Resilver denoiser", scale=1, pad=64, multiple=8, tile=512),
        # an overlap of 64 leaves 0.002 of a chance in 1 of 100 pixels, 0.01 in 1 of 1000; of 32 for the fill 0.013
        "own-detect": replace(
            _OWN, stem="repair-detect", label="Resilver damage detector", scale=1, pad=64, multiple=16, tile=512
        ),
        "own-fill": replace(_OWN, stem="repair-fill", label="Resilver filler", scale=1, pad=32, multiple=16, tile=512),
        # no picture comes out of it, and it looks at the whole scene: see its card
        "own-colour": replace(_OWN, stem="colour", label="Resilver colorizer", scale=1, pad=0, multiple=16),
        "upconv": _named(_UPCONV, "scale2.0x_model", "scale"),
        **{f"upconv-noise{n}": _named(_UPCONV, f"noise{n}_scale2.0x_model", f"noise{n}") for n in range(4)},
        "cunet": _named(_CUNET, "scale2.0x_model", "scale"),
        "cunet-noise1": _named(_CUNET, "noise1_scale2.0x_model", "noise1"),
        **{
            f"cunet-1x-noise{n}": replace(
                _CUNET,
                stem=f"models-cunet/noise{n}_model",
                label=f"waifu2x cunet noise{n} 1x",
                scale=1,
                pad=28,
                multiple=4,
                pooled=(
                    Pool("Pooling1", "Convolution5_ReLU5", 6, ("Convolution2_ReLU2",)),
                    Pool("Pooling2", "Convolution14_ReLU13", 14, ("Convolution9", "Convolution11_ReLU10")),
                    Pool(
                        "Pooling3",
                        "Convolution19_ReLU17",
                        22,
                        ("Convolution9", "Convolution11_ReLU10", "Convolution14_ReLU13"),
                    ),
                    Pool("Pooling4", "Convolution23_ReLU21", 26, ("Convolution9", "Convolution11_ReLU10")),
                ),
                kept=(195, 195),
                cut=(),
            )
            for n in range(4)
        },
        "cugan-conservative": _named(_CUGAN, "up2x-conservative", "conservative"),
        "cugan-denoise3x": _named(_CUGAN, "up2x-denoise3x", "denoise3x"),
        "cugan-x4-conservative": replace(
            _CUGAN,
            stem="models-se/up4x-conservative",
            label="Real-CUGAN se conservative x4",
            scale=4,
            pad=19,
            residual=True,
            tile=128,
            pooled=_gaps("5 10 20 59 30 41 52"),
            kept=(360, 690),
        ),
        "cugan-pro-conservative": replace(
            _CUGAN,
            stem="models-pro/up2x-conservative",
            label="Real-CUGAN pro conservative",
            pooled=_gaps("5 10 21 59 30 41 52"),
        ),
        "animevideo-x2": replace(_named(_ESRGAN, "realesr-animevideov3-x2", "animevideov3"), scale=2),
        "animevideo-x4": _named(_ESRGAN, "realesr-animevideov3-x4", "animevideov3"),
        "x4plus-anime": replace(_named(_ESRGAN, "realesrgan-x4plus-anime", "x4plus-anime"), pad=10, tile=128),
        "x4plus": replace(_named(_ESRGAN, "realesrgan-x4plus", "x4plus"), pad=10, tile=128),
    }
)
