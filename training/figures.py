"""The figures by which networks are judged; works on callables, so that PyTorch and ncnn are measured alike.

Pictures come from scikit-image and from the validation shard, never from training shards. PSNR and SSIM are taken on
luma of 8-bit pictures.
"""

import io
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFilter
from skimage import data as pictures
from skimage.metrics import structural_similarity

from training.data import LUMA, Bytes

PictureFunction = Callable[[Bytes], Bytes]


def psnr(truth: Bytes, got: Bytes) -> float:
    """Peak signal to noise ratio of luma in dB."""
    difference = (truth.astype(np.float32) - got.astype(np.float32)) @ LUMA
    return float(20 * np.log10(255) - 10 * np.log10(np.mean(difference**2) + 1e-3))  # 78 dB where nothing differs


def ssim(truth: Bytes, got: Bytes) -> float:
    """Structural similarity of luma."""
    return float(structural_similarity(truth @ LUMA, got @ LUMA, data_range=255))


def drawing(side: tuple[int, int] = (384, 320)) -> Bytes:
    """Line art: outlines, flat fills, lettering."""
    picture = Image.new("RGB", side, "white")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((40, 30, 200, 190), fill=(250, 210, 170), outline="black", width=4)
    draw.ellipse((85, 85, 105, 110), fill="black")
    draw.ellipse((140, 85, 160, 110), fill="black")
    draw.arc((90, 110, 155, 160), 10, 170, fill=(180, 30, 40), width=4)
    draw.polygon([(230, 40), (360, 70), (300, 180)], fill=(60, 120, 200), outline="black")
    for step in range(12):
        draw.line((20 + 30 * step, 300, 60 + 25 * step, 220), fill=(20 * step, 40, 90), width=1 + step % 4)
    draw.text((30, 200), "Resilver 1899 - Atelier", fill="black")
    return np.asarray(picture)


def photographs() -> dict[str, Bytes]:
    """Two photographs, 384x320: the upper middle of a portrait, the middle of a still life."""
    astronaut, coffee = pictures.astronaut()[:320, 64:448], pictures.coffee()[40:360, 108:492]
    return {"astronaut": np.ascontiguousarray(astronaut), "coffee": np.ascontiguousarray(coffee)}


def others() -> dict[str, Bytes]:
    """Two further photographs, one of them gray."""
    cat, camera = pictures.chelsea()[:300, 32:416], pictures.camera()[:320, 64:448]
    return {"chelsea": np.ascontiguousarray(cat), "camera": np.dstack([camera] * 3)}


def jpeg(pixels: Bytes, quality: int) -> Bytes:
    """A JPEG round trip as Pillow does it by default (4:2:0)."""
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=quality)
    return np.asarray(Image.open(data).convert("RGB"))


def noisy(pixels: Bytes, sigma: float, seed: int = 7) -> Bytes:
    """White noise of standard deviation `sigma` (8-bit units), apart for each channel; gray pictures stay gray."""
    rng = np.random.default_rng(seed)
    gray = bool((pixels == pixels[..., :1]).all())
    noise = rng.normal(0, sigma, pixels.shape[:2] + ((1,) if gray else (3,)))
    return np.clip(pixels + noise + 0.5, 0, 255).astype(np.uint8)


def reduced(pixels: Bytes, factor: int, damage: str) -> Bytes:
    """`clean`: bicubic; otherwise blur, area reduction, noise, JPEG in the strength named."""
    picture = Image.fromarray(pixels)
    size = (picture.width // factor, picture.height // factor)
    if damage == "clean":
        return np.asarray(picture.resize(size, Image.Resampling.BICUBIC))
    blur, sigma, quality = {"scan": (1.0, 6, 60), "mild": (0.7, 4, 75), "strong": (1.3, 10, 50)}[damage]
    small = picture.filter(ImageFilter.GaussianBlur(blur)).resize(size, Image.Resampling.BOX)
    return jpeg(noisy(np.asarray(small), sigma), quality)


def lanczos(pixels: Bytes, factor: int) -> Bytes:
    """What has to be beaten."""
    size = (pixels.shape[1] * factor, pixels.shape[0] * factor)
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))


def _line(what: str, rows: list[tuple[float, float, float]]) -> str:
    before, after, similarity = np.mean(rows, 0)
    return f"{what:40s} {before:6.2f} -> {after:6.2f} dB ({after - before:+.2f})  SSIM {similarity:.3f}"


def enlarging(enlarge: PictureFunction, factor: int) -> Iterator[str]:
    """Lines: PSNR of Lanczos, PSNR and SSIM of `enlarge`."""
    sets = {"photo": photographs(), "drawing": {"drawing": drawing()}} | {k: {k: v} for k, v in others().items()}
    for name, group in sets.items():
        for damage in ("clean", "mild", "scan", "strong"):
            rows = []
            for truth in group.values():
                height, width = (length // (2 * factor) * 2 * factor for length in truth.shape[:2])
                whole = truth[:height, :width]
                small = reduced(whole, factor, damage)
                got = enlarge(small)
                rows.append((psnr(whole, lanczos(small, factor)), psnr(whole, got), ssim(whole, got)))
            yield _line(f"x{factor} {name} {damage}", rows)


def _blurred(pixels: Bytes, sigma: float) -> Bytes:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(sigma)))


SPOILED: dict[str, PictureFunction] = {
    "clean": lambda p: p,
    "noise 10": lambda p: noisy(p, 10),
    "noise 25": lambda p: noisy(p, 25),
    "JPEG 20": lambda p: jpeg(p, 20),
    "JPEG 40": lambda p: jpeg(p, 40),
    "noise 8 + JPEG 40": lambda p: jpeg(noisy(p, 8), 40),
    "blur 1 + noise 15 + JPEG 60": lambda p: jpeg(noisy(_blurred(p, 1), 15), 60),
}


def cleaning(clean: PictureFunction) -> Iterator[str]:
    """Lines: PSNR of the input, PSNR and SSIM of `clean`, at 1x on 256x256."""
    squares = {name: truth[32:288, 64:320] for name, truth in photographs().items()}
    sets = {
        "photo": squares,
        "drawing": {"drawing": drawing()[:256, :256]},
        "camera": {"camera": others()["camera"][32:288, 64:320]},
    }
    for name, group in sets.items():
        for what, spoil in SPOILED.items():
            rows = []
            for truth in group.values():
                got = clean(spoil(truth))
                rows.append((psnr(truth, spoil(truth)), psnr(truth, got), ssim(truth, got)))
            yield _line(f"1x {name} {what}", rows)
