"""What the hot folder costs and bears: `./run bench folder [PART…] [COUNT]` (default: all).

arrive: 10,000 files by each way there is, to an engine that does nothing, with inotifywait beside.
idle: CPU seconds a minute and memory of `resilver watch` with nothing to do.
overhead: 200 photographs through the folder, and through the engine in one process, with the same priority.
kills: `kill -9` at 200 random instants while pictures come in; each must be done once.
cloud: the same with `resilver serve` as the cloud, killed as well; nothing is paid twice whose answer had come.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from PIL import Image

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))

from fakes.killed_cloud import kill_folder_and_cloud  # noqa: E402
from fakes.kills import kill_and_restart  # noqa: E402
from fakes.watched import Watched  # noqa: E402
from resilver.settings import Settings  # noqa: E402

SEED = 11
WAYS = {
    "cp, flat": 'find "$1" -type f -exec cp -t "$2" {} +',
    "cp -r, a tree": 'cp -r "$1" "$2/tree"',
    "mv, same file system": 'find "$1" -type f -exec mv -t "$2" {} +',
    "mv, another file system": 'find "$1" -type f -exec mv -t "$2" {} +',
    "rsync, a tree": 'rsync -a "$1/" "$2"',
    "a tree moved in": 'mv "$1" "$2/tree"',
}


def make_stock(stock: Path, count: int) -> None:
    """Files that start as JPEG does, a hundred to a folder; nobody decodes them here."""
    for number in range(count):
        path = stock / f"{number // 100:03}" / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xff\xd8\xff\xe0" + number.to_bytes(4, "big") * 500)


@contextlib.contextmanager
def inotifywait(folder: Path, names: Path) -> Iterator[psutil.Process]:
    command = ["inotifywait", "-m", "-r", "-e", "create,close_write,moved_to", "--format", "%w%f", str(folder)]
    with names.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        while "established" not in process.stderr.readline():
            pass
        try:
            yield psutil.Process(process.pid)
        finally:
            process.terminate()


def measure_way(way: str, place: Path, count: int) -> None:
    folder, output = place / "in", place / "out"
    for path in (folder, output):
        path.mkdir(parents=True)
    elsewhere = Path("/dev/shm") if "another" in way else place
    with tempfile.TemporaryDirectory(dir=elsewhere) as beside:
        stock = Path(beside) / "stock"
        make_stock(stock, count)
        command = [sys.executable, str(HERE / "idle.py"), str(folder), str(output), str(count)]
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as daemon,
            inotifywait(folder, place / "names") as other,
        ):
            assert daemon.stdout
            assert daemon.stdout.readline() == "ready\n"
            before = other.cpu_times()
            subprocess.run(["sh", "-c", WAYS[way], "sh", str(stock), str(folder)], check=True)
            with contextlib.suppress(psutil.TimeoutExpired):
                psutil.Process(daemon.pid).wait(180)
            daemon.terminate()
            daemon.wait()
            after = other.cpu_times()
        figures = json.loads((output / "figures").read_text())
    theirs = after.user + after.system - before.user - before.system
    named = {name for name in (place / "names").read_text().splitlines() if name.endswith(".jpg")}
    print_way(way, folder, figures, theirs, len({Path(name).name for name in named if "." not in Path(name).stem}))


def print_way(way: str, folder: Path, figures: dict, theirs_cpu: float, theirs: int) -> None:
    moved_ns = (folder / "tree").stat().st_ctime_ns if "moved" in way else 0
    written = {str(path): max(moved_ns, path.stat().st_ctime_ns) for path in folder.rglob("*.jpg")}
    handed = figures["handed"]
    waits = sorted((when - written[path]) / 1e9 for path, when in handed.items())
    last = max(written.values())
    since = sorted((when - last) / 1e9 for when in handed.values())
    print(f"  {way:24} {len(handed)} of {len(written)}", end="")
    print(f"   handed over {statistics.median(waits):.2f} s after its last write (median), ", end="")
    print(f"{waits[int(len(waits) * 0.95)]:.2f} s (95 %), {waits[-1]:.2f} s (last)", end="")
    print(f"; after the last write of all {statistics.median(since):.2f} s (median)")
    print(f"  {'':24} CPU {figures['cpu']:.2f} s; inotifywait {theirs_cpu:.2f} s, which named {theirs}", flush=True)


def measure_arrive(count: int = 10_000) -> None:
    quiet_s = Settings().watch.quiet_s
    print(f"arrive: {count} files of 2 kB, an engine that does nothing (aim: all, median within 2 s of its last write,")
    print(f"of which {quiet_s:.1f} s are the rule's own wait after a file was closed or moved)")
    for way in WAYS:
        if shutil.which(WAYS[way].split()[0]) is None:
            print(f"  {way:24} left out: there is no {WAYS[way].split()[0]}")
            continue
        with tempfile.TemporaryDirectory() as name:
            measure_way(way, Path(name), count)


def measure_idle(seconds: int = 120) -> None:
    with tempfile.TemporaryDirectory() as name:
        watch = {"quiet_s": 1.0, "look_s": 2.0, "rescan_s": 10.0, "sweep_s": 45.0}
        with Watched(Path(name), "", worker__idle_s=2, local__models=Settings().local.models, **watch) as folder:
            folder.checked = False
            picture(folder.input / "a.jpg", 0)
            folder.wait(done=1)
            time.sleep(8)
            daemon = psutil.Process(folder.pid)
            processes = [daemon, *daemon.children(recursive=True)]
            before = [spent(process) for process in processes]
            time.sleep(seconds)
            print(f"idle: {seconds} s after a picture was done and the worker has unloaded, sweeps every 45 s")
            for process, then in zip(processes, before, strict=True):
                what = "daemon" if process is daemon else "worker"
                used = (spent(process) - then) * 60 / seconds
                pss = process.memory_full_info().pss / 1e6
                print(f"  {what}  {used:.3f} s of CPU a minute (aim 0.2), {pss:.1f} MB PSS (aim 45)")


def spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


PRINT = (1800, 1200)  # a photograph of 15 x 10 cm, scanned with 300 dpi


def picture(path: Path, number: int, size: tuple[int, int] = (960, 720)) -> None:
    """A faded photograph of its own, from a sample."""
    source = sorted((HERE.parents[1] / "samples").rglob("*.jpg"))[number % 2]
    with Image.open(source) as whole:
        scan = whole.convert("RGB").resize(size)
    scan.putpixel((0, 0), (number % 256, number // 256, 0))
    faded = scan.point([90 + value // 3 for value in range(256)] * 3)
    faded.save(path, quality=88)


PROCESS = """
import os, sys
from pathlib import Path
os.nice(10)
from resilver.engines import make_engine
from resilver.improve import improve_file
from resilver.recipe import preset
from resilver.settings import load_settings
engine = make_engine(load_settings())
for path in sorted(Path(sys.argv[1]).iterdir()):
    improve_file(path, Path(sys.argv[2]), preset("Restore"), engine)
"""


def through_process(stock: Path, output: Path) -> float:
    started = time.perf_counter()
    # a session of its own, as the daemon and its worker have: the system shares its time out among sessions
    command = [sys.executable, "-c", PROCESS, str(stock), str(output)]
    subprocess.run(command, check=True, start_new_session=True)
    return time.perf_counter() - started


def through_folder(stock: Path, place: Path, count: int) -> float:
    watch = {"quiet_s": 1.0, "look_s": 2.0, "rescan_s": 10.0, "sweep_s": 45.0}
    with Watched(place, "", local__models=Settings().local.models, **watch) as folder:
        folder.checked = False
        started = time.perf_counter()
        for path in sorted(stock.iterdir()):
            path.rename(folder.input / path.name)
        while sum(1 for _ in folder.output.iterdir()) < count:  # asking the daemon would cost it time
            time.sleep(0.02)
        wall_s = time.perf_counter() - started
        folder.stop()
        return wall_s


def spent_by_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure_overhead(count: int = 200) -> None:
    with tempfile.TemporaryDirectory() as name:
        stock = Path(name) / "stock"
        stock.mkdir()
        for number in range(count):
            picture(stock / f"{number:03}.jpg", number, PRINT)
        spent = [spent_by_children()]
        alone = through_process(stock, Path(name) / "alone")
        spent.append(spent_by_children())
        through = through_folder(stock, Path(name) / "place", count)
        spent.append(spent_by_children())
        width, height = PRINT
        print(f"overhead: {count} photographs of {width} x {height}; through the folder with its second of settling")
        more, cpu = through / alone - 1, (spent[1] - spent[0], spent[2] - spent[1])
        print(f"  in one process {alone:.1f} s, through the folder {through:.1f} s: {more:+.1%} (aim 3 %)")
        print(f"  CPU {cpu[0]:.1f} s and, with the daemon's start and end, {cpu[1]:.1f} s: {cpu[1] / cpu[0] - 1:+.1%}")


def measure_kills(count: int = 200) -> None:
    with tempfile.TemporaryDirectory() as name:
        with Watched(Path(name), "dropped.Steady", starts=False) as folder:
            pictures = kill_and_restart(folder, kills=count, seed=SEED, longest_s=3.0)
            results = len(folder.results())
            folder.assert_invariants()
        print(f"kills: {count} times kill -9, seed {SEED}: {pictures} pictures, {results} results, each once and whole")


def measure_cloud(count: int = 200) -> None:
    with tempfile.TemporaryDirectory() as name:
        pictures, worked, twice = kill_folder_and_cloud(Path(name) / "place", kills=count, seed=SEED, longest_s=3.0)
        print(
            f"cloud: {count} times kill -9 of the folder, half as many of the server, seed {SEED}: {pictures} pictures,"
        )
        print(f"  each once and whole; the server worked {worked} times, on {twice} pictures more than once")


PARTS = {
    "arrive": measure_arrive,
    "idle": measure_idle,
    "overhead": measure_overhead,
    "kills": measure_kills,
    "cloud": measure_cloud,
}


def main() -> None:
    counts = [int(word) for word in sys.argv[1:] if word.isdigit()]
    for name in [word for word in sys.argv[1:] if not word.isdigit()] or PARTS:
        PARTS[name](*counts)


if __name__ == "__main__":
    os.chdir(HERE)
    main()
