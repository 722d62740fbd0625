r"""The worker's protocol: all that a front end needs in order to let a worker do its work.

A front end starts ``python -m resilver.worker`` and talks to it by its standard input and output.
Whatever the libraries print goes to standard error, which the front end should keep reading.
A standard library is enough to speak it: start a process, write and read lines of JSON.

**Lines.** A message is one JSON object on one line, in ASCII (everything else as ``\uXXXX``), at most
1 MiB, with its kind in ``"type"``. Unknown fields are ignored, so that either side may be newer;
fields with a default may be left out. A path is absolute, and is the string that Python's
``os.fsdecode`` makes of its bytes: one that is no UTF-8 holds lone surrogates (``\udcff``).

**Start.** The worker speaks first::

    < {"type": "hello", "protocol": 1, "version": "0.1.0", "pid": 4711}

``protocol`` changes only when an old partner could not go on; whoever reads another number stops there.

**Requests** carry an ``id``, a string chosen by the front end, new for each request. For each there is
exactly one last answer with that ``id``: the one named below, or an ``error``. Jobs (all but ``ping``,
``folder`` and ``cancel``) run one after the other, in the order in which they came.

=============== =============== ====================================================================
request         last answer     what for
=============== =============== ====================================================================
``ping``        ``pong``        is it alive; answered at once, also during a job
``info``        ``info``        versions, the engine and its networks
``agree``       ``agreed``      keep that the user agreed to send pictures to the service that ``info`` names
``folder``      ``folder``      a new private folder for raw pixels, in memory if ``bytes`` fit there
``improve``     ``improved``    restore a picture file into a folder
``batch``       ``batched``     restore several picture files, together where the engine takes several
``improve_raw`` ``improved_raw`` restore raw pixels that lie in such a private folder
``assess``      ``assessed``    what is wrong with a picture file, or with raw pixels
``cancel``      (none)          stop the job ``id``; it answers with an ``error`` of code ``cancelled``
=============== =============== ====================================================================

During a job come ``started`` once the picture is read (its size decides how long the job may take),
``progress`` (a fraction from 0 to 1 that never falls, some ten a second and whenever the step changes), and ``note`` (a
sentence worth telling)::

    > {"type": "improve", "id": "7", "input": "/p/attic.jpg", "directory": "/p/restored", "recipe": {}}
    < {"type": "started", "id": "7", "megapixels": 24.2}
    < {"type": "progress", "id": "7", "fraction": 0.31, "step": "enlarging"}
    < {"type": "improved", "id": "7", "input": "/p/attic.jpg", "outputs": {"final": "/p/restored/attic-improved.jpg"},
       "absent": {}, "bw": true, "seconds": 8.5, "notes": [], "skipped": false}

During a ``batch`` each file's end is told by a ``file`` with its ``number`` in ``files`` (from 0), in any order,
and either ``improved`` or ``error``; files of which nothing was told before the last answer were not done::

    > {"type": "batch", "id": "8", "files": [{"input": "/p/a.jpg", "directory": "/p/restored"}], "recipe": {}}
    < {"type": "file", "id": "8", "number": 0, "error": null, "improved": {"outputs": {...}, "absent": {}, ...}}
    < {"type": "batched", "id": "8"}

A recipe is the JSON of :class:`resilver.recipe.Recipe`; missing fields take their defaults. Results have the
names ``improved``, ``colorized``, ``colorized_improved``, ``resolved``, ``mask`` and ``final`` (all steps in a chain).
``settings`` are nested like the settings' file and win over it (``{"engine": "local", "local":
{"threads": 2}}``); secrets have no place there.

**Raw pixels.** Ask for a folder, naming the bytes of the pixels; write the pixels into a file there and,
if the layer has one, its ICC profile into another; then name both::

    > {"type": "folder", "id": "1", "bytes": 96000000}
    < {"type": "folder", "id": "1", "path": "/dev/shm/resilver-worker-4711-k3x8"}
    > {"type": "improve_raw", "id": "2", "recipe": {"resolution": 2}, "wanted": ["final"],
       "raw": {"path": "/dev/shm/resilver-worker-4711-k3x8/layer", "width": 6000, "height": 4000, "channels": 4,
               "depth": 8, "offset": 0, "icc": "/dev/shm/resilver-worker-4711-k3x8/layer.icc"}}
    < {"type": "improved_raw", "id": "2", "bw": false, "notes": [], "outputs": {"final": {"raw": {...},
       "steps": [{"action": "x2", "tool": "...", "detail": "", "generated": false}], "absent": null, "error": null}}}

Rows from top to bottom without gaps, 1 (gray), 2 (gray, alpha), 3 (RGB) or 4 (RGB, alpha) channels of 8
or 16 bits, little-endian, alpha not premultiplied, ``offset`` bytes into the file. Results lie in the same
folder, in the same layout, with the path of their own profile, or null where it is sRGB or there is none
(a gray picture may come back in colour). Read what you need, then delete the folder's content or leave it
to the worker, which deletes its folders when it ends.

**Details.** With ``"detail": [x, y, width, height]`` the local engine computes only that part of raw pixels, for a
preview: it measures the whole, once for all details of the same file, and gives the part as it will look in the whole
result, but for small differences. Damage is looked for in the part alone; ask for the ``mask`` of the whole first, and
send it along, where it is to be exactly as in the result.

**Masks.** A ``mask`` says where the damage is: a picture file for ``improve``, raw pixels for ``improve_raw``, of the
picture's size; the lighter, the more of a pixel is replaced, and nothing where it is black or transparent. The mask
that was used, the user's or the detector's, is written to ``mask_out`` (a free name; gray PNG) by ``improve``, and is
the result ``mask`` of ``improve_raw`` where that is ``wanted``, also alone: raw, 1 channel of 8 bits. Another size is
an error of code ``picture``; a mask without ``recipe.improve`` or for an engine that takes none is one of ``usage``.
``info`` has ``"features": ["mask", "hints"]`` where the engine takes masks, and ``recipe.hints`` (see there).

**Errors** are data; the worker goes on. ``code`` is stable (see :mod:`resilver.errors`), ``message`` is one
sentence for a person, ``temporary`` says whether trying again later can help. A line that cannot be
understood is answered with code ``usage`` and the ``id`` that it had, or null::

    < {"type": "error", "id": "7", "code": "picture-broken", "title": "The picture is damaged",
       "message": "...", "temporary": false}

**End.** Close the worker's standard input, or die: it stops at once, whatever it is doing, and deletes its
temporary files. SIGTERM and SIGINT stop the job at its next check, then the worker, within five seconds.
A worker that dies by itself in a job did so of that job: start another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, get_args

from resilver.engine import FINAL, Feature
from resilver.errors import UsageError
from resilver.picture import Box
from resilver.picture_io.raw import RawFile
from resilver.recipe import Recipe
from resilver.result import OutputName
from resilver.worker.codec import from_plain, to_plain
from resilver.worker.parts import Account, BatchFile, ErrorData, FileDone, RawOutput

PROTOCOL = 1
LINE_LIMIT_BYTES = 1 << 20

_RESTORE = Recipe()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """Is the worker alive?"""

    type: ClassVar[str] = "ping"
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AskInfo:
    """What is this worker?"""

    type: ClassVar[str] = "info"
    id: str
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agree:
    """Pictures may go to the service of the settings: the user was told who gets them, and agreed."""

    type: ClassVar[str] = "agree"
    id: str
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AskFolder:
    """A new private folder with room for ``bytes`` and their results."""

    type: ClassVar[str] = "folder"
    id: str
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Improve:
    """Restore ``input`` into ``directory``; see :func:`resilver.improve.improve_file`."""

    type: ClassVar[str] = "improve"
    id: str
    input: Path
    directory: Path
    recipe: Recipe = _RESTORE
    keep: Literal["final", "all"] = "final"
    again: bool = False
    found: bool = False
    mask: Path | None = None
    mask_out: Path | None = None
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Restore ``files``; see :func:`resilver.improve.improve_files`."""

    type: ClassVar[str] = "batch"
    id: str
    files: tuple[BatchFile, ...]
    recipe: Recipe = _RESTORE
    keep: Literal["final", "all"] = "final"
    again: bool = False
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImproveRaw:
    """Restore raw pixels, or only a ``detail``; see :class:`resilver.engine.Engine` and ``DetailEngine``."""

    type: ClassVar[str] = "improve_raw"
    id: str
    raw: RawFile
    recipe: Recipe = _RESTORE
    wanted: tuple[OutputName, ...] = FINAL
    mask: RawFile | None = None
    detail: Box | None = None
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Assess:
    """Measure the file ``input``, or the pixels ``raw``, without changing anything."""

    type: ClassVar[str] = "assess"
    id: str
    input: Path | None = None
    raw: RawFile | None = None
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Stop the job ``id``; nothing happens if it has ended."""

    type: ClassVar[str] = "cancel"
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The worker's first line."""

    type: ClassVar[str] = "hello"
    protocol: int
    version: str = ""
    pid: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pong:
    """The worker is alive."""

    type: ClassVar[str] = "pong"
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """``versions`` of Resilver, Python and the libraries; ``models``: networks that are installed.

    ``device``: what runs the networks, a phrase for people. ``features``: see :class:`resilver.engine.Limits`.
    ``cloud``: null if the cloud engine cannot be used.
    """

    type: ClassVar[str] = "info"
    id: str
    engine: str
    versions: dict[str, str]
    models: tuple[str, ...] = ()
    device: str | None = None
    features: tuple[Feature, ...] = ()
    cloud: Account | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreed:
    """The consent is kept."""

    type: ClassVar[str] = "agreed"
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """The folder that was asked for, empty, readable by this user only."""

    type: ClassVar[str] = "folder"
    id: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The picture is read, the work begins."""

    type: ClassVar[str] = "started"
    id: str
    megapixels: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """``fraction`` 0..1 of the job is done, now at ``step``."""

    type: ClassVar[str] = "progress"
    id: str
    fraction: float
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A sentence worth telling while the job runs."""

    type: ClassVar[str] = "note"
    id: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Improved(FileDone):
    """The file ``input`` was restored."""

    type: ClassVar[str] = "improved"
    id: str
    input: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchedFile:
    """The end of one file of a batch: what became of it, or why nothing did."""

    type: ClassVar[str] = "file"
    id: str
    number: int
    improved: FileDone | None = None
    error: ErrorData | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batched:
    """The batch is through."""

    type: ClassVar[str] = "batched"
    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImprovedRaw:
    """Raw pixels were restored; see :class:`resilver.result.Result`."""

    type: ClassVar[str] = "improved_raw"
    id: str
    outputs: dict[str, RawOutput]
    bw: bool
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessed:
    """What ``resilver info`` prints, as plain JSON values."""

    type: ClassVar[str] = "assessed"
    id: str
    assessment: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(ErrorData):
    """The request ``id`` failed; null: a line in which none could be read."""

    type: ClassVar[str] = "error"
    id: str | None


Request = Ping | AskInfo | Agree | AskFolder | Improve | Batch | ImproveRaw | Assess | Cancel
Answer = (
    Hello | Pong | Info | Agreed | Folder | Started | Progress | Note | Improved | BatchedFile | Batched | ImprovedRaw
    | Assessed | Failed
)  # fmt: skip

_REQUESTS: dict[str, Any] = {kind.type: kind for kind in get_args(Request)}
_ANSWERS: dict[str, Any] = {kind.type: kind for kind in get_args(Answer)}


def to_line(message: Request | Answer) -> bytes:
    """The message as one line with its end."""
    return json.dumps({"type": message.type, **to_plain(message)}).encode("ascii") + b"\n"


def read_request(data: Mapping[str, Any]) -> Request:
    """The request in a line's object. Raises UsageError: an unknown type, or a field of the wrong kind."""
    request: Request = _message(_REQUESTS, data)
    return request


def read_answer(data: Mapping[str, Any]) -> Answer | None:
    """The answer in a line's object; ``None``: one that only a newer worker knows. Raises UsageError: a wrong field."""
    return _message(_ANSWERS, data) if data.get("type") in _ANSWERS else None


def _message(kinds: Mapping[str, Any], data: Mapping[str, Any]) -> Any:
    kind = data.get("type")
    if not isinstance(kind, str) or kind not in kinds:
        raise UsageError(f"There is no message of the type {str(kind)[:80]!r}; there are {', '.join(kinds)}.")
    return from_plain(kinds[kind], data, kind)
