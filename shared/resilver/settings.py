"""Settings: defaults < file < environment < options, read once and passed on as values."""

from __future__ import annotations

import dataclasses
import math
import os
import tomllib
import types
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import platformdirs

from resilver.errors import SettingsError

APP = "resilver"
EngineName = Literal["local", "cloud"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
"""Those that can be asked for, the default first."""


def config_file() -> Path:
    """Where the user's settings are read from."""
    return Path(platformdirs.user_config_dir(APP, appauthor=False)) / "settings.toml"


def data_dir() -> Path:
    """Where downloaded networks lie."""
    return Path(platformdirs.user_data_dir(APP, appauthor=False))


def state_dir() -> Path:
    """Where logs, journals and ledgers lie."""
    return Path(platformdirs.user_state_dir(APP, appauthor=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """What is refused before it is decoded. Scans of a few hundred megapixels are usual in archives."""

    megapixels: float = 400.0
    megabytes: float = 2000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSettings:
    """The embedded engine. ``threads`` 0: every core that this process may use."""

    threads: int = 0
    gpu: Literal["auto", "off"] = "auto"
    models: Path = field(default_factory=lambda: data_dir() / "models")


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudSettings:
    """The service that ``--engine cloud`` sends pictures to; its token is no setting, see ``resilver login``.

    ``base_url``: of the method, without a query. ``provider``: what issued the token. ``token_url``: where OAuth
    clients get theirs. ``proxy`` and ``ca_file`` (of certificates to trust): empty for the system's.
    ``read_s``: without a byte. ``deadline_s``: for one request with all its retries.
    ``pictures`` to ``short_side``: what one request may hold, the smallest of all that the service states.
    ``price``: of one picture, in ``currency``, for estimates; 0: unknown. ``monthly_limit``: pictures sent in a
    calendar month (UTC), after which it stops; 0: none. ``keep_mb``: of paid results, so that none is paid twice.
    """

    base_url: str = "https://smarty.mail.ru/api/v1/photo/improve"
    provider: str = "mcs"
    token_url: str = "https://mcs.mail.ru/auth/oauth/v1/token"  # noqa: S105 - an address
    proxy: str = ""
    ca_file: str = ""
    connect_s: float = 15.0
    read_s: float = 300.0
    deadline_s: float = 1800.0
    attempts: int = 3
    pictures: int = 48
    bytes_each: int = 8_000_000
    bytes_together: int = 30_000_000
    long_side: int = 3840
    short_side: int = 2160
    price: float = 0.0
    currency: str = ""
    monthly_limit: int = 1000
    keep_mb: float = 2000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerSettings:
    """The worker process: networks are unloaded after ``idle_s`` without a job.

    A picture may take ``deadline_s`` and so much more for each of its megapixels; ``memory_mb`` 0: no limit.
    ``low_priority``: leave the machine to whatever else wants it.
    """

    idle_s: float = 120.0
    start_s: float = 60.0
    deadline_s: float = 120.0
    deadline_s_per_megapixel: float = 300.0
    memory_mb: int = 0
    low_priority: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The server. What one request may hold: ``pictures``, bytes each and together, megapixels each.

    ``queue_pictures`` and ``queue_bytes``: what is taken on before new requests are told to come again. ``workers``
    0: one for every two cores. A client has ``header_s`` to say what it wants, and then ``patience_s`` besides the
    time that ``bytes_per_s`` allows, for sending and for reading each. Stopping waits ``stop_s`` for what was begun.

    ``providers``: the values of ``oauth_provider`` to accept, between commas; none: any. ``strict``: ``resolution``
    without factor or type is refused. ``always_200``: errors come under HTTP status 200, as some clients want it.
    """

    workers: int = 0
    pictures: int = 48
    bytes_each: int = 8 << 20
    bytes_together: int = (48 * 8 + 1) << 20
    megapixels: float = 40.0
    queue_pictures: int = 96
    queue_bytes: int = 1 << 30
    header_s: float = 10.0
    patience_s: float = 30.0
    bytes_per_s: int = 16 << 10
    stop_s: float = 60.0
    providers: str = ""
    strict: bool = False
    always_200: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSettings:
    """A pair of folders, ``[[watch.pairs]]`` in the file; ``preset``: its own, or empty for the daemon's."""

    input: Path
    output: Path
    preset: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchSettings:
    """The hot folder. Without ``input``, ``output`` and ``pairs``: a pair in the user's pictures folder.

    ``originals``: what happens to a picture after success; ``move``: into ``Originals`` in its input folder.
    ``quiet_s``: a file that was closed is complete after so long without an event. ``look_s``: one of which nothing is
    told, after two equal looks so far apart. ``patience_s``: what is unusable for so long has failed.
    ``sweep_s``: how often the folders are searched; ``rescan_s``: where events do not tell everything (network drives,
    or ``events`` ``off``). ``notifications``: one at the end of a run, and one when there is trouble.
    ``handed``: where results go of pictures that a file manager's menu handed over: beside each, or into the folder.
    """

    input: Path | None = None
    output: Path | None = None
    pairs: tuple[PairSettings, ...] = ()
    preset: str = "Restore"
    keep: Literal["final", "all"] = "final"
    originals: Literal["stay", "move"] = "stay"
    on_battery: Literal["work", "pause"] = "work"
    events: Literal["auto", "off"] = "auto"
    notifications: bool = True
    handed: Literal["beside", "folder"] = "beside"
    quiet_s: float = 1.0
    look_s: float = 2.0
    patience_s: float = 600.0
    sweep_s: float = 45.0
    rescan_s: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting; a section of the file for each field that is a section here.

    The environment variable of ``limits.megapixels`` is ``RESILVER_LIMITS_MEGAPIXELS``.
    """

    engine: EngineName = "local"
    limits: LimitSettings = field(default_factory=LimitSettings)
    local: LocalSettings = field(default_factory=LocalSettings)
    cloud: CloudSettings = field(default_factory=CloudSettings)
    worker: WorkerSettings = field(default_factory=WorkerSettings)
    server: ServerSettings = field(default_factory=ServerSettings)
    watch: WatchSettings = field(default_factory=WatchSettings)


def load_settings(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Settings:
    """Read the settings of this user.

    ``options`` are nested like the file and win over everything. A missing file is no error.

    Raises:
        SettingsError: an unknown name, a value of the wrong kind, or a file that is no TOML.
    """
    path = config_file() if path is None else path
    try:
        merged: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        merged = {}
    except (OSError, ValueError) as error:  # no UTF-8, no TOML, or a number of thousands of digits
        raise SettingsError(f"The settings in {path} cannot be read ({error}); mend or remove that file.") from error
    _merge(merged, _from_environment(Settings, "RESILVER", os.environ if environ is None else environ))
    _merge(merged, dict(options or {}))
    settings: Settings = _build(Settings, merged, "")
    return settings


def _from_environment(section: type, prefix: str, environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, kind in get_type_hints(section).items():
        variable = f"{prefix}_{name.upper()}"
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            inner = _from_environment(kind, variable, environ)
            if inner:
                found[name] = inner
        elif variable in environ:
            found[name] = environ[variable]
    return found


def _merge(base: dict[str, Any], over: Mapping[str, Any]) -> None:
    for name, value in over.items():
        if isinstance(value, Mapping) and isinstance(base.get(name), dict):
            _merge(base[name], value)
        else:
            base[name] = dict(value) if isinstance(value, Mapping) else value


def _build(section: type, values: Mapping[str, Any], where: str) -> Any:
    if not isinstance(values, Mapping):
        raise SettingsError(f"The setting '{where.rstrip('.')}' must be a section.")
    kinds = get_type_hints(section)
    for name in values:
        if name not in kinds:
            raise SettingsError(f"There is no setting '{where}{name}'; known are {', '.join(kinds)}.")
    made = {name: _convert(kinds[name], value, where + name) for name, value in values.items()}
    for setting in dataclasses.fields(section):
        if setting.name not in made and setting.default is setting.default_factory is dataclasses.MISSING:
            raise SettingsError(f"The setting '{where}{setting.name}' is missing; add it.")
    return section(**made)


def _convert(kind: Any, value: Any, name: str) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return _build(kind, value, name + ".")
    if get_origin(kind) is Literal:
        if value in get_args(kind):
            return value
        raise SettingsError(
            f"The setting '{name}' must be one of {', '.join(map(str, get_args(kind)))}, not {value!r}."
        )
    if get_origin(kind) is tuple:
        if not isinstance(value, (list, tuple)):
            raise SettingsError(f"The setting '{name}' must be a list of sections; write [[{name}]] in the file.")
        return tuple(_convert(get_args(kind)[0], item, name) for item in value)
    if get_origin(kind) in (Union, types.UnionType):
        inner = [option for option in get_args(kind) if option is not type(None)]
        return None if value in (None, "") else _convert(inner[0], value, name)
    try:
        return _plain(kind, value)
    except (TypeError, ValueError, KeyError, OverflowError) as error:
        raise SettingsError(f"The setting '{name}' cannot be {value!r}; it must be {_WORDS[kind]}.") from error


_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text", Path: "a path"}
_BOOLEANS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def _plain(kind: Any, value: Any) -> Any:
    if kind is bool:
        return _BOOLEANS[str(value).lower()]
    if kind in (int, float) and isinstance(value, (bool, list, dict)):
        raise TypeError(value)
    if kind is int and isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    if kind is float and not math.isfinite(float(value)):
        raise ValueError(value)
    if kind is Path:
        return Path(value).expanduser()
    if kind is str and not isinstance(value, str):
        raise TypeError(value)
    return kind(value)
