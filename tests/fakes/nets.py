"""Networks for tests: the real ones, or devices that behave and misbehave as told."""

from pathlib import Path

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
        self._spoil = spoil

    def open(self, network, param, weights):
        def run(inputs, wanted, keep=()):
            self.calls += 1
            block = inputs[network.input]
            self.sizes.append(block.shape[1:])
            pad = network.pad if network.crops else 0
            core = block[:, pad : block.shape[1] - pad, pad : block.shape[2] - pad]
            large = core.repeat(network.scale, 1).repeat(network.scale, 2)
            made = {
                pool.of: np.zeros((4, *(side - 2 * pool.lost for side in block.shape[1:]))) for pool in network.pooled
            }
            made |= {name: block for pool in network.pooled for name in (*pool.keep, *pool.spare) if name not in made}
            made[network.output] = large
            return self._spoil(self.calls, made[wanted]), {name: made[name] for name in keep}

        return run

    def close(self) -> None:
        self.closed += 1


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
