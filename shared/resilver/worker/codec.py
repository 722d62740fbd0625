"""Frozen dataclasses to plain JSON values and back, checked field by field; lines to JSON objects."""

from __future__ import annotations

import dataclasses
import functools
import json
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from resilver.errors import UsageError
from resilver.recipe import Recipe

_hints = functools.cache(get_type_hints)  # a third of a millisecond for each request and its answer


def read_line(line: bytes) -> dict[str, Any]:
    """The JSON object on a line.

    Raises:
        UsageError: it is none.
    """
    try:
        data = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise UsageError("A line of the worker's protocol must be a JSON object.") from error
    if not isinstance(data, dict):
        raise UsageError("A line of the worker's protocol must be a JSON object.")
    return data


def to_plain(value: Any) -> Any:
    """The value as JSON has it; paths become strings."""
    if dataclasses.is_dataclass(value):
        return {item.name: to_plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {name: to_plain(inner) for name, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return [to_plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value


def from_plain(kind: Any, data: Any, name: str) -> Any:
    """Make a ``kind`` of a JSON object; fields that are not known are ignored.

    Raises:
        UsageError: a field is missing or of the wrong kind; the sentence calls the object ``name``.
    """
    if not isinstance(data, dict):
        raise UsageError(f"'{name}' must be an object.")
    if kind is Recipe:
        return Recipe.from_json(data)
    hints = _hints(kind)
    made = {}
    for item in dataclasses.fields(kind):
        if item.name in data:
            made[item.name] = _convert(hints[item.name], data[item.name], f"{name}.{item.name}")
        elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
            raise UsageError(f"'{name}' needs a field '{item.name}'.")
    return kind(**made)


def _convert(kind: Any, value: Any, name: str) -> Any:
    if kind is Any:
        return value
    if dataclasses.is_dataclass(kind):
        return from_plain(kind, value, name)
    if get_origin(kind) in (Union, types.UnionType):
        inner = next(option for option in get_args(kind) if option is not type(None))
        return None if value is None else _convert(inner, value, name)
    if get_origin(kind) is tuple and isinstance(value, list):
        return tuple(_convert(get_args(kind)[0], inner, name) for inner in value)
    if get_origin(kind) is dict and isinstance(value, dict):
        return {key: _convert(get_args(kind)[1], inner, name) for key, inner in value.items()}
    if get_origin(kind) is Literal and value in get_args(kind):
        return value
    if kind is Path and isinstance(value, str) and Path(value).is_absolute() and "\0" not in value:
        return Path(value)
    if kind is float and type(value) is int:
        return float(value)
    if isinstance(kind, type) and type(value) is kind:
        return value
    raise UsageError(f"'{name}' cannot be {str(value)[:80]!r}.")
