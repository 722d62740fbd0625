"""What a failure means for the picture, and for those behind it: the one table."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Literal

from resilver.errors import (
    Cancelled,
    CloudConsent,
    CloudError,
    CloudLimit,
    EngineMemory,
    OutputDenied,
    OutputFull,
    PictureBroken,
    PictureChanged,
    PictureError,
    PictureUnknown,
    PictureUnreadable,
    ResilverError,
    WorkerError,
    WorkerMismatch,
)
from resilver_watcher.job import Job, State

LONGEST_S = 600.0
RESUME_S = 5.0  # full disks and forbidden folders are looked at so often; work goes on ten seconds after they mend
DECODE_TRIES = 4  # with looks 2 s apart after 2, 4, 8 and 16 s: scanners come back to their files within some seconds
MEMORY_TRIES = 1
READ_TRIES = 4
FATAL_DEATHS = 2


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where the picture goes, and after how many seconds it is tried again if it waits.

    ``hold``: who waits with it: the pictures of the same output folder, all, or all until somebody says ``retry``.
    ``death``: the worker died of it. ``gone``: there is no such picture any longer.
    """

    state: State
    later_s: float = 0.0
    hold: Literal["", "output", "all", "halt"] = ""
    death: bool = False
    gone: bool = False


def judge(error: ResilverError, job: Job, look_s: float = 2.0) -> Verdict:
    """The verdict on a failure of ``job``, which had failed ``job.attempts`` times before.

    ``look_s``: how long a file may rest while it is written; the first of the growing delays.
    """
    if isinstance(error, CloudConsent | CloudLimit):  # somebody agrees, or a month begins; nothing is sent till then
        return Verdict(State.WAITING, min(LONGEST_S, RESUME_S * 2 ** min(job.attempts, 7)), hold="all")
    if error.halts or isinstance(error, WorkerMismatch):
        return Verdict(State.WAITING, hold="halt")
    match error:
        case Cancelled():
            return Verdict(State.WAITING)
        case OutputFull() | OutputDenied():
            return Verdict(State.WAITING, RESUME_S, hold="output")
        case PictureError():
            return _judge_picture(error, job, look_s)
        case EngineMemory():
            return _again(job, MEMORY_TRIES, look_s)
        case WorkerError():
            fatal = job.deaths + 1 >= FATAL_DEATHS
            return Verdict(State.ASIDE if fatal else State.WAITING, death=True)
        case CloudError() if error.temporary:
            return Verdict(State.WAITING, min(LONGEST_S, 30.0 * 2 ** min(job.attempts, 5)), hold="all")
        case _:
            return Verdict(State.FAILED)


def _judge_picture(error: PictureError, job: Job, look_s: float) -> Verdict:
    match error:
        case PictureUnreadable() | PictureChanged() if not os.path.lexists(job.path):
            return Verdict(State.FAILED, gone=True)
        case PictureChanged():
            return Verdict(State.SEEN)
        case PictureBroken() | PictureUnknown():
            return _again(job, DECODE_TRIES, look_s)
        case PictureUnreadable():
            return _again(job, READ_TRIES, look_s)
        case _:
            return Verdict(State.FAILED)


def _again(job: Job, tries: int, look_s: float) -> Verdict:
    if job.attempts >= tries:
        return Verdict(State.FAILED)
    return Verdict(State.WAITING, look_s * 2**job.attempts)
