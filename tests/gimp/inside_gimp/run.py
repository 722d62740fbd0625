"""Runs in GIMP's own batch interpreter: every case of the subjects is done, and what came of it is told in JSON."""

import importlib
import json
import os
import sys
import traceback

sys.stdout.reconfigure(line_buffering=True)
sys.dont_write_bytecode = True  # the project belongs to somebody else
sys.path += ["/project/tests/gimp/inside_gimp", "/project/gimp_plugin/resilver_gimp/plugin"]
from scene import Gimp  # noqa: E402

only = os.environ.get("ONLY", "")
for subject in os.environ["SUBJECTS"].split():
    for name, do in importlib.import_module(subject).CASES.items():
        if only not in name:
            continue
        try:
            do()
            told = None
        except BaseException:  # noqa: BLE001  told, and the next case goes on
            told = traceback.format_exc()
        for image in Gimp.get_images():
            image.delete()
        print("CASE " + json.dumps([f"{subject}: {name}", told]))
print("END " + json.dumps(Gimp.version()))
