"""Each network's task: the network, a training sample, the loss."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from training import colour, degrade
from training.damage import BOLD, KINDS, SIMPLE, Damaged, age, damage, drawn, fill, mistaken
from training.data import Photo, luminance, random_crop, training_photos
from training.draw import graphic
from training.look_alikes import look_alikes
from training.nets import Colorizer, Denoiser, Detector, Enlarger, Filler

Sample = tuple[NDArray, ...]
GRAPHICS, CROPS = 0.07, 0.75  # shares; crops hold the detail, the rest is people, for faces
SOFT, MOST_SOFT = 0.4, 2.2  # share of truths that are soft already, as most scans at a high resolution are


class Task(Protocol):
    """What `train` needs to know of a network."""

    batch: int
    rate: float
    decay: float
    side: int

    def build(self) -> nn.Module:
        """The network, freshly initialised."""

    def sample(self, rng: np.random.Generator) -> Sample:
        """One training example."""

    def loss(self, net: nn.Module, batch: list[Tensor]) -> Tensor:
        """What is made small."""


def decibels(difference: Tensor) -> Tensor:
    """The logarithm of each sample's mean square error, which PSNR counts in; errors below three levels matter little.

    With the error itself noise and the worst JPEGs outweighed all others.
    """
    return torch.log((difference.float() ** 2).mean((1, 2, 3)) + (3 / 255) ** 2).mean()


def _sharp_planes(folder: Path, *, halve: bool) -> tuple[list[NDArray], list[NDArray]]:
    """Luminance of the 512-pixel crops, and of people, with `halve` at half size, where JPEG traces are gone."""
    crops, people = [], []
    for photo in training_photos(folder):
        if photo.category == "hr":
            crops.append(luminance(photo.pixels))
        elif photo.category == "people":
            people.append(_half(photo) if halve else luminance(photo.pixels))
    return crops, people


def _half(photo: Photo) -> NDArray:
    plane = luminance(photo.pixels)
    height, width = (length // 2 for length in plane.shape)
    return plane[: 2 * height, : 2 * width].reshape(height, 2, width, 2).mean((1, 3))


@dataclass
class PlaneTask:
    """Luminance in, luminance out: the enlarger (`factor` 2) and the denoiser (`factor` 1)."""

    folder: Path
    net: Callable[[], nn.Module]
    factor: int
    spoil: Callable[[NDArray, np.random.Generator], NDArray]
    side: int
    batch: int = 16
    rate: float = 1e-3
    decay: float = 1e-4
    planes: list[list[NDArray]] = field(default_factory=list)

    def build(self) -> nn.Module:
        return self.net()

    def sample(self, rng: np.random.Generator) -> Sample:
        if not self.planes:
            side = self.side * self.factor
            self.planes = [
                [p for p in group if min(p.shape) >= side] for group in _sharp_planes(self.folder, halve=side < 128)
            ]
        truth = self._truth(rng)
        if rng.random() < 0.1:
            truth = 1 - truth
        return self.spoil(truth, rng)[None], truth[None]

    def _truth(self, rng: np.random.Generator) -> NDArray:
        side, kind = self.side * self.factor, rng.random()
        if kind < GRAPHICS:
            return graphic(side, rng)
        if kind > GRAPHICS + CROPS:
            return random_crop(self.planes[1][rng.integers(len(self.planes[1]))], side, rng)
        part = round(side / rng.uniform(1.1, MOST_SOFT)) if rng.random() < SOFT else side
        crop = random_crop(self.planes[0][rng.integers(len(self.planes[0]))], part, rng)
        return crop if part == side else cv2.resize(crop, (side, side), interpolation=cv2.INTER_CUBIC).clip(0, 1)

    def loss(self, net: nn.Module, batch: list[Tensor]) -> Tensor:
        given, truth = batch
        return decibels(net(given) - truth)


def _half_clean(factor: int) -> Callable[[NDArray, np.random.Generator], NDArray]:
    """Half of the pictures are reduced without fault, half are scans."""
    return lambda plane, rng: (degrade.clean if rng.random() < 0.5 else degrade.scan)(plane, factor, rng)


def _clean(factor: int, plane: NDArray, rng: np.random.Generator) -> NDArray:
    return degrade.clean(plane, factor, rng)


def _scan(factor: int, plane: NDArray, rng: np.random.Generator) -> NDArray:
    return degrade.scan(plane, factor, rng)


# busy streets are where damage is hardest to tell, portraits where a mistake hurts most
DAMAGE_SHARES = {"people": 0.35, "scenes": 0.2, "mixed": 0.25, "other": 0.08, "hr": 0.12}
# streets are few, and were known by heart: shares of pictures turned, put side by side, laid over each other
TURNED, CUT_PICTURES, BLENDED = 0.35, 0.2, 0.1
# shares of pictures with much damage that keeps its edges sharp, and with each set of kinds of damage in the others
DRAWN = 0.3
ENLARGED = 0.4
SCANNED = 0.15  # share with the grain and JPEG of bad scans
ALIKE = 0.4  # share with look-alikes
SETS = ((KINDS, 0.4), (BOLD, 0.28), (SIMPLE, 0.32))


@dataclass
class DamageTask:
    """Pictures with synthetic damage: what the detector and the filler have in common."""

    folder: Path
    side: int = 192
    batch: int = 8
    rate: float = 2e-3
    decay: float = 1e-3
    groups: dict[str, list[NDArray]] = field(default_factory=dict)  # luma in 8 bits

    def damaged(self, rng: np.random.Generator, clean: float) -> Damaged:
        """A damaged crop."""
        if not self.groups:
            for photo in training_photos(self.folder):
                if min(photo.pixels.shape[:2]) >= self.side:
                    self.groups.setdefault(photo.category, []).append(degrade.quantise(luminance(photo.pixels)))
        truth, kind = self._crop(rng), rng.random()
        if kind < CUT_PICTURES:  # a straight edge that is no damage, and a pair that was never seen before
            place = int(rng.integers(self.side // 8, self.side // 2))
            truth[:, :place] = self._crop(rng)[:, :place]
        elif kind < CUT_PICTURES + BLENDED:
            truth += np.float32(rng.uniform(0.2, 0.5)) * (self._crop(rng) - truth)
        if rng.random() < 0.05:
            truth = 1 - truth
        if rng.random() < DRAWN:
            return drawn(look_alikes(truth, rng) if rng.random() < ALIKE else truth, rng)
        kinds = SETS[rng.choice(len(SETS), p=[share for _, share in SETS])][0]
        return damage(truth, rng, clean=clean, alike=ALIKE, kinds=kinds)

    def _crop(self, rng: np.random.Generator) -> NDArray:
        """Luma (side, side) of some picture: reduced, as thumbnails are, or enlarged, soft as large scans are."""
        group = self.groups[str(rng.choice(list(DAMAGE_SHARES), p=list(DAMAGE_SHARES.values())))]
        picture = group[rng.integers(len(group))]
        soft = rng.random() < ENLARGED
        seen = int(rng.integers(self.side // 2, self.side) if soft else rng.integers(self.side, min(picture.shape) + 1))
        crop = np.float32(random_crop(picture, seen, rng, turn=rng.random() < TURNED)) / 255
        kernel = cv2.INTER_CUBIC if soft else cv2.INTER_AREA
        return np.clip(cv2.resize(crop, (self.side, self.side), interpolation=kernel), 0, 1)


@dataclass
class DetectorTask(DamageTask):
    """Luma -> where the damage is. Small crops show much of a picture, reduced: there damage is broad."""

    side: int = 128
    batch: int = 16

    def build(self) -> nn.Module:
        return Detector()

    def sample(self, rng: np.random.Generator) -> Sample:
        case = self.damaged(rng, clean=0.25)
        given = degrade.scan(case.given, 1, rng) if rng.random() < SCANNED else case.given
        return given[None], case.mask[None]

    def loss(self, net: nn.Module, batch: list[Tensor]) -> Tensor:
        given, mask = batch
        logits = net(given).float()
        entropy = F.binary_cross_entropy_with_logits(logits, mask, pos_weight=mask.new_tensor(2.0))
        found = torch.sigmoid(logits)
        dice = 1 - (2 * (found * mask).sum() + 1) / (found.sum() + mask.sum() + 1)
        return entropy + dice


MISTAKEN = 0.5  # share of masks with places that are whole


class FillerTask(DamageTask):
    """A classical fill -> a better one, inside the mask, or what was there before, where the mask is mistaken."""

    def build(self) -> nn.Module:
        return Filler()

    def sample(self, rng: np.random.Generator) -> Sample:
        case = self.damaged(rng, clean=0.0)
        mask = case.mask if rng.random() < 0.3 else cv2.dilate(case.mask, np.ones((3, 3)))
        if rng.random() < MISTAKEN:
            mask = np.maximum(mask, mistaken(case.truth, rng).astype(np.float32))
        return np.stack([fill(case.given, mask), case.given, mask]), case.truth[None]

    def loss(self, net: nn.Module, batch: list[Tensor]) -> Tensor:
        given, truth = batch
        mask = given[:, 2:3]
        difference = (net(given).float() - truth) * mask
        return torch.sqrt(difference**2 + 1e-6).sum() / (mask.sum() + 1)


COLOUR_STORED = 208
LEAST_SEEN = 0.4  # smallest crop, as a share of the picture's short side
CUT = 0.4  # share of samples that are parts of two pictures
STRETCH = 1.25  # most by which a crop is made wider or narrower
# scenes are few: shown more often they are learned by heart
COLOUR_SHARES = {"people": 0.4, "scenes": 0.19, "mixed": 0.19, "other": 0.12, "hr": 0.1}
MEAN_WEIGHT = 0.3  # of the error of the careful colour beside the entropy


@dataclass
class ColourTask:
    """Lightness -> colour bins. Shares by category, or a network learns suits, backdrops and oranges."""

    folder: Path
    side: int = 96
    batch: int = 32
    rate: float = 2e-3
    decay: float = 0.05
    groups: dict[str, list[NDArray]] = field(default_factory=dict)
    weights: Tensor | None = None

    def build(self) -> nn.Module:
        return Colorizer(len(colour.CENTRES))

    def rarity(self) -> Tensor:
        """The weight of each colour bin."""
        self._open()
        labels = [colour.nearest(colour.lab(p)[::4, ::4, 1:]) for group in self.groups.values() for p in group]
        return torch.from_numpy(colour.rarity(labels))

    def _open(self) -> None:
        if not self.groups:
            for photo in training_photos(self.folder):
                self.groups.setdefault(photo.category, []).append(_small(photo.pixels))

    def sample(self, rng: np.random.Generator) -> Sample:
        lightness, ab = self._seen(rng)
        if rng.random() < CUT:  # two pictures side by side cannot be learned by heart
            other = self._seen(rng)
            place = 4 * int(rng.integers(self.side // 16, self.side // 8))
            lightness[:, place:], ab[:, place // 4 :] = other[0][:, place:], other[1][:, place // 4 :]
        return lightness[None] * 2 - 1, ab.transpose(2, 0, 1), *colour.shared(ab)

    def _seen(self, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
        """Lightness (side, side) in 0..1 and ab (side / 4, side / 4, 2) of some picture's crop."""
        self._open()
        group = self.groups[str(rng.choice(list(COLOUR_SHARES), p=list(COLOUR_SHARES.values())))]
        seen = int(COLOUR_STORED * rng.uniform(LEAST_SEEN, 1) ** 0.5)
        crop = random_crop(group[rng.integers(len(group))], seen, rng, turn=False)
        cut = int(seen / rng.uniform(1, STRETCH))
        crop = crop[:cut] if rng.random() < 0.5 else crop[:, :cut]
        lab = colour.lab(cv2.resize(crop, (self.side, self.side), interpolation=cv2.INTER_AREA))
        ab = cv2.resize(lab[..., 1:], (self.side // 4, self.side // 4), interpolation=cv2.INTER_AREA)
        return _aged_lightness(lab[..., 0] / 100, rng), ab

    def loss(self, net: nn.Module, batch: list[Tensor]) -> Tensor:
        given, ab, labels, shares = batch
        if self.weights is None:
            self.weights = self.rarity().to(given.device)
        logits = net(given).float()
        shares = shares * (self.weights**colour.TRAINED)[labels]
        entropy = -(F.log_softmax(logits, 1).gather(1, labels) * shares).sum() / shares.sum()
        careful = torch.softmax(logits - colour.TRAINED * self.weights.log()[:, None, None], 1)
        mean = torch.einsum("nkhw,kc->nchw", careful, torch.from_numpy(colour.CENTRES).to(given.device))
        return entropy + MEAN_WEIGHT * F.smooth_l1_loss(mean / 10, ab / 10)


def _small(pixels: NDArray) -> NDArray:
    """Short side to COLOUR_STORED."""
    scale = COLOUR_STORED / min(pixels.shape[:2])
    size = (max(COLOUR_STORED, round(pixels.shape[1] * scale)), max(COLOUR_STORED, round(pixels.shape[0] * scale)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)


def _aged_lightness(plane: NDArray, rng: np.random.Generator) -> NDArray:
    """What old prints do to lightness: fading, another gamma, unsharpness, grain."""
    plane = age(plane, rng)
    if rng.random() < 0.4:
        plane = degrade.blur(plane, rng.uniform(0.3, 1.2))
    if rng.random() < 0.5:
        plane = degrade.grain(plane, float(rng.uniform(1, 10)), rng)
    return np.clip(plane, 0, 1).astype(np.float32)


TASKS: dict[str, Callable[[Path], Task]] = {
    "enlarge-x2-fast": lambda folder: PlaneTask(folder, Enlarger, 2, _half_clean(2), side=48),
    "enlarge-x2-clean": lambda folder: PlaneTask(
        folder, partial(Enlarger, 2, 64, 96, (1, 3, 4)), 2, partial(_clean, 2), side=48
    ),
    "enlarge-x2-scan": lambda folder: PlaneTask(
        folder, partial(Enlarger, 2, 64, 96, (1, 3, 4)), 2, partial(_scan, 2), side=48
    ),
    "enlarge-x4-fast": lambda folder: PlaneTask(folder, lambda: Enlarger(4), 4, _half_clean(4), side=48),
    "denoise": lambda folder: PlaneTask(folder, Denoiser, 1, degrade.spoil, side=96, batch=12),
    "repair-detect": DetectorTask,
    "repair-fill": FillerTask,
    "colour": ColourTask,
}
