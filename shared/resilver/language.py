"""Sentences in the language of whoever reads them.

Errors, notes and reasons are English wherever they are made, sent and kept: in the worker, on sockets, in the journal
and in logs. Where a person gets to see one, :func:`in_language` finds it again among the templates of ``locale/``, in
which ``{0}``, ``{1}`` … stand for what was filled in.

After a change of the sentences, ``python tests/sentences.py`` brings the catalogues up to date.
"""

from __future__ import annotations

import functools
import json
import locale
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

DOMAIN = "sentences"
CATALOGUES = Path(__file__).parent / "locale"
ENGLISH = "en"
_FIELD = re.compile(r"\{(\d)\}")
# no wrapped lines and no plurals: with these two a catalogue needs neither gettext's tools nor its compiled form
_ENTRY = re.compile(r'^msgid (".+")\nmsgstr (".+")$', re.MULTILINE)


@functools.lru_cache(maxsize=500)  # a menu is made anew every second
def in_language(sentence: str, language: str) -> str:
    """The sentence in that language; what is not known stays as it is.

    ``language``: the name of a catalogue, or :data:`ENGLISH`. What was filled in may be such a sentence itself, and so
    may the parts of a list with commas.
    """
    found = _found(sentence, language)
    if found is None:
        parts = sentence.split(", ")
        said = [in_language(part, language) for part in parts] if len(parts) > 1 else parts
        return sentence if set(said) & set(parts) else ", ".join(said)
    translated, fields = found
    said = [in_language(field, language) for field in fields]
    return _FIELD.sub(lambda field: said[int(field[1])], translated)


def _found(sentence: str, language: str) -> tuple[str, tuple[str, ...]] | None:
    """The translation of the template that it was made from, and what was filled in."""
    for pieces, translated in _catalogue(language):
        if all(piece in sentence for piece in pieces):  # much quicker than the expression
            found = re.fullmatch("(.*?)".join(map(re.escape, pieces)), sentence, re.DOTALL)
            if found:
                return translated, found.groups()
    return None


@functools.cache
def _catalogue(language: str) -> tuple[tuple[list[str], str], ...]:
    """Templates, cut at their fields, and their translations; first those that say the most themselves."""
    path = CATALOGUES / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    entries = [
        (_FIELD.split(json.loads(template))[::2], json.loads(translated))
        for template, translated in _ENTRY.findall(text)
    ]
    return tuple(sorted(entries, key=lambda entry: len("".join(entry[0])), reverse=True))


def system_language(environ: Mapping[str, str], platform: str = sys.platform) -> str:
    """The first of the user's languages that there is a catalogue for; :data:`ENGLISH` where there is none."""
    for name in _languages(environ, platform):
        # the texts in the code are English, so whoever puts English first gets those
        if name == "C" or name.lower().startswith(ENGLISH):
            break
        language = re.split(r"[.@]", name)[0]
        for known in (language, language.split("_")[0]):
            if known.isidentifier() and (CATALOGUES / known).is_dir():
                return known
    return ENGLISH


def _languages(environ: Mapping[str, str], platform: str) -> list[str]:
    """As gettext orders them, then what systems say that set no such variables."""
    # "C" switches translation off altogether, also where LANGUAGE is set (gettext's manual, "The LANGUAGE variable")
    chosen = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    if chosen.split(".")[0] in ("C", "POSIX"):
        return ["C"]
    if environ.get("LANGUAGE"):
        return [language for language in environ["LANGUAGE"].split(":") if language]
    return [chosen] if chosen else _of_desktop(platform)


def _of_desktop(platform: str) -> list[str]:
    """Not verified: written from the documentation of both systems, which do not set LANG."""
    if platform == "win32":
        import ctypes

        number = ctypes.windll.kernel32.GetUserDefaultUILanguage()  # type: ignore[attr-defined,unused-ignore]
        return [locale.windows_locale.get(number, ENGLISH)]
    if platform == "darwin":
        asked = subprocess.run(
            ["defaults", "read", "-g", "AppleLanguages"], capture_output=True, text=True, check=False
        )
        return [line.strip(' ",').replace("-", "_") for line in asked.stdout.splitlines() if line.strip(' ",()')]
    return []
