"""What the documents say can be done as they say it, and what they point to is there."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path
from urllib.parse import unquote

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po

from resilver.cli.parser import build_parser
from resilver.recipe import PRESETS
from resilver.settings import load_settings
from resilver_watcher.pairs import OVERRIDE, Pair

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "guide"
PAGES = [ROOT / "README.md", ROOT / "samples" / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
OWN_VERBS = ([], ["test"], ["check"], ["bench"], ["build"])  # of ./run, which hands all others on

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, *languages: str) -> list[str]:
    """The fenced blocks in one of these languages, or all."""
    found = FENCE.findall(path.read_text())
    return [text for language, text in found if not languages or language in languages]


def prose(path: Path) -> str:
    return FENCE.sub("", path.read_text())


def arguments(line: str) -> list[str] | None:
    """What `resilver` is given in a line of a shell; None where that calls something else."""
    words = shlex.split(re.sub(r"(^|\s)#.*", "", line))
    while words and re.match(r"sudo$|[A-Z_]+=", words[0]):
        del words[0]
    if "<" in words:
        words = words[: words.index("<")]
    if not words or words[0] not in ("resilver", "./run") or (words[0] == "./run" and words[1:2] in OWN_VERBS):
        return None
    return words[1:]


def complaint(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Of the parser; nothing where it understands."""
    try:
        build_parser().parse_args(words)
    except SystemExit as leave:
        return "" if leave.code == 0 else capsys.readouterr().err.splitlines()[-1]
    return ""


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_is_understood(page, capsys):
    """Each `resilver` line of a shell block is one that the real parser takes."""
    lines = [line.removeprefix("$ ") for block in blocks(page, "sh") for line in block.replace("\\\n", "").splitlines()]
    calls = {line: words for line in lines if (words := arguments(line)) is not None}
    assert {line: why for line, words in calls.items() if (why := complaint(words, capsys))} == {}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_command_in_a_sentence_exists(page, capsys):
    """Each command named in the text and its tables exists with its options; what it needs besides may be left out."""
    named_in_text = {" ".join(text.split()) for text in INLINE.findall(prose(page))}
    wrong = {}
    for text in named_in_text:
        said = re.sub(r"\[[^]]*\]", "", text).replace("…", "").replace("\\|", "|")
        if not said.startswith(("resilver ", "./run ")) or (words := arguments(said)) is None:
            continue
        why = complaint(words, capsys)
        if why and "the following arguments are required" not in why:
            wrong[text] = why
    assert wrong == {}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_leads_somewhere(page):
    """Each relative link and picture is there, and so is the heading that it names."""
    broken = []
    for link in LINK.findall(prose(page)):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        place, _, anchor = unquote(link).partition("#")
        target = (page.parent / place).resolve() if place else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    titles = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for _, title in HEADING.findall(prose(page))]
    return set(titles)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_setting_exists(page, tmp_path):
    """Each block of settings is read by the real reader, and so is each `resilver.toml`, which has no sections."""
    for block in blocks(page, "toml"):
        path = tmp_path / OVERRIDE
        path.write_text(block)
        if "[" in block:
            load_settings(path, environ={})
        else:
            Pair(tmp_path, tmp_path / "out").recipe_for(tmp_path / "a.jpg", PRESETS["Restore"])


ENGLISH = sorted(GUIDE.glob("*.md"))


def test_the_guide_is_there_in_both_languages():
    """Each English page has a Russian one, and no other."""
    assert [path.name for path in ENGLISH] == sorted(path.name for path in (GUIDE / "ru").glob("*.md"))
    assert len(ENGLISH) >= 9


@pytest.mark.parametrize("page", ENGLISH, ids=named)
def test_both_languages_say_the_same(page):
    """Both have the same headings by level, the same commands and settings, the same rows, and as many pictures."""
    other = GUIDE / "ru" / page.name
    shapes = [
        (
            [level for level, _ in HEADING.findall(prose(one))],
            [[line.partition("  #")[0].rstrip() for line in block.splitlines()] for block in blocks(one, "sh", "toml")],
            [len(row.split(" | ")) for row in prose(one).splitlines() if row.startswith("|")],
            len(re.findall(r"!\[", prose(one))),
        )
        for one in (page, other)
    ]
    for english, russian in zip(*shapes, strict=True):
        assert english == russian


@pytest.mark.parametrize(("page", "quotes"), [("troubleshooting.md", "“”"), ("ru/troubleshooting.md", "«»")])
def test_what_is_quoted_is_said(page, quotes):
    """Each sentence in quotes in the first column of the symptoms is one of the catalogues', in that language."""
    texts = [message.id if quotes == "“”" else message.string for message in sentences()]
    said = [re.split(r"\{[^}]*\}", text) for text in texts if isinstance(text, str)]
    symptoms = [row.split(" | ")[0] for row in prose(GUIDE / page).splitlines() if row.startswith(f"| {quotes[0]}")]
    quoted = [
        text for row in symptoms for text in re.findall(f"(?<!установите ){quotes[0]}(.+?){quotes[1]}(?! …)", row)
    ]
    assert len(quoted) > 40
    assert [text for text in quoted if not any(holds(whole, text) for whole in said)] == []


def sentences() -> list[Message]:
    """Of all catalogues, with their translations."""
    found: list[Message] = []
    for path in sorted(ROOT.glob("*/*/**/locale/ru/LC_MESSAGES/*.po")):
        with path.open("rb") as file:
            found += [message for message in read_po(file) if message.id]
    return found


def holds(template: list[str], quoted: str) -> bool:
    """Whether the parts of the sentence that are quoted follow each other in the template."""
    text, at = "\0".join(template), 0
    for part in filter(None, (part.strip() for part in quoted.split("…"))):
        at = text.find(part, at)
        if at < 0:
            return False
    return True


def test_the_pictures_are_small_and_shown():
    """None takes more than 300 kB, all together less than 3 MB, and each is in a page."""
    pictures = [*(GUIDE / "images").iterdir(), *(ROOT / "docs" / "images").iterdir()]
    sizes = [path.stat().st_size for path in pictures]
    assert max(sizes) < 300_000
    assert sum(sizes) < 3_000_000
    shown = set(itertools.chain.from_iterable(LINK.findall(page.read_text()) for page in PAGES))
    assert {path.name for path in pictures} <= {Path(link).name for link in shown}
