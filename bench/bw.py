"""How often colour is taken for black-and-white and the other way round: `bench/bw.py [SHARD] [PART]`.

Every PART-th picture (default: all) of a shard of the shared data (default: val.tar), as it is and made
gray, toned and noisy.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import numpy as np
from _damage import Damage, blotched, chained, compressed, gray, noisy, pictures, slightly_cast, toned

from resilver.local.measure import assess
from resilver.picture import Picture

KINDS: dict[str, Damage] = {
    "gray": gray,
    "gray, JPEG 60": chained(gray, compressed(60)),
    "gray, noise 6": chained(gray, noisy(6)),
    "gray, noise 15": chained(gray, noisy(15)),
    "gray, coarse noise, JPEG 75": chained(gray, blotched, compressed(75)),
    "gray, slight cast": slightly_cast,
    "toned": toned,
    "toned, JPEG 60": chained(toned, compressed(60)),
    "toned, noise 8, JPEG 80": chained(toned, noisy(8), compressed(80)),
}


def lines(shard: str, part: int) -> Iterator[str]:
    chance = np.random.default_rng(9)
    wrong = dict.fromkeys(("colour", *KINDS), 0)
    count = 0
    for _name, rgb in pictures(shard, part):
        count += 1
        wrong["colour"] += assess(Picture(pixels=rgb)).bw
        for kind, damage in KINDS.items():
            wrong[kind] += not assess(Picture(pixels=damage(rgb, chance))).bw
    yield f"{shard}: {count} pictures, judged wrongly whether black-and-white"
    for kind, number in wrong.items():
        yield f"  {kind:28} {number:4}  {100 * number / count:5.2f} %"
    others = sum(wrong.values()) - wrong["colour"]
    yield f"  all that are not colour      {others:4}  {100 * others / count / len(KINDS):5.2f} %"


def main() -> None:
    shard = sys.argv[1] if len(sys.argv) > 1 else "val.tar"
    part = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    print(*lines(shard, part), sep="\n")


if __name__ == "__main__":
    main()
