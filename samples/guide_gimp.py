"""Takes the guide's pictures of GIMP: `python samples/guide_gimp.py [LANGUAGE...]` (en, ru).

GIMP runs in the test bed of tests/gimp, as root, and has the real engine through the bridge that sandboxes use.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from resilver import __version__
from resilver.worker.bridge import Bridge, bridge_file
from resilver.worker.protocol import PROTOCOL
from resilver_gimp.install import ENTRY, shipped

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from fakes.gimp_bed import TESTBED, bed  # noqa: E402

IMAGES = ROOT / "docs" / "guide" / "images"
LOCALES = {"en": "en_US", "ru": "ru_RU"}
SHOWN = {  # left, top, right and bottom of what matters on the display
    "menu": (0, 0, 1182, 515),
    "dialog": (0, 0, 1182, 804),
    "result": (0, 0, 1182, 804),
    "cloud": (108, 246, 1172, 860),
}
INSIDE = """
mkdir -p {outside.parent} $HOME/gimp/plug-ins $HOME/.config/resilver /tmp/locale
ln -s /project {outside}
cp -r plugin $HOME/gimp/plug-ins/resilver
cp gimp.json $HOME/.config/resilver/
localedef -i {locale} -f UTF-8 /tmp/locale/{locale}.UTF-8
LOCPATH=/tmp/locale LC_ALL={locale}.UTF-8 exec python3 guide_in_gimp.py
"""


def take(language: str) -> None:
    """Menu, dialog, result and the question before anything is sent, out of a GIMP in that language."""
    with tempfile.TemporaryDirectory() as folder:
        sandbox = Path(folder) / "sandbox"
        _fill(sandbox)
        command = INSIDE.format(outside=sandbox, locale=LOCALES[language])
        with Bridge(sandbox):
            words = [TESTBED, "xrun", bed("trixie"), sandbox, "sh", "-c", command]
            subprocess.run(words, check=True, env={**os.environ, "NET": "1"})
        for name, box in SHOWN.items():
            with Image.open(sandbox / f"{name}.png") as image:
                shown = image.convert("RGB").crop(box)
            shown.quantize(128).save(IMAGES / f"gimp-{name}-{language}.png", optimize=True)


def _fill(sandbox: Path) -> None:
    """With the plug-in, the photograph, and the program that uses both."""
    for name, data in shipped().items():
        path = sandbox / "plugin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (sandbox / "plugin" / ENTRY).chmod(0o755)
    for name in ("attic.jpg", "guide_in_gimp.py"):
        shutil.copy(ROOT / "samples" / name, sandbox)
    core = {"interpreter": "/nowhere", "version": __version__, "protocol": PROTOCOL, "log": "gimp.log"}
    core |= {"features": ["mask", "hints"], "bridge": str(bridge_file(sandbox))}
    (sandbox / "gimp.json").write_text(json.dumps(core))


if __name__ == "__main__":
    for one in sys.argv[1:] or LOCALES:
        take(one)
