"""The page of results: what it shows, in a real browser where there is one, and that it trusts no name."""

from __future__ import annotations

import gettext
import html.parser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from resilver.errors import OutputError
from resilver.picture import Picture
from resilver.picture_io.identity import file_digest
from resilver.picture_io.provenance import Provenance, stamp
from resilver.picture_io.read import ReadLimits, read_picture
from resilver.picture_io.write import publish
from resilver.result import Step
from resilver_watcher.page import NAME, write_page
from resilver_watcher.state import Entry

WORDS = gettext.NullTranslations()
RED, BLUE = (220, 20, 20), (20, 20, 220)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def original(folder: Path, name: str, colour=RED, size=(600, 400), mode="RGB") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).convert(mode).save(path, "PNG")
    return path


def result(source: Path, folder: Path, colour=BLUE) -> Path:
    """A result with its provenance, as the engine would have written it."""
    folder.mkdir(exist_ok=True)
    blue = original(folder, ".blue.png", colour)
    picture: Picture = read_picture(blue, ReadLimits())
    blue.unlink()
    provenance = Provenance.now(
        source_name=source.name,
        source_sha256=file_digest(source),
        recipe={},
        recipe_digest="0",
        engine="local",
        output="final",
        steps=(Step(action="improved", tool="test", detail="mend <fading>"),),
    )
    return publish(stamp(picture, provenance), folder, "result", "png")


def done(source: Path, output: Path, **fields) -> Entry:
    return Entry(str(source), "done", (str(output),), seconds=3.2, when="2026-11-23T08:00:00+00:00", **fields)


class Parsed(html.parser.HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def count(self, tag, **wanted):
        return sum(name == tag and wanted.items() <= attrs.items() for name, attrs in self.tags)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "Restored"


@pytest.mark.parametrize("name", ["sub/a.png", "sub/a-2.png"])
def test_an_original_that_was_put_away_is_shown(folder, tmp_path, name):
    """Moved into Originals after success, also under a number, it is the "before" all the same."""
    source = original(tmp_path / "in", "sub/a.png")
    made = result(source, folder)
    away = tmp_path / "in" / "Originals" / name
    away.parent.mkdir(parents=True)
    if away.name != source.name:
        original(away.parent, source.name, BLUE)
    source.rename(away)
    page = Parsed(write_page([done(source, made)], folder, WORDS).read_text())
    assert page.count("img", **{"class": "before"}) == 1


def test_newest_first_with_what_was_done(tmp_path, folder):
    """Every restored picture is there in the order given, with before, after, a slider, steps and time."""
    entries = []
    for name in ("new.png", "old.png"):
        source = original(tmp_path, name)
        entries.append(done(source, result(source, folder), notes=("A note.",)))
    failed = Entry("/in/cut.jpg", "failed", reason="is cut")
    path = write_page([failed, *entries], folder, WORDS)
    page = Parsed(path.read_text())
    assert path == folder / NAME
    assert page.text.index("new.png") < page.text.index("old.png")
    assert (page.count("img"), page.count("input", type="range")) == (4, 2)
    assert "improved (mend <fading>)" in page.text
    assert "· 3 s ·" in page.text
    assert "A note." in page.text
    assert "cut.jpg" not in page.text


def test_it_needs_nothing_else(tmp_path, folder):
    """No address stands in it but those of its own pictures, and its policy forbids all others."""
    source = original(tmp_path, "a.png")
    page = Parsed(write_page([done(source, result(source, folder))], folder, WORDS).read_text())
    for _, attributes in page.tags:
        for name in ("src", "href", "data", "action"):
            assert attributes.get(name, "data:").startswith("data:")
    assert page.count("meta", **{"http-equiv": "Content-Security-Policy"}) == 1
    assert sorted(path.name for path in folder.iterdir()) == [NAME, "result.png"]  # and nothing half-made


def test_names_and_notes_are_only_text(tmp_path, folder):
    """A name with markup, quotes or bytes that are no UTF-8 adds no tag and breaks nothing."""
    name = os.fsdecode(b'"><script>alert(1)<' + b"\xff.png")
    source = original(tmp_path, name)
    entry = done(source, result(source, folder), notes=("<img src=x onerror=alert(2)>",))
    page = Parsed(write_page([entry], folder, WORDS).read_text())
    assert (page.count("script"), page.count("img")) == (1, 2)
    assert '"><script>alert(1)<\ufffd.png' in page.text


def test_an_original_that_is_gone_or_another(tmp_path, folder):
    """Without the very original there is no comparison, only the result; without the result, a word."""
    gone, other, lost = (original(tmp_path, name) for name in ("gone.png", "other.png", "lost.png"))
    entries = [done(source, result(source, folder)) for source in (gone, other, lost)]
    gone.unlink()
    original(tmp_path, "other.png", BLUE)
    Path(entries[2].outputs[0]).unlink()
    page = Parsed(write_page(entries, folder, WORDS).read_text())
    assert (page.count("img"), page.count("input")) == (2, 0)
    assert page.text.count("The original is not where it was") == 2
    assert page.text.count("The result is not where it was") == 1


@pytest.mark.parametrize("mode", ["L", "RGBA", "I;16", "P"])
def test_every_kind_of_picture(tmp_path, folder, mode):
    """Gray, transparent, deep and indexed originals are shown, small."""
    path = tmp_path / "a.png"
    Image.new("L", (3000, 40), 100).convert("I").convert(mode).save(path) if mode == "I;16" else original(
        tmp_path, "a.png", size=(3000, 40), mode=mode
    )
    text = write_page([done(path, result(path, folder))], folder, WORDS).read_text()
    assert Parsed(text).count("input") == 1
    assert len(text) < 60_000


def test_nothing_yet(folder):
    """Without results the page says so, and a folder that is not there is made."""
    assert "Nothing was restored yet" in write_page([], folder, WORDS).read_text()


def test_a_folder_that_cannot_be_written(tmp_path):
    """An error says where it could not be written."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        write_page([], tmp_path / "file", WORDS)


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (Debian: chromium)")
@pytest.mark.parametrize(("slider", "left_of"), [(None, 50), (90, 90), (5, 5)])
def test_the_slider_in_a_browser(tmp_path, folder, slider, left_of):
    """In Chromium the original is seen left of the slider and the result right of it, wherever the slider stands."""
    source = original(tmp_path, "a.png")
    page = write_page([done(source, result(source, folder))], folder, WORDS)
    if slider is not None:  # as somebody who moves it
        moved = f'const it = document.querySelector("input"); it.value = {slider};'
        event = 'it.dispatchEvent(new Event("input", {bubbles: true}));'
        page.write_text(page.read_text().replace("</body>", f"<script>{moved}{event}</script></body>"))
    shot = tmp_path / "shot.png"
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1000,900"]
    subprocess.run(
        [*command, f"--user-data-dir={tmp_path}/profile", f"--screenshot={shot}", page.as_uri()],
        check=True,
        capture_output=True,
        timeout=60,
        env={**os.environ, "HOME": str(tmp_path)},
    )
    with Image.open(shot) as image:
        row = [_nearest(image.convert("RGB").getpixel((x, 300))) for x in range(1000)]
    picture = [x for x, colour in enumerate(row) if colour]
    red = sum(row[x] == "red" for x in picture)
    assert len(picture) > 550
    assert abs(100 * red / len(picture) - left_of) < 5
    assert re.fullmatch("(red)*(blue)*", "".join(row[x] for x in picture))


def _nearest(pixel) -> str:
    for name, colour in (("red", RED), ("blue", BLUE)):
        if all(abs(a - b) < 25 for a, b in zip(pixel, colour, strict=True)):
            return name
    return ""
