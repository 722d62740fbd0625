"""The language of the system, in which the tray and its notifications speak: English, or a catalogue of `locale/`.

After a change of the texts (Babel is among the packages for development; `TEXTS` is watcher/resilver_watcher):
    pybabel extract --no-wrap --no-location --omit-header -o resilver.pot TEXTS
    pybabel update --no-wrap --no-location --omit-header --no-fuzzy-matching -D resilver -i resilver.pot -d TEXTS/locale
    pybabel compile -D resilver -d TEXTS/locale
"""

from __future__ import annotations

import gettext
import locale
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

DOMAIN = "resilver"
CATALOGUES = Path(__file__).parent / "locale"


def translation(environ: Mapping[str, str], platform: str = sys.platform) -> gettext.NullTranslations:
    """The texts in the first of the user's languages that there is a catalogue for; English where there is none."""
    for language in _languages(environ, platform):
        # the texts in the code are English, so whoever puts English first gets those
        if language == "C" or language.lower().startswith("en"):
            break
        if gettext.find(DOMAIN, CATALOGUES, [language]):
            return gettext.translation(DOMAIN, CATALOGUES, [language])
    return gettext.NullTranslations()


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
        return [locale.windows_locale.get(number, "en")]
    if platform == "darwin":
        asked = subprocess.run(
            ["defaults", "read", "-g", "AppleLanguages"], capture_output=True, text=True, check=False
        )
        return [line.strip(' ",').replace("-", "_") for line in asked.stdout.splitlines() if line.strip(' ",()')]
    return []
