"""A child process that reads damaged files and writes what it got: ``mutate.py FOLDER SEED COUNT``.

Any end but a picture or a typed error is a line with a traceback and status 1; a crash shows in the status.
"""

import faulthandler
import json
import random
import resource
import sys
import tempfile
import traceback
from collections import Counter
from pathlib import Path

from resilver.errors import ResilverError
from resilver.picture_io.provenance import Provenance, read_provenance, stamp
from resilver.picture_io.read import ReadLimits, read_picture
from resilver.picture_io.write import encode

MEMORY_BYTES = 4 << 30  # of address space: libvips reserves much more than it uses
LIMITS = ReadLimits(max_pixels=1_000_000, max_bytes=1_000_000)
SECONDS_EACH = 10
PROVENANCE = Provenance.now(
    source_name="a", source_sha256="0" * 64, recipe={}, recipe_digest="0", engine="local", output="final", steps=()
)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """One of: flipped bits, random bytes, extreme numbers, a cut, a hole, a doubled piece; mostly near the head."""
    result = bytearray(data)
    reach = len(result) if chance.random() < 0.4 else min(len(result), 600)
    for _ in range(chance.choice((1, 1, 2, 4, 8, 20))):
        at = chance.randrange(reach)
        match chance.randrange(7):
            case 0:
                result[at] ^= 1 << chance.randrange(8)
            case 1:
                result[at] = chance.randrange(256)
            case 2:
                value = chance.choice(
                    (b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\1\0\0", b"\x80\0\0\0")
                )
                result[at : at + 4] = value[: len(result[at : at + 4])]
            case 3 if chance.random() < 0.2:
                del result[max(1, chance.randrange(len(result))) :]
            case 4:
                del result[at : at + chance.randrange(1, 30)]
            case 5:
                result[at:at] = result[at : at + chance.randrange(1, 60)]
            case _:
                result[at : at + 2] = bytes(chance.randrange(256) for _ in result[at : at + 2])
        reach = min(reach, len(result))
        if not reach:
            return b"\0"
    return bytes(result)


def main(folder: Path, seed: int, count: int) -> int:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    seeds = sorted(folder.iterdir())
    ends, failures = Counter(), 0
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "mutated"
        for number in range(seed * count, (seed + 1) * count):
            chance = random.Random(number)
            source = chance.choice(seeds)
            print(number, source.name, file=sys.stderr, flush=True)  # the last line names what crashed it
            target.write_bytes(mutated(source.read_bytes(), chance))
            faulthandler.dump_traceback_later(SECONDS_EACH, exit=True)
            try:
                picture = stamp(read_picture(target, LIMITS), PROVENANCE)
                encode(picture, Path(scratch) / "written", chance.choice(("jpeg", "png", "tiff", "webp", "avif")))
                assert read_provenance(Path(scratch) / "written") == PROVENANCE
                ends["picture"] += 1
            except ResilverError as error:
                ends[error.code] += 1
            except BaseException:  # noqa: BLE001 - whatever it is, it is the failure that is looked for
                failures += 1
                traceback.print_exc()
            read_provenance(target)
            faulthandler.cancel_dump_traceback_later()
    # not ru_maxrss: a child inherits that of its parent
    peak_mb = int(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0]) / 1024
    print(json.dumps({"ends": ends, "failures": failures, "peak_mb": peak_mb}))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
