"""What the core sees in a picture, as plain values for people and programs."""

from __future__ import annotations

from io import BytesIO
from typing import Any

from resilver.local.measure import assess
from resilver.picture import Picture


def facts(picture: Picture) -> dict[str, Any]:
    """Size, depth, profile, what was measured, and what Restore would do; noise in 8-bit units."""
    seen = assess(picture)
    return {
        "width": picture.width,
        "height": picture.height,
        "depth": picture.depth,
        "icc": _profile_name(picture.icc),
        "bw": seen.bw,
        "noise": round(seen.noise, 2),
        "jpeg_quality": picture.jpeg_quality,
        "restore": list(seen.wrong),
    }


def _profile_name(icc: bytes | None) -> str | None:
    if icc is None:
        return None
    from PIL import ImageCms

    try:
        return ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(BytesIO(icc))).strip() or "unnamed"
    except (OSError, ImageCms.PyCMSError):
        return "unreadable"
