"""The command line as a whole: version, help, statuses, unexpected errors."""

import argparse
import json
import os
import subprocess
import sys

import pytest

from resilver import __version__
from resilver.cli import main
from resilver.cli.parser import build_parser


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout


def test_version_loads_nothing():
    """--version answers before any library, or even the parser, is loaded."""
    out = python(
        "import sys; from resilver.cli import main; main(['--version'])\n"
        "print({'numpy', 'PIL', 'argparse', 'platformdirs', 'resilver.recipe'} & set(sys.modules))"
    )
    assert out.splitlines() == [f"resilver {__version__}", "set()"]


def test_help_loads_no_heavy_library():
    """The parser, from which help and completions come, needs neither numpy nor Pillow nor the engine."""
    out = python(
        "import sys; from resilver.cli import main; main(['restore', '--help'])\n"
        "print({'numpy', 'PIL', 'ncnn', 'cv2', 'platformdirs', 'subprocess'} & set(sys.modules))"
    )
    assert out.splitlines()[-1] == "set()"
    assert "--upscale" in out


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["restore"],
        ["restor", "a.jpg"],
        ["restore", "a.jpg", "--upscale", "3"],
        ["restore", "a.jpg", "--jobs", "0"],
        ["restore", "a.jpg", "--strength", "1.5"],
        ["restore", "a.jpg", "--strength", "nan"],
        ["restore", "a.jpg", "--preset", "Sharpen"],
        ["restore", "a.jpg", "--no-improve"],
        ["models"],
        ["models", "install", "nonsense"],
    ],
)
def test_wrong_usage(argv, capsys):
    """What cannot be meant ends with status 2, a sentence on stderr, and nothing on stdout."""
    assert main(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "resilver" in err
    assert "Traceback" not in err


@pytest.mark.parametrize("number", ["0", "-1", "two", "1.5", "²"])
def test_a_number_of_jobs_that_is_none(number, capsys):
    """What is wrong with --jobs is said in words for people."""
    assert main(["restore", "a.jpg", f"--jobs={number}"]) == 2
    assert "--jobs: must be 1 or more" in capsys.readouterr().err


def test_output_that_is_a_file(home, capsys):
    """-o with a file is wrong usage, said before any work."""
    (home / "out").write_text("mine")
    assert main(["restore", "a.jpg", "-o", "out"]) == 2
    assert "is no folder" in capsys.readouterr().err


def test_broken_settings(home, monkeypatch, capsys):
    """A setting that cannot be meant is named in one line, with status 2."""
    monkeypatch.setenv("RESILVER_LOCAL_GPU", "perhaps")
    assert main(["restore", "a.jpg"]) == 2
    assert "local.gpu" in capsys.readouterr().err


def test_unexpected_errors_go_to_the_log(home, capsys):
    """A bug gives the user a sentence with the log's path; the traceback stands in the log alone."""
    settings = home / "xdg_config_home" / "resilver" / "settings.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('local = {models = "no file can be called \\u0000"}')  # no code expects that
    status = main(["models", "install", "waifu2x"])
    err = capsys.readouterr().err
    log = home / "xdg_state_home" / "resilver" / "log" / "resilver.log"
    assert status == 1
    assert str(log) in err
    assert "ValueError" not in err
    assert "ValueError: embedded null byte" in log.read_text()


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_is_no_error_message(unbuffered):
    """'resilver ... | head' ends quietly with status 1 when the reader has gone."""
    code = "import sys; from resilver.cli import main; sys.exit(main(['models', 'list']))"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdout=writer,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        check=False,
        timeout=60,
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, b"")


def test_every_command_has_help_and_a_function():
    """Manual pages and completions come from this parser: every command tells what it is for, and can be run."""

    def commands(parser):
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                listed = {choice.dest for choice in action._choices_actions}
                for name, inner in action.choices.items():
                    assert name in listed
                    yield name, inner
                    yield from commands(inner)

    found = dict(commands(build_parser()))
    assert {"restore", "info", "doctor", "models", "list", "install", "remove"} <= set(found)
    for name, parser in found.items():
        assert parser.description or name == "list"
        assert parser.get_default("run") or any(isinstance(a, argparse._SubParsersAction) for a in parser._actions)
    json.dumps(sorted(found))
