"""The texts of the tray, its notifications and the page: English, or a catalogue of `locale/`.

What errors and notes say is translated by :mod:`resilver.language`, from a catalogue of its own. After a change of
either, ``python tests/sentences.py`` brings the catalogues up to date.
"""

from __future__ import annotations

import gettext
import sys
from collections.abc import Mapping
from pathlib import Path

from resilver.language import ENGLISH, in_language, system_language

DOMAIN = "resilver"
CATALOGUES = Path(__file__).parent / "locale"


def translation(environ: Mapping[str, str], platform: str = sys.platform) -> gettext.NullTranslations:
    """The texts in the language of the system."""
    return gettext.translation(DOMAIN, CATALOGUES, [system_language(environ, platform)], fallback=True)


def language_code(words: gettext.NullTranslations) -> str:
    """Of the texts: ``en``, or what the catalogue says."""
    return words.info().get("language", ENGLISH)


def said(sentence: str, words: gettext.NullTranslations) -> str:
    """What an error or a note says, in the language of these texts."""
    return in_language(sentence, language_code(words))
