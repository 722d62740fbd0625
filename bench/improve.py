"""What `improve` leaves alone, what it mends, and what it gains: `bench/improve.py [SHARD] [PART]`.

Every PART-th picture (default: all) of a shard of the shared data (default: val.tar): how many clean
ones are changed and how many damaged ones are left, then the PSNR to the original, before and after,
on a sixteenth of them.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
from _damage import (
    Damage,
    Rgb,
    chained,
    compressed,
    faded,
    gray,
    noisy,
    pictures,
    psnr,
    reddened,
    rounded,
    toned,
    yellowed,
)

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from training.damage import damage
from training.data import luminance
from training.repair_figures import CLEARLY

from resilver.engine import Report
from resilver.local.damage import find_damage
from resilver.local.measure import assess
from resilver.local.repair import FILLED, improve
from resilver.local.runtime import Runtime
from resilver.picture import Picture
from resilver.recipe import Quality
from resilver.settings import LocalSettings

# the shard's own JPEG quality is what a reader of these files would report
CLEAN: dict[str, Damage | None] = {"clean": None, "clean gray": gray}
TONES: dict[str, Damage] = {
    "faded": faded,
    "yellowed": yellowed,
    "reddened": reddened,
    "gray, faded": chained(gray, faded),
    "gray, yellowed": chained(gray, yellowed),
    "toned, faded": chained(toned, faded),
    "faded, noise 8": chained(faded, noisy(8)),
    "yellowed, noise 10, JPEG 60": chained(yellowed, noisy(10), compressed(60)),
}
GRAINS: dict[str, Damage] = {
    "noise 10": noisy(10),
    "noise 25": noisy(25),
    "gray, noise 10": chained(gray, noisy(10)),
    "JPEG 20": compressed(20),
    "JPEG 40": compressed(40),
    "noise 8, JPEG 40": chained(noisy(8), compressed(40)),
    "noise 15, JPEG 60": chained(noisy(15), compressed(60)),
    "noise 15, JPEG 80": chained(noisy(15), compressed(80)),
}
QUALITY = {"JPEG 20": 20, "JPEG 40": 40, "JPEG 60": 60, "JPEG 80": 80}


def picture_of(rgb: Rgb, kind: str) -> Picture:
    """A picture as the reader would give it: a JPEG knows its quality."""
    quality = next((number for name, number in QUALITY.items() if kind.endswith(name)), None)
    return Picture(pixels=rgb, jpeg_quality=quality or (78 if kind == "clean" else None))


def decisions(shard: str, part: int) -> Iterator[str]:
    kinds, runtime, chance = {**CLEAN, **TONES, **GRAINS}, Runtime(LocalSettings()), np.random.default_rng(9)
    changed, reasons = dict.fromkeys(kinds, 0), Counter[str]()
    count = damaged = left = 0
    for _name, rgb in pictures(shard, part):
        count += 1
        for kind, spoil in kinds.items():
            picture = picture_of(spoil(rgb, chance) if spoil else rgb, kind)
            wrong = list(assess(picture).wrong)
            if kind in CLEAN and is_damaged(picture, runtime):
                wrong.append(FILLED)
            changed[kind] += bool(wrong)
            reasons.update(wrong if kind == "clean" else ())
        case = damage(np.ascontiguousarray(luminance(rgb)[:512, :512], np.float32), chance, clean=0)
        if case.mask.mean() > CLEARLY:
            damaged += 1
            left += not is_damaged(Picture(pixels=rounded(case.given * 255)[..., None]), runtime)
    yield f"{shard}: {count} pictures"
    for kind in CLEAN:
        yield f"  {kind:28} changed {100 * changed[kind] / count:5.1f} %"
    yield f"    {dict(reasons)}"
    for kind in (*TONES, *GRAINS):
        yield f"  {kind:28} left    {100 - 100 * changed[kind] / count:5.1f} %"
    for name, group in (("faded", TONES), ("noisy or compressed", GRAINS)):
        share = 100 - 100 * sum(changed[kind] for kind in group) / count / len(group)
        yield f"  all {name:24} left    {share:5.1f} %"
    yield f"  scratched on 1 % and more    left    {100 * left / damaged:5.1f} %"


def is_damaged(picture: Picture, runtime: Runtime) -> bool:
    return bool(find_damage(picture, assess(picture), runtime, Report()).any())


def print_gains(shard: str, part: int) -> None:
    runtime = Runtime(LocalSettings())
    print(f"  {'PSNR in dB':28} before" + "".join(f"{quality:>8}" for quality in get_args(Quality)))
    for kind, spoil in {**TONES, **GRAINS}.items():
        chance = np.random.default_rng(9)
        figures = []
        for _name, rgb in pictures(shard, part):
            source = picture_of(spoil(rgb, chance), kind)
            target = gray(rgb, chance) if kind.startswith(("gray", "toned")) else rgb
            figures.append([psnr(target, source.pixels), *(psnr(target, done) for done in _done(source, runtime))])
        print(f"  {kind:28}" + "".join(f"{mean:8.2f}" for mean in np.mean(figures, axis=0)), flush=True)


def _done(source: Picture, runtime: Runtime) -> list[Rgb]:
    seen = assess(source)
    made = [improve(source, seen, quality, 1.0, runtime, Report()) for quality in get_args(Quality)]
    return [one[0].pixels if one else source.pixels for one in made]


def main() -> None:
    shard = sys.argv[1] if len(sys.argv) > 1 else "val.tar"
    part = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print(*decisions(shard, part), sep="\n")
    print_gains(shard, part * 16)


if __name__ == "__main__":
    main()
