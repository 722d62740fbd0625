#!/usr/bin/env python3
"""A worker with the standard library alone, for a GIMP in a bare system; the name it is called by says what it does.

``negative`` inverts the colours, keeps alpha and enlarges by repeating; ``slow`` takes eight seconds for a whole layer
and can be cancelled; ``still`` copies; ``good`` finds nothing to do; ``refuses`` answers with an error; ``dies`` does
so in the midst of a job, with a file half written; ``old`` speaks protocol 0. Its log tells what it was asked.
"""

import json
import os
import select
import shutil
import sys
import tempfile
from pathlib import Path

MANNER = Path(sys.argv[0]).name
SLOW_STEPS = 80  # of a tenth of a second


def tell(**message):
    print(json.dumps(message), flush=True)


def heard():
    """The next request; none when the plug-in is gone."""
    line = sys.stdin.buffer.raw.readline()  # nothing may hide in a buffer from ``select``
    print("ASKED", line.decode(), end="", file=sys.stderr, flush=True)
    return json.loads(line) if line else None


def negative(data, channels, depth):
    size = depth // 8
    colours = channels - (channels in (2, 4))
    turned = bytearray(data)
    for channel in range(colours):
        for byte in range(size):
            start = channel * size + byte
            turned[start :: channels * size] = bytes(255 - value for value in data[start :: channels * size])
    return bytes(turned)


def cut(data, width, detail, pixel):
    x, y, wide, high = detail
    return b"".join(data[(row * width + x) * pixel : (row * width + x + wide) * pixel] for row in range(y, y + high))


def enlarged(data, width, factor, pixel):
    row = width * pixel
    wide = [
        b"".join(data[at : at + pixel] * factor for at in range(top, top + row, pixel))
        for top in range(0, len(data), row)
    ]
    return b"".join(one * factor for one in wide)


def improve(request):
    raw, factor = request["raw"], request["recipe"].get("resolution") or 1
    path = Path(raw["path"])
    if MANNER == "dies":
        path.with_name("half").write_bytes(b"half")
        os._exit(9)
    if MANNER == "good":
        return {"absent": "already good"}
    result = path.with_name(f"result-{request['id']}")
    if MANNER == "still":
        shutil.copyfile(path, result)
        return {"raw": raw | {"path": str(result)}}
    data, width, height, pixel = path.read_bytes(), raw["width"], raw["height"], raw["channels"] * raw["depth"] // 8
    if detail := request.get("detail"):
        data, width, height = cut(data, width, detail, pixel), *detail[2:]
    data = negative(data, raw["channels"], raw["depth"])
    result.write_bytes(enlarged(data, width, factor, pixel) if factor > 1 else data)
    return {"raw": raw | {"path": str(result), "width": width * factor, "height": height * factor}}


def wait(request):
    """Whether it was not cancelled in the meantime."""
    for step in range(SLOW_STEPS):
        tell(type="progress", id=request["id"], fraction=step / SLOW_STEPS, step="repairing")
        if select.select([sys.stdin], [], [], 0.1)[0]:
            other = heard()
            if other is None:
                sys.exit()
            if other["type"] == "cancel":
                return False
    return True


def answer(request):
    number = request["id"]
    if request["type"] == "folder":
        FOLDERS.append(tempfile.mkdtemp(prefix="resilver-worker-"))
        tell(type="folder", id=number, path=FOLDERS[-1])
    elif request["type"] == "info":
        tell(type="info", id=number, engine="local", versions={}, models=[], device="a processor", cloud=None)
    elif MANNER == "refuses":
        message = "The picture is refused; take another."
        tell(type="error", id=number, code="refused", title="Refused", message=message)
    elif request["type"] == "improve_raw":
        if MANNER == "slow" and not request.get("detail") and not wait(request):
            tell(type="error", id=number, code="cancelled", title="Cancelled", message="Cancelled.")
            return
        tell(type="progress", id=number, fraction=0.5, step="repairing")
        tell(type="improved_raw", id=number, bw=False, outputs={"final": improve(request)})


FOLDERS = []
tell(type="hello", protocol=0 if MANNER == "old" else 1, version="0.1.0", pid=os.getpid())
try:
    while request := heard():
        answer(request)
finally:
    for folder in FOLDERS:
        shutil.rmtree(folder, ignore_errors=True)
