"""The request: what stands in its query and in its part ``meta``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast, get_args

from resilver.errors import UsageError
from resilver.recipe import Kind

Mode = Literal["improve", "resolution"]
MODES: tuple[Mode, ...] = get_args(Mode)
Factor = Literal[2, 4]

PATH = "/api/v1/photo/improve"
TOKEN_PATH = "/auth/oauth/v1/token"  # noqa: S105, a path
TOKEN_FIELD = "oauth_token"  # noqa: S105, the name of a field
PROVIDER_FIELD = "oauth_provider"
META_PART = "meta"
MAX_PICTURES = 48
_MAX_NAME = 255
_KINDS: tuple[Kind, ...] = get_args(Kind)


class Refusal(UsageError):
    """A request that is answered with an envelope of ``envelope_status`` and a text, and with nothing else."""

    code = "refused"

    def __init__(self, envelope_status: int, text: str, retry_after_s: int | None = None) -> None:
        super().__init__(text)
        self.envelope_status = envelope_status
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class Query:
    """Who asks. The token is kept out of ``repr``."""

    token: str = field(repr=False)
    provider: str = "mcs"

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Query:
        """Read a query's fields; others are ignored.

        Raises:
            Refusal: 401 without a token, 400 without a provider.
        """
        token, provider = query.get(TOKEN_FIELD, ""), query.get(PROVIDER_FIELD, "")
        if not token:
            raise Refusal(401, f"authorization failed, provider: {provider or '(none)'}, reason: no {TOKEN_FIELD}")
        if not provider:
            raise Refusal(400, f"{PROVIDER_FIELD} is required")
        return cls(token, provider)


@dataclass(frozen=True, slots=True)
class Meta:
    """The part ``meta``: what to do, and the form names of the pictures to do it to.

    ``factor`` and ``kind`` count for the mode ``resolution`` only.
    """

    modes: tuple[Mode, ...]
    names: tuple[str, ...]
    factor: Factor = 2
    kind: Kind = "photo"

    def encode(self) -> str:
        """The JSON that goes into the part.

        The type is sent under both names that descriptions of the service know, ``rtype`` and ``ftype``.
        """
        data: dict[str, Any] = {"mode": list(self.modes), "images": [{"name": name} for name in self.names]}
        if "resolution" in self.modes:
            data |= {"rfactor": self.factor, "rtype": self.kind, "ftype": self.kind}
        return json.dumps(data, separators=(",", ":"))

    @classmethod
    def parse(cls, text: str | bytes, *, strict: bool = False, max_pictures: int = MAX_PICTURES) -> Meta:
        """Read the part; unknown fields are ignored.

        Without ``strict``, ``resolution`` takes factor 2 and photo by default, as the contract's raw example has it.

        Raises:
            Refusal: 400 with the reason.
        """
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Refusal(400, "meta is no JSON") from error
        if not isinstance(data, dict):
            raise Refusal(400, "meta must be an object")
        modes = _read_modes(data.get("mode"))
        names = _read_names(data.get("images"), max_pictures)
        if "resolution" not in modes:
            return cls(modes, names)
        return cls(modes, names, _read_factor(data, strict), _read_kind(data, strict))


def _read_modes(value: object) -> tuple[Mode, ...]:
    if not isinstance(value, list) or not value:
        raise Refusal(400, "mode must be a list of improve, resolution or both")
    if any(mode not in MODES for mode in value):
        raise Refusal(400, "mode knows improve and resolution only")
    return tuple(mode for mode in MODES if mode in value)


def _read_names(value: object, max_pictures: int) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise Refusal(400, "images must be a list of objects with a name")
    if len(value) > max_pictures:
        raise Refusal(400, f"at most {max_pictures} images in a request")
    names = [entry.get("name") if isinstance(entry, dict) else None for entry in value]
    if not all(isinstance(name, str) and 0 < len(name) <= _MAX_NAME for name in names):
        raise Refusal(400, f"each image needs a name of 1 to {_MAX_NAME} characters")
    if len(set(names)) != len(names) or META_PART in names:
        raise Refusal(400, f"the names of images must differ from each other and from {META_PART}")
    return tuple(cast("list[str]", names))


def _read_factor(data: Mapping[str, Any], strict: bool) -> Factor:
    value = data.get("rfactor", None if strict else 2)
    # True == 1 and 2.0 == 2 in Python
    if type(value) is not int or value not in get_args(Factor):
        raise Refusal(400, "rfactor must be 2 or 4")
    return cast("Factor", value)


def _read_kind(data: Mapping[str, Any], strict: bool) -> Kind:
    given = [data[name] for name in ("rtype", "ftype") if name in data] or ([] if strict else ["photo"])
    if not given or any(kind not in _KINDS for kind in given):
        raise Refusal(400, "rtype must be art or photo")
    if given[0] != given[-1]:
        raise Refusal(400, "rtype and ftype differ")
    return cast("Kind", given[0])


def check_parts(meta: Meta, sizes: Mapping[str, int]) -> None:
    """Check that every listed picture came; ``sizes``: bytes of each part by form name.

    Raises:
        Refusal: 400 for the whole request, in the words of the service.
    """
    for name in meta.names:
        if name not in sizes:
            raise Refusal(400, f"could not get image by name {name}: http: no such file")
        if sizes[name] == 0:
            raise Refusal(400, "empty image")
