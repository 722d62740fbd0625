"""Running networks: devices that fail, results that are none, memory that is short."""

import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fakes.nets import FakeDevice, fake_runtime, real_runtime, texture
from resilver.engine import Report
from resilver.errors import BlankResult, EngineError, EngineMemory
from resilver.local.devices import find_devices
from resilver.settings import LocalSettings

BLOCK = texture(40, 40).transpose(2, 0, 1).astype(np.float32) / 255


def raising(error):
    def spoil(call, output):
        raise error

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        raising(RuntimeError("device lost")),
        raising(MemoryError()),
        lambda call, output: np.zeros_like(output),
        lambda call, output: np.full_like(output, np.nan),
        lambda call, output: np.full_like(output, 1e29),
    ],
    ids=["lost", "memory", "zeros", "nan", "garbage"],
)
def test_a_failing_card_hands_over_to_the_processor(spoil):
    """Whatever a card does wrong, the processor does the work once and from then on, and the report says so."""
    card, processor = FakeDevice("The card", spoil), FakeDevice("the processor")
    runtime, notes = fake_runtime(card, processor), []
    report = Report(on_note=notes.append)
    for _ in range(3):
        made = runtime.run("upconv", BLOCK, report=report)
        assert made.shape == (3, 52, 52)
    assert (card.calls, processor.calls) == (1, 3)
    assert len(notes) == 1
    assert "The card failed" in notes[0]
    assert "the processor" in notes[0]


@pytest.mark.parametrize(
    ("spoil", "kind"),
    [
        (lambda call, output: np.zeros_like(output), BlankResult),
        (lambda call, output: output * np.nan, BlankResult),
        (raising(MemoryError()), EngineMemory),
        (raising(RuntimeError("code 7")), EngineError),
    ],
)
def test_the_last_device_fails_typed(spoil, kind):
    """Where nothing is left to try, the error is a typed one."""
    with pytest.raises(kind):
        fake_runtime(FakeDevice(spoil=spoil)).run("upconv", BLOCK)


def test_a_flat_input_may_have_a_flat_output():
    """A white margin is no failure."""
    made = fake_runtime(FakeDevice(spoil=lambda call, output: output * 0 + 1)).run("upconv", np.ones_like(BLOCK))
    assert made.min() == 1


def test_unload_closes_and_the_next_run_opens_again():
    """After unload a network works as before."""
    device = FakeDevice()
    runtime = fake_runtime(device)
    first = runtime.run("upconv", BLOCK)
    runtime.unload()
    assert device.closed == 1
    assert np.array_equal(first, runtime.run("upconv", BLOCK))


@pytest.mark.parametrize("name", ["upconv-noise1", "cunet", "cugan-conservative", "cunet-1x-noise2"])
def test_real_networks_own_their_memory(name):
    """Results stay what they were after other runs have used the memory: no array lives on freed ground."""
    runtime = real_runtime()
    block = texture(64, 64).transpose(2, 0, 1) / 255  # float64, not contiguous: the caller need not care
    first = runtime.run(name, block)
    kept = first.copy()
    for seed in range(4):
        runtime.run(name, texture(64, 72, seed=seed).transpose(2, 0, 1).astype(np.float32) / 255)
    again = runtime.run(name, block)
    assert np.array_equal(first, kept)
    assert np.allclose(first, again, atol=1e-5)
    assert 0.1 < first.mean() < 0.9


def test_looking_for_a_card_is_quiet(capfd, caplog):
    """One log line says what networks run on; native libraries print nothing."""
    with caplog.at_level(logging.INFO):
        devices = find_devices(LocalSettings(threads=2))
    assert devices[-1].name == "the processor (2 threads)"
    assert len(caplog.records) == 1
    assert capfd.readouterr().err == ""


def test_the_card_can_be_switched_off(caplog):
    """With local.gpu off only the processor is there, with every core this process may use."""
    with caplog.at_level(logging.INFO):
        (device,) = find_devices(LocalSettings(gpu="off"))
    assert "processor" in device.name
    assert "local.gpu is off" in caplog.text


WEIGHED = """
import sys, numpy as np
sys.path.insert(0, {tests!r})
from fakes.nets import real_runtime, texture
from resilver.engine import Report
from resilver.local.tiling import Single, run_tiled

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 // 2**20

runtime, picture = real_runtime(), texture(620, 620)
for name in ("cunet", "cugan-conservative", "cunet"):
    run_tiled(Single(name), picture, runtime, Report())
    print(resident())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_goes_back_after_each_picture():
    """What one picture's features took is not held while another network looks at the next: 0.7 GB were, and as much
    again for each further network.
    """
    real_runtime()
    program = WEIGHED.format(tests=str(Path(__file__).parents[1]))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert max(map(int, done.stdout.split())) < 400
