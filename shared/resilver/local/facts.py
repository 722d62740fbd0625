"""What the core sees in a picture, as plain values for people and programs."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from resilver.engine import Report
from resilver.errors import EngineMissing, ModelBroken
from resilver.local.damage import find_damage
from resilver.local.measure import Assessment, assess
from resilver.local.repair import FILLED
from resilver.local.runtime import Runtime
from resilver.picture import Picture


def facts(picture: Picture, runtime: Runtime) -> dict[str, Any]:
    """Size, depth, profile, what was measured, and what Restore would do; noise in 8-bit units.

    Raises:
        EngineError, OutputFull: damage could not be looked for; where its network is missing it is left out.
    """
    seen = assess(picture)
    return {
        "width": picture.width,
        "height": picture.height,
        "depth": picture.depth,
        "icc": _profile_name(picture.icc),
        "bw": seen.bw,
        "noise": round(seen.noise, 2),
        "jpeg_quality": picture.jpeg_quality,
        "restore": [*([FILLED] if _damaged(picture, seen, runtime) else []), *seen.wrong],
    }


def _damaged(picture: Picture, seen: Assessment, runtime: Runtime) -> bool:
    try:
        return bool(find_damage(picture, seen, runtime, Report()).any())
    except (EngineMissing, ModelBroken):
        return False


def _profile_name(icc: bytes | None) -> str | None:
    if icc is None:
        return None
    from PIL import ImageCms

    try:
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(icc))).strip() or "unnamed"
    except (OSError, ImageCms.PyCMSError):
        return "unreadable"
