"""A journal made anew: what was done is known from the results, so that nothing is done or paid for twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from resilver.errors import ResilverError
from resilver.picture_io.identity import file_digest
from resilver.picture_io.provenance import Provenance, read_provenance
from resilver.picture_io.write import find_copy
from resilver_watcher.job import State
from resilver_watcher.journal import Journal
from resilver_watcher.pairs import Pair
from resilver_watcher.scan import Look, sweep
from resilver_watcher.state import COPIED


def rebuild(journal: Journal, pairs: Sequence[Pair]) -> None:
    """Enter every picture whose final result, or copy, lies in its output folder as done, whatever its recipe was."""
    for pair in pairs:
        made = _results(pair.output)
        for path, look in sweep(pair.input).files.items():
            _enter(journal, pair, Path(path), look, made)


def _results(output: Path) -> dict[tuple[Path, str], tuple[Path, Provenance]]:
    """The final results by their folder and the SHA-256 of what they were made from."""
    found: dict[tuple[Path, str], tuple[Path, Provenance]] = {}
    for name in sweep(output).files:
        path = Path(name)
        provenance = read_provenance(path)
        if provenance is not None and provenance.output == "final":
            found[path.parent, provenance.source_sha256] = path, provenance
    return found


def _enter(
    journal: Journal, pair: Pair, path: Path, look: Look, made: dict[tuple[Path, str], tuple[Path, Provenance]]
) -> None:
    directory = pair.directory(path)
    fields: dict[str, Any]
    try:
        digest = file_digest(path)
    except ResilverError:
        return
    result = made.get((directory, digest))
    # the same bytes under another name are another picture
    if result is not None and result[1].source_name == path.name.encode("utf-8", "replace").decode():
        fields = {"outputs": [result[0]], "recipe_digest": result[1].recipe_digest}
    elif (copy := find_copy(directory, path, digest)) is not None:
        fields = {"outputs": [copy], "notes": [COPIED]}
    else:
        return
    journal.see(pair.input, {path: directory})
    job = journal.find(path, directory)
    if job is not None and job.state is State.SEEN:
        journal.move(job, State.DONE, identity=look.identity, sha256=digest, **fields)
