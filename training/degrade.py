"""What scanning, film and JPEG do to a photograph's luminance.

Ranges cover prints scanned at home: slight to strong unsharpness, grain that is white or correlated and stronger in
the mid-tones, and JPEG from 20 to 95. Levels are given in units of 8-bit luminance.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]


def blur(plane: Plane, sigma: float) -> Plane:
    """Gaussian blur with a standard deviation of `sigma` pixels."""
    return cv2.GaussianBlur(plane, (0, 0), sigma, borderType=cv2.BORDER_REFLECT) if sigma > 0.1 else plane


def jpeg(plane: Plane, quality: int) -> Plane:
    """The plane (0..1) after a JPEG round trip."""
    _, data = cv2.imencode(".jpg", quantise(plane), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32) / 255


def quantise(plane: Plane) -> NDArray[np.uint8]:
    """Bytes of a plane in 0..1."""
    return (np.clip(plane, 0, 1) * 255 + 0.5).astype(np.uint8)


def grain(plane: Plane, level: float, rng: np.random.Generator) -> Plane:
    """Adds noise of standard deviation `level` (8-bit units): white, correlated, or stronger in mid-tones."""
    noise = rng.standard_normal(plane.shape, dtype=np.float32)
    kind = rng.random()
    if kind > 0.6:
        noise = blur(noise, rng.uniform(0.4, 1.0))
        noise /= noise.std() + 1e-6
    if kind > 0.8:
        noise *= 0.4 + 2.4 * plane * (1 - plane)
    return plane + noise * np.float32(level / 255)


def shrink(plane: Plane, factor: int, rng: np.random.Generator, *, area: float = 0.5) -> Plane:
    """Reduces a plane by `factor`: by area with probability `area`, else by an antialiased cubic or Lanczos kernel."""
    height, width = plane.shape[0] // factor, plane.shape[1] // factor
    if rng.random() < area:
        return plane.reshape(height, factor, width, factor).mean((1, 3))
    from PIL import Image

    kernel = Image.Resampling.LANCZOS if rng.random() < 0.25 else Image.Resampling.BICUBIC
    return np.asarray(Image.fromarray(plane).resize((width, height), kernel))


def _level(rng: np.random.Generator, highest: float) -> float:
    """More weak than strong: squares of uniform numbers."""
    return float(highest * rng.random() ** 1.5)


def scan(plane: Plane, factor: int, rng: np.random.Generator) -> Plane:
    """A scanned print's luminance at 1/`factor` of the side: blur, reduction, grain, JPEG, bytes."""
    small = shrink(blur(plane, rng.uniform(0, 0.75 * factor)), factor, rng, area=0.8)
    if rng.random() < 0.9:
        small = grain(small, 1 + _level(rng, 13), rng)
    if rng.random() < 0.85:
        small = jpeg(small, int(rng.integers(35, 96)))
    return quantise(small).astype(np.float32) / 255


def clean(plane: Plane, factor: int, rng: np.random.Generator) -> Plane:
    """A faultless reduction, at times with the traces of a JPEG of high quality."""
    small = shrink(plane, factor, rng, area=0.15)
    if rng.random() < 0.2:
        small = jpeg(small, int(rng.integers(88, 99)))
    return quantise(small).astype(np.float32) / 255


def spoil(plane: Plane, rng: np.random.Generator) -> Plane:
    """Blind 1x damage: noise up to 28, JPEG from 10, both or none, in a quarter of the cases some blur."""
    kinds = ((True, False), (False, True), (True, True), (False, False))
    noisy, compressed = kinds[rng.choice(4, p=[0.18, 0.38, 0.37, 0.07])]  # JPEG is learned slowest
    if rng.random() < 0.25 and (noisy or compressed):
        plane = blur(plane, rng.uniform(0.3, 1.4))
    if noisy:
        plane = grain(plane, 1 + 27 * float(rng.random()) ** (2 if compressed else 1), rng)
    if compressed:
        plane = jpeg(plane, int(rng.integers(10, 91)))
    return quantise(plane).astype(np.float32) / 255
