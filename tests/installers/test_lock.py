"""lock.txt, which says what the installers carry."""

import importlib.metadata

from packaging.requirements import Requirement

from builders import lock


def test_everything_that_is_needed_is_locked_with_a_digest():
    """A dependency that came later fails here until `./run build lock` was run."""
    for system in (lock.LINUX, lock.WINDOWS):
        assert lock.shipped(system) <= lock.locked(system).keys()
        lines = [line for line in system.lock.read_text("utf-8").splitlines() if not line.startswith("#")]
        assert lines
        assert all(" --hash=sha256:" in line for line in lines)


def test_windows_gets_what_it_needs_and_the_same_versions():
    """The markers are those of Windows, not of the system that locks; what both have is one version."""
    linux, there = lock.locked(lock.LINUX), lock.locked(lock.WINDOWS)
    assert {"colorama", "pywin32-ctypes"} == there.keys() - linux.keys()
    assert not {"jeepney", "secretstorage", "python-xlib"} & there.keys()
    assert {name: linux[name] for name in there.keys() & linux.keys()}.items() <= there.items()


def test_what_is_locked_is_what_the_project_asks_for():
    """A range that was raised in pyproject.toml, and not in the lock, would ship what does not fit."""
    asked = [Requirement(line) for line in importlib.metadata.requires("resilver")]
    asked = [one for one in asked if one.marker is None or one.marker.evaluate({"extra": lock.EXTRA})]
    assert asked
    for one in asked:
        assert one.specifier.contains(lock.locked(lock.LINUX)[lock.normal(one.name)]), one
