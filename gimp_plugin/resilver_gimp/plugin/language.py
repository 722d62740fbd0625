"""The texts in the language of GIMP's user: the plug-in's own from ``locale/``, the core's from ``sentences/``.

The installation lays ``sentences/`` here, a copy of the core's own translations. A copy of the plug-in made by hand
lacks it and speaks English.
"""

from __future__ import annotations

import gettext
import os
from pathlib import Path

try:
    from sentences.language import in_language, system_language
except ModuleNotFoundError:

    def in_language(sentence: str, _language: str) -> str:
        """The sentence as it is."""
        return sentence

    def system_language(_environ: object) -> str:
        """English."""
        return "en"


LANGUAGE = system_language(os.environ)
_texts = gettext.translation("resilver", Path(__file__).with_name("locale"), [LANGUAGE], fallback=True)
_ = _texts.gettext
ngettext = _texts.ngettext


def said(sentence: str) -> str:
    """What the core says, in the user's language."""
    return in_language(sentence, LANGUAGE)
