#!/usr/bin/env python3
"""A worker with the standard library alone, for a GIMP in a bare system; the name it is called by says what it does.

``negative`` inverts the colours, keeps alpha and enlarges by repeating; ``slow`` takes eight seconds for a whole layer
and can be cancelled; ``still`` copies; ``good`` finds nothing to do; ``refuses`` answers with an error; ``dies`` does
so in the midst of a job, with a file half written; ``short`` gives fewer pixels than it says; ``hangs`` never gets
on, and ``stubborn`` does not even stop when it is told; ``stray`` answers with what is no JSON; ``cancels`` kills the
plug-in, as GIMP's own Cancel does, and ``kills`` GIMP itself; ``meets`` goes on once another such worker is at it, too;
``old`` speaks protocol 0. Its log tells what it was asked.

The steps are those that the recipe wants; damage is where the first channel is below a quarter, or what the mask says.
"""

import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
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


def steps(recipe):
    done = ["improved"] if recipe.get("improve", True) else []
    done += ["colorized"] if recipe.get("colorize", "never") != "never" else []
    done += [f"x{recipe['resolution']}"] if recipe.get("resolution") else []
    return [{"action": action, "tool": "fake", "detail": "", "generated": False} for action in done]


def mask(request):
    """255 where the damage is."""
    raw = request.get("mask") or request["raw"]
    data, pixel = Path(raw["path"]).read_bytes(), raw["channels"] * raw["depth"] // 8
    first = data[raw["depth"] // 8 - 1 :: pixel]
    marked = bytes(255 if (value > 127 if request.get("mask") else value < 64) else 0 for value in first)
    result = Path(raw["path"]).with_name(f"mask-{request['id']}")
    result.write_bytes(marked)
    told = {"path": str(result), "width": raw["width"], "height": raw["height"], "channels": 1, "depth": 8}
    return {"raw": {**told, "offset": 0, "icc": None}}


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def meet():
    """Wait until a second worker has come as far, and the first has seen it."""
    here = Path(os.environ["HOME"])
    (here / f"met-{os.getpid()}").touch()
    while len(list(here.glob("met-*"))) < 2:
        time.sleep(0.05)


def misbehave(path):
    match MANNER:
        case "dies":
            path.with_name("half").write_bytes(b"half")
            os._exit(9)
        case "cancels":
            os.kill(os.getppid(), signal.SIGKILL)
        case "kills":
            os.kill(parent(os.getppid()), signal.SIGKILL)
        case "stubborn":
            time.sleep(3600)
        case "stray":
            print("what is this", flush=True)
        case "meets":
            meet()
    if MANNER in ("cancels", "kills", "hangs"):
        heard()  # which comes when the plug-in has gone, or wants it to stop
        sys.exit()


def improve(request):
    raw, factor = request["raw"], request["recipe"].get("resolution") or 1
    path = Path(raw["path"])
    misbehave(path)
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
    if MANNER == "short":
        os.truncate(result, result.stat().st_size - 1)
    told = raw | {"path": str(result), "width": width * factor, "height": height * factor}
    return {"raw": told, "steps": steps(request["recipe"])}


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
        cloud = {"notice": "Pictures are sent to example.org.", "price": 0.05, "currency": "EUR", "left": 9}
        cloud["agreed"] = False
        tell(type="info", id=number, engine="local", versions={}, models=[], device="a processor", cloud=cloud)
    elif request["type"] == "agree":
        tell(type="agreed", id=number)
    elif MANNER == "refuses":
        message = "The picture is refused; take another."
        tell(type="error", id=number, code="refused", title="Refused", message=message)
    elif request["type"] == "improve_raw":
        if MANNER == "slow" and not request.get("detail") and not wait(request):
            tell(type="error", id=number, code="cancelled", title="Cancelled", message="Cancelled.")
            return
        tell(type="started", id=number, megapixels=0.02)
        tell(type="progress", id=number, fraction=0.5, step="repairing")
        outputs = {"final": improve(request)}
        if "mask" in request.get("wanted", ()):
            outputs["mask"] = mask(request)
        tell(type="improved_raw", id=number, bw=False, outputs=outputs)


FOLDERS = []
tell(type="hello", protocol=0 if MANNER == "old" else 1, version="0.1.0", pid=os.getpid())
try:
    while request := heard():
        answer(request)
finally:
    for folder in FOLDERS:
        shutil.rmtree(folder, ignore_errors=True)
