"""The manual page and the completions of three shells, made from the parser that prints ``resilver --help``."""

from __future__ import annotations

import argparse
import datetime as dt
import re
from collections.abc import Iterator
from pathlib import Path

import shtab
from argparse_manpage.manpage import Manpage

from builders.project import epoch, version
from resilver.cli.parser import build_parser

_FOLDERS = {"DIR"}
_FILES = {"FILE", "PHOTO", "OUT"}
_SHELLS = {"bash": "resilver.bash", "zsh": "_resilver", "fish": "resilver.fish"}


def manual() -> str:
    """The manual page of ``resilver`` with all its commands, for ``man``'s section 1."""
    parser = build_parser()
    about = parser.description.split(":")[0]
    page = Manpage(parser, format="single-commands-section")
    page.description = about[0].lower() + about[1:]
    page.date = str(dt.datetime.fromtimestamp(epoch(), dt.UTC).date())
    page.source = f"{parser.prog} {version()}"
    page.manual = "Resilver"
    return re.sub(r"\n{3,}", "\n\n", str(page))


def completion(shell: str) -> str:
    """The completions for "bash", "zsh" or "fish"; files and folders are offered where the help has such a word."""
    parser = build_parser()
    for one in parsers(parser):
        for action in one._actions:  # noqa: SLF001 - argparse has no public list of its arguments
            if action.metavar in _FOLDERS:
                action.complete = shtab.DIRECTORY
            elif action.metavar in _FILES:
                action.complete = shtab.FILE
    return shtab.complete(parser, shell)


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser and those of all its commands; each once."""
    yield parser
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in action.choices.values():
                yield from parsers(command)


def write(folder: Path) -> list[Path]:
    """Put all of them into that folder."""
    texts = {"resilver.1": manual(), **{name: completion(shell) for shell, name in _SHELLS.items()}}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8")
    return [folder / name for name in texts]
