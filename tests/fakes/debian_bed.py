"""A fresh Debian in a folder, for the tests that install a package."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

# policy-rc.d: nothing that is installed there may start a service here
_INSTALL = """
printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
export DEBIAN_FRONTEND=noninteractive
apt-get update -q; apt-get install -yq --no-install-recommends {packages}; apt-get clean
useradd --create-home ann
"""
_ENTER = """
mount --make-rprivate /
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs -o mode=1777 tmp "$1/tmp"
exec chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 sh -euc "$2"
"""


def fresh(suite: str, packages: str, folder: Path) -> Path:
    """A copy of that suite with those packages and a user ann, which the test may spoil."""
    bed = _made(suite, packages)
    subprocess.run(["cp", "-a", "--reflink=auto", bed, folder], check=True)
    return folder


def inside(root: Path, script: str, *, network: bool = False, user: str = "root", check: bool = True) -> str:
    """What a shell script prints in there, errors included, as that user, without network but where it is wanted."""
    if user != "root":
        shutil.copyfile(_written(root, script), root / "srv" / "script")
        script = f"su {user} -c 'cd; exec sh -eu /srv/script'"
    spaces = ["--mount", "--pid", "--fork", "--kill-child", "--ipc", *([] if network else ["--net"])]
    done = subprocess.run(
        ["unshare", *spaces, "bash", "-euc", _ENTER, "bash", root, script],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert not check or not done.returncode, done.stdout[-4000:]
    return done.stdout


def _written(root: Path, script: str) -> Path:
    path = root / "srv" / "script.new"
    path.write_text(script, "utf-8")
    return path


def _made(suite: str, packages: str) -> Path:
    """Made once and kept."""
    if os.geteuid() or not shutil.which("debootstrap"):
        pytest.skip("a Debian to install into needs root and debootstrap")
    folder = Path.home() / ".cache" / "resilver-tests" / (f"debian-{suite}" if packages else f"debian-{suite}-bare")
    stamp = folder.with_suffix(".packages")
    if stamp.is_file() and stamp.read_text("utf-8") == packages:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["debootstrap", "--variant=minbase", suite, folder, _mirror()], check=True, stdout=subprocess.DEVNULL
    )
    shutil.copyfile("/etc/resolv.conf", folder / "etc" / "resolv.conf")
    inside(folder, _INSTALL.format(packages=packages), network=True)
    stamp.write_text(packages, "utf-8")
    return folder


def _mirror() -> str:
    """Where this system's own apt gets Debian's main archive from."""
    words = ["apt-get", "indextargets", "--format", "$(REPO_URI) $(LABEL) $(CODENAME)", "Identifier: Packages"]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    lines = [line.split() for line in told.splitlines()]
    return next(line[0] for line in lines if line[1:2] == ["Debian"] and "-" not in line[2])
