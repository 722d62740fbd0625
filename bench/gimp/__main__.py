"""What the way between GIMP and the worker costs: `./run bench gimp [PRECISION…]` (default: u8 u16 float).

A layer of 24 megapixels RGBA goes out and comes back as a new layer, through `plug-in-resilver-restore` and a worker
that only copies; what a layer of one pixel takes is beside it as the start of the processes. Then the first precision
by PNG. GIMP is the one on the path, or a test bed: its folder stands in RESILVER_GIMP_BED or is that of the tests.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]
sys.path.insert(0, str(REPOSITORY / "tests"))

from fakes.workers import Line  # noqa: E402

TESTBED = REPOSITORY.parent / "shared" / "bin" / "gimp-testbed"
WIDTH, HEIGHT = 6000, 4000
AIM_S = 1.5
PRECISIONS = {"u8": "U8_NON_LINEAR", "u16": "U16_NON_LINEAR", "float": "FLOAT_LINEAR"}
GIMP = (
    "mkdir -p $GIMP3_DIRECTORY/plug-ins && cp -r gimp_plugin/resilver_gimp/plugin $GIMP3_DIRECTORY/plug-ins/resilver &&"
    " exec gimp-console -idf --quit --batch-interpreter=python-fu-eval -b 'exec(open(\"bench/gimp/inside.py\").read())'"
)


def main() -> None:
    chosen = sys.argv[1:] or list(PRECISIONS)
    print(f"{WIDTH} x {HEIGHT} pixels RGBA, out and back; wall clock and processor seconds of all processes")
    for line in gimp([PRECISIONS[name] for name in chosen]):
        word, _, rest = line.partition(" ")
        if word == "RAW":
            print_raw(json.loads(rest))
        elif word in ("PNG", "GIMP"):
            print(f"  {rest}")
    print_worker()


def gimp(precisions: list[str]) -> list[str]:
    """What the program inside GIMP prints."""
    with tempfile.TemporaryDirectory() as home:
        command, own = ["sh", "-c", GIMP], {"HOME": home, "GIMP3_DIRECTORY": f"{home}/gimp"}
        for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
            os.environ.pop(name, None)
        if shutil.which("gimp-console") is None:
            bed = os.environ.get("RESILVER_GIMP_BED") or Path.home() / ".cache" / "resilver-tests" / "gimp-trixie"
            if not TESTBED.exists() or not Path(bed).is_dir():
                sys.exit("There is no GIMP: install it, or let `./run test tests/gimp` make a test bed.")
            command = [str(TESTBED), "run", str(bed), str(REPOSITORY), "env", f"BENCH={' '.join(precisions)}", *command]
        told = {**os.environ, **own, "BENCH": " ".join(precisions)}
        done = subprocess.run(command, env=told, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if "GIMP " not in done.stdout:
        sys.exit(done.stderr[-3000:])
    return done.stdout.splitlines()


def print_raw(told: dict[str, Any]) -> None:
    """The medians of a precision, and what is beyond the start."""
    (wall, cpu), (start, start_cpu) = (
        [statistics.median(column) for column in zip(*told[key], strict=True)] for key in ("layer", "pixel")
    )
    within = "within" if wall - start <= AIM_S else "MISSES"
    print(f"  {told['precision']:14} {wall:5.2f} s, start {start:.2f} s, beyond it {wall - start:.2f} s", end="")
    print(f" ({cpu - start_cpu:.2f} CPU-s); {within} the aim of {AIM_S} s; median of {len(told['layer'])}")


def print_worker() -> None:
    """The real worker with an engine that does nothing, on such pixels: what the stand-in above leaves out."""
    with Line("Still") as line:
        line.send({"type": "folder", "id": "1", "bytes": 8 * WIDTH * HEIGHT})
        path = Path(line.last("1")["path"]) / "layer"
        took = []
        for number in range(5):
            path.write_bytes(os.urandom(4 * WIDTH) * HEIGHT)
            raw = {"path": str(path), "width": WIDTH, "height": HEIGHT, "channels": 4, "depth": 8}
            started = time.perf_counter()
            line.send({"type": "improve_raw", "id": f"job-{number}", "raw": raw, "recipe": {}})
            result = line.last(f"job-{number}")["outputs"]["final"]["raw"]
            took.append(time.perf_counter() - started)
            Path(result["path"]).unlink()
    print(f"  the real worker with an engine that does nothing: {statistics.median(took):.2f} s for u8")


if __name__ == "__main__":
    main()
