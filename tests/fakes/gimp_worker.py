#!/usr/bin/env python3
"""A worker with the standard library alone, for a GIMP in a bare system; the name it is called by says what it does.

``negative`` inverts the colours, keeps alpha and enlarges by repeating; ``good`` finds nothing to do; ``refuses``
answers with an error; ``still`` copies; ``dies`` does so in the midst of a job, with a file half written; ``old`` speaks protocol 0.
"""

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

MANNER = Path(sys.argv[0]).name


def tell(**message):
    print(json.dumps(message), flush=True)


def negative(data, channels, depth):
    size = depth // 8
    colours = channels - (channels in (2, 4))
    turned = bytearray(data)
    for channel in range(colours):
        for byte in range(size):
            start = channel * size + byte
            turned[start :: channels * size] = bytes(255 - value for value in data[start :: channels * size])
    return bytes(turned)


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
    if MANNER == "still":
        shutil.copyfile(path, path.with_name("result"))
        return {"raw": raw | {"path": str(path.with_name("result"))}}
    data = negative(path.read_bytes(), raw["channels"], raw["depth"])
    data = enlarged(data, raw["width"], factor, raw["channels"] * raw["depth"] // 8)
    result = path.with_name(f"result-{request['id']}")
    result.write_bytes(data)
    return {"raw": raw | {"path": str(result), "width": raw["width"] * factor, "height": raw["height"] * factor}}


def main():
    tell(type="hello", protocol=0 if MANNER == "old" else 1, version="0.1.0", pid=os.getpid())
    folders = []
    for line in sys.stdin:
        request = json.loads(line)
        if request["type"] == "folder":
            folders.append(tempfile.mkdtemp(prefix="resilver-worker-"))
            tell(type="folder", id=request["id"], path=folders[-1])
        elif MANNER == "refuses":
            message = "The picture is refused; take another."
            tell(type="error", id=request["id"], code="refused", title="Refused", message=message)
        else:
            tell(type="progress", id=request["id"], fraction=0.5, step="repairing")
            tell(type="improved_raw", id=request["id"], bw=False, outputs={"final": improve(request)})
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


main()
