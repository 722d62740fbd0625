"""What is done beside the results: the text in the place of one that failed, and originals that are put away."""

from __future__ import annotations

import contextlib
import gettext
import glob
import itertools
import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from resilver.picture_io.identity import Identity
from resilver.picture_io.names import output_stem
from resilver.picture_io.write import publish_copy
from resilver_watcher import language
from resilver_watcher.job import Job
from resilver_watcher.language import said
from resilver_watcher.pairs import ORIGINALS
from resilver_watcher.reasons import reason_title
from resilver_watcher.scan import look_at

_log = logging.getLogger(__name__)


def note_path(path: Path, directory: Path) -> Path:
    """Where the text about this picture lies."""
    # a suffix is taken off there; the picture's own has to stay, since attic.jpg and attic.png may both fail
    return directory / (output_stem(path.name + ".x", ()) + ".not-restored.txt")


def write_note(
    path: Path, directory: Path, code: str, reason: str, words: gettext.NullTranslations | None = None
) -> None:
    """Say in the output folder, in the system's language, why there is no result, and what to do.

    ``reason``: the sentence of the error.
    """
    text = _note(path, code, reason, words or language.translation(os.environ)).encode("utf-8", "backslashreplace")
    draft = directory / f".resilver-{os.getpid()}-{secrets.token_hex(6)}.tmp"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_bytes(text)
            draft.replace(note_path(path, directory))
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:  # the journal has it anyway
        _log.warning("no note could be written for %r: %s", str(path), error)


def _note(path: Path, code: str, reason: str, words: gettext.NullTranslations) -> str:
    _ = words.gettext
    parts = (
        _("{name} was not restored.").format(name=path.name),
        f"{reason_title(code, words) or reason_title('error', words)}. {said(reason, words)}",
        _("The original is untouched: {path}").format(path=path),
        _('It is tried again when it changes, or with "resilver retry". This text goes away when it succeeds.'),
    )
    return "\n\n".join(parts) + "\n"


def remove_note(path: Path, directory: Path) -> None:
    """Take the text away."""
    with contextlib.suppress(OSError):
        note_path(path, directory).unlink(missing_ok=True)


def copy_unchanged(job: Job) -> tuple[Path, ...]:
    """Put a picture in which nothing was to be done among the results, as it is; none where they lie beside it.

    Raises:
        PictureError: it changed, or cannot be read.
        OutputError: it cannot be written.
    """
    if job.directory.exists() and job.directory.samefile(job.path.parent):
        return ()
    return (publish_copy(job.path, job.directory, job.sha256),)


def put_away(path: Path, root: Path, identity: Identity | None) -> None:
    """Move an original into ``Originals`` below its root, never over another file; one that changed stays."""
    folder = root / ORIGINALS / path.relative_to(root).parent
    look = look_at(str(path))
    if look is None or look.identity != identity:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in itertools.count(1):
            target = folder / (path.name if number == 1 else f"{path.stem}-{number}{path.suffix}")
            with contextlib.suppress(FileExistsError):
                _rename(path, target)
                return
    except OSError as error:
        _log.warning("%r could not be moved to %s: %s", str(path), ORIGINALS, error)


def places_of(path: Path) -> Iterator[Path]:
    """Where an original may lie: where it was, or where :func:`put_away` moved it from there."""
    yield path
    for root in path.parents:
        folder = root / ORIGINALS / path.relative_to(root).parent
        yield from sorted(folder.glob(f"{glob.escape(path.stem)}*{glob.escape(path.suffix)}"))


def _rename(path: Path, target: Path) -> None:
    if os.name == "nt":
        path.rename(target)  # which never replaces a file there
        return
    try:
        target.hardlink_to(path)
    except FileExistsError:
        if not target.samefile(path):  # else it was being put away when the process ended
            raise
    except OSError:  # a file system without links
        if target.exists():
            raise FileExistsError(target) from None
        path.rename(target)
        return
    path.unlink()
