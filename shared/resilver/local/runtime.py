"""Running networks: opened on first use, on the best device that works, and kept warm."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

import numpy as np

from resilver.engine import Report
from resilver.errors import BlankResult, EngineError, EngineMemory
from resilver.local.devices import Blob, Cuts, Device, Floats, Net, find_devices
from resilver.local.models import ModelStore
from resilver.local.networks import NETWORKS, Network, Pool
from resilver.settings import LocalSettings

_log = logging.getLogger(__name__)

Made = TypeVar("Made")
_NOTHING: Mapping[str, Blob] = MappingProxyType({})
# Where the input differs by more than this (0..1), a constant output is no picture
_FLAT = 2 / 255
# On pure noise Real-CUGAN pro was seen beyond 1e4; released memory read as floats gives 1e29
_ABSURD = 1e20


class Runtime:
    """Every network of one process, on the best device that works.

    A device that fails (an exception, an empty result, want of memory) is given up for the next one
    for the rest of the runtime's life; the report hears of it.
    """

    def __init__(
        self, settings: LocalSettings, *, store: ModelStore | None = None, devices: Sequence[Device] | None = None
    ) -> None:
        self._settings = settings
        self.store = store or ModelStore(settings.models)
        self._given = devices
        self._devices: list[Device] = []
        self._nets: dict[str, Net] = {}
        self._lock = threading.RLock()

    @property
    def device(self) -> str:
        """What networks run on now."""
        return self._device().name

    def require(self, names: Iterable[str]) -> None:
        """Make sure that the named networks can be opened.

        Raises:
            EngineMissing, ModelBroken: see :meth:`ModelStore.paths`.
        """
        for name in names:
            if name not in self._nets:
                self.store.paths(NETWORKS[name])

    def run(
        self,
        name: str,
        chw: Floats,
        averages: Sequence[Floats] = (),
        report: Report | None = None,
        *,
        known: Mapping[str, Blob] = _NOTHING,
    ) -> Floats:
        """The network's bare output for an RGB block (3, height, width) in 0..1.

        ``averages`` replace the network's pooled blobs, in the order of :attr:`Network.pooled`. What is
        ``known`` is not computed again.

        Raises:
            EngineMissing, ModelBroken: no weights.
            EngineMemory: it does not fit; smaller blocks may.
            BlankResult: the output is empty though the input is not.
        """
        network = NETWORKS[name]
        inputs = _inputs(network, chw, averages, known)

        def work(net: Net) -> Floats:
            made = net(inputs, network.output)
            _check_numbers(network, made)
            _check_picture(network, chw, made)
            return made

        return self._try(name, work, report)

    def keep(
        self,
        name: str,
        chw: Floats,
        averages: Sequence[Floats],
        report: Report | None,
        *,
        known: Mapping[str, Blob],
        names: Sequence[str],
    ) -> dict[str, Blob]:
        """The named blobs of the network, to be known to other runs. Raises like :meth:`run`."""
        inputs = _inputs(NETWORKS[name], chw, averages, known)
        return self._try(name, lambda net: net.keep(inputs, names), report)

    def mean(self, name: str, pool: Pool, blob: Blob, cuts: Cuts, report: Report | None) -> Floats:
        """``pool.blob`` as it follows from the part of a kept ``pool.of`` inside the cuts. Raises like :meth:`run`."""

        def work(net: Net) -> Floats:
            made = net.mean(pool, blob, cuts)
            _check_numbers(NETWORKS[name], made)
            return made

        return self._try(name, work, report)

    def _try(self, name: str, work: Callable[[Net], Made], report: Report | None) -> Made:
        while True:
            device = self._device()
            try:
                return work(self._net(name))
            except (RuntimeError, MemoryError, BlankResult) as error:
                if not self._give_up(device, error, report):
                    raise _translate(name, error) from error

    def unload(self) -> None:
        """Forget the opened networks; the next run opens them again."""
        with self._lock:
            self._nets.clear()
            while self._devices:
                self._devices.pop().close()
        self.trim()

    def trim(self) -> None:
        """Hand back to the system what a picture's features took and is free now: a gigabyte and more."""
        with self._lock:
            for device in self._devices:
                device.trim()
        with contextlib.suppress(AttributeError, OSError, TypeError):  # another library than glibc
            ctypes.CDLL(None).malloc_trim(0)

    def _device(self) -> Device:
        with self._lock:
            if not self._devices:
                self._devices = list(self._given or find_devices(self._settings))
            return self._devices[0]

    def _net(self, name: str) -> Net:
        with self._lock:
            if name not in self._nets:
                param, weights = self.store.paths(NETWORKS[name])
                self._nets[name] = self._device().open(NETWORKS[name], param, weights)
            return self._nets[name]

    def _give_up(self, device: Device, error: Exception, report: Report | None) -> bool:
        with self._lock:
            if self._devices[:1] != [device]:
                return True  # another thread did
            if len(self._devices) == 1:
                return False
            self._nets.clear()
            self._devices.pop(0)
        sentence = f"{device.name} failed ({error or type(error).__name__}); going on with {self.device}."
        _log.warning(sentence)
        if report is not None:
            report.note(sentence)
        return True


def _translate(name: str, error: Exception) -> EngineError:
    if isinstance(error, EngineError):
        return error
    if isinstance(error, MemoryError):
        return EngineMemory("The network ran out of memory; close other programs and try again.")
    return EngineError(f"The network {name} failed ({error}).")


def _inputs(
    network: Network, chw: Floats, averages: Sequence[Floats], known: Mapping[str, Blob]
) -> Mapping[str, Floats | Blob]:
    fixed = {pool.blob: average for pool, average in zip(network.pooled, averages, strict=False)}
    return {network.input: chw, **fixed, **known}


def _check_numbers(network: Network, made: Floats) -> None:
    low, high = float(made.min()), float(made.max())
    if not (abs(low) < _ABSURD and abs(high) < _ABSURD):  # false for NaN, too
        raise BlankResult(f"The network {network.label} gave no numbers.")


def _check_picture(network: Network, seen: Floats, made: Floats) -> None:
    if not network.residual and made.min() == made.max():
        pad = network.pad
        core = seen[:, pad : -pad or None, pad : -pad or None]
        if core.size and float(np.ptp(core)) > _FLAT:
            raise BlankResult(f"The network {network.label} gave an empty picture.")
