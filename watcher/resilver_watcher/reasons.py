"""The titles of errors in the user's language: an error's own sentence names details, and is English."""

from __future__ import annotations

import gettext


def reason_title(code: str, words: gettext.NullTranslations) -> str:
    """What kind of failure it is, in a few words; empty for a code that only a newer daemon knows."""
    _ = words.gettext
    titles = {
        "error": _("Something went wrong"),
        "usage": _("This cannot be done as asked"),
        "recipe": _("The recipe is not valid"),
        "settings": _("The settings are not valid"),
        "picture": _("The picture cannot be used"),
        "picture-unreadable": _("The file cannot be read"),
        "picture-unknown": _("This is not a picture that can be read"),
        "picture-broken": _("The picture is damaged"),
        "picture-too-large": _("The picture is too large"),
        "picture-changed": _("The picture changed meanwhile"),
        "output": _("The result cannot be written"),
        "output-denied": _("The output folder cannot be written to"),
        "output-full": _("The disk is full"),
        "output-format": _("The format cannot hold the result"),
        "engine": _("The engine failed"),
        "engine-missing": _("Something is not installed"),
        "model-broken": _("A network's file is damaged"),
        "engine-memory": _("Not enough memory"),
        "blank-result": _("The engine gave an empty picture"),
        "cloud": _("The cloud service failed"),
        "cloud-consent": _("Pictures would leave this computer"),
        "cloud-unauthorized": _("The cloud service does not let you in"),
        "cloud-limit": _("The monthly limit is reached"),
        "cloud-untrusted": _("The cloud service cannot prove who it is"),
        "cloud-refused": _("The cloud service refused the picture"),
        "cloud-busy": _("The cloud service is busy"),
        "cloud-unreachable": _("The cloud service cannot be reached"),
        "cloud-garbage": _("The cloud service's answer cannot be understood"),
        "worker": _("The worker failed"),
        "worker-crashed": _("The worker crashed"),
        "worker-killed": _("The worker was killed, probably for want of memory"),
        "worker-hung": _("The worker did not answer"),
        "worker-mismatch": _("The worker is of another version"),
        "not-watching": _("No folder is being watched"),
        "cancelled": _("Stopped"),
    }
    return titles.get(code, "")
