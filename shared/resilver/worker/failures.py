"""Errors on their way through the worker's protocol: data there, the same classes again here."""

from __future__ import annotations

import dataclasses

from resilver.errors import EngineError, ResilverError
from resilver.worker.parts import ErrorData
from resilver.worker.protocol import Failed


def error_data(error: ResilverError) -> ErrorData:
    """An error as data."""
    return ErrorData(code=error.code, title=error.title, message=error.message, temporary=error.temporary)


def failed(identifier: str | None, error: ResilverError) -> Failed:
    """The answer to a request that failed."""
    return Failed(id=identifier, **dataclasses.asdict(error_data(error)))


def to_error(data: ErrorData) -> ResilverError:
    """The error again: the same class with the same sentence; one that only a newer worker knows is an EngineError."""
    return _classes(ResilverError).get(data.code, EngineError)(data.message)


def _classes(base: type[ResilverError]) -> dict[str, type[ResilverError]]:
    found = {base.code: base}
    for kind in base.__subclasses__():
        found.update(_classes(kind))
    return found
