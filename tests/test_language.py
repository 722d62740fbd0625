"""Sentences in other languages: every one of the source, and each as it was meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import sentences
from resilver.errors import ResilverError
from resilver.language import ENGLISH, in_language

FIELD = re.compile(r"\{\d\}")
TEMPLATES = sorted(sentences.templates())
RUSSIAN = {
    str(message.id): str(message.string)
    for message in sentences.read_catalogue(sentences.SENTENCES / "ru/LC_MESSAGES/sentences.po")
}
FILLED = st.text("абвхyz0123/._-", min_size=1, max_size=30)
"""As names, paths and numbers are: without what sentences are made of."""


@pytest.mark.parametrize("path", sentences.catalogues(sentences.SENTENCES), ids=str)
def test_every_sentence_is_translated(path: Path) -> None:
    """Each template of the source stands in each catalogue with all its fields, and no others do."""
    there = {str(message.id): str(message.string) for message in sentences.read_catalogue(path) if message.id}
    assert sorted(there) == TEMPLATES
    for template, translated in there.items():
        assert sorted({*FIELD.findall(template)}) == sorted({*FIELD.findall(translated)}), template
        assert translated.strip()
        assert in_language(template, path.parts[-3]) == translated, (
            "not found at run time, or cut off by a wrapped line"
        )


@given(st.sampled_from(TEMPLATES), st.lists(FILLED, min_size=10, max_size=10))
def test_what_was_filled_in_comes_out_again(template: str, values: list[str]) -> None:
    """A sentence with names, paths and numbers in it is the translation with the same in their places."""
    assert in_language(filled(template, values), "ru") == filled(RUSSIAN[template], values)


@given(st.sampled_from(TEMPLATES), st.lists(st.text(max_size=60), min_size=10, max_size=10))
def test_nothing_that_was_filled_in_is_lost(template: str, values: list[str]) -> None:
    """Whatever stands in a sentence, also braces, line breaks and nothing at all, is still there in the translation."""
    assume(all(in_language(value, "ru") == value for value in values))  # that is the next test
    said = in_language(filled(template, values), "ru")
    fields = [int(field[1:-1]) for field in FIELD.findall(template)]
    assert said != filled(template, values) or not re.search("[A-Za-z]", template)
    assert all(word in said for field in fields for word in values[field].split())


@given(st.text(max_size=200).filter(lambda text: text not in RUSSIAN))
def test_other_texts_stay(text: str) -> None:
    """What is no sentence of ours stays as it is, and English stays English."""
    assert in_language(text, "ru") == text
    assert in_language(text, ENGLISH) == text


def filled(template: str, values: list[str]) -> str:
    return FIELD.sub(lambda field: values[int(field[0][1:-1])], template)


@pytest.mark.parametrize(
    ("sentence", "said"),
    [
        (
            "There is no room for the result in /r (No space left on device); make some there.",
            "В /r нет места для результата (на диске нет места); освободите его там.",
        ),
        (
            "/in/resilver.toml cannot be meant: There is no preset 'x'; there are Restore, Colorize.",
            "Задание в /in/resilver.toml невозможно: Набора «x» нет; есть Restore, Colorize.",
        ),
        ("mend fading, calm the grain", "исправление выцветания, сглаживание зерна"),
        ("already good, whatever that is", "already good, whatever that is"),
        ("", ""),
    ],
)
def test_sentences_within_sentences(sentence: str, said: str) -> None:
    """What was filled in may be a sentence of ours; a list is translated as a whole or not at all."""
    assert in_language(sentence, "ru") == said


def test_real_errors_come_out_in_russian(tmp_path: Path) -> None:
    """What the program really says of real broken files, with its libraries' words, is Russian but for names."""
    from PIL import Image

    from resilver.picture_io.read import ReadLimits, read_picture

    image = Image.effect_noise((300, 200), 60)
    for name in ("1.jpg", "2.png", "3.tif", "4.webp", "5.bmp"):
        image.convert("RGB").save(tmp_path / name)
        data = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
    (tmp_path / "6.jpg").write_bytes(b"")
    (tmp_path / "7.jpg").write_text("<html></html>")
    (tmp_path / "8.jpg").mkdir()
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(ResilverError) as raised:
            read_picture(path, ReadLimits())
        said = in_language(str(raised.value), "ru")
        assert not re.search("[A-Za-z]{2}", re.sub(r"\S*\d\.\w+|\b[A-Z]{3,4}\b", "", said)), said
