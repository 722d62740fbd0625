"""The cloud engine end to end against a loopback service: what goes out, what comes back, what is paid."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cloud.test_preparation import noise, smooth
from fakes.cloud_service import TOKEN, CloudService, brighter, nothing_wrong, serving
from resilver.cloud.engine import CloudEngine
from resilver.cloud.ledger import Ledger
from resilver.engine import BatchEngine, Report, Source
from resilver.errors import (
    Cancelled,
    CloudConsent,
    CloudGarbage,
    CloudLimit,
    CloudRefused,
    CloudUnauthorized,
    OutputFull,
    PictureBroken,
    PictureChanged,
    PictureUnknown,
    ResilverError,
    UsageError,
)
from resilver.improve import FileJob, improve_file, improve_files
from resilver.picture import Picture
from resilver.picture_io.identity import file_digest
from resilver.picture_io.provenance import read_provenance
from resilver.picture_io.read import ReadLimits, read_picture
from resilver.recipe import Hint, Recipe
from resilver.result import OUTPUT_NAMES

IMPROVE = Recipe()


class Fixed:
    """A service token that cannot be renewed."""

    def token(self):
        return TOKEN

    def renew(self, rejected):
        raise CloudUnauthorized("The service refuses the token; call 'resilver login'.")


@pytest.fixture
def service():
    with serving() as service:
        yield service


@pytest.fixture
def engine(service, tmp_path):
    engine = made(service, tmp_path)
    yield engine
    engine.close()


def made(service, tmp_path, agreed=True, **changes):
    settings = service.settings(**changes)
    folder = tmp_path / "state"
    if agreed:
        Ledger(folder).agree(settings)
    return CloudEngine(settings, folder, Fixed())


def photo(path, seed=0, size=(60, 80), gray=False):
    """A soft picture, brighter with its seed."""
    pixels = smooth(*size) // 2 + np.uint8(seed)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels[..., 1] if gray else pixels).save(path, quality=97, subsampling=0)
    return path


def source(path):
    return Source(path, file_digest(path), lambda: read_picture(path, ReadLimits()))


def batch(engine, paths, recipe=IMPROVE, wanted=("final",), report=None):
    sources = [source(path) for path in paths]
    return dict(engine.improve_batch(sources, recipe, report or Report(), wanted))


def close_to(picture, wanted, tolerance=5):
    return np.abs(picture.pixels.astype(int) - np.clip(wanted.astype(int), 0, 255)).max() <= tolerance


def leftovers(tmp_path):
    return [path.name for path in (tmp_path / "state").iterdir() if path.name.startswith("sending-")]


def test_it_takes_several_at_once(engine):
    """Front ends see by its type that it does."""
    assert isinstance(engine, BatchEngine)
    assert engine.limits.pictures == 48


def test_a_batch_goes_up_together_and_as_it_is(engine, service, tmp_path):
    """Files that fit are one request with their very bytes; each result belongs to its own picture."""
    paths = [photo(tmp_path / f"{seed}.jpg", seed) for seed in range(5)]
    results = batch(engine, paths)
    assert [len(seen.pictures) for seen in service.seen] == [5]
    assert list(service.seen[0].pictures.values()) == [path.read_bytes() for path in paths]
    assert service.seen[0].meta["mode"] == ["improve"]
    for number, path in enumerate(paths):
        original = read_picture(path, ReadLimits())
        assert close_to(results[number].picture("final"), original.pixels.astype(int) + 20)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize(
    ("job", "recipe"),
    [
        ({"mask": Path("mask.png")}, Recipe()),
        ({"mask_out": Path("out.png")}, Recipe()),
        ({}, Recipe(colorize="auto", hints=(Hint(1, 2, "#aabbcc"),))),
    ],
)
def test_places_in_a_picture_are_not_sent(engine, service, tmp_path, job, recipe):
    """The service takes neither a mask nor colours for points: one sentence says so, and nothing goes up."""
    path = photo(tmp_path / "a.jpg")
    with pytest.raises(UsageError, match="Only the local engine"):
        improve_file(path, tmp_path / "out", recipe, engine, **job)
    with pytest.raises(UsageError, match="Only the local engine"):
        list(improve_files([FileJob(path, tmp_path / "out", **job)], recipe, engine))
    assert service.seen == []


def test_requests_keep_every_limit(service, tmp_path):
    """Pictures and bytes of a request stay below the smallest limits; what is too heavy is encoded anew."""
    engine = made(service, tmp_path, pictures=3, bytes_each=20_000, bytes_together=45_000)
    paths = [photo(tmp_path / f"{seed}.jpg", seed) for seed in range(4)]
    heavy = tmp_path / "heavy.png"
    Image.fromarray(noise(100, 100)).save(heavy)
    results = batch(engine, [heavy, *paths])
    assert all(not isinstance(result, ResilverError) for result in results.values())
    for seen in service.seen:
        assert len(seen.pictures) <= 3
        assert sum(map(len, seen.pictures.values())) <= 45_000
        assert all(len(content) <= 20_000 for content in seen.pictures.values())
    assert results[0].picture("final").pixels.shape == (100, 100, 3)


def test_every_result_has_its_name(engine, service, tmp_path):
    """With all steps wanted each name starts from the original, and ``final`` is all of them in a chain."""
    path = photo(tmp_path / "gray.jpg", gray=True)
    gray = read_picture(path, ReadLimits()).pixels.astype(int)
    recipe = Recipe(colorize="auto", resolution=2)
    result = batch(engine, [path], recipe, OUTPUT_NAMES)[0]
    red = np.array([40, 0, 0])
    assert result.bw
    assert close_to(result.picture("improved"), gray + 20)
    assert result.picture("improved").gray
    assert close_to(result.picture("colorized"), gray + red)
    assert close_to(result.picture("colorized_improved"), gray + 20 + red)
    assert close_to(result.picture("resolved"), gray.repeat(2, 0).repeat(2, 1))
    assert close_to(result.picture("final"), (gray + 20 + red).repeat(2, 0).repeat(2, 1), 8)
    assert [step.action for step in result.outputs["final"].steps] == ["improved", "colorized", "x2"]
    assert [step.generated for step in result.outputs["final"].steps] == [True, True, False]
    assert all(service.url in step.tool for step in result.outputs["final"].steps)


def test_the_chain_sends_what_was_repaired(engine, service, tmp_path):
    """``final`` of both steps is two requests: the original to be repaired, what came back to be enlarged."""
    path = photo(tmp_path / "a.jpg")
    result = batch(engine, [path], Recipe(resolution=2, kind="art"))[0]
    first, second = service.seen
    assert first.meta["mode"] == ["improve"]
    assert second.meta["mode"] == ["resolution"]
    assert (second.meta["rfactor"], second.meta["rtype"], second.meta["ftype"]) == (2, "art", "art")
    original = read_picture(path, ReadLimits()).pixels.astype(int)
    assert close_to(result.picture("final"), (original + 20).repeat(2, 0).repeat(2, 1), 8)


def test_a_good_picture_is_left_alone(tmp_path):
    """Nothing to repair: no picture, a reason; enlarged is then the original."""
    with serving(CloudService(nothing_wrong)) as service:
        engine = made(service, tmp_path)
        path = photo(tmp_path / "a.jpg")
        result = batch(engine, [path])[0]
        assert result.picture("final") is None
        assert result.outputs["improved"].absent == "already good"
        large = batch(engine, [path], Recipe(resolution=2))[0].picture("final")
        engine.close()
    assert close_to(large, read_picture(path, ReadLimits()).pixels.repeat(2, 0).repeat(2, 1))
    assert service.seen[-1].pictures["file_0"] == path.read_bytes()


def test_a_large_picture_comes_back_whole(service, tmp_path):
    """A picture over the limits in pixels goes up in tiles with an overview, comes back in one, and says so."""
    engine = made(service, tmp_path, long_side=160, short_side=120)
    path = tmp_path / "large.png"
    Image.fromarray(smooth(250, 400) // 2).save(path)
    result = batch(engine, [path], Recipe(resolution=2), ("improved", "resolved", "final"))[0]
    original = read_picture(path, ReadLimits()).pixels.astype(int)
    assert close_to(result.picture("improved"), original + 20)
    assert close_to(result.picture("resolved"), original.repeat(2, 0).repeat(2, 1), 8)
    assert close_to(result.picture("final"), (original + 20).repeat(2, 0).repeat(2, 1), 10)
    assert any("parts, each of which counts as a picture the first time" in note for note in result.notes)
    assert "tiles" in result.outputs["improved"].steps[0].detail


def test_one_bad_picture_fails_alone(engine, service, tmp_path):
    """A broken file, one that is too small and one that the service refuses fail by themselves, typed."""
    broken, small = tmp_path / "broken.jpg", tmp_path / "small.png"
    broken.write_bytes(b"\xff\xd8\xff\xe0" + b"x" * 500)
    Image.fromarray(smooth(3, 50)).save(small)
    good, refused = photo(tmp_path / "good.jpg", 1), photo(tmp_path / "refused.jpg", 99)
    plain = service._item
    content = refused.read_bytes()

    def item(seen, name, mode, factor):
        if seen.pictures[name] == content:
            return {"status": 1, "name": name, "error": "no"}
        return plain(seen, name, mode, factor)

    service._item = item
    results = batch(engine, [broken, small, good, refused])
    assert isinstance(results[0], PictureBroken)
    assert isinstance(results[1], PictureUnknown)
    assert results[2].picture("final") is not None
    assert isinstance(results[3].outputs["final"].error, CloudRefused)
    assert len(service.seen[0].pictures) == 2


def test_what_came_whole_is_used(tmp_path):
    """If one result of a picture is damaged, those that came whole are there, and only that one fails."""

    def damaged(pixels, mode, factor):
        return brighter(pixels, mode, factor) | {"colorized": b"no picture", "colorized_improved": b"neither"}

    with serving(CloudService(damaged)) as service:
        engine = made(service, tmp_path)
        path = photo(tmp_path / "gray.jpg", gray=True)
        plain = batch(engine, [path])[0]
        coloured = batch(engine, [path], Recipe(colorize="auto"), ("improved", "final"))[0]
        engine.close()
    assert plain.picture("final") is not None
    assert coloured.picture("improved") is not None
    assert isinstance(coloured.outputs["final"].error, CloudGarbage)


def test_nothing_is_paid_for_that_the_disk_cannot_take(engine, service, tmp_path, monkeypatch):
    """With too little room for the answer the pictures are not sent, and may be tried again later."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1_000_000))
    with pytest.raises(OutputFull, match="nothing was sent"):
        batch(engine, [photo(tmp_path / "a.jpg")])
    assert service.seen == []


def test_nothing_is_sent_before_consent(service, tmp_path):
    """The first use ends with a sentence, and no request was made."""
    engine = made(service, tmp_path, agreed=False)
    with pytest.raises(CloudConsent, match="leave this computer"):
        batch(engine, [photo(tmp_path / "a.jpg")])
    with pytest.raises(CloudConsent):
        engine.improve(Picture(pixels=smooth(20, 20)), IMPROVE, Report())
    assert service.seen == []


def test_the_monthly_limit_stops(service, tmp_path):
    """What is over the limit is not sent; what was sent before it stays done."""
    engine = made(service, tmp_path, monthly_limit=2, pictures=2)
    results = engine.improve_batch(
        [source(photo(tmp_path / f"{seed}.jpg", seed)) for seed in range(4)], IMPROVE, Report()
    )
    assert [next(results)[0], next(results)[0]] == [0, 1]
    with pytest.raises(CloudLimit, match="account allow"):
        next(results)
    assert service.sent == 2


def test_a_refused_token_stops_everything(service, tmp_path):
    """401 halts the batch with a sentence that does not hold the token, and counts nothing."""
    service.token = "another"
    engine = made(service, tmp_path)
    with pytest.raises(CloudUnauthorized) as raised:
        batch(engine, [photo(tmp_path / f"{seed}.jpg", seed) for seed in range(3)])
    assert raised.value.halts
    assert len(service.seen) == 1
    assert Ledger(tmp_path / "state").sent_this_month() == 0


def test_nothing_is_paid_twice(engine, service, tmp_path):
    """The same picture and recipe again, in another file, another run or the same batch, costs nothing."""
    path, same = photo(tmp_path / "a.jpg", 3), tmp_path / "copy.jpg"
    same.write_bytes(path.read_bytes())
    recipe = Recipe(resolution=2)
    first = batch(engine, [path, same], recipe)
    sent = service.sent
    assert sent == 2  # once to be repaired and once to be enlarged
    again = batch(made(service, tmp_path), [same, path], recipe)
    assert service.sent == sent == Ledger(tmp_path / "state").sent_this_month()
    for results in (first, again):
        assert np.array_equal(results[0].picture("final").pixels, results[1].picture("final").pixels)
    batch(engine, [path], Recipe(resolution=4))
    assert service.sent == sent + 1  # the repair was paid for; only the other factor is new


def test_a_picture_in_memory_is_what_it_holds(engine, service):
    """Changed pixels are another picture, whatever file they came from."""
    picture = Picture(pixels=smooth(40, 40) // 2, sha256="0" * 64, source=Path("/nowhere/a.jpg"))
    engine.improve(picture, IMPROVE, Report())
    changed = engine.improve(picture.replace(pixels=picture.pixels + np.uint8(9)), IMPROVE, Report())
    assert close_to(changed.picture("final"), picture.pixels.astype(int) + 29)
    engine.improve(picture, IMPROVE, Report())
    assert service.sent == 2


@pytest.mark.skipif(os.name == "nt", reason="needs kill")
def test_a_crash_after_the_answer_pays_nothing_again(service, tmp_path):
    """Killed between the answer and the result: the next run finishes from what was paid."""
    path = photo(tmp_path / "a.jpg")
    code = f"""
import os, signal, sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from pathlib import Path
from cloud.test_engine import Fixed
from resilver.cloud.engine import CloudEngine
from resilver.cloud.ledger import Ledger
from resilver.engine import Report, Source
from resilver.picture_io.identity import file_digest
from resilver.picture_io.read import ReadLimits, read_picture
from resilver.recipe import Recipe
from resilver.settings import CloudSettings
settings, path, reads = CloudSettings(base_url={service.url!r}), Path({str(path)!r}), []
Ledger(Path({str(tmp_path / "state")!r})).agree(settings)
def read():
    reads.append(1)
    if len(reads) == 2:  # the first is for sending, the second for the result
        os.kill(os.getpid(), signal.SIGKILL)
    return read_picture(path, ReadLimits())
engine = CloudEngine(settings, Path({str(tmp_path / "state")!r}), Fixed())
list(engine.improve_batch([Source(path, file_digest(path), read)], Recipe(), Report()))
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert service.sent == 1
    assert len(leftovers(tmp_path)) == 1
    assert batch(made(service, tmp_path), [path])[0].picture("final") is not None
    assert service.sent == 1
    assert leftovers(tmp_path) == []


def test_a_file_that_changes_meanwhile_is_told(engine, service, tmp_path):
    """A picture replaced while it is sent fails as changed, and its answer is kept for neither."""
    path = photo(tmp_path / "a.jpg", 1)
    before = source(path)
    plain = service.answer

    def swap(seen):
        photo(path, 50)
        return plain(seen)

    service.answer = swap
    (outcome,) = dict(engine.improve_batch([before], IMPROVE, Report())).values()
    error = outcome if isinstance(outcome, ResilverError) else outcome.outputs["final"].error
    assert isinstance(error, PictureChanged)
    service.answer = plain
    result = batch(engine, [path])[0]
    assert close_to(result.picture("final"), read_picture(path, ReadLimits()).pixels.astype(int) + 20)


def test_strength_is_applied_here(engine, tmp_path):
    """The service knows no strength; half of its change is taken."""
    path = photo(tmp_path / "a.jpg")
    result = batch(engine, [path], Recipe(strength=0.5))[0]
    assert close_to(result.picture("final"), read_picture(path, ReadLimits()).pixels.astype(int) + 10)


def test_colour_follows_the_recipe(engine, tmp_path):
    """``auto`` colours what the service calls black-and-white, ``never`` nothing, ``always`` takes what there is."""
    gray, colourful = photo(tmp_path / "g.jpg", gray=True), photo(tmp_path / "c.jpg")
    results = batch(engine, [gray, colourful], Recipe(improve=False, colorize="auto"))
    assert results[0].picture("final").pixels.shape[2] == 3
    assert results[1].outputs["final"].absent == "already in colour"
    results = batch(engine, [gray, colourful], Recipe(improve=False, colorize="always", vividness=1.0))
    assert results[0].picture("final") is not None
    assert any("vividness" in note for note in results[0].notes)
    assert results[1].outputs["colorized"].absent == "the service gave no colours"


def test_cancel_leaves_nothing_behind(service, tmp_path):
    """Stopping at any look leaves no files of pictures but what was paid for."""
    looks = 0
    for after in (0, 1, 3, 6):
        engine, count = made(service, tmp_path / str(after)), iter(range(1000))
        with pytest.raises(Cancelled):
            batch(
                engine,
                [photo(tmp_path / f"{seed}.jpg", seed) for seed in range(3)],
                Recipe(resolution=2),
                report=Report(cancelled=lambda count=count, after=after: next(count) >= after),
            )
        assert leftovers(tmp_path / str(after)) == []
        looks += 1
    assert looks == 4


def test_progress_never_falls_over_a_batch(service, tmp_path):
    """Fractions rise from the first picture to the last, over several requests."""
    engine, heard = made(service, tmp_path, pictures=2), []
    paths = [photo(tmp_path / f"{seed}.jpg", seed) for seed in range(5)]
    batch(
        engine, paths, Recipe(resolution=2), report=Report(on_progress=lambda fraction, _step: heard.append(fraction))
    )
    assert heard == sorted(heard)
    assert heard[0] >= 0
    assert heard[-1] == 1.0


def test_files_are_stamped_and_skipped(engine, service, tmp_path):
    """A file's result says that the cloud did it, with the original's name and metadata; a second run skips it."""
    path = photo(tmp_path / "in" / "a.jpg")
    done = improve_file(path, tmp_path / "out", IMPROVE, engine)
    known = read_provenance(done.outputs["final"])
    assert (known.engine, known.source_name, known.steps[0].action) == ("cloud", "a.jpg", "improved")
    assert service.url in known.steps[0].tool
    assert improve_file(path, tmp_path / "out", IMPROVE, engine).skipped
    assert service.sent == 1


def test_several_files_through_the_one_door(engine, service, tmp_path):
    """Files go up together; those done before, results of our own and broken ones do not."""
    paths = [photo(tmp_path / "in" / f"{seed}.jpg", seed) for seed in range(4)]
    out = tmp_path / "out"
    own = improve_file(paths[0], out, IMPROVE, engine).outputs["final"]
    broken = tmp_path / "in" / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff nothing")
    jobs = [FileJob(path, out) for path in (*paths, broken)] + [FileJob(own, out, found=True)]
    done = dict(improve_files(jobs, IMPROVE, engine))
    assert len(service.seen[-1].pictures) == 3
    assert [done[number].skipped for number in (0, 1, 2, 3, 5)] == [True, False, False, False, True]
    assert isinstance(done[4], PictureBroken)
    assert {path.name for path in out.iterdir()} == {f"{seed}-improved.jpg" for seed in range(4)}


def test_sixteen_bits_alpha_and_metadata_come_home(engine, tmp_path):
    """A deep, transparent TIFF comes back as one, with its alpha and depth, and the loss is told."""
    import pyvips

    deep = (smooth(50, 60).astype(np.uint16) * 128) + 77
    alpha = np.add.outer(np.arange(50), np.arange(60)).astype(np.uint16) * 300
    image = pyvips.Image.new_from_array(np.concatenate([deep, alpha[..., None]], 2)).copy(interpretation="rgb16")
    path = tmp_path / "deep.tif"
    image.tiffsave(str(path), xres=11.811, yres=11.811)
    done = improve_file(path, tmp_path / "out", IMPROVE, engine)
    back, original = (read_picture(item, ReadLimits()) for item in (done.outputs["final"], path))
    assert (back.depth, back.format) == (16, "tiff")
    assert back.dpi == pytest.approx(original.dpi)
    assert np.array_equal(back.alpha, original.alpha)
    assert np.abs(back.pixels.astype(int) - original.pixels - 20 * 257).max() <= 5 * 257
    assert any("16 bits" in note for note in done.notes)


def test_the_token_is_in_no_log_nor_file(service, tmp_path, caplog):
    """Nothing that is written or said at the most talkative level holds the token or its first letters."""
    caplog.set_level(logging.DEBUG)
    service.token = "another"
    engine = made(service, tmp_path)
    with pytest.raises(CloudUnauthorized) as raised:
        batch(engine, [photo(tmp_path / "a.jpg")])
    service.token = TOKEN
    batch(engine, [photo(tmp_path / "b.jpg", 2)])
    engine.close()
    written = b"".join(path.read_bytes() for path in (tmp_path / "state").rglob("*") if path.is_file())
    said = (
        caplog.text + str(raised.value) + repr(raised.value) + repr(vars(engine)) + json.dumps(raised.value.to_json())
    )
    for part in (TOKEN, TOKEN[:12]):
        assert part not in said
        assert part.encode() not in written


def test_a_blank_answer_is_not_saved(tmp_path):
    """A service that answers black fails the picture, as any engine would."""

    def black(pixels, mode, factor):
        return brighter(np.zeros_like(pixels), mode, factor) | {"colorized": "", "bw": False}

    with serving(CloudService(black)) as service:
        engine = made(service, tmp_path)
        (done,) = dict(improve_files([FileJob(photo(tmp_path / "a.jpg"), tmp_path / "out")], IMPROVE, engine)).values()
        engine.close()
    assert done.code == "blank-result"
    assert not (tmp_path / "out").exists()
