"""What a transform did to coordinates, and whether an image and its LR image still match.

Both are notes in the results of a pipeline, which every transform hands on.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PARTNER = "lr_partner"
"""Key of the image that the LR image was made from, as it was then."""

HOMOGRAPHY = "homography_matrix"
"""Key under which mmdet's and our transforms note what they did to coordinates.

(3, 3), from the file to ``img``.
"""

MIRRORED = "mirrored_out"
"""Key under which a patch notes that it is larger than its image, which goes on as in a mirror."""


class FrameError(ValueError):
    """A transform moved one of a pair alone."""


def is_moved(data: dict, since: NDArray[Any] | None = None) -> bool:
    """Whether a transform has noted that coordinates are no longer those of the file.

    Args:
        data: Results of a pipeline, or a sample's metainfo.
        since: What was noted before, for the transforms after that; (3, 3).
    """
    before = np.eye(3) if since is None else since
    matrix = data.get(HOMOGRAPHY, before)
    return bool(data.get("flip")) or not np.allclose(matrix, before, atol=1e-6)


def note_motion(results: dict, matrix: NDArray[Any]) -> None:
    """Note a change of coordinates as mmdet's transforms do.

    Args:
        results: Results of a pipeline, changed in place.
        matrix: (3, 3), from the coordinates before to those after; pixel corners, (x, y, 1).
    """
    results[HOMOGRAPHY] = (matrix @ results.get(HOMOGRAPHY, np.eye(3))).astype(np.float32)


def note_partner(results: dict) -> None:
    """Note that the LR image was made from ``img`` as it is now.

    Args:
        results: Results of a pipeline, changed in place.
    """
    results[PARTNER] = results["img"]


def check_partner(results: dict, who: str) -> None:
    """See that ``img`` is still the image that the LR image was made from.

    Args:
        results: Results of a pipeline.
        who: Name of the transform that has just run, for the message.

    Raises:
        FrameError: It is another.
    """
    if PARTNER not in results or "img" not in results:
        return
    image, partner = results["img"], results[PARTNER]
    if image is partner or (image.shape == partner.shape and np.array_equal(image, partner)):
        return
    raise FrameError(
        f"{who} changed the HR image ({_wh(partner)} before, {_wh(image)} after) and its boxes, "
        f"and left behind the LR image "
        "that was made from it: put it before mmisr.SimulateLR or mmisr.NativeLR"
    )


def _wh(image: NDArray[Any]) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
