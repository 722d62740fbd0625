"""``resilver restore --engine cloud`` with real workers and a loopback service."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from cloud.test_preparation import smooth
from fakes.cloud_service import TOKEN, CloudService, serving
from resilver.cli import main
from resilver.cloud.ledger import Ledger, cloud_folder
from resilver.errors import CloudConsent
from resilver.picture import Picture
from resilver.recipe import Recipe
from resilver.settings import load_settings
from resilver.worker.client import Worker


@pytest.fixture
def service(home, monkeypatch):
    """A service that this user has a token for."""
    with serving() as service:
        monkeypatch.setenv("RESILVER_TOKEN", TOKEN)
        monkeypatch.setenv("RESILVER_CLOUD_ATTEMPTS", "1")
        monkeypatch.setenv("RESILVER_CLOUD_BASE_URL", service.url)
        yield service


@pytest.fixture
def album(home):
    for seed in range(5):
        path = home / "album" / f"{seed}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(smooth(48, 64) // 2 + seed).save(path, quality=95)
    return home / "album"


def restore(*argv):
    return main(["restore", "--engine", "cloud", *map(str, argv)])


def told(capsys):
    said = capsys.readouterr()
    assert TOKEN not in said.out + said.err
    return [json.loads(line) for line in said.out.splitlines()], said.err


def test_scripts_are_refused_until_somebody_agreed(service, album, home, capsys):
    """Without consent nothing is sent, and the sentences say what would be, to whom, and how to agree."""
    assert restore(album, "-o", "out") == 1
    said = capsys.readouterr().err
    assert "leave this computer" in said
    assert service.url in said
    assert "--yes-send" in said
    assert service.seen == []
    assert not (home / "out").exists()


def test_an_album_goes_up_together(service, album, home, capsys):
    """One request for all of them, each with its result; a second run sends nothing and asks nothing."""
    assert restore(album, "-o", "out", "--json", "--yes-send") == 0
    lines, said = told(capsys)
    assert "at most 5 pictures" in said
    assert {Path(line["input"]).name for line in lines} == {f"{seed}.jpg" for seed in range(5)}
    assert sorted(path.name for path in (home / "out").iterdir()) == [f"{seed}-improved.jpg" for seed in range(5)]
    assert [len(seen.pictures) for seen in service.seen] == [5]
    assert restore(album, "-o", "out", "--json") == 0
    lines, said = told(capsys)
    assert all(line["skipped"] for line in lines)
    assert len(service.seen) == 1
    assert Ledger(cloud_folder()).sent_this_month() == 5


def test_lost_results_are_not_paid_again(service, album, home, capsys):
    """Deleted results are made again from what was paid for."""
    assert restore(album, "-o", "out", "--yes-send") == 0
    for path in (home / "out").iterdir():
        path.unlink()
    assert restore(album, "-o", "out") == 0
    assert len(list((home / "out").iterdir())) == 5
    assert service.sent == 5


def test_two_jobs_share_the_album(service, album, home, capsys):
    """With two workers each takes a part; all results are there."""
    assert restore(album, "-o", "out", "--jobs", 2, "--yes-send") == 0
    assert len(list((home / "out").iterdir())) == 5
    assert service.sent == 5


def test_a_refused_token_stops_the_queue(service, album, monkeypatch, capsys):
    """401 is told once, in a sentence without the token; the rest is not tried."""
    service.token = "another"
    monkeypatch.setenv("RESILVER_CLOUD_PICTURES", "2")
    assert restore(album, "-o", "out", "--json", "--yes-send") == 1
    lines, said = told(capsys)
    assert [line["error"]["code"] for line in lines] == ["cloud-unauthorized"]
    assert "4 more were not tried" in said
    assert len(service.seen) == 1


def test_no_token_at_all(service, album, monkeypatch, capsys):
    """Without any token the sentence says how to log in; nothing is sent."""
    monkeypatch.delenv("RESILVER_TOKEN")
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    assert restore(album, "-o", "out", "--yes-send") == 1
    assert "resilver login" in capsys.readouterr().err
    assert service.seen == []


def test_one_broken_picture_fails_alone(service, album, home, capsys):
    """The others of its batch are restored."""
    (album / "2.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    assert restore(album, "-o", "out", "--json", "--yes-send") == 1
    lines, _ = told(capsys)
    failed = [Path(line["input"]).name for line in lines if line["error"]]
    assert failed == ["2.jpg"]
    assert len(list((home / "out").iterdir())) == 4


def test_the_limit_is_told_before_and_kept(service, album, home, monkeypatch, capsys):
    """Over the limit nothing of that request goes out, and the sentence says how to allow more."""
    monkeypatch.setenv("RESILVER_CLOUD_MONTHLY_LIMIT", "3")
    assert restore(album, "-o", "out", "--yes-send") == 1
    said = capsys.readouterr().err
    assert "3 of 3 pictures are left" in said
    assert "account allow" in said
    assert service.seen == []


def test_base_url_wins_and_needs_its_own_consent(service, album, home, capsys):
    """Another address is another service: agreed to apart, and sent to."""
    assert restore(album, "-o", "out", "--yes-send") == 0
    with serving(CloudService()) as other:
        assert restore(album, "-o", "out2", "--base-url", other.url) == 1
        assert other.seen == []
        assert restore(album, "-o", "out2", "--base-url", other.url, "--yes-send") == 0
        assert other.sent == 5


def test_options_of_the_cloud_need_the_cloud(home, album, capsys):
    """``--yes-send`` with the local engine is wrong usage, so that nobody believes that something was sent."""
    assert main(["restore", "--yes-send", str(album)]) == 2
    assert "--engine cloud" in capsys.readouterr().err


def test_a_crashed_worker_is_replaced_and_counted(service, album, home, capsys):
    """Killed before the answer came, the worker is replaced; all is done, and what may be billed twice is counted."""
    plain = service.answer
    killed = []

    def kill(seen):
        answer = plain(seen)
        if not killed:
            for worker in psutil.Process().children():
                if "resilver.worker" in " ".join(worker.cmdline()):
                    os.kill(worker.pid, signal.SIGKILL)
                    killed.append(worker.pid)
        return answer

    service.answer = kill
    assert restore(album, "-o", "out", "--json", "--yes-send") == 0
    assert killed
    assert len(list((home / "out").iterdir())) == 5
    assert Ledger(cloud_folder()).sent_this_month() == service.sent == 10


def test_on_a_terminal_it_asks(service, album, home):
    """Somebody at a terminal is asked once, and their yes is enough for this and later calls."""
    pty = pytest.importorskip("pty")
    for answer, status in ((b"\n", 1), (b"y\n", 0)):
        leader, follower = pty.openpty()
        code = "import sys; from resilver.cli import main; sys.exit(main(sys.argv[1:]))"
        process = subprocess.Popen(
            [sys.executable, "-c", code, "restore", "--engine", "cloud", "album", "-o", "out"],
            stdin=follower, stdout=subprocess.DEVNULL, stderr=follower, start_new_session=True,
        )  # fmt: skip
        os.close(follower)
        seen = b""
        while b"[y/N]" not in seen:
            seen += os.read(leader, 1024)
        assert service.url.encode() in seen
        assert service.seen == []
        os.write(leader, answer)
        with contextlib.suppress(OSError):  # how Linux tells that the other end is closed
            while os.read(leader, 1024):
                pass
        assert process.wait(60) == status
        os.close(leader)
    assert service.sent == 5


def test_ctrl_c_ends_a_waiting_upload(service, album, home):
    """Stopped while the service is silent, the command leaves with 130 and without results, though nothing came."""
    came, release = threading.Event(), threading.Event()
    plain = service.answer

    def silent(seen):
        came.set()
        release.wait(120)
        return plain(seen)

    service.answer = silent
    code = "import sys; from resilver.cli import main; sys.exit(main(sys.argv[1:]))"
    process = subprocess.Popen(
        [sys.executable, "-c", code, "restore", "--engine", "cloud", "--yes-send", "album", "-o", "out"],
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True, text=True,
    )  # fmt: skip
    try:
        assert came.wait(60)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
        assert process.returncode == 130
        assert "Traceback" not in said
        assert not (home / "out").exists()
        assert not [path for path in cloud_folder().iterdir() if path.name.startswith("sending-")]
    finally:
        release.set()
        process.kill()
        process.wait()


def test_a_layer_goes_the_same_way(service):
    """What a plug-in hands over as raw pixels is sent, too, once somebody agreed; not before."""
    settings = load_settings(options={"engine": "cloud"})
    layer = Picture(pixels=smooth(40, 50) // 2, alpha=np.full((40, 50), 99, np.uint8))
    with Worker(settings) as worker:
        with pytest.raises(CloudConsent):
            worker.improve_raw(layer, Recipe())
        Ledger(cloud_folder()).agree(settings.cloud)
        done = worker.improve_raw(layer, Recipe()).picture("final")
    assert np.abs(done.pixels.astype(int) - layer.pixels - 20).max() <= 5
    assert (done.alpha == 99).all()


def test_the_estimate_counts_both_steps(service, album, capsys):
    """A picture that is repaired and enlarged goes up twice, and so it is told."""
    assert restore(album / "0.jpg", "-o", "out", "--upscale", 2, "--yes-send") == 0
    assert "at most 2 pictures" in capsys.readouterr().err
    assert service.sent == 2
