"""What people may come to see of the source, and the catalogues that translate it.

    python tests/sentences.py

brings them up to date: what is new comes in untranslated, what is gone goes. Of the sentences of errors and notes,
shared/resilver/locale has templates: `{0}`, `{1}` … stand for what an f-string fills in. The texts of the hot folder's
front ends and of GIMP's plug-in are marked for gettext; their catalogues are compiled as well.
"""

from __future__ import annotations

import ast
import datetime as dt
import errno
import io
import os
import re
import signal
from collections.abc import Iterable
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from resilver.language import CATALOGUES as SENTENCES
from resilver_watcher.language import CATALOGUES as TEXTS

ROOT = Path(__file__).parents[1]
PLUGIN = ROOT / "gimp_plugin/resilver_gimp/plugin/locale"
ROOMS = ("shared/resilver", "watcher/resilver_watcher", "gimp_plugin/resilver_gimp", "installers/resilver_desktop")
_FAR = re.compile(r"/(server|http_contract|plugin)/|/nautilus_extension\.py")
"""What servers answer is English by contract; what runs inside GIMP and Nautilus has no part of this package."""
_PRINTED = re.compile(r"/cli/|gimp_plugin/|installers/|conformance\.py|watcher/(commands|service)\.py")
"""The command line is English: of what is printed there only the errors are taken."""
_SENTENCE = re.compile(r"['{A-Z][^\n%]* [^\n%]* [^\n%]*\.")
_PHRASE = re.compile(r" ?[a-z]+( [a-zA-Z0-9{},]+)+")
_OF_PHRASES = re.compile(
    r"local/(measure|engine|colour|repair)\.py|cloud/(chain|ledger)\.py|improve\.py|state\.py|settings\.py|process\.py|decode\.py"
)
_ERRNOS = (
    "ENOSPC EDQUOT EFBIG EACCES EPERM EROFS ENOENT ENOTDIR EISDIR EEXIST EIO ENAMETOOLONG EMFILE ENFILE ENOMEM ESTALE "
    "ETIMEDOUT EBUSY ENODEV ENXIO ENOTCONN EHOSTDOWN ECONNREFUSED ELOOP EADDRINUSE ENOEXEC"
)
_SIGNALS = "SIGSEGV SIGABRT SIGBUS SIGILL SIGFPE SIGTERM SIGKILL SIGINT SIGHUP SIGPIPE"
_FOREIGN = (
    *(os.strerror(getattr(errno, name)) for name in _ERRNOS.split()),
    *(str(signal.strsignal(getattr(signal, name))) for name in _SIGNALS.split()),
    *("[Errno {0}] {1}: {2}", "[Errno {0}] {1}"),  # Python's
    *("image file is truncated ({0} bytes not processed)", "image file is truncated"),  # Pillow's
    *("broken data stream when reading image file", "unrecognized data stream contents when reading image file"),
    "tiff2vips: Read error at scanline {0}; got {1} bytes, expected {2}",  # libvips'
    "tiff2vips: Not enough data at scanline {0} (short {1} bytes)",
    *("vipspng: libpng read error", "VipsJpeg: premature end of JPEG image", "VipsIcc: Read from memory error"),
)
"""What systems and libraries say inside the brackets of our own sentences."""


def templates() -> dict[str, str]:
    """Every template with what stands for its fields in the source."""
    trees = {path: ast.parse(path.read_text("utf-8")) for path in _sources()}
    errors = _errors(trees.values())
    found = dict.fromkeys(_FOREIGN, "")
    for path, tree in trees.items():
        finder = _Finder(path.relative_to(ROOT).as_posix(), tree, errors)
        finder.visit(tree)
        found |= finder.found
    return found


def _sources() -> list[Path]:
    found = (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py")))
    return [path for path in found if not _FAR.search(path.as_posix())]


def _errors(trees: Iterable[ast.Module]) -> set[str]:
    bases = {
        node.name: {base.id for base in node.bases if isinstance(base, ast.Name)}
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    errors = {"ResilverError"}
    while more := {name for name, kinds in bases.items() if kinds & errors} - errors:
        errors |= more
    return errors


class _Finder(ast.NodeVisitor):
    def __init__(self, path: str, tree: ast.Module, errors: set[str]) -> None:
        self.found: dict[str, str] = {}
        self._whole = not _PRINTED.search(path)
        self._phrases = bool(_OF_PHRASES.search(path))
        self._errors = errors
        self._constants = {
            target.id: node.value.value
            for node in tree.body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
            for target in node.targets
            if isinstance(target, ast.Name) and isinstance(node.value.value, str)
        }

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring
            self.generic_visit(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for line in node.body:
            if isinstance(line, ast.Assign | ast.AnnAssign) and ast.unparse(line).startswith("title"):
                self._add(line.value, sure=node.name in self._errors)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        called = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
        if called in {"_", "gettext", "ngettext"}:
            return  # in the other catalogue
        if called in self._errors or called in {"note", "first_possible"}:
            for argument in node.args:
                for one in (argument.body, argument.orelse) if isinstance(argument, ast.IfExp) else (argument,):
                    self._add(one, sure=True)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        self._add(node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._add(node)
        for value in node.values:
            if isinstance(value, ast.FormattedValue):
                self.visit(value.value)

    def _add(self, node: ast.AST, *, sure: bool = False) -> None:
        parts, fields = [], []
        for value in node.values if isinstance(node, ast.JoinedStr) else [node]:
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                parts.append(value.value)
            elif isinstance(value, ast.FormattedValue):
                name = ast.unparse(value.value)
                if name in self._constants:
                    parts.append(self._constants[name])
                elif parts and parts[-1] == f"{{{len(fields) - 1}}}":  # nobody can tell two apart that touch
                    fields[-1] += f" + {name}"
                else:
                    parts.append(f"{{{len(fields)}}}")
                    fields.append(name)
        text = "".join(parts)
        if (
            (sure and text)
            or (self._whole and _SENTENCE.fullmatch(text))
            or (self._phrases and _PHRASE.fullmatch(text))
        ):
            self.found[text] = ", ".join(fields)


def catalogues(folder: Path) -> list[Path]:
    """Those that people edit, one for each language."""
    return sorted(folder.glob("*/LC_MESSAGES/*.po"))


def read_catalogue(path: Path) -> Catalog:
    return read_po(io.BytesIO(path.read_bytes()))


def of_templates() -> Catalog:
    """The sentences, as a catalogue without translations."""
    made = Catalog()
    for template, fields in templates().items():
        made.add(template, auto_comments=[fields] if fields else ())
    return made


def of_texts(room: Path = TEXTS.parent) -> Catalog:
    """The texts of a room that are marked for gettext: of the hot folder's front ends, or of GIMP's plug-in."""
    made = Catalog()
    for _file, _line, text, _comments, _context in extract_from_dir(room, method_map=[("**.py", "python")]):
        made.add(text)
    return made


def compiled(path: Path) -> bytes:
    """A catalogue as gettext reads it."""
    catalogue, made = read_catalogue(path), io.BytesIO()
    catalogue.creation_date = dt.datetime.fromtimestamp(0, dt.UTC)  # the same bytes each time
    write_mo(made, catalogue)
    return made.getvalue()


def _renew(path: Path, found: Catalog) -> None:
    head, _, _ = path.read_text("utf-8").partition("\n\n")
    catalogue, after = read_catalogue(path), io.BytesIO()
    catalogue.update(found, no_fuzzy_matching=True)
    write_po(after, catalogue, width=0, no_location=True, omit_header=True, ignore_obsolete=True)
    path.write_text(f"{head}\n\n{after.getvalue().decode().rstrip()}\n", "utf-8")


def main() -> None:
    for path in catalogues(SENTENCES):
        _renew(path, of_templates())
    for folder in (TEXTS, PLUGIN):
        for path in catalogues(folder):
            _renew(path, of_texts(folder.parent))
            path.with_suffix(".mo").write_bytes(compiled(path))


if __name__ == "__main__":
    main()
