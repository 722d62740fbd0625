"""The titles of errors in the user's language."""

from __future__ import annotations

import functools
import gettext

from resilver.errors import ResilverError
from resilver_watcher.language import said


def reason_title(code: str, words: gettext.NullTranslations) -> str:
    """What kind of failure it is, in a few words; empty for a code that only a newer daemon knows."""
    return said(_titles().get(code, ""), words)


@functools.cache
def _titles() -> dict[str, str]:
    kinds = [ResilverError]
    for kind in kinds:
        kinds += kind.__subclasses__()
    return {kind.code: kind.title for kind in kinds}
