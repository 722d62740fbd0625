"""What the way over HTTP costs at both ends: `./run bench http [upload] [answer] [server]` (default: all).

upload: 48 pictures of 6 to 8 MB to a server that does no work, through the client and through curl, in turns.
answer: one of 48 x 3 pictures, taken apart into files.
server: `resilver serve` at its capacity, then at twice that for a minute, one small picture in each request.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import load
import psutil
from PIL import Image

HERE = Path(__file__).parent
PATH = "/api/v1/photo/improve"
TOKEN = "benchmark-of-resilver"  # of a server that lives for two minutes
TURNS = 5
ANSWER_BYTES = 1_500_000
"""Of each picture in the answer: 48 x 3 of them are 216 MB, and 288 MB of JSON."""


@contextmanager
def idle_server(*arguments: str) -> Iterator[str]:
    """The URL of a server that does no work."""
    command = [sys.executable, HERE / "idle_server.py", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}{PATH}"
        finally:
            process.terminate()


def make_pictures(folder: Path, count: int, low: int, high: int) -> int:
    """Files that start as JPEG does; nobody decodes them here. Their bytes together."""
    chance = random.Random(48)
    for number in range(count):
        path = folder / f"picture{number:02}.jpg"
        path.write_bytes(b"\xff\xd8\xff\xe0" + chance.randbytes(chance.randint(low, high) - 4))
    return sum(path.stat().st_size for path in folder.iterdir())


def transfer(url: str, folder: Path, *modes: str) -> dict[str, float]:
    command = [sys.executable, str(HERE / "transfer.py"), url, str(folder), *modes]
    started = time.perf_counter()
    figures: dict[str, float] = json.loads(subprocess.check_output(command, text=True))
    return {**figures, "process": time.perf_counter() - started}


def curl(url: str, folder: Path) -> dict[str, float]:
    """The same body by curl, which need not ask for permission first ("Expect") as it would."""
    names = [path.name for path in sorted(folder.iterdir())]
    meta = json.dumps({"mode": ["improve"], "images": [{"name": name} for name in names]})
    forms = [f"-F{name}=@{folder / name};type=image/jpeg" for name in names]
    command = ["curl", "-sSf", "-o/dev/null", "-HExpect:", *forms, f"-Fmeta={meta}"]
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([*command, f"{url}?oauth_provider=mcs&oauth_token=benchmark"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {"wall": time.perf_counter() - started, "cpu": cpu}


def bare_mb() -> float:
    """The peak memory of an interpreter that does nothing."""
    program = "print(open('/proc/self/status').read().partition('VmHWM:')[2].split()[0])"
    return int(subprocess.check_output([sys.executable, "-c", program], text=True)) / 1024


def measure_upload() -> None:
    with tempfile.TemporaryDirectory() as name, idle_server() as url:
        folder = Path(name)
        size = make_pictures(folder, 48, 6_000_000, 8_000_000)
        runs = [(transfer(url, folder, "improve"), curl(url, folder)) for _ in range(TURNS)]
    print(f"upload: 48 pictures, {size / 1e6:.0f} MB in one request, medians of {TURNS} runs in turns")
    for key, aim in (("wall", 1.1), ("cpu", 2.0)):
        ours, theirs = (statistics.median(run[side][key] for run in runs) for side in (0, 1))
        print(f"  {key:4}  client {ours:6.3f} s   curl {theirs:6.3f} s   ratio {ours / theirs:5.2f} (aim {aim})")
    process = statistics.median(run[0]["process"] for run in runs)
    print(f"        without the start of Python, which counts once for all requests; with it {process:.2f} s")
    print_memory([run[0] for run in runs], 50)


def print_memory(runs: list[dict[str, float]], aim: float) -> None:
    bare, peak, loaded = bare_mb(), max(run["peak"] for run in runs), max(run["loaded"] for run in runs)
    print(f"  peak  {peak:.0f} MB, {peak - bare:.0f} MB beyond a bare interpreter (aim {aim:g}), ", end="")
    print(f"{peak - loaded:.0f} MB beyond the loaded program")


def measure_answer() -> None:
    with tempfile.TemporaryDirectory() as name, idle_server(str(ANSWER_BYTES)) as url:
        folder = Path(name)
        make_pictures(folder, 48, 10_000, 20_000)
        figures = transfer(url, folder, "improve")
    print(f"answer: 48 x 3 pictures, {figures['decoded'] / 1e6:.0f} MB decoded")
    print(f"  wall {figures['wall']:.2f} s, CPU {figures['cpu']:.2f} s")
    print_memory([figures], 40)


@contextmanager
def real_server(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """URL and process of `resilver serve` in a home of its own."""
    (folder / "token").write_text(TOKEN)
    (folder / "token").chmod(0o600)
    command = [Path(sys.executable).with_name("resilver"), "serve", "--port", "0", "--token-file", folder / "token"]
    environment = {**os.environ, "XDG_STATE_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            said = process.stdout.readline().rpartition(" ")[2].strip()
            if not said.startswith("http"):
                sys.exit("the server did not start")
            yield said + PATH, psutil.Process(process.pid)
        finally:
            process.terminate()


def memory_mb(process: psutil.Process) -> float:
    """Of the server with its workers."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            total += one.memory_info().rss
    return total / 1e6


async def sample(process: psutil.Process, figures: list[float]) -> None:
    while True:
        figures.append(memory_mb(process))
        await asyncio.sleep(1)


async def stress(url: str, process: psutil.Process, seconds: float) -> None:
    stream = io.BytesIO()
    Image.effect_noise((96, 64), 60).convert("RGB").save(stream, "JPEG")
    message = load.request(url, TOKEN, stream.getvalue())
    await load.capacity(url, message, 4, 8)  # the workers start, and their networks are loaded
    rate = await load.capacity(url, message, 4, 10)
    if not rate:
        sys.exit("the server answered nothing with success")
    figures: list[float] = []
    sampling = asyncio.create_task(sample(process, figures))
    tally = await load.flood(url, message, 2 * rate, seconds)
    sampling.cancel()
    print(f"server: {rate:.1f} small pictures per second; twice that for {seconds:g} s")
    print(f"  {tally.total} requests: {tally.count(200)} done, {tally.count(429)} refused, {tally.lost} lost (aim 0)")
    print(f"  median  refused after {tally.median_ms(429):.0f} ms (aim 50), done after {tally.median_ms(200):.0f} ms")
    third = len(figures) // 3
    print(f"  memory  {statistics.median(figures[:third]):.0f} MB in the first third, ", end="")
    print(f"{statistics.median(figures[-third:]):.0f} MB in the last, at most {max(figures):.0f} MB")


def measure_server(seconds: float = 60) -> None:
    with tempfile.TemporaryDirectory() as name, real_server(Path(name)) as (url, process):
        asyncio.run(stress(url, process, seconds))


PARTS = {"upload": measure_upload, "answer": measure_answer, "server": measure_server}


def main() -> None:
    for name in sys.argv[1:] or PARTS:
        PARTS[name]()


if __name__ == "__main__":
    main()
