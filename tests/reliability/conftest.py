"""A place in which things go wrong, and what must hold after each of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.cloud_place import CloudPlace


@pytest.fixture
def place(tmp_path: Path) -> Iterator[CloudPlace]:
    """Photographs, a folder for results and an engine in the cloud; the invariants are checked at the end."""
    with CloudPlace(tmp_path) as place:
        yield place
