"""The language of the tray, its notifications, its page and its texts: that of the system and no other."""

from __future__ import annotations

import gettext
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from resilver.errors import ResilverError
from resilver.picture_io.identity import file_digest
from resilver.picture_io.provenance import Provenance, stamp
from resilver.picture_io.read import ReadLimits, read_picture
from resilver.picture_io.write import publish
from resilver.result import Step
from resilver_watcher.aftermath import note_path, write_note
from resilver_watcher.language import translation
from resilver_watcher.menu import Item, look, look_without_daemon
from resilver_watcher.notify import described
from resilver_watcher.page import write_page
from resilver_watcher.reasons import reason_title
from resilver_watcher.state import COPIED, Current, Entry, News, PairState, Status
from sentences import PLUGIN, TEXTS, catalogues, compiled, of_texts, read_catalogue

RUSSIAN = {"LANG": "ru_RU.UTF-8"}


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        (RUSSIAN, "Пауза"),
        ({"LANG": "ru"}, "Пауза"),
        ({"LANG": "en_GB.UTF-8"}, "Pause"),
        ({"LANG": "C.UTF-8"}, "Pause"),
        ({"LANG": "fi_FI.UTF-8"}, "Pause"),
        ({"LANG": "nonsense"}, "Pause"),
        ({}, "Pause"),
        ({"LANG": "en_GB.UTF-8", "LC_MESSAGES": "ru_RU.UTF-8"}, "Пауза"),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": "en_US.UTF-8"}, "Pause"),
        ({"LANG": "ru_RU.UTF-8", "LC_ALL": ""}, "Пауза"),
        ({"LANG": "en_GB.UTF-8", "LANGUAGE": "fi:ru:en"}, "Пауза"),
        ({"LANG": "ru_RU.UTF-8", "LANGUAGE": "en:ru"}, "Pause"),
        ({"LANG": "C", "LANGUAGE": "ru"}, "Pause"),
    ],
)
def test_it_speaks_the_language_of_the_system(environ: dict[str, str], said: str) -> None:
    """The variables count in the order of gettext's manual, and a language that is not there comes out as English."""
    assert translation(environ, "linux").gettext("Pause") == said


@pytest.mark.parametrize("path", [*catalogues(TEXTS), *catalogues(PLUGIN)], ids=str)
def test_every_text_is_translated(path: Path) -> None:
    """Each text of the code stands in each catalogue, with all plural forms and the same fields, and no others do."""
    there = read_catalogue(path)
    texts = of_texts(path.parents[3])
    assert {message.id for message in there if message.id} == {message.id for message in texts if message.id}
    for message in there:
        one, *_ = message.id if isinstance(message.id, tuple) else (message.id,)
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(forms), message.id
        assert not one or {*re.findall(r"\{\w+\}", one)} == {*re.findall(r"\{\w+\}", " ".join(forms))}
        assert not message.fuzzy


@pytest.mark.parametrize("path", [*catalogues(TEXTS), *catalogues(PLUGIN)], ids=str)
def test_the_compiled_catalogue_is_the_written_one(path: Path) -> None:
    """The file that is read at run time says what the one that people edit says."""
    shipped = path.with_suffix(".mo").read_bytes()
    assert texts_of(gettext.GNUTranslations(io.BytesIO(shipped))) == texts_of(
        gettext.GNUTranslations(io.BytesIO(compiled(path)))
    )


def texts_of(translations: gettext.GNUTranslations) -> dict[object, str]:
    return {key: text for key, text in translations._catalog.items() if key}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1, "Ждёт 1 снимок."),
        (2, "Ждут 2 снимка."),
        (5, "Ждут 5 снимков."),
        (11, "Ждут 11 снимков."),
        (21, "Ждёт 21 снимок."),
    ],
)
def test_russian_counts_as_russians_do(number: int, said: str) -> None:
    """One, two and five pictures take three different forms, and 21 the one of 1."""
    shown = look(Status("idle", counts={"waiting": number}), translation(RUSSIAN), settings=Path("s"), autostart=None)
    assert shown.items[0].text.startswith(said)


def test_every_error_has_its_title_in_both_languages() -> None:
    """What the menu says of a failure is the error's own title, in Russian too; an unknown code is no error."""
    for kind in (kind for kind in all_errors(ResilverError) if kind.__module__ == ResilverError.__module__):
        assert reason_title(kind.code, translation({}, "linux")) == kind.title
        assert re.search(r"[А-я]", reason_title(kind.code, translation(RUSSIAN, "linux")))
    assert reason_title("from-the-future", translation({}, "linux")) == ""


def all_errors(kind: type[ResilverError]) -> Iterator[type[ResilverError]]:
    yield kind
    for inner in kind.__subclasses__():
        yield from all_errors(inner)


def test_a_failure_note_speaks_the_language(tmp_path: Path) -> None:
    """The text in the place of a picture says in Russian what happened and what to do."""
    path = tmp_path / "чердак.jpg"
    reason = f"{path.name} contradicts itself about its size; get a good copy of it."
    write_note(path, tmp_path, "picture-broken", reason, translation(RUSSIAN, "linux"))
    text = note_path(path, tmp_path).read_text(encoding="utf-8")
    assert "Снимок повреждён. Файл чердак.jpg противоречит себе" in text
    check_russian_text(text.replace(str(path), "").replace(path.name, "").replace("resilver retry", ""))


def test_no_english_is_left_in_a_russian_menu() -> None:
    """Every line of the Russian tray, in every state, holds Russian and, names aside, no English word."""
    busy = Status(
        "working",
        current=Current("/in/1.jpg", 0.5, seconds_left=90),
        counts={"waiting": 2, "failed": 1},
        failed=(
            Entry("/in/2.jpg", "failed", code="picture-broken", reason="/in/2.jpg is empty (0 bytes); copy it again."),
        ),
        results=(Entry("/in/3.jpg", "done", outputs=("/out/3.jpg",), notes=("already good", COPIED)),),
        pairs=(PairState("/in", "/out"),),
        preset="custom",
    )
    words = translation(RUSSIAN, "linux")
    missing = "The folder /in is missing; bring it back, or choose another one."
    full = "There is no room for the result in /out (No space left on device); make some there."
    troubles = (Status("trouble", missing), Status("trouble", pairs=(PairState("/in", "/out", trouble=full),)))
    for status in (busy, *troubles, Status("paused"), Status("idle")):
        refused = "Resilver does not answer; try again, or end its process and start it anew."
        shown = look(status, words, settings=Path("s"), autostart=True, refused=refused)
        check_russian(shown.items)
        check_russian((Item(shown.title),))
    check_russian(look_without_daemon(words, "The control socket takes one JSON object a line.").items)


def test_notifications_are_russian() -> None:
    """What a run did and what is in the way is told in Russian, with the forms that its numbers take."""
    words = translation(RUSSIAN, "linux")
    assert described(News(5, 2, 1), words) == (
        "Готово 5 снимков",
        "Оставлены без изменений 2 снимка. Не получился 1 снимок. Почему, сказано в тексте рядом с результатами.",
    )
    _, body = described(News(trouble="The token that is kept cannot be read; call 'resilver login' again."), words)
    check_russian_text(body.replace("resilver login", ""))


def test_the_page_is_russian(tmp_path: Path) -> None:
    """Nothing that the page says of a picture is English, but for names and paths."""
    source, output = tmp_path / "1.png", tmp_path / "2.png"
    Image.new("RGB", (60, 40)).save(source)
    provenance = Provenance.now(
        source_name=source.name, source_sha256=file_digest(source), recipe={}, recipe_digest="0", engine="local",
        output="final", steps=(Step("improved", "", "mend fading, calm the grain"), Step("x2", "", "in 3 tiles")),
    )  # fmt: skip
    made = publish(stamp(read_picture(source, ReadLimits()), provenance), tmp_path / "out", "2", "png")
    output.write_bytes(made.read_bytes())
    entries = [
        Entry(str(source), "done", (str(made),), notes=("Only the first of 3 pages is used.",), seconds=83),
        Entry(str(source), "done", (str(output),), notes=("a result of Resilver", COPIED), seconds=0.2),
    ]
    page = write_page(entries, tmp_path, translation(RUSSIAN, "linux")).read_text(encoding="utf-8")
    assert '<html lang="ru">' in page
    texts = re.sub(r"<(style|script)>.*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL)
    assert (
        "восстановлено (исправление выцветания, сглаживание зерна), увеличено в 2 раза (по частям: 3) · 1 мин 23 с"
        in texts
    )
    assert texts.count("восстановлено") == 1  # and not what was done to the one that was copied
    check_russian_text(re.sub(rf"{tmp_path}\S*|\S+\.png|Resilver", "", texts))


def check_russian(items: tuple[Item, ...]) -> None:
    for item in items:
        check_russian_text(re.sub(r"(/in/)?\d\.jpg|/in|/out|Resilver|JSON", "", item.text))
        check_russian(item.items)


def check_russian_text(text: str) -> None:
    assert not re.search(r"[A-Za-z]", text), text
