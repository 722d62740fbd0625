"""Starting with the computer: one file, or one value, in the place where each system looks.

A desktop starts the daemon with its session, so that the tray finds its panel; a machine without one starts it by
systemd's user manager. Only the files were tried; that macOS and Windows heed theirs is not verified.
"""

from __future__ import annotations

import contextlib
import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from resilver.errors import OutputDenied

NAME = "resilver"
LABEL = "org.resilver.watch"
_RUN_KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"


@dataclass(frozen=True, slots=True)
class Start:
    """A way to be started: the ``path`` of its file, its ``text``, and what to link to it (systemd's "enable")."""

    path: Path
    text: str
    link: Path | None = None


def command(*arguments: str) -> list[str]:
    """The program with this very Python, so that it works from an environment that no PATH knows."""
    program = Path(sys.executable)
    windowless = program.with_name("pythonw.exe")
    if sys.platform == "win32" and windowless.exists():
        program = windowless
    return [str(program), "-P", "-m", "resilver_watcher", *arguments]  # -P: no code out of the folder it starts in


def turn_on(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path | None:
    """Start with the computer from now on; the file that was written, ``None`` for the registry.

    Raises:
        OutputDenied: the file cannot be written.
    """
    if platform == "win32":
        _set_run_value(windows_line(command()))
        return None
    ways = _ways(environ, platform)
    chosen = ways[0] if platform == "darwin" or _has_desktop(environ) else ways[1]
    turn_off(environ, platform)  # never both
    try:
        chosen.path.parent.mkdir(parents=True, exist_ok=True)
        chosen.path.write_text(chosen.text, encoding="utf-8", errors="surrogateescape")
        if chosen.link is not None:
            chosen.link.parent.mkdir(parents=True, exist_ok=True)
            chosen.link.symlink_to(chosen.path)
    except OSError as error:
        raise OutputDenied(f"{chosen.path} cannot be written ({error.strerror}); see to that folder.") from error
    _reload(platform)
    return chosen.path


def turn_off(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> None:
    """Start with the computer no more; a daemon that runs goes on.

    Raises:
        OutputDenied: a file cannot be removed.
    """
    if platform == "win32":
        _set_run_value(None)
        return
    for way in _ways(environ, platform):
        try:
            if way.link is not None:
                way.link.unlink(missing_ok=True)
            way.path.unlink(missing_ok=True)
        except OSError as error:
            raise OutputDenied(f"{way.path} cannot be removed ({error.strerror}); see to that folder.") from error
    _reload(platform)


def is_on(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> bool:
    """Whether it starts with the computer."""
    if platform == "win32":
        return _run_value() is not None
    return any((way.link or way.path).exists() for way in _ways(environ, platform))


def _ways(environ: Mapping[str, str], platform: str) -> list[Start]:
    home = Path(environ.get("HOME") or Path.home())
    if platform == "darwin":
        return [Start(home / "Library/LaunchAgents" / f"{LABEL}.plist", _launch_agent(command()))]
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    units = config / "systemd/user"
    unit = f"{NAME}.service"
    return [
        Start(config / "autostart" / f"{NAME}.desktop", _desktop_entry(command())),
        Start(units / unit, _unit(command("--no-tray")), units / "default.target.wants" / unit),
    ]


def _has_desktop(environ: Mapping[str, str]) -> bool:
    return any(environ.get(name) for name in ("XDG_CURRENT_DESKTOP", "WAYLAND_DISPLAY", "DISPLAY"))


def _desktop_entry(words: Sequence[str]) -> str:
    return (
        "[Desktop Entry]\nType=Application\nName=Resilver\nComment=Restores photographs dropped into a folder\n"
        "Comment[ru]=Восстанавливает фотографии, положенные в папку\n"
        f"Exec={' '.join(map(desktop_quoted, words))}\nTerminal=false\nX-GNOME-Autostart-enabled=true\n"
    )


def desktop_quoted(word: str) -> str:
    """A word of a desktop entry's ``Exec``: in quotes, inside a string with its own escapes.

    After the Desktop Entry Specification 1.5, "The Exec key".
    """
    inner = "".join(f"\\{letter}" if letter in '"`$\\' else letter for letter in word)
    return '"' + inner.replace("\\", "\\\\").replace("%", "%%").replace("\n", "\\n") + '"'


def windows_line(words: Sequence[str]) -> str:
    """Words as a command in Windows' registry; the program always in quotes, so that no blank in it can end it."""
    return f'"{words[0]}" {subprocess.list2cmdline(words[1:])}'


def _unit(words: Sequence[str]) -> str:
    # neither ProtectHome nor PrivateTmp: the photographs lie in the home folder, and may in others
    return (
        "[Unit]\nDescription=Resilver restores photographs dropped into a folder\n\n"
        f"[Service]\nExecStart={_unit_quoted(words)}\nRestart=on-failure\nRestartSec=5\n"
        "TimeoutStopSec=20\nNoNewPrivileges=yes\n\n[Install]\nWantedBy=default.target\n"
    )


def _unit_quoted(words: Sequence[str]) -> str:
    # systemd.service(5), "Command lines": C escapes within quotes, % doubled, and $ also, but not in the program's path
    def quoted(word: str) -> str:
        return '"' + word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n") + '"'

    program, *arguments = map(quoted, words)
    return " ".join([program, *(argument.replace("$", "$$") for argument in arguments)])


def _launch_agent(words: Sequence[str]) -> str:
    agent = {"Label": LABEL, "ProgramArguments": list(words), "RunAtLoad": True, "ProcessType": "Background"}
    return plistlib.dumps(agent).decode("utf-8")


def _reload(platform: str) -> None:
    """Tell systemd, where its user manager runs; elsewhere it reads the unit when it starts."""
    if platform == "linux" and (systemctl := shutil.which("systemctl")):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run([systemctl, "--user", "daemon-reload"], capture_output=True, check=False, timeout=10)


def _set_run_value(value: str | None) -> None:
    if sys.platform == "win32":
        import winreg

        with winreg.CreateKey(winreg.HKEY_CURRENT_USER, _RUN_KEY) as key:
            if value is not None:
                winreg.SetValueEx(key, NAME, 0, winreg.REG_SZ, value)
            else:
                with contextlib.suppress(FileNotFoundError):
                    winreg.DeleteValue(key, NAME)


def _run_value() -> str | None:
    if sys.platform == "win32":
        import winreg

        with contextlib.suppress(OSError), winreg.OpenKey(winreg.HKEY_CURRENT_USER, _RUN_KEY) as key:
            return str(winreg.QueryValueEx(key, NAME)[0])
    return None
