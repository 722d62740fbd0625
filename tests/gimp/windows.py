"""Uses the plug-in in GIMP's own windows by keyboard and mouse, as a person does; what came of it is told in JSON.

Runs beside GIMP on a display of its own. A plug-in of the tests (spy.py) tells what the images hold, and the worker's
log what it was asked. Screenshots go to the folder SHOTS, if there is one.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path

HOME, PROJECT = Path(os.environ["HOME"]), Path("/project")
PROFILE, LOG = HOME / "gimp", HOME / "gimp.log"
CORE = HOME / ".config" / "resilver" / "gimp.json"
VERSION = subprocess.run(["gimp-console", "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]
# another version would be greeted
SETTINGS = f"""(config-version "{VERSION}")
(check-updates no)
(show-welcome-dialog no)
(color-profile-policy keep)
"""
PATIENCE_S = 300.0  # a busy machine took more than a minute for what a free one does in ten seconds
RESTORE = "plug-in-resilver-restore"


def key(*keys):
    for one in keys:
        subprocess.run(["xdotool", "key", "--delay", "60", one], check=True)
        time.sleep(0.4)


def windows(role):
    """Those of that role that are open; xdotool's own search finds no roles."""
    found = xprop("-root", "_NET_CLIENT_LIST").partition("#")[2].replace(",", " ").split()
    return [number for number in found if f'"{role}"' in xprop("-id", number, "WM_WINDOW_ROLE")]


def names():
    """The titles of all that is open."""
    listed = xprop("-root", "_NET_CLIENT_LIST").partition("#")[2].replace(",", " ").split()
    return [xprop("-id", number, "_NET_WM_NAME").partition("= ")[2].strip() for number in listed]


def xprop(*words):
    return subprocess.run(["xprop", *words], capture_output=True, text=True, check=False).stdout


def until(what, true):
    end = time.monotonic() + PATIENCE_S
    while not (found := true()):
        if time.monotonic() > end:
            shot("failed " + what)
            raise AssertionError(f"this never came: {what}; open were {names()}")
        time.sleep(0.2)
    return found


def window(role):
    """That window, once it is there and has the focus."""
    found = until(f"the window {role}", lambda: windows(role))[-1]
    subprocess.run(["xdotool", "windowactivate", found], check=True)
    time.sleep(0.5)
    return found


def gone(role):
    until(f"the end of the window {role}", lambda: not windows(role))


def shot(name):
    if folder := os.environ.get("SHOTS"):
        subprocess.run(["import", "-window", "root", f"{folder}/{name.replace(' ', '-')}.png"], check=True)


def images():
    return json.loads((HOME / "images.json").read_text())


def asked(kind="improve_raw"):
    lines = LOG.read_text().splitlines() if LOG.exists() else []
    requests = [json.loads(line.partition(" ")[2]) for line in lines if line.startswith("ASKED {")]
    return [request for request in requests if request["type"] == kind]


def details():
    return [request["detail"] for request in asked() if request.get("detail")]


def leftovers():
    return [*Path("/tmp").glob("resilver-worker-*"), *Path("/dev/shm").glob("resilver-worker-*")]


def core(manner):
    program = HOME / manner
    if not program.exists():
        program.symlink_to(PROJECT / "tests" / "fakes" / "gimp_worker.py")
    CORE.parent.mkdir(parents=True, exist_ok=True)
    CORE.write_text(json.dumps({"interpreter": str(program), "version": "0.1.0", "protocol": 1, "log": str(LOG)}))


def start():
    """GIMP with a photograph in it."""
    shutil.copytree(PROJECT / "gimp_plugin" / "resilver_gimp" / "plugin", PROFILE / "plug-ins" / "resilver")
    (PROFILE / "plug-ins" / "spy").mkdir()
    shutil.copy(PROJECT / "tests" / "gimp" / "spy.py", PROFILE / "plug-ins" / "spy" / "spy.py")
    (PROFILE / "gimprc").write_text(SETTINGS)
    shutil.copy(PROJECT / "samples" / "cafe.jpg", HOME / "cafe.jpg")
    with (HOME / "gimp.err").open("w") as errors:
        subprocess.Popen(["gimp", "-s", "-d", "-f", HOME / "cafe.jpg"], stderr=errors)
    try:
        window("gimp-image-window-1")
        until("the picture", lambda: (HOME / "images.json").exists() and images())
    except AssertionError:
        subprocess.run(["ps", "-eo", "pid,stat,wchan:20,time,args"], stdout=sys.stderr, check=False)
        print((HOME / "gimp.err").read_text()[-2000:], file=sys.stderr)
        raise


def choose(letter):
    """Filters > Enhance > Resilver, which has no letter and is the last but one, and then ``letter``."""
    window("gimp-image-window-1")
    for number, keys in enumerate((["alt+r"], ["h"], ["End", "Up", "Right"]), start=len(shown())):
        key(*keys)
        until(f"the menu after {keys}", lambda number=number: len(shown()) > number)
    shot("menu")
    key(letter)


def shown():
    """All that GIMP and its plug-ins show, menus included."""
    words = ["xdotool", "search", "--onlyvisible", "--class", "gimp"]
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout.split()


def the_menu_opens_the_dialog():
    core("slow")
    choose("r")
    window(RESTORE)
    until("the first preview", details)
    time.sleep(1)
    shot("dialog")


def the_preview_moves():
    first = details()[-1]
    window(RESTORE)
    key("alt+d", "shift+Right")
    until("a preview farther right", lambda: details()[-1][0] > first[0])
    key("shift+Up")
    moved = until("a preview farther up", lambda: details()[-1] if details()[-1][1] < first[1] else None)
    left, top = (int(line.rpartition("=")[2]) for line in geometry(window(RESTORE)) if line[:2] in ("X=", "Y="))
    subprocess.run(["xdotool", "mousemove", str(left + 500), str(top + 150), "mousedown", "1"], check=True)
    for step in range(1, 6):
        subprocess.run(["xdotool", "mousemove", str(left + 500 + 10 * step), str(top + 150)], check=True)
        time.sleep(0.1)
    subprocess.run(["xdotool", "mouseup", "1"], check=True)
    until("a preview that was dragged", lambda: details()[-1][0] < moved[0])
    time.sleep(1)
    shot("preview moved")


def geometry(number):
    words = ["xdotool", "getwindowgeometry", "--shell", number]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()


def cancel_leaves_everything_as_it_was():
    before = images()
    window(RESTORE)
    key("alt+o")
    window("resilver-progress")
    time.sleep(4)
    shot("progress")
    key("Escape")
    gone("resilver-progress")
    assert asked("cancel"), "the worker was not told"
    until("the end of the worker's files", lambda: not leftovers())
    time.sleep(1)
    assert images() == before
    shot("cancelled")


def a_run_brings_a_layer():
    before = images()[0]
    choose("r")
    window(RESTORE)
    key("alt+o")
    window("resilver-progress")
    after = until("the new layer", lambda: images()[0] if len(images()[0]["layers"]) == 2 else None)
    gone("resilver-progress")
    shot("result")
    assert after["layers"][1] == before["layers"][0], "the original changed"
    assert after["layers"][0]["name"] == "cafe.jpg – improved"
    assert after["layers"][0]["pixels"] != before["layers"][0]["pixels"]
    assert after["selected"] == before["selected"]
    assert not leftovers(), leftovers()
    window("gimp-image-window-1")
    key("ctrl+z")
    until("the end of the new layer", lambda: images()[0] == before)


def repeat_asks_nothing():
    before, jobs = images()[0], len(asked())
    core("negative")
    window("gimp-image-window-1")
    key("ctrl+f")
    until("the new layer", lambda: len(images()[0]["layers"]) == 2)
    assert len(asked()) == jobs + 1
    key("ctrl+z")
    until("the end of the new layer", lambda: images()[0] == before)


def escape_does_nothing():
    before = images()
    choose("r")
    window(RESTORE)
    key("Escape")
    gone(RESTORE)
    until("the end of the worker's files", lambda: not leftovers())
    assert images() == before


def without_a_core_the_dialog_says_what_to_do():
    before, jobs = images(), len(asked())
    CORE.unlink()
    choose("r")
    window(RESTORE)
    time.sleep(2)
    shot("no core")
    key("alt+o")
    time.sleep(1)
    assert windows(RESTORE), "there is nothing that could do it"
    core("negative")
    key("alt+n")
    until("a preview after the second try", lambda: len(asked()) > jobs)
    key("Escape")
    gone(RESTORE)
    assert images() == before


def nothing_is_sent_before_it_is_agreed_to():
    (before,) = images()
    choose("r")
    window(RESTORE)
    until("a preview", lambda: asked()[-1].get("detail"))
    key("alt+e", "space", "Down", "Return", "alt+o")
    time.sleep(1)
    shot("cloud")
    assert windows(RESTORE), "nobody agreed to that"
    assert asked()[-1]["settings"] == {"engine": "local"}, "a preview was to be sent"
    key("alt+a", "alt+o")
    until("the new layer", lambda: len(images()[0]["layers"]) == 2)
    assert asked("agree"), "that it was agreed to is not kept"
    assert asked()[-1]["settings"] == {"engine": "cloud"}
    gone("resilver-progress")
    window("gimp-image-window-1")
    key("ctrl+z")
    until("the image as it was", lambda: images() == [before])


def upscale_makes_a_larger_image():
    (before,) = images()
    choose("u")
    window("plug-in-resilver-upscale")
    until("a preview", lambda: (asked()[-1]["recipe"].get("resolution")) == 2)
    time.sleep(1)
    shot("upscale")
    window("plug-in-resilver-upscale")  # once, on a busy machine, the keys had no effect; why was not seen
    key("alt+o")
    after = until("the larger image", lambda: images()[0] if len(images()[0]["layers"]) == 2 else None)
    assert after["size"] == [2 * side for side in before["size"]]
    key("ctrl+z")
    until("the image as it was", lambda: images() == [before])


CASES = [
    the_menu_opens_the_dialog, the_preview_moves, cancel_leaves_everything_as_it_was, a_run_brings_a_layer,
    repeat_asks_nothing, escape_does_nothing, without_a_core_the_dialog_says_what_to_do,
    nothing_is_sent_before_it_is_agreed_to, upscale_makes_a_larger_image,
]  # fmt: skip


def main():
    sys.stdout.reconfigure(line_buffering=True)
    start()
    for case in CASES:
        try:
            case()
            told = None
        except Exception:  # noqa: BLE001  told, and the next case goes on
            told = traceback.format_exc()
            print((HOME / "gimp.err").read_text()[-2000:], file=sys.stderr)
            key("Escape", "Escape", "Escape")
        print("CASE " + json.dumps([case.__name__.replace("_", " "), told]))
    print("END " + json.dumps(VERSION))


main()
