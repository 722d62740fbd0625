"""Commands that start another one with mounts or limits of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from fakes.watched import Watched

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the fault is provoked by means of Linux")


def able(*command: str) -> bool:
    """Whether the system lets this user do so."""
    done = shutil.which(command[0]) and subprocess.run(command, capture_output=True, check=False).returncode == 0
    return bool(done)


def apart(script: str) -> list[str]:
    """Starts a command in a mount namespace of its own, after a shell script."""
    if not able("unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"):
        pytest.skip("mounting needs root, or user namespaces")
    return ["unshare", "-rm", "sh", "-c", f'{script} && exec "$@"', "sh"]


def limited(script: str) -> list[str]:
    """Starts a command with limits of its own for inotify."""
    if not able("unshare", "-Ur", "sh", "-c", "echo 99 > /proc/sys/user/max_inotify_watches"):
        pytest.skip("limits of its own need user namespaces")
    return ["unshare", "-Ur", "sh", "-c", f'{script} && exec "$@"', "sh"]


def inside(folder: Watched, *command: str) -> None:
    """Do something where the daemon's mounts are seen."""
    subprocess.run(["nsenter", "-t", str(folder.pid), "-U", "-m", "--preserve-credentials", *command], check=True)
