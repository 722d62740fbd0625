"""The languages of the tray: the one of the system, and every text in each of them."""

from __future__ import annotations

import gettext
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

import resilver_watcher
from resilver.errors import ResilverError
from resilver_watcher.aftermath import note_path, write_note
from resilver_watcher.language import CATALOGUES, DOMAIN, translation
from resilver_watcher.menu import Item, look, look_without_daemon
from resilver_watcher.reasons import reason_title
from resilver_watcher.state import Current, Entry, PairState, Status

RUSSIAN = {"LANG": "ru_RU.UTF-8"}


def catalogue(language: str) -> Catalog:
    path = CATALOGUES / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    return read_po(io.BytesIO(path.read_bytes()))


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


@pytest.mark.parametrize("language", sorted(path.name for path in CATALOGUES.iterdir() if path.is_dir()))
def test_every_text_is_translated(language: str) -> None:
    """Each text of the code stands in each catalogue, with all plural forms and the same fields, and no others do."""
    found = extract_from_dir(Path(resilver_watcher.__file__).parent, method_map=[("**.py", "python")])
    texts = {message for _file, _line, message, _comments, _context in found}
    there = catalogue(language)
    assert {message.id for message in there if message.id} == texts
    for message in there:
        one, *_ = message.id if isinstance(message.id, tuple) else (message.id,)
        forms = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(forms), message.id
        assert not one or {*re.findall(r"\{\w+\}", one)} == {*re.findall(r"\{\w+\}", " ".join(forms))}
        assert not message.fuzzy


@pytest.mark.parametrize("language", sorted(path.name for path in CATALOGUES.iterdir() if path.is_dir()))
def test_the_compiled_catalogue_is_the_written_one(language: str) -> None:
    """The file that is read at run time says what the one that people edit says."""
    compiled = io.BytesIO()
    write_mo(compiled, catalogue(language))
    compiled.seek(0)
    shipped = (CATALOGUES / language / "LC_MESSAGES" / f"{DOMAIN}.mo").read_bytes()
    assert texts_of(gettext.GNUTranslations(io.BytesIO(shipped))) == texts_of(gettext.GNUTranslations(compiled))


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
        assert re.search(r"[А-я]", reason_title(kind.code, translation(RUSSIAN, "linux")))  # noqa: RUF001
    assert reason_title("from-the-future", translation({}, "linux")) == ""


def all_errors(kind: type[ResilverError]) -> Iterator[type[ResilverError]]:
    yield kind
    for inner in kind.__subclasses__():
        yield from all_errors(inner)


def test_a_failure_note_speaks_the_language(tmp_path: Path) -> None:
    """The text in the place of a picture says in Russian what happened; the details follow as the error has them."""
    path = tmp_path / "чердак.jpg"
    write_note(path, tmp_path, "picture-broken", "It is cut off.", translation(RUSSIAN, "linux"))
    lines = note_path(path, tmp_path).read_text(encoding="utf-8").split("\n\n")
    assert lines[1] == f"{reason_title('picture-broken', translation(RUSSIAN, 'linux'))}. It is cut off."
    for line in (lines[0], lines[2], lines[3]):
        assert not re.search(
            r"[A-Za-z]", line.replace(str(path), "").replace(path.name, "").replace("resilver retry", "")
        )


def test_no_english_is_left_in_a_russian_menu() -> None:
    """Every line of the Russian tray, in every state, holds Russian and, names aside, no English word."""
    busy = Status(
        "working",
        current=Current("/in/1.jpg", 0.5, seconds_left=90),
        counts={"waiting": 2, "failed": 1},
        failed=(Entry("/in/2.jpg", "failed", code="picture-broken"),),
        results=(Entry("/in/3.jpg", "done", outputs=("/out/3.jpg",)),),
        pairs=(PairState("/in", "/out"),),
        preset="custom",
    )
    words = translation(RUSSIAN, "linux")
    for status in (busy, Status("paused"), Status("idle")):
        shown = look(status, words, settings=Path("s"), autostart=True)
        check_russian(shown.items)
        check_russian((Item(shown.title),))
    check_russian(look_without_daemon(words).items)


def check_russian(items: tuple[Item, ...]) -> None:
    for item in items:
        names_aside = re.sub(r"\d\.jpg|Resilver", "", item.text)
        assert not re.search(r"[A-Za-z]", names_aside), item.text
        check_russian(item.items)
