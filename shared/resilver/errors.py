"""The tree of errors; each carries what a person, a script and a retry loop need to know.

    ResilverError
    ├── UsageError                the request itself is wrong
    │   ├── RecipeError               a recipe that cannot be meant
    │   └── SettingsError             a setting that cannot be meant
    ├── PictureError              this input only; the next one may be fine
    │   ├── PictureUnreadable         permission, gone, not a regular file
    │   ├── PictureUnknown            no picture, or a format that is not read
    │   ├── PictureBroken             truncated or damaged data
    │   ├── PictureTooLarge           over the limit of pixels or bytes
    │   └── PictureChanged            replaced while it was being worked on
    ├── OutputError               the result cannot be written
    │   ├── OutputDenied              permission, read-only
    │   ├── OutputFull                no space left (temporary)
    │   └── OutputFormat              the format cannot hold the result
    ├── EngineError               the engine cannot do it
    │   ├── EngineMissing             a network or a library that is not there
    │   ├── ModelBroken               weights that fail their check sum
    │   ├── EngineMemory              out of memory (temporary)
    │   └── BlankResult               black, NaN or otherwise no picture
    ├── CloudError                the service that pictures are sent to
    │   ├── CloudConsent              nobody agreed yet that pictures leave this machine (halts)
    │   ├── CloudUnauthorized         no token, or one that the service refuses (halts)
    │   ├── CloudLimit                over the user's own monthly limit (halts)
    │   ├── CloudUntrusted            its certificate cannot be verified (halts)
    │   ├── CloudRefused              it refuses the picture or the request for good
    │   ├── CloudBusy                 it has no time now (temporary)
    │   ├── CloudUnreachable          no connection, or it broke (temporary)
    │   └── CloudGarbage              its answer cannot be understood
    ├── WorkerError               the worker process, not the picture
    │   ├── WorkerCrashed             it died of a signal or an exit status
    │   ├── WorkerKilled              it was killed for memory
    │   ├── WorkerHung                it missed its deadline
    │   └── WorkerMismatch            it speaks another version of the protocol
    ├── NotWatching               there is no hot folder's daemon to talk to
    └── Cancelled                 the user stopped it

``str(error)`` is one sentence for a person that says what to do. ``code`` is stable and goes into
JSON; ``temporary`` says whether trying again later can help; ``halts`` that every other picture would
fail in the same way, so that a queue stops there.
"""

from __future__ import annotations

import enum
from typing import Any, ClassVar


class Status(enum.IntEnum):
    """Outcome of one result of one picture, with the numbers of the HTTP contract."""

    SUCCESS = 0
    PERMANENT = 1
    TEMPORARY = 2


class ResilverError(Exception):
    """Base of everything that Resilver raises on purpose."""

    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Something went wrong"
    temporary: ClassVar[bool] = False
    halts: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    @property
    def message(self) -> str:
        """The sentence for a person."""
        return str(self)

    @property
    def status(self) -> Status:
        """The contract's status of a picture that failed with this error."""
        return Status.TEMPORARY if self.temporary else Status.PERMANENT

    def to_json(self) -> dict[str, Any]:
        """``{"code", "title", "message"}``, as the command line and the worker print it."""
        return {"code": self.code, "title": self.title, "message": self.message}


class UsageError(ResilverError):
    """The request itself is wrong; nothing was done."""

    code = "usage"
    title = "This cannot be done as asked"
    exit_code = 2
    http_status = 400


class RecipeError(UsageError):
    """A recipe with a field or value that has no meaning."""

    code = "recipe"
    title = "The recipe is not valid"


class SettingsError(UsageError):
    """A setting with a name or value that has no meaning."""

    code = "settings"
    title = "The settings are not valid"


class PictureError(ResilverError):
    """This input cannot be used; others may be fine."""

    code = "picture"
    title = "The picture cannot be used"
    http_status = 415


class PictureUnreadable(PictureError):
    """The file is gone, forbidden, or no regular file."""

    code = "picture-unreadable"
    title = "The file cannot be read"


class PictureUnknown(PictureError):
    """The bytes are no picture in a format that is read."""

    code = "picture-unknown"
    title = "This is not a picture that can be read"


class PictureBroken(PictureError):
    """The data are truncated or damaged."""

    code = "picture-broken"
    title = "The picture is damaged"


class PictureTooLarge(PictureError):
    """The picture has more pixels or bytes than the settings allow."""

    code = "picture-too-large"
    title = "The picture is too large"
    http_status = 413


class PictureChanged(PictureError):
    """The file was replaced or went away while it was being worked on; it can be tried again."""

    code = "picture-changed"
    title = "The picture changed meanwhile"
    temporary = True


class OutputError(ResilverError):
    """The result cannot be written."""

    code = "output"
    title = "The result cannot be written"


class OutputDenied(OutputError):
    """No permission to write, or a read-only file system; the folder can be repaired."""

    code = "output-denied"
    title = "The output folder cannot be written to"
    temporary = True


class OutputFull(OutputError):
    """No space or no inodes left; it goes on when there is room."""

    code = "output-full"
    title = "The disk is full"
    temporary = True


class OutputFormat(OutputError):
    """The file format asked for cannot hold this result."""

    code = "output-format"
    title = "The format cannot hold the result"


class EngineError(ResilverError):
    """The engine cannot do what was asked."""

    code = "engine"
    title = "The engine failed"


class EngineMissing(EngineError):
    """A network, library or device that the request needs is not installed."""

    code = "engine-missing"
    title = "Something is not installed"


class ModelBroken(EngineError):
    """Weights that fail their check sum."""

    code = "model-broken"
    title = "A network's file is damaged"


class EngineMemory(EngineError):
    """The step did not fit into memory; smaller tiles or a quieter machine may help."""

    code = "engine-memory"
    title = "Not enough memory"
    temporary = True


class BlankResult(EngineError):
    """The engine gave a black, constant or NaN picture where the input is none of these."""

    code = "blank-result"
    title = "The engine gave an empty picture"


class CloudError(ResilverError):
    """The service failed, or may not be used."""

    code = "cloud"
    title = "The cloud service failed"
    http_status = 502


class CloudConsent(CloudError):
    """Nobody agreed yet that pictures leave this machine; nothing was sent."""

    code = "cloud-consent"
    title = "Pictures would leave this computer"
    halts = True


class CloudUnauthorized(CloudError):
    """There is no token, or the service refuses it."""

    code = "cloud-unauthorized"
    title = "The cloud service does not let you in"
    halts = True


class CloudLimit(CloudError):
    """The month's limit that the user set is reached; nothing more was sent."""

    code = "cloud-limit"
    title = "The monthly limit is reached"
    halts = True


class CloudUntrusted(CloudError):
    """The service's certificate cannot be verified; nothing was sent."""

    code = "cloud-untrusted"
    title = "The cloud service cannot prove who it is"
    halts = True


class CloudRefused(CloudError):
    """The service refuses the picture or the request; sending it again does not help."""

    code = "cloud-refused"
    title = "The cloud service refused the picture"


class CloudBusy(CloudError):
    """The service has no time now, also after several tries; ``retry_after_s``: what it proposed, if it did."""

    code = "cloud-busy"
    title = "The cloud service is busy"
    temporary = True

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class CloudUnreachable(CloudError):
    """There is no connection to the service, or it broke or took too long, also after several tries."""

    code = "cloud-unreachable"
    title = "The cloud service cannot be reached"
    temporary = True


class CloudGarbage(CloudError):
    """The service's answer is not what its contract says."""

    code = "cloud-garbage"
    title = "The cloud service's answer cannot be understood"


class WorkerError(ResilverError):
    """The worker process failed, not necessarily because of the picture."""

    code = "worker"
    title = "The worker failed"
    temporary = True


class WorkerCrashed(WorkerError):
    """The worker died of a signal or left with an exit status in the middle of a job."""

    code = "worker-crashed"
    title = "The worker crashed"


class WorkerKilled(WorkerError):
    """The worker was killed from outside, in most cases for want of memory."""

    code = "worker-killed"
    title = "The worker was killed, probably for want of memory"


class WorkerHung(WorkerError):
    """The worker missed its deadline and was stopped."""

    code = "worker-hung"
    title = "The worker did not answer"


class WorkerMismatch(WorkerError):
    """The worker speaks another version of the protocol."""

    code = "worker-mismatch"
    title = "The worker is of another version"
    temporary = False


class NotWatching(ResilverError):
    """There is no daemon of the hot folder to talk to."""

    code = "not-watching"
    title = "No folder is being watched"


class Cancelled(ResilverError):
    """The user stopped the work; nothing half-made is left."""

    code = "cancelled"
    title = "Stopped"
    exit_code = 130
    http_status = 499
