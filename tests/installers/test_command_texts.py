"""The manual page and the completions."""

import os
import pty
import re
import shutil
import subprocess

import pytest

from builders import command_texts
from resilver.cli.parser import build_parser

PARSERS = {parser.prog: parser for parser in command_texts.parsers(build_parser())}


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    return {path.name: path for path in command_texts.write(folder)}


def options(parser):
    return [word for action in parser._actions for word in action.option_strings if word.startswith("--")]


@pytest.mark.parametrize("prog", sorted(PARSERS))
def test_every_command_and_option_stands_in_the_manual(prog, texts):
    """Each command has its part, and all its options in it."""
    page = texts["resilver.1"].read_text("utf-8").replace("\\-", "-")
    part = page if prog == "resilver" else page.split(f"\\fB{prog}\\fR\n", 1)[1].split("\n.SS ", 1)[0]
    missing = [option for option in options(PARSERS[prog]) if f"\\fB{option}\\fR" not in part and option != "--help"]
    assert not missing


@pytest.mark.parametrize("name", ["resilver.bash", "_resilver", "resilver.fish"])
def test_every_command_and_option_stands_in_the_completions(name, texts):
    """Of each of the three shells."""
    words = set(re.split(r"[^\w-]+", texts[name].read_text("utf-8")))
    for prog, parser in PARSERS.items():
        wanted = {option.lstrip("-") for option in options(parser)} | {prog.split()[-1]}
        assert not {word for word in wanted if word not in words and f"--{word}" not in words}


def test_the_same_bytes_come_out_twice(texts, tmp_path):
    """The day in the manual is that of the project's last change, not today."""
    again = command_texts.write(tmp_path)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in texts.values()]


def test_the_manual_is_well_formed(texts):
    """groff has nothing to warn of, and the name that whatis looks for is there."""
    if not shutil.which("groff"):
        pytest.skip("needs groff")
    words = ["groff", "-man", "-ww", "-Tutf8", "-P-c", texts["resilver.1"]]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert not done.stderr
    assert "resilver - brings old photographs back" in re.sub("[\u2010\u2212]", "-", done.stdout)


@pytest.mark.parametrize(
    ("typed", "got"),
    [
        ("resilver resto\t", "<restore>"),
        ("resilver restore --upsc\t4 att\t", "<restore><--upscale><4><attic.jpg>"),
        ("resilver gimp uni\t", "<gimp><uninstall>"),
        ("resilver restore -o alb\t", "<restore><-o><album/>"),
        ("resilver restore --colorize al\t", "<restore><--colorize><always>"),
    ],
)
def test_bash_completes(typed, got, texts, tmp_path):
    """In an interactive bash, the tabulator brings commands, options, choices, files and folders."""
    (tmp_path / "attic.jpg").touch()
    (tmp_path / "album").mkdir()
    setting = f"source {texts['resilver.bash']}; resilver() {{ printf '<%s>' \"$@\"; echo '<end>'; }}; PS1=ready:"
    keyboard, screen = pty.openpty()
    bash = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"], stdin=screen, stdout=screen, stderr=screen, cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "TERM": "dumb", "INPUTRC": os.devnull, "HISTFILE": os.devnull},
        start_new_session=True,
    )  # fmt: skip
    os.close(screen)
    try:
        os.write(keyboard, f"{setting}\n".encode())
        until(keyboard, "\nready:")
        os.write(keyboard, f"{typed}\n".encode())
        assert until(keyboard, "<end>\r").splitlines()[-1] == f"{got}<end>"
    finally:
        bash.kill()
        bash.wait()
        os.close(keyboard)


def until(terminal, mark):
    """What bash writes, up to the mark; the test's own time limit ends a wait in vain."""
    seen = ""
    while mark not in seen:
        seen += os.read(terminal, 4096).decode("utf-8", "replace")
    return seen[: seen.index(mark) + len(mark)].rstrip("\r")


def test_fish_completes(texts):
    """Commands, and the options of a command."""
    if not shutil.which("fish"):
        pytest.skip("needs fish")
    script = f"source {texts['resilver.fish']}; complete -C 'resilver res'; complete -C 'resilver restore --upsc'"
    done = subprocess.run(["fish", "--no-config", "-c", script], capture_output=True, text=True, check=True)
    assert {"restore", "resume", "--upscale"} <= {line.split("\t")[0] for line in done.stdout.splitlines()}


def test_zsh_can_read_them(texts):
    """Only the grammar is looked at: zsh's completion needs a terminal with its whole system of completion."""
    if not shutil.which("zsh"):
        pytest.skip("needs zsh")
    subprocess.run(["zsh", "-n", texts["_resilver"]], check=True)
