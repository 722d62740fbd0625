"""The worker process as a partner with nothing but pipes and JSON sees it: the protocol as it is documented."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from fakes.workers import Line
from resilver import __version__

LAYER = bytes(range(24))  # 4 x 2 pixels of RGB


@pytest.fixture
def line():
    """A worker with the good engine."""
    with Line() as line:
        yield line


@pytest.fixture(scope="module")
def tough():
    """One worker for all lines of garbage."""
    with Line() as line:
        yield line


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A small picture in a folder of its own."""
    path = tmp_path / "in" / "attic.png"
    path.parent.mkdir()
    Image.effect_noise((40, 30), 60).save(path)
    return path


def raw_job(line: Line, identifier: str = "2", **changes: object) -> dict:
    line.send({"type": "folder", "id": "f" + identifier, "bytes": len(LAYER)})
    folder = Path(line.last("f" + identifier)["path"])
    (folder / "layer").write_bytes(LAYER)
    raw = {"path": str(folder / "layer"), "width": 4, "height": 2, "channels": 3, "depth": 8}
    return {"type": "improve_raw", "id": identifier, "raw": raw, **changes}


def gone(process_id: int) -> bool:
    """Whether the process has ended, be it that nobody has asked for its status yet."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except FileNotFoundError:
        return True


def test_hello(line: Line) -> None:
    """The worker speaks first and says which protocol and who it is."""
    assert line.hello == {"type": "hello", "protocol": 1, "version": __version__, "pid": line.process.pid}


def test_file_job(line: Line, photo: Path, tmp_path: Path) -> None:
    """A file job tells its size, its progress and its result, and only the result lies in the folder."""
    line.send({"type": "improve", "id": "7", "input": str(photo), "directory": str(tmp_path / "out"), "recipe": {}})
    answers = [line.receive()]
    while answers[-1]["type"] != "improved":
        answers.append(line.receive())
    assert {answer["id"] for answer in answers} == {"7"}
    assert {"type": "started", "id": "7", "megapixels": 0.0012} in answers
    assert answers[-1]["notes"] == ["turned"]
    [output] = (tmp_path / "out").iterdir()
    assert answers[-1]["outputs"] == {"final": str(output)}
    np.testing.assert_array_equal(np.array(Image.open(output)), 255 - np.array(Image.open(photo)))


def test_raw_job(line: Line) -> None:
    """Raw pixels come back in the same folder in the documented layout."""
    job = raw_job(line, recipe={"resolution": 2})
    line.send(job)
    answer = line.last("2")
    result = answer["outputs"]["final"]
    assert result["steps"] == [{"action": "improved", "tool": "negative 1", "detail": "", "generated": False}]
    raw = result["raw"]
    assert Path(raw["path"]).parent == Path(job["raw"]["path"]).parent
    assert [raw[key] for key in ("width", "height", "channels", "depth", "offset", "icc")] == [8, 4, 3, 8, 0, None]
    pixels = np.frombuffer(Path(raw["path"]).read_bytes(), np.uint8).reshape(4, 8, 3)
    np.testing.assert_array_equal(pixels[::2, ::2].ravel(), 255 - np.frombuffer(LAYER, np.uint8))


def test_raw_pixels_elsewhere(line: Line, tmp_path: Path) -> None:
    """Files outside the worker's own folders are not taken for raw pixels, for these are deleted."""
    (tmp_path / "layer").write_bytes(LAYER)
    job = raw_job(line)
    for path in (str(tmp_path / "layer"), job["raw"]["path"] + "/../../layer", str(Path(job["raw"]["path"]).parent)):
        line.send(job | {"raw": job["raw"] | {"path": path}})
        assert line.last("2")["code"] == "usage"


def test_assess(line: Line, photo: Path) -> None:
    """Files and raw pixels are measured alike, and nothing is changed."""
    line.send({"type": "assess", "id": "1", "input": str(photo)})
    assert line.last("1")["assessment"].items() >= {"width": 40, "height": 30, "depth": 8, "bw": True}.items()
    line.send(raw_job(line) | {"type": "assess"})
    assert line.last("2")["assessment"].items() >= {"width": 4, "height": 2, "jpeg_quality": None}.items()


def test_info(line: Line) -> None:
    """The worker names versions, engine, device and networks."""
    line.send({"type": "info", "id": "1"})
    info = line.last("1")
    assert info["versions"].keys() >= {"resilver", "python", "ncnn"}
    assert info["engine"] == "local"
    assert info["device"]


def test_progress_rises_and_is_rare() -> None:
    """However an engine reports, fractions never fall, the last is told, and the line is not flooded."""
    with Line("Hasty") as line:
        began = time.monotonic()
        line.send(raw_job(line))
        fractions = []
        while (answer := line.receive())["type"] != "improved_raw":
            fractions += [answer["fraction"]] if answer["type"] == "progress" else []
        allowed = (time.monotonic() - began) / 0.1 + 3
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert len(fractions) <= allowed


def test_jobs_wait_their_turn_and_ping_does_not() -> None:
    """During a job a ping is answered, a second job waits, and each can be cancelled by its id."""
    with Line("Slow") as line:
        first, second = raw_job(line, "1"), raw_job(line, "2")
        line.send(first)
        line.send(second)
        line.send(first)
        line.send({"type": "ping", "id": "p"})
        line.send({"type": "cancel", "id": "2"})
        line.send({"type": "cancel", "id": "unknown"})
        line.send({"type": "cancel", "id": "1"})
        ends: list[dict[str, object]] = []
        while len(ends) < 4:
            answer = line.receive()
            ends += [] if answer["type"] in ("started", "progress", "note") else [answer]
    assert sorted((end["id"], end.get("code", end["type"])) for end in ends) == [
        ("1", "cancelled"),
        ("1", "usage"),
        ("2", "cancelled"),
        ("p", "pong"),
    ]
    assert [end["id"] for end in ends if end.get("code") == "cancelled"] == ["1", "2"]


def test_noise_on_stdout_is_harmless() -> None:
    """What engines, libraries and children print reaches standard error, and the line stays clean."""
    with Line("Noisy") as line:
        line.send(raw_job(line))
        assert line.last("2")["type"] == "improved_raw"
        line.process.stdin.close()
        assert line.process.stdout.read() == b""
        said = line.process.stderr.read()
    for source in (b"improved", b"below", b"C library", b"child"):
        assert source in said


@pytest.mark.parametrize("engine", ["Raises", "Leaves"])
def test_unexpected_error_is_data(engine: str) -> None:
    """A foreign exception, or an engine that wants to leave, fails its job only; the trace goes to standard error."""
    with Line(engine) as line:
        for identifier in ("1", "2"):
            line.send(raw_job(line, identifier))
            assert line.last(identifier)["code"] == "engine"
        line.process.stdin.close()
        assert b"Traceback" in line.process.stderr.read()


@given(
    st.binary(max_size=200)
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=10) | st.integers(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(("type", "id", "raw", "input")) | st.text(max_size=5), inner, max_size=4)
        ),
    ).map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries(
        {"type": st.sampled_from(("ping", "folder", "improve", "improve_raw", "assess", "info", "cancel"))},
        optional={
            key: st.none() | st.integers() | st.just({}) | st.just("/dev/zero") | st.just("/proc/self/mem")
            for key in (
                "input",
                "directory",
                "recipe",
                "raw",
                "mask",
                "mask_out",
                "settings",
                "bytes",
                "wanted",
                "keep",
            )
        },
    ).map(lambda value: json.dumps(value).encode())
)
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_garbage_is_answered(tough: Line, garbage: bytes) -> None:
    """Whatever comes on a line, an error answers it and the next request is done."""
    tough.write(garbage.replace(b"\n", b"") + b"\n")
    answer = tough.receive()
    assert answer["type"] == "error"
    assert answer["message"]
    tough.send({"type": "ping", "id": "p"})
    assert tough.receive() == {"type": "pong", "id": "p"}


@pytest.mark.parametrize("fields", [{"input": "/dev/zero"}, {"input": "/gone"}, {"input": "/"}, {}])
def test_garbage_with_an_id(tough: Line, fields: dict) -> None:
    """A request that names what is no picture gets its error under its own id."""
    tough.send({"type": "improve", "id": "g", "directory": "/nowhere/at/all", **fields})
    assert tough.last("g")["type"] == "error"


def test_endless_line(tough: Line) -> None:
    """A line beyond the limit is one error, however long it is, and memory is not filled with it."""
    for _ in range(5):
        tough.write(b"x" * (1 << 20))
    tough.write(b"\n")
    assert tough.receive()["code"] == "usage"
    tough.send({"type": "ping", "id": "p"})
    assert tough.receive() == {"type": "pong", "id": "p"}


def test_name_that_is_no_utf8(line: Line, photo: Path, tmp_path: Path) -> None:
    """A file with any bytes in its name is read, and its result is found under the name that is told."""
    strange = Path(os.fsdecode(os.fsencode(tmp_path) + b"/w\xff\n.png"))
    photo.rename(strange)
    line.send({"type": "improve", "id": "1", "input": str(strange), "directory": str(tmp_path / "out")})
    answer = line.last("1")
    assert answer["input"] == str(strange)
    output = Path(answer["outputs"]["final"])
    assert output.parent == tmp_path / "out"
    Image.open(output).load()


@pytest.mark.parametrize("engine", ["Hangs", "Slow"])
def test_end_of_file_stops_at_once(engine: str) -> None:
    """When nobody listens any more the worker ends, also amid native code, and its folders go with it."""
    with Line(engine) as line:
        job = raw_job(line)
        folder = Path(job["raw"]["path"]).parent
        line.send(job)
        while line.receive()["type"] != "progress":
            pass
        assert folder.exists()
        line.process.stdin.close()
        assert line.process.wait(10) == 0
        assert not folder.exists()


def test_end_of_file_deletes_what_is_half_written(photo: Path, tmp_path: Path) -> None:
    """Amid native code that was writing a file with a temporary name, too."""
    half = tmp_path / "out" / ".resilver-{pid}-0123456789ab.tmp"
    half.parent.mkdir()
    with Line("Hangs") as line:
        line.send({"type": "improve", "id": "1", "input": str(photo), "directory": str(half.parent)})
        while line.receive()["type"] != "progress":
            pass
        half.with_name(half.name.format(pid=line.process.pid)).write_bytes(b"half")
        line.process.stdin.close()
        assert line.process.wait(10) == 0
    assert not list(half.parent.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_cleanly(number: int) -> None:
    """A signal cancels the job, which is told, and then ends the worker."""
    with Line("Slow") as line:
        job = raw_job(line)
        line.send(job)
        while line.receive()["type"] != "progress":
            pass
        line.process.send_signal(number)
        assert line.last("2")["code"] == "cancelled"
        assert line.process.wait(10) == 0
        assert not Path(job["raw"]["path"]).parent.exists()


def test_folder_of_a_killed_worker_goes_with_the_next() -> None:
    """What a killed worker left is deleted when the next one starts; what a living one has stays."""
    with Line() as living, Line() as killed:
        kept, left = (Path(raw_job(line)["raw"]["path"]).parent for line in (living, killed))
        killed.process.kill()
        killed.process.wait()
        for folder in (kept, left):
            os.utime(folder, (0, 0))
        with Line():
            assert kept.exists()
            assert not left.exists()


def test_networks_are_unloaded_when_idle(photo: Path) -> None:
    """After its idle time the engine is closed, and the next job works all the same."""
    with Line() as line:
        for identifier in ("1", "2"):
            line.send(raw_job(line, identifier, settings={"worker": {"idle_s": 0.05}}))
            assert line.last(identifier)["type"] == "improved_raw"
            assert line.process.stderr.readline() == b"closed\n"


def test_settings_of_the_job_win(tmp_path: Path) -> None:
    """A job's settings are obeyed, and wrong ones are an error."""
    with Line() as line:
        line.send(raw_job(line, "1", settings={"limits": {"megapixels": 0.000001}}))
        assert line.last("1")["code"] == "picture-too-large"
        line.send(raw_job(line, "3", settings={"limits": {"bananas": 1}}))
        assert line.last("3")["code"] == "settings"


def test_settings_that_change_between_jobs_are_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is read again when it has changed, and other settings of a job are seen."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    file = tmp_path / "resilver" / "settings.toml"
    file.parent.mkdir()
    with Line() as line:
        for number, (text, asked, answer) in enumerate([
            ("", {}, None),
            ("[limits]\nmegapixels = 0.000001", {}, "picture-too-large"),
            ("[limits]\nmegapixels = 0.000001", {"limits": {"megapixels": 1.0}}, None),
            ("[limits]\nmegapixels = 0.000001", {}, "picture-too-large"),
            ("[limits", {}, "settings"),
            ("", {}, None),
        ]):  # fmt: skip
            file.write_text(text)
            line.send(raw_job(line, str(number), settings=asked))
            assert line.last(str(number)).get("code") == answer, text


def test_low_priority() -> None:
    """A worker may be told to leave the machine to others."""
    with Line() as line:
        line.send(raw_job(line, settings={"worker": {"low_priority": True}}))
        line.last("2")
        assert os.getpriority(os.PRIO_PROCESS, line.process.pid) >= 10
