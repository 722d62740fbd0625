"""What networks run on: the processor or a graphics card, by ncnn."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from resilver.local.networks import Network, Pool
from resilver.settings import LocalSettings

Floats = npt.NDArray[np.float32]
Cuts = tuple[int, int, int, int]  # values off the top, the bottom, the left, the right

_log = logging.getLogger(__name__)


class Blob(Protocol):
    """Features as a device keeps them, in half precision; to be given to a net again. ``h``, ``w``: in values."""

    h: int
    w: int


class Net(Protocol):
    """An opened network. Raises RuntimeError or MemoryError."""

    def __call__(self, inputs: Mapping[str, Floats | Blob], wanted: str) -> Floats:
        """Run from the named inputs to the wanted blob; the array owns its memory."""

    def keep(self, inputs: Mapping[str, Floats | Blob], names: Sequence[str]) -> dict[str, Blob]:
        """Run from the named inputs to those to keep."""

    def mean(self, pool: Pool, blob: Blob, cuts: Cuts) -> Floats:
        """``pool.blob`` as it follows from the part of a kept ``pool.of`` inside the cuts."""


class Device(Protocol):
    """What opens networks; ``name`` is for people."""

    @property
    def name(self) -> str:
        """``the processor (2 threads)``."""

    def open(self, network: Network, param: Path, weights: Path) -> Net:
        """Load a network. Raises RuntimeError or MemoryError."""

    def trim(self) -> None:
        """Free the memory that is kept for the next run."""

    def close(self) -> None:
        """Give back what the device holds; all its networks are gone by then."""


class NcnnDevice:
    """The processor, or with ``gpu`` the graphics card of that number."""

    def __init__(self, threads: int, gpu: int | None = None, name: str = "") -> None:
        self._threads = threads
        self._gpu = gpu
        self._memory: Any = None
        self.name = name or f"the processor ({threads} thread{'s' if threads != 1 else ''})"

    def open(self, network: Network, param: Path, weights: Path) -> Net:
        """Load a network; see :class:`Device`."""
        ncnn = _import_ncnn()
        net = ncnn.Net()
        # all other options stay: switching any of them off measured slower, bf16 inexact
        net.opt.num_threads = self._threads
        # one pool for what all nets and casts need for a moment: fresh pages for each blob took a quarter of the
        # time, and a pool for each net held 0.8 GB for waifu2x cunet and as much again for Real-CUGAN
        self._memory = self._memory or ncnn.PoolAllocator()
        net.opt.blob_allocator = net.opt.workspace_allocator = self._memory
        if self._gpu is not None:
            net.opt.use_vulkan_compute = True
            net.set_vulkan_device(self._gpu)
        with _quiet_stderr():
            if net.load_param(str(param)) or net.load_model(str(weights)):
                raise RuntimeError(f"{network.label} cannot be loaded")
        return _NcnnNet(network, net, self._memory)

    def trim(self) -> None:
        """Free the pool."""
        if self._memory is not None:
            self._memory.clear()

    def close(self) -> None:
        """Give the graphics card back."""
        if self._gpu is not None:
            _import_ncnn().destroy_gpu_instance()


class _NcnnNet:
    def __init__(self, network: Network, net: Any, memory: Any) -> None:
        self._cut = dict(network.cut)
        self._net = net
        self._memory = memory
        self._casting, self._keeping = _import_ncnn().Option(), _import_ncnn().Option()
        self._casting.blob_allocator = memory
        self._casting.num_threads = self._keeping.num_threads = net.opt.num_threads

    def __call__(self, inputs: Mapping[str, Floats | Blob], wanted: str) -> Floats:
        with self._extractor(inputs) as extractor:
            return np.array(_extract(extractor, wanted, 0))

    def keep(self, inputs: Mapping[str, Floats | Blob], names: Sequence[str]) -> dict[str, Blob]:
        with self._extractor(inputs) as extractor:
            # in the layout of the processor's vectors: to lay them out in rows and back costs a tenth of the run
            made = {name: _extract(extractor, self._cut.get(name, (name,))[0], 1) for name in names}
            return {name: self._kept(name, mat) for name, mat in made.items()}

    def mean(self, pool: Pool, blob: Any, cuts: Cuts) -> Floats:
        return self({pool.of: _inside(blob, cuts, self._casting)}, pool.blob)

    def _kept(self, name: str, mat: Any) -> Any:
        if name not in self._cut:
            return _half(mat, self._keeping)
        _, border = self._cut[name]
        return _inside(_half(mat, self._casting), (border,) * 4, self._keeping)

    @contextlib.contextmanager
    def _extractor(self, inputs: Mapping[str, Floats | Blob]) -> Iterator[Any]:
        ncnn = _import_ncnn()
        # a Mat made of an array does not own the memory: both must live until the last extraction
        arrays = {
            name: np.ascontiguousarray(given, np.float32)
            for name, given in inputs.items()
            if isinstance(given, np.ndarray)
        }
        extractor = self._net.create_extractor()
        for name, given in inputs.items():
            extractor.input(name, ncnn.Mat(arrays[name]) if name in arrays else _single(given, self._casting))
        yield extractor
        del arrays


def _extract(extractor: Any, name: str, layout: Literal[0, 1]) -> Any:
    """A blob; ``layout`` 0: in rows of single precision, 1: as the device has it."""
    code, mat = extractor.extract(name, layout)
    if code == -100:  # ncnn's code for an allocation that failed
        raise MemoryError
    if code != 0:
        raise RuntimeError(f"code {code}")
    return mat


def _inside(mat: Any, cuts: Cuts, option: Any) -> Any:
    inside = _import_ncnn().Mat()
    _import_ncnn().copy_cut_border(mat, inside, *cuts, option)
    return inside


def _half(mat: Any, option: Any) -> Any:
    """In 16 bits, which is too fine to be seen afterwards; pictures, which go into the output as they are, stay.

    What is kept is in memory of its own: the pool may have lent a hundred times as much as the picture needs.
    """
    if mat.elemsize == 2 * mat.elempack or mat.c * mat.elempack <= 3:
        return mat.clone()
    ncnn = _import_ncnn()
    made = ncnn.Mat()
    ncnn.cast_float32_to_float16(mat, made, option)
    return made


def _single(mat: Any, option: Any) -> Any:
    if mat.elemsize != 2 * mat.elempack:
        return mat
    ncnn = _import_ncnn()
    made = ncnn.Mat()
    ncnn.cast_float16_to_float32(mat, made, option)
    return made


def find_devices(settings: LocalSettings) -> list[Device]:
    """The devices of this machine, best first; the processor is always the last."""
    threads = settings.threads or _cores()
    processor = NcnnDevice(threads)
    card = _graphics_card() if settings.gpu == "auto" else None
    if card is None:
        why = "no graphics card is usable" if settings.gpu == "auto" else "the setting local.gpu is off"
        _log.info("Networks run on %s: %s.", processor.name, why)
        return [processor]
    number, name = card
    _log.info("Networks run on the graphics card %s.", name)
    return [NcnnDevice(threads, number, f"The graphics card {name}"), processor]


def _import_ncnn() -> Any:
    # OpenMP's threads spin while they wait for each other: with two threads on two busy cores the same
    # network took 3 to 20 times the processor time of one that sleeps, and no less time on idle ones
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import ncnn

    return ncnn


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _graphics_card() -> tuple[int, str] | None:
    ncnn = _import_ncnn()
    with _quiet_stderr():
        for number in range(ncnn.get_gpu_count()):
            info = ncnn.get_gpu_info(number)
            if info.type() != 3:  # 3: a processor that plays a card (lavapipe), slower than ncnn's own code for it
                return number, str(info.device_name())
        ncnn.destroy_gpu_instance()
    return None


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Swallow what native libraries print while they look for drivers; nine lines where there are none."""
    try:
        kept = os.dup(2)
    except OSError:  # a process without standard error
        yield
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
