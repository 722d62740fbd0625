"""A batch over real sockets: the retry matrix, row by row, and what becomes of every picture."""

from __future__ import annotations

import base64
import io
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fakes import hostile_answers as answers
from fakes.hostile_server import Exchange, HostileServer
from fakes.tokens import CANARY, Tokens
from resilver.cloud.client import Answered, CloudClient, Part
from resilver.engine import Report
from resilver.errors import (
    Cancelled,
    CloudBusy,
    CloudGarbage,
    CloudRefused,
    CloudUnauthorized,
    CloudUnreachable,
    OutputError,
    PictureChanged,
    PictureUnreadable,
    ResilverError,
)
from resilver.http_contract import Mode
from resilver.settings import CloudSettings

BOTH: tuple[Mode, ...] = ("improve", "resolution")


class Batch:
    """Three pictures, a client for a server, and the pauses that it made."""

    def __init__(self, folder: Path, server: HostileServer, tokens: Tokens, **settings: Any) -> None:
        self.server, self.pauses = server, 0.0
        self.parts = []
        for number in range(3):
            path = folder / f"picture{number}.jpg"
            path.write_bytes(answers.jpeg(60 + number))
            self.parts.append(Part(path))
        self.out = folder / "out"
        self.out.mkdir()
        self.client = CloudClient(CloudSettings(base_url=server.url, **settings), tokens, sleep=self._sleep)

    def _sleep(self, seconds: float) -> None:
        self.pauses += seconds

    def improve(
        self, modes: Sequence[Mode] = ("improve",), report: Report | None = None, **options: Any
    ) -> list[Answered]:
        found = self.client.improve(self.parts, modes, report or Report(), self.out, **options)
        return sorted(found, key=lambda answered: answered.index)

    @property
    def asked(self) -> list[tuple[list[str], list[str]]]:
        """Of each request that came whole, its pictures and its modes."""
        return [(request.names, request.modes) for request in self.server.requests]


@pytest.fixture
def send(tmp_path: Path) -> Iterator[Callable[..., Batch]]:
    """Makes a :class:`Batch` for a server with these scripts."""
    made: list[Batch] = []

    def make(*scripts: Any, tokens: Tokens | None = None, reads: bool = True, **settings: Any) -> Batch:
        made.append(Batch(tmp_path, HostileServer(*scripts, reads=reads), tokens or Tokens(), **settings))
        return made[-1]

    yield make
    for batch in made:
        batch.client.close()
        batch.server.close()
        assert batch.server.errors == []


def only(*names: str, script: Any) -> Any:
    """An answer in which ``script(item)`` changes the items of these pictures."""

    def change(items: list[dict[str, Any]], _exchange: Exchange) -> None:
        for item in items:
            if item["name"] in names:
                script(item)

    return answers.with_items(change)


def temporary(item: dict[str, Any]) -> None:
    item.update(status=2, error="no worker is free")


def kinds(found: Sequence[Answered]) -> list[dict[str, type[ResilverError]]]:
    return [{mode: type(error) for mode, error in answered.errors.items()} for answered in found]


def files(batch: Batch) -> int:
    return len(list(batch.out.iterdir()))


ALL = ["file_0", "file_1", "file_2"]


def test_every_picture_comes_back_in_both_modes(send: Callable[..., Batch]) -> None:
    """One request brings all results as files, each the picture's own, at the size asked for."""
    batch = send(answers.good)
    found = batch.improve(BOTH, factor=4, kind="art")
    assert batch.asked == [(ALL, list(BOTH))]
    assert {key: batch.server.requests[0].meta[key] for key in ("rfactor", "rtype", "ftype")} == {
        "rfactor": 4,
        "rtype": "art",
        "ftype": "art",
    }
    assert list(batch.server.requests[0].parts) == [*ALL, "meta"]
    assert batch.server.requests[0].filenames == {**{name: f"{name}.jpg" for name in ALL}, "meta": None}
    for number, answered in enumerate(found):
        assert (answered.index, answered.errors, answered.bw, answered.sent) == (number, {}, True, 1)
        assert set(answered.pictures) == {"improved", "colorized", "colorized_improved", "resolved"}
        with Image.open(answered.pictures["improved"]) as improved, Image.open(answered.pictures["resolved"]) as large:
            assert improved.size == (60 + number, 30)
            assert large.size == (4 * (60 + number), 120)


def test_already_good_is_a_success_without_a_picture(send: Callable[..., Batch]) -> None:
    """No improved picture means that there was nothing to repair."""
    batch = send(answers.each(improved="", colorized=None, colorized_improved=None, bw=False))
    assert [(one.pictures, one.errors, one.bw) for one in batch.improve()] == [({}, {}, False)] * 3


def test_nothing_to_send_sends_nothing(send: Callable[..., Batch]) -> None:
    """Without pictures there is no request."""
    batch = send(answers.good)
    batch.parts = []
    assert batch.improve() == []
    assert batch.server.connections == 0


# -- the token


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("http", [0, 200])
def test_a_refused_token_is_renewed_once(send: Callable[..., Batch], status: int, http: int) -> None:
    """After 401 and 403, in HTTP or in the envelope alone, the request is repeated once with another token."""
    tokens = Tokens("first-token-of-two", "second-token-of-two")
    batch = send(answers.refused(status, http=http), answers.good, tokens=tokens)
    assert kinds(batch.improve()) == [{}] * 3
    assert [request.token for request in batch.server.requests] == ["first-token-of-two", "second-token-of-two"]
    assert tokens.refused == ["first-token-of-two"]


def test_a_renewed_token_that_is_refused_stops_everything(send: Callable[..., Batch]) -> None:
    """The second refusal halts, with neither token in its sentence."""
    batch = send(answers.echoing_token(), tokens=Tokens("first-token-of-three", "second-token-of-three", "third"))
    with pytest.raises(CloudUnauthorized) as caught:
        batch.improve()
    assert len(batch.server.requests) == 2
    assert "[…]" in str(caught.value)
    assert "token-of" not in str(caught.value)


def test_without_another_token_nothing_is_repeated(send: Callable[..., Batch]) -> None:
    """What the token source says when it has no other is raised as it is."""
    batch = send(answers.refused(401))
    with pytest.raises(CloudUnauthorized, match="log in"):
        batch.improve()
    assert len(batch.server.requests) == 1


def test_a_token_that_cannot_be_had_now_is_waited_for(send: Callable[..., Batch]) -> None:
    """A token source out of reach is tried again like the service itself."""
    tokens = Tokens()
    calls = iter([CloudUnreachable("away"), None])

    def token() -> str:
        error = next(calls)
        if error is not None:
            raise error
        return CANARY

    tokens.token = token  # type: ignore[method-assign]
    batch = send(answers.good, tokens=tokens)
    assert kinds(batch.improve()) == [{}] * 3
    assert batch.pauses > 0


# -- whole requests


@pytest.mark.parametrize("status", [404, 413, 415, 409, 501, 301, 600])
@pytest.mark.parametrize("script", [answers.refused, answers.page])
def test_what_is_refused_for_good_is_not_sent_again(send: Callable[..., Batch], status: int, script: Any) -> None:
    """These statuses, in an envelope or as a page, end it for every picture at once."""
    batch = send(script(status))
    found = batch.improve(BOTH)
    assert kinds(found) == [dict.fromkeys(BOTH, CloudRefused)] * 3
    assert len(batch.server.requests) == 1
    assert batch.pauses == 0


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("script", [answers.refused, answers.page])
def test_what_may_pass_is_tried_three_times(send: Callable[..., Batch], status: int, script: Any) -> None:
    """These statuses are tried three times in all, with pauses; then it is CloudBusy."""
    batch = send(script(status))
    found = batch.improve()
    assert kinds(found) == [{"improve": CloudBusy}] * 3
    assert batch.asked == [(ALL, ["improve"])] * 3
    assert 0.5 + 1 <= batch.pauses <= 1 + 2
    assert [one.sent for one in found] == [0 if status < 500 else 3] * 3


@pytest.mark.parametrize("script", [answers.refused(503), answers.page(502), answers.leaving, answers.truncated()])
def test_what_has_passed_is_forgotten(send: Callable[..., Batch], script: Any) -> None:
    """After one fault all results are there, and every picture went up twice."""
    batch = send(script, answers.good)
    found = batch.improve()
    assert kinds(found) == [{}] * 3
    assert [one.sent for one in found] == [2] * 3
    assert files(batch) == 9


@pytest.mark.parametrize("script", [answers.leaving, answers.resetting, answers.truncated(), answers.raw(b"?")])
def test_a_broken_connection_is_tried_three_times(send: Callable[..., Batch], script: Any) -> None:
    """After the third break it is CloudUnreachable, and nothing is left on the disk."""
    batch = send(script)
    assert kinds(batch.improve()) == [{"improve": CloudUnreachable}] * 3
    assert len(batch.server.requests) == 3
    assert files(batch) == 0


def test_the_number_of_tries_is_a_setting(send: Callable[..., Batch]) -> None:
    """``attempts`` 1 tries nothing twice; a large one does not send a picture more than three times."""
    batch = send(answers.refused(503), attempts=1)
    assert kinds(batch.improve()) == [{"improve": CloudBusy}] * 3
    assert len(batch.server.requests) == 1


def test_a_picture_is_billed_three_times_at_most(send: Callable[..., Batch]) -> None:
    """However many tries the settings allow, no picture goes up whole more than three times."""
    batch = send(answers.refused(503), attempts=10)
    assert [one.sent for one in batch.improve()] == [3] * 3
    assert len(batch.server.requests) == 3


def test_a_refusal_before_the_upload_is_not_billed(send: Callable[..., Batch]) -> None:
    """What is refused while it still goes up counts as a try, not as sent."""
    batch = send(answers.refusing_early(429), reads=False, attempts=2)
    for part in batch.parts:
        part.path.write_bytes(os.urandom(6_000_000))
    assert [one.sent for one in batch.improve()] == [0] * 3
    assert batch.server.connections == 2


def test_a_break_in_the_middle_of_an_upload_is_not_billed(send: Callable[..., Batch]) -> None:
    """What did not go up whole was not sent."""
    batch = send(answers.resetting, reads=False, attempts=2)
    for part in batch.parts:
        part.path.write_bytes(os.urandom(6_000_000))
    found = batch.improve()
    assert kinds(found) == [{"improve": CloudUnreachable}] * 3
    assert [one.sent for one in found] == [0] * 3


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7.1),
        (timedelta(seconds=90), 20, 90),
        ("999999", 120, 120.1),
        (timedelta(days=-1), 0.5, 1),
        ("soon", 0.5, 1),
    ],
)
def test_retry_after_is_honoured_and_capped(
    send: Callable[..., Batch], header: str | timedelta, low: float, high: float
) -> None:
    """The pause is the one asked for, in seconds or as a date, at least our own and two minutes at most."""
    if isinstance(header, timedelta):
        header = format_datetime(datetime.now(UTC) + header, usegmt=True)
    batch = send(answers.refused(429, Retry_After=header), answers.good)
    assert kinds(batch.improve()) == [{}] * 3
    assert low <= round(batch.pauses, 3) <= high


def test_the_last_proposal_is_passed_on(send: Callable[..., Batch]) -> None:
    """Whoever has a queue learns when the service wants to be asked again."""
    batch = send(answers.refused(429, Retry_After="3600"), attempts=1)
    error = batch.improve()[0].errors["improve"]
    assert isinstance(error, CloudBusy)
    assert error.retry_after_s == 3600


def test_no_pause_goes_beyond_the_deadline(send: Callable[..., Batch]) -> None:
    """A pause that would last longer than the whole may is not begun."""
    batch = send(answers.refused(429, Retry_After="100"), deadline_s=50)
    assert kinds(batch.improve()) == [{"improve": CloudBusy}] * 3
    assert (len(batch.server.requests), batch.pauses) == (1, 0)


def test_the_deadline_ends_a_drip(send: Callable[..., Batch]) -> None:
    """An answer that comes too slowly ends with the deadline of the whole, and is not asked for again."""
    batch = send(answers.dripping(0.01), deadline_s=0.5)
    assert kinds(batch.improve()) == [{"improve": CloudUnreachable}] * 3
    assert len(batch.server.requests) == 1


def test_after_a_400_the_pictures_go_one_by_one(send: Callable[..., Batch]) -> None:
    """A whole request that is refused for one bad picture brings the results of all the others."""

    def picky(exchange: Exchange) -> None:
        if "file_1" in exchange.names:
            exchange.envelope(400, "empty image")
        else:
            answers.good(exchange)

    batch = send(picky)
    assert kinds(batch.improve()) == [{}, {"improve": CloudRefused}, {}]
    assert batch.asked == [(ALL, ["improve"]), *(([name], ["improve"]) for name in ALL)]
    assert batch.pauses == 0


@pytest.mark.parametrize(
    "script",
    [
        answers.page(200),
        answers.page(200, b""),
        answers.page(204, b""),
        answers.page(200, b'{"status":200,"body":{"improve":[{"na'),
        answers.page(200, b"[" * 100_000),
        answers.page(200, b"{}"),
        answers.page(200, b'{"status":200}'),
        answers.page(200, '{"status":200}'.encode("utf-16")),
        answers.gzip_bomb(20),
    ],
)
def test_an_answer_that_is_none_is_not_paid_for_twice(send: Callable[..., Batch], script: Any) -> None:
    """Success without an answer that can be understood is CloudGarbage at once."""
    batch = send(script)
    found = batch.improve()
    assert kinds(found) == [{"improve": CloudGarbage}] * 3
    assert [one.sent for one in found] == [1] * 3
    assert len(batch.server.requests) == 1
    assert files(batch) == 0


@pytest.mark.parametrize("body", [{"status": 1, "error": "out of credit"}, "out of credit"])
def test_a_failure_under_200_is_final(send: Callable[..., Batch], body: object) -> None:
    """An envelope that says 200 and then that all failed is not asked again, and its text is shown."""
    batch = send(answers.refused(200, body))
    found = batch.improve()
    assert kinds(found) == [{"improve": CloudRefused}] * 3
    assert "out of credit" in str(found[0].errors["improve"])
    assert len(batch.server.requests) == 1


def test_a_temporary_failure_under_200_is_tried_again(send: Callable[..., Batch]) -> None:
    """A status 2 of the body itself counts like a busy service."""
    batch = send(answers.refused(200, {"status": 2}), answers.good)
    assert kinds(batch.improve()) == [{}] * 3
    assert batch.pauses > 0


def test_the_envelope_decides(send: Callable[..., Batch]) -> None:
    """An error under HTTP 200 is an error; success under HTTP 502 is success."""
    batch = send(answers.refused(413, http=200), answers.good)
    assert kinds(batch.improve()) == [{"improve": CloudRefused}] * 3
    batch.server.then(lambda exchange: exchange.envelope(200, answers.good_items(exchange), http=502))
    assert kinds(batch.improve()) == [{}] * 3


def test_a_text_of_the_service_is_shown_tamed(send: Callable[..., Batch]) -> None:
    """A refusal's text reaches the user, short, unescaped and on one line."""

    def refusing(exchange: Exchange) -> None:
        exchange.json({"status": 413, "body": "can&#39;t\r\n\x1b[1m" + "x" * 9000 + "!", "htmlencoded": True}, 413)

    message = str(send(refusing).improve()[0].errors["improve"])
    assert "can't [1mxxx" in message
    assert len(message) < 450
    assert message.isprintable()


# -- single pictures


def test_only_what_was_temporary_is_sent_again(send: Callable[..., Batch]) -> None:
    """Pictures with status 2 go together once more, in that mode alone; results that came stay."""

    def once(item: dict[str, Any]) -> None:
        if "resolved" in item:
            temporary(item)

    batch = send(only("file_0", "file_2", script=once), answers.good)
    found = batch.improve(BOTH)
    assert kinds(found) == [{}] * 3
    assert batch.asked == [(ALL, list(BOTH)), (["file_0", "file_2"], ["resolution"])]
    assert [one.sent for one in found] == [2, 1, 2]
    assert batch.pauses > 0
    assert files(batch) == 12


def test_what_stays_temporary_is_given_up(send: Callable[..., Batch]) -> None:
    """A picture with status 2 is tried three times in all, and its error is temporary and says why."""
    batch = send(only("file_1", script=temporary))
    found = batch.improve()
    assert kinds(found) == [{}, {"improve": CloudBusy}, {}]
    assert "no worker is free" in str(found[1].errors["improve"])
    assert batch.asked[1:] == [(["file_1"], ["improve"])] * 2


@pytest.mark.parametrize(
    "change",
    [
        {"status": 1, "error": "no"},
        {"status": 2, "error": "unable decode input image"},
        {"status": 2, "error": "empty image"},
        {"status": 7},
    ],
)
def test_what_is_permanent_is_not_sent_again(send: Callable[..., Batch], change: dict[str, Any]) -> None:
    """Status 1, an unknown one, and a decode error whatever its status, are final for that picture alone."""
    batch = send(only("file_1", script=lambda item: item.update(change)))
    assert kinds(batch.improve()) == [{}, {"improve": CloudRefused}, {}]
    assert len(batch.server.requests) == 1


def test_a_missing_picture_is_asked_for_alone_once(send: Callable[..., Batch]) -> None:
    """Pictures and lists that are missing are tried once more, each alone and without a pause."""
    batch = send(answers.lists_missing)
    found = batch.improve(BOTH)
    assert kinds(found) == [dict.fromkeys(BOTH, CloudBusy)] * 3
    assert batch.asked == [(ALL, list(BOTH)), *(([name], list(BOTH)) for name in ALL)]
    assert batch.pauses == 0


def test_a_missing_mode_is_asked_for_alone(send: Callable[..., Batch]) -> None:
    """Of two modes only the missing one is asked for again."""

    def half(exchange: Exchange) -> None:
        exchange.envelope(200, {"improve": answers.good_items(exchange)["improve"]})

    batch = send(half, answers.good)
    assert kinds(batch.improve(BOTH)) == [{}] * 3
    assert batch.asked[1:] == [([name], ["resolution"]) for name in ALL]


def test_a_doubled_name_is_not_guessed(send: Callable[..., Batch]) -> None:
    """Of two results of one name none is taken; alone it may be clear."""
    batch = send(answers.doubled, answers.good)
    assert kinds(batch.improve()) == [{}] * 3
    assert len(batch.server.requests) == 4
    assert files(batch) == 9


def test_results_of_strangers_are_ignored_and_counted(
    send: Callable[..., Batch], caplog: pytest.LogCaptureFixture
) -> None:
    """Names that nobody sent, paths among them, make no file and no error."""
    batch = send(answers.with_strangers)
    with caplog.at_level(logging.WARNING):
        assert kinds(batch.improve()) == [{}] * 3
    assert files(batch) == 9
    assert "7 results belong to no picture" in caplog.text


def test_results_without_names_go_by_position(send: Callable[..., Batch]) -> None:
    """As many results as pictures, without names, belong to them in their order."""
    batch = send(answers.with_names(None, None, None))
    widths = []
    for answered in batch.improve():
        with Image.open(answered.pictures["improved"]) as picture:
            widths.append(picture.width)
    assert widths == [60, 61, 62]


@pytest.mark.parametrize(
    "text", ["no base64!", "AAAA", answers.text(b"GIF?" + b"x" * 9000), answers.text(answers.jpeg())[:-7] + "!", "="]
)
def test_what_is_no_picture_is_garbage(send: Callable[..., Batch], text: str) -> None:
    """Broken base64 and base64 of no picture fail that picture's mode; what came with it is kept."""
    batch = send(only("file_1", script=lambda item: item.update(colorized=text)))
    found = batch.improve()
    assert kinds(found) == [{}, {"improve": CloudGarbage}, {}]
    assert set(found[1].pictures) == {"improved", "colorized_improved"}
    assert len(batch.server.requests) == 1
    assert files(batch) == 8


@pytest.mark.parametrize("size", [8, 90])
@pytest.mark.parametrize("wrapped", ["plain", "prefix", "lines", "bare", "escaped"])
def test_pictures_come_in_many_wrappings(send: Callable[..., Batch], size: int, wrapped: str) -> None:
    """Line breaks, a data prefix, missing padding and escaped slashes change nothing, for small and large pictures."""
    picture = answers.jpeg(size, size)
    text = answers.text(picture)
    text = {
        "plain": text,
        "prefix": "data:image/jpeg;base64," + text,
        "lines": base64.encodebytes(picture).decode(),
        "bare": text.rstrip("="),
        "escaped": text,
    }[wrapped]

    def script(exchange: Exchange) -> None:
        items = [{"status": 0, "name": name, "improved": text} for name in exchange.names]
        body = json.dumps({"status": 200, "body": {"improve": items}})
        exchange.answer(200, (body.replace("/", "\\/") if wrapped == "escaped" else body).encode())

    found = send(script).improve()
    assert [one.pictures["improved"].read_bytes() for one in found] == [picture] * 3


def test_other_formats_are_taken(send: Callable[..., Batch]) -> None:
    """A PNG where the contract says JPEG is a picture, too."""
    stream = io.BytesIO()
    Image.new("RGB", (9, 9)).save(stream, "PNG")
    found = send(answers.each(improved=answers.text(stream.getvalue()))).improve()
    assert [one.errors for one in found] == [{}] * 3
    assert found[0].pictures["improved"].read_bytes() == stream.getvalue()


# -- pictures that cannot be sent


def test_a_picture_that_is_gone_fails_alone(send: Callable[..., Batch]) -> None:
    """The others are sent without it."""
    batch = send(answers.good)
    batch.parts[1].path.unlink()
    assert kinds(batch.improve()) == [{}, {"improve": PictureUnreadable}, {}]
    assert batch.asked == [(["file_0", "file_2"], ["improve"])]


def test_a_picture_that_shrinks_fails_alone(send: Callable[..., Batch]) -> None:
    """A file that gets shorter under way gives its request up; the others go up again without it."""
    batch = send(answers.refused(503), answers.good, attempts=2)  # what was given up is no try
    batch.parts[2].path.write_bytes(os.urandom(4_000_000))
    hurt = False

    def tell(fraction: float, step: str) -> None:
        nonlocal hurt
        if step == "sending" and not hurt:
            hurt = True
            os.truncate(batch.parts[2].path, 100)

    assert kinds(batch.improve(report=Report(on_progress=tell))) == [{}, {}, {"improve": PictureChanged}]
    assert batch.asked == [(["file_0", "file_1"], ["improve"])] * 2


def test_a_picture_that_grows_is_sent_as_it_was(send: Callable[..., Batch]) -> None:
    """No more goes up than was announced."""
    batch = send(answers.good)
    before = batch.parts[0].path.read_bytes()

    def tell(fraction: float, step: str) -> None:
        with batch.parts[0].path.open("ab") as file:
            file.write(b"more")

    assert kinds(batch.improve(report=Report(on_progress=tell))) == [{}] * 3
    assert batch.server.requests[0].parts["file_0"] == before


# -- the caller


def test_progress_never_falls(send: Callable[..., Batch]) -> None:
    """Fractions rise from sending to receiving, though pictures are sent again."""
    told: list[tuple[float, str]] = []
    batch = send(answers.items_missing, answers.good)
    batch.improve(report=Report(on_progress=lambda fraction, step: told.append((fraction, step))))
    fractions = [fraction for fraction, _step in told]
    assert fractions == sorted(fractions)
    assert 0.9 < fractions[-1] <= 1
    assert {step for _fraction, step in told} == {"sending", "receiving"}


def test_stopping_in_a_pause(send: Callable[..., Batch]) -> None:
    """A wish to stop is heard while the client waits for its next try."""
    batch = send(answers.refused(429, Retry_After="60"))
    report = Report(cancelled=lambda: batch.pauses > 5)
    with pytest.raises(Cancelled):
        batch.improve(report=report)
    assert 5 < batch.pauses < 6


def test_stopping_keeps_only_what_was_handed_out(send: Callable[..., Batch]) -> None:
    """Results that came in the meantime but were not asked for are gone from the disk."""
    batch = send(answers.good)
    running = batch.client.improve(batch.parts, ("improve",), Report(), batch.out)
    first = next(running)
    running.close()  # type: ignore[attr-defined]
    assert sorted(batch.out.iterdir()) == sorted(first.pictures.values())


def test_a_full_folder_is_an_error_of_the_output(send: Callable[..., Batch]) -> None:
    """Results that cannot be written stop the batch; they are not asked for again."""
    batch = send(answers.good)
    batch.out.rmdir()
    with pytest.raises(OutputError):
        batch.improve()
    assert len(batch.server.requests) == 1


def test_a_client_can_be_used_again(send: Callable[..., Batch]) -> None:
    """One client serves batch after batch."""
    batch = send(answers.refused(413), answers.good)
    assert kinds(batch.improve()) == [{"improve": CloudRefused}] * 3
    assert kinds(batch.improve()) == [{}] * 3


def test_unknown_modes_are_not_sent(send: Callable[..., Batch]) -> None:
    """The order of modes is the contract's, whatever the caller's."""
    batch = send(answers.good)
    batch.improve(("resolution", "improve"))
    assert batch.asked == [(ALL, list(BOTH))]
