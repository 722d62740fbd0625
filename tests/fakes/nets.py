"""Networks for tests: the real ones, or devices that behave and misbehave as told."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from resilver.local.models import ModelStore
from resilver.local.runtime import Runtime
from resilver.settings import LocalSettings, load_settings

ONE_THREAD = LocalSettings(threads=1, gpu="off")


def real_runtime() -> Runtime:
    store = ModelStore(load_settings().local.models)
    if not {"waifu2x", "realcugan"} <= set(store.installed()):
        pytest.skip("the networks are not installed: resilver models install waifu2x realcugan")
    return Runtime(ONE_THREAD, store=store)


class NoFiles(ModelStore):
    """A store in which every network is there."""

    def __init__(self) -> None:
        super().__init__(Path("nowhere"))

    def paths(self, network):
        return Path("param"), Path("bin")


class FakeDevice:
    """Opens networks that repeat every pixel; ``spoil(call, output)`` may raise or change what comes out."""

    def __init__(self, name="the fake", spoil=lambda call, output: output) -> None:
        self.name = name
        self.calls = 0
        self.sizes = []
        self.closed = 0
        self.trimmed = 0
        self._spoil = spoil

    def open(self, network, param, weights):
        return FakeNet(self, network)

    def ran(self, output):
        self.calls += 1
        return self._spoil(self.calls, output)

    def trim(self) -> None:
        self.trimmed += 1

    def close(self) -> None:
        self.closed += 1


class FakeNet:
    """What :class:`FakeDevice` opens; it keeps arrays."""

    def __init__(self, device, network) -> None:
        self._device, self._network = device, network

    def __call__(self, inputs, wanted):
        block = inputs[self._network.input]
        self._device.sizes.append(block.shape[1:])
        pad = self._network.pad if self._network.crops else 0
        core = block[:, pad : block.shape[1] - pad, pad : block.shape[2] - pad]
        return self._device.ran(core.repeat(self._network.scale, 1).repeat(self._network.scale, 2))

    def keep(self, inputs, names):
        lost = {pool.of: pool.lost for pool in self._network.pooled}
        height, width = inputs[self._network.input].shape[1:]
        self._device.ran(np.zeros(1))
        return {
            name: SimpleNamespace(h=height - 2 * lost.get(name, 0), w=width - 2 * lost.get(name, 0)) for name in names
        }

    def mean(self, pool, blob, cuts):
        return np.zeros(4)


def fake_runtime(*devices) -> Runtime:
    return Runtime(ONE_THREAD, store=NoFiles(), devices=devices or [FakeDevice()])


def texture(height, width, channels=3, dtype=np.uint8, seed=0):
    """Soft blobs with sharp edges: nothing that a network could find odd."""
    y, x = np.mgrid[:height, :width]
    rng = np.random.default_rng(seed)
    planes = []
    for _ in range(channels):
        a, b, c = rng.uniform(0.02, 0.1, 3)
        planes.append(0.5 + 0.2 * np.sin(a * x + c) * np.cos(b * y) + 0.3 * ((x // 11 + y // 9) % 2) - 0.15)
    return (np.stack(planes, -1).clip(0, 1) * np.iinfo(dtype).max + 0.5).astype(dtype)
