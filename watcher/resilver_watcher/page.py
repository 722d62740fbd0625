"""The history as a page: before and after with a slider, newest first; one file that needs nothing else."""

from __future__ import annotations

import base64
import gettext
import html
import io
import os
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from resilver.errors import ResilverError
from resilver.picture import Picture, Pixels
from resilver.picture_io.disk import translated
from resilver.picture_io.identity import file_digest
from resilver.picture_io.profiles import as_rgb, to_srgb
from resilver.picture_io.provenance import Provenance, read_provenance
from resilver.picture_io.read import ReadLimits, read_picture
from resilver.result import Step
from resilver_watcher import language
from resilver_watcher.aftermath import places_of
from resilver_watcher.commands import local_time
from resilver_watcher.language import language_code, said
from resilver_watcher.state import COPIED, Entry

NAME = "Resilver.html"
"""Written anew each time."""
_SIDE = 900  # pixels of the longer side: two of them make some 300 kB, so that a page of 30 pictures opens at once
_QUALITY = 82

_HEAD = """\
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<style>
:root { color-scheme: light dark; }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; font: 1rem/1.5 system-ui, sans-serif; }
figure { margin: 0 0 3rem; }
h2 { font-size: 1.1rem; overflow-wrap: anywhere; }
figcaption { margin-top: .5rem; }
figcaption, p { color: color-mix(in srgb, currentColor 70%, transparent); font-size: .9rem; overflow-wrap: anywhere; }
.both { --at: 50%; position: relative; width: fit-content; max-width: 100%; margin: auto; line-height: 0; }
.both img { display: block; max-width: 100%; max-height: 85vh; }
.both .before { position: absolute; inset: 0; width: 100%; height: 100%; max-height: none;
  clip-path: inset(0 calc(100% - var(--at)) 0 0); }
.line { position: absolute; top: 0; bottom: 0; left: var(--at); width: 3px; margin-left: -1.5px; background: #fff;
  box-shadow: 0 0 4px #000; pointer-events: none; }
.line::after { content: "\\2194"; position: absolute; top: 50%; left: 50%; width: 2.4rem; margin: -1.2rem;
  border-radius: 50%; background: #fff; color: #222; font-size: 1.4rem; line-height: 2.4rem; text-align: center;
  box-shadow: 0 0 4px #000; }
.both input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0; cursor: ew-resize; }
.both:focus-within { outline: 3px solid #48f; }
</style>
<script>
addEventListener("input", (event) => event.target.parentElement.style.setProperty("--at", event.target.value + "%"));
</script>
"""


def write_page(entries: Sequence[Entry], directory: Path, words: gettext.NullTranslations | None = None) -> Path:
    """Write the page of these entries into ``directory``, which is made if missing; its path.

    Pictures are read one at a time and shown small. One whose original went away or changed is shown without it.

    Raises:
        OutputError: it cannot be written.
    """
    words = words or language.translation(os.environ)
    path = directory / NAME
    temporary = directory / f".{NAME}.{secrets.token_hex(4)}.tmp"
    with translated(directory):
        directory.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("x", encoding="utf-8") as file:
                file.writelines(_page(entries, words))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    return path


def _page(entries: Sequence[Entry], words: gettext.NullTranslations) -> Iterator[str]:
    _ = words.gettext
    shown = [entry for entry in entries if entry.outputs]
    title = html.escape(_("Restored photographs"))
    code = language_code(words)
    yield f'<!doctype html>\n<html lang="{code}">\n<head>\n<meta charset="utf-8">\n<title>{title}</title>\n'
    yield f"{_HEAD}</head>\n<body>\n<h1>{title}</h1>\n"
    if not shown:
        nothing = html.escape(_("Nothing was restored yet."))
        yield f"<p>{nothing}</p>\n"
    for entry in shown:
        yield _figure(entry, words)
    yield "</body>\n</html>\n"


def _figure(entry: Entry, words: gettext.NullTranslations) -> str:
    _ = words.gettext
    source, output = Path(entry.source), Path(entry.outputs[-1])
    known = read_provenance(output)
    after = _picture(output)
    copied = COPIED in entry.notes
    lies = next((place for place in places_of(source) if _same_original(place, known)), None)
    before = _picture(lies) if after and not copied and lies is not None else ""
    name = _text(source.name)
    parts = [f"<figure>\n<h2>{name}</h2>\n"]
    if before:
        # not inside the f-strings below, where the texts to translate would not be found
        label, new, old = (html.escape(text) for text in (_("Before and after"), _("after"), _("before")))
        parts.append(
            f'<div class="both"><img class="after" src="{after}" alt="{new}">'
            f'<img class="before" src="{before}" alt="{old}"><span class="line"></span>'
            f'<input type="range" min="0" max="100" value="50" step="0.1" aria-label="{label}: {name}"></div>\n'
        )
    elif after:
        parts.append(f'<div class="both"><img class="after" src="{after}" alt="{name}"></div>\n')
        if not copied:
            gone = html.escape(_("The original is not where it was, or is another picture now."))
            parts.append(f"<p>{gone}</p>\n")
    else:
        gone = html.escape(_("The result is not where it was."))
        parts.append(f"<p>{gone}</p>\n")
    parts.append(f"<figcaption>{_caption(entry, known, words)}</figcaption>\n</figure>\n")
    return "".join(parts)


def _caption(entry: Entry, known: Provenance | None, words: gettext.NullTranslations) -> str:
    # a copy of an earlier result has the steps of that one, too
    steps = ", ".join(_step(step, words) for step in known.steps) if known and COPIED not in entry.notes else ""
    facts = (steps, _took(entry.seconds, words) if entry.seconds else "", local_time(entry.when))
    lines = (" · ".join(filter(None, facts)), *(said(note, words) for note in entry.notes), entry.outputs[-1])
    return "<br>\n".join(_text(line) for line in lines if line)


def _step(step: Step, words: gettext.NullTranslations) -> str:
    _ = words.gettext
    actions = {
        "improved": _("improved"),
        "colorized": _("colorized"),
        "x2": _("enlarged 2x"),
        "x4": _("enlarged 4x"),
    }
    action = actions.get(step.action, step.action)
    return f"{action} ({said(step.detail, words)})" if step.detail else action


def _took(seconds: float, words: gettext.NullTranslations) -> str:
    _ = words.gettext
    if seconds < 1:
        return _("less than a second")
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return _("{seconds} s").format(seconds=rest)
    return _("{minutes} min {seconds} s").format(minutes=minutes, seconds=rest)


def _same_original(source: Path, known: Provenance | None) -> bool:
    try:
        return known is None or file_digest(source) == known.source_sha256
    except ResilverError:
        return False


def _picture(path: Path) -> str:
    """A small copy as a data URL; empty if the file cannot be read."""
    try:
        picture = read_picture(path, ReadLimits())
    except (ResilverError, MemoryError):
        return ""
    image = Image.fromarray(_seen(picture))
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode("ascii")


def _seen(picture: Picture) -> Pixels:
    """What a screen shows of it: 8 bits in sRGB, on white where it is transparent, thinned out where it is large."""
    # every n-th pixel leaves at least two for each that is shown, which the resampling then smoothes
    every = max(1, max(picture.width, picture.height) // (2 * _SIDE))
    alpha = None if picture.alpha is None else np.ascontiguousarray(picture.alpha[::every, ::every])
    small = picture.replace(pixels=np.ascontiguousarray(picture.pixels[::every, ::every]), alpha=alpha)
    rgb = as_rgb(small)
    seen = to_srgb(rgb.pixels, rgb.icc)
    if alpha is None:
        return seen
    share = (alpha / np.iinfo(alpha.dtype).max).astype(np.float32)[..., None]
    blended: Pixels = np.rint(seen * share + 255 * (1 - share)).astype(np.uint8)
    return blended


def _text(text: str) -> str:
    """Text of anybody as HTML: names may hold anything, also bytes that are no UTF-8."""
    return html.escape(text.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))
