"""Procedures, their arguments and their configurations in the GIMP in memory."""

from __future__ import annotations

from typing import Any


class Procedure:
    """What was registered; ``arguments``: name -> (kind, default, and all that it may be)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.arguments: dict[str, tuple[Any, ...]] = {}
        self.labels: list[str] = []

    def get_name(self) -> str:
        return self.name

    def add_menu_path(self, path: str) -> None:
        self.menu = path

    def set_menu_label(self, label: str) -> None:
        self.labels = [label]

    def add_choice_argument(self, name: str, label: str, _blurb: str, choice: Choice, default: str, _f: object) -> None:
        self._add(name, label, "choice", default, choice.nicks)

    def add_double_argument(
        self, name: str, label: str, _blurb: str, low: float, high: float, default: float, _f: object
    ) -> None:
        self._add(name, label, "double", default, (low, high))

    def add_boolean_argument(self, name: str, label: str, _blurb: str, default: bool, _f: object) -> None:
        self._add(name, label, "boolean", default, (False, True))

    def add_layer_argument(self, name: str, label: str, _blurb: str, none: bool, _f: object) -> None:
        self._add(name, label, "layer", None, ())

    def _add(self, name: str, label: str, *told: Any) -> None:
        self.arguments[name] = told
        self.labels.append(label)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith(("set_", "add_")):
            raise AttributeError(name)
        return lambda *_: None  # looks and documents


class Choice:
    def __init__(self) -> None:
        self.nicks: list[str] = []

    @classmethod
    def new(cls) -> Choice:
        return cls()

    def add(self, nick: str, _number: int, _label: str, _help: str) -> None:
        self.nicks.append(nick)


class Config:
    """A procedure's configuration: its defaults, but for what is told."""

    def __init__(self, procedure: Procedure, **told: Any) -> None:
        told = {name.replace("_", "-"): value for name, value in told.items()}
        self.values = {name: argument[1] for name, argument in procedure.arguments.items()} | told

    def get_property(self, name: str) -> Any:
        return self.values[name]
