"""LR and HR images that were taken separately, of one scene, pixel on pixel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from mmengine import fileio
from numpy.typing import NDArray

from mmisr.datasets.images import MAX_PIXELS, ImageError, read_rgb
from mmisr.openmmlab.transforms import BaseTransform
from mmisr.ops.motion import HOMOGRAPHY, MIRRORED, FrameError, note_partner
from mmisr.registry import TRANSFORMS
from mmisr.structures.checks import check_fields

Hw = tuple[int, ...]
ROUNDING = 1e-2
"""Pixels by which a corner may miss the grid: matrices of motion are in single precision."""


@dataclass(frozen=True)
class PairedFiles:
    """Where the partners of a data set's images lie.

    Args:
        folder: Their folder.
        scale: How many HR pixels an LR pixel is wide.
        holds: What lies there: ``lr`` where the images of the data set are HR, ``hr`` where they
            are LR.
        root: Folder of the data set's images; below it and below ``folder`` names are the same.
            None where neither has subfolders.
        ending: Of the partners, such as ``.png``; None for that of the image.

    Raises:
        ValueError: ``scale`` or ``holds`` is out of range.
    """

    folder: str
    scale: int
    holds: str = "lr"
    root: str | None = None
    ending: str | None = None

    def __post_init__(self) -> None:
        check_fields(self, "PairedLR")
        if self.scale < 1:
            raise ValueError(f"PairedLR.scale must be a whole number >= 1, got {self.scale!r}")
        if self.holds not in ("lr", "hr"):
            raise ValueError(
                f"PairedLR.holds must be 'lr' or 'hr', what lies in its folder, got {self.holds!r}"
            )

    @property
    def factor(self) -> float:
        """Pixels of a partner per pixel of its image."""
        return self.scale if self.holds == "hr" else 1 / self.scale

    def partner_of(self, path: str) -> str:
        """The file of the other half of a pair.

        Args:
            path: Of an image of the data set.

        Raises:
            ValueError: ``path`` does not lie below ``root``.

        Example:
            >>> PairedFiles("lr", scale=4, ending=".png").partner_of("hr/a.jpg")
            'lr/a.png'
        """
        own = Path(path)
        try:
            name = Path(own.name) if self.root is None else own.relative_to(self.root)
        except ValueError as error:
            raise ValueError(
                f"PairedLR.root must be a folder above all images, got {self.root!r}, and {path} "
                "lies elsewhere"
            ) from error
        if self.ending is not None:
            name = name.with_suffix(self.ending)
        return str(fileio.join_path(self.folder, name.as_posix()))


def check_paired_sizes(own: str, partner: str, lr_hw: Hw, hr_hw: Hw, scale: int) -> None:
    """See that HR is ``scale`` times as large as LR; up to a pixel less than ``scale`` may be left.

    Args:
        own: File of the data set, for the message.
        partner: File of the other half, for the message.
        lr_hw: Height and width in LR pixels.
        hr_hw: Height and width in HR pixels.
        scale: How many HR pixels an LR pixel is wide.

    Raises:
        ImageError: It is not.
    """
    fitting = tuple(side // scale for side in hr_hw)
    if fitting == tuple(lr_hw):
        return
    raise ImageError(
        f"{own} and {partner} must be a pair of LR and HR at scale {scale}, found LR "
        f"{lr_hw[1]}x{lr_hw[0]} and HR {hr_hw[1]}x{hr_hw[0]}, which would be a pair with LR of "
        f"{fitting[1]}x{fitting[0]}: crop both to the part that they share, or set PairedLR.scale"
    )


@TRANSFORMS.register_module()
class PairedLR(BaseTransform):
    """Read the other half of a pair of LR and HR images, in place of ``SimulateLR``.

    Annotations may be in either frame: the data set lists the images that they belong to, and this
    transform reads the others. With ``holds="lr"`` the source frame is HR, as where LR is
    simulated; with ``holds="hr"`` it is LR, and predictions come back in LR pixels.

    Convention: whatever the pipeline did to the image before (crops, flips, quarter turns) is done
    to its partner too, so HR pixel ``scale * x`` is LR pixel ``x`` as in the files. Where the
    images are HR, crops must begin at multiples of ``scale``
    (``mmisr.RandomPatch(multiple=scale)``). Colours must not be changed before, because the
    partner's would stay.

    Args:
        folder: Of the partners, under the names of the images.
        scale: How many HR pixels an LR pixel is wide.
        holds: What lies in ``folder``: ``lr`` or ``hr``.
        root: Folder of the data set's images, where they lie in subfolders of it.
        ending: Of the partners, such as ``.png``; None for that of the image.
        max_pixels: Largest height times width of a partner.

    Raises:
        ValueError: ``scale`` or ``holds`` is out of range.
        ImageError: In use, a partner cannot be read, or is of a size that is no pair.
        FrameError: In use, what was done to the image cannot be done to its partner.
    """

    def __init__(
        self,
        folder: str,
        scale: int,
        holds: Literal["lr", "hr"] = "lr",
        root: str | None = None,
        ending: str | None = None,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.files = PairedFiles(folder, scale, holds, root, ending)
        self.max_pixels = max_pixels

    def transform(self, results: dict) -> dict:
        """Fill ``lr``, ``lr_shape``, ``lr_recipe``, and ``hr`` where the partner is HR."""
        files = self.files
        image = results["img"]
        own_path = results["img_path"]
        partner_path = files.partner_of(own_path)
        rgb = read_rgb(partner_path, max_pixels=self.max_pixels)
        bgr = rgb[..., ::-1]
        own_hw = (results["height"], results["width"])
        lr_hw, hr_hw = bgr.shape[:2], own_hw
        if files.holds == "hr":
            lr_hw, hr_hw = hr_hw, lr_hw
        check_paired_sizes(own_path, partner_path, lr_hw, hr_hw, files.scale)
        if files.holds == "hr":
            # What no LR pixel shows must not be mirrored out either.
            height, width = lr_hw
            bottom = height * files.scale
            right = width * files.scale
            bgr = bgr[:bottom, :right]
        motion = results.get(HOMOGRAPHY, np.eye(3))
        try:
            is_mirrored = results.get(MIRRORED, False)
            partner = moved_alike(bgr, motion, image.shape[:2], files.factor, is_mirrored)
        except FrameError as error:
            raise FrameError(f"{own_path}: {error}") from error
        if files.holds == "hr":
            results["lr"] = image
            results["hr"] = partner
        else:
            results["lr"] = partner
        results["lr_shape"] = results["lr"].shape[:2]
        results["lr_recipe"] = "paired"
        results["has_hr"] = True
        note_partner(results)
        return results


def moved_alike(
    image: NDArray[np.uint8],
    motion: NDArray[Any],
    hw: Hw,
    factor: float,
    is_mirrored: bool = False,
) -> NDArray[np.uint8]:
    """Do to an image what was done to its partner: crops, flips and quarter turns.

    Convention: matrices map pixel corners, (x, y, 1).

    Args:
        image: (H, W, 3) as in its file.
        motion: (3, 3), from the partner's file to what it is now.
        hw: Height and width that the partner has now.
        factor: Pixels of the image per pixel of the partner.
        is_mirrored: Whether the partner goes on as in a mirror beyond its right and lower edge.

    Returns:
        (factor * height, factor * width, 3), mirrored out where the partner was.

    Raises:
        FrameError: The partner was resized, padded or turned by another angle, or a window does
            not begin or end on whole pixels of the image.

    Example:
        >>> image = np.arange(16, dtype=np.uint8).reshape(4, 4, 1)
        >>> crop = np.array([[1.0, 0, -1], [0, 1, 0], [0, 0, 1]])  # a column of two pixels less
        >>> moved_alike(image, crop, (2, 1), 2)[..., 0].tolist()
        [[2, 3], [6, 7], [10, 11], [14, 15]]
    """
    turn = _quarter_turn(motion)
    box = _window(motion, hw, factor)
    window = _cut(image, box, is_mirrored)
    is_transposed = turn[0, 0] == 0
    if is_transposed:
        window = window.swapaxes(0, 1)
    # Of each row one entry is not 0: which old axis the new one is, and in which direction.
    along_x, along_y = turn.sum(1)
    if along_x < 0:
        window = window[:, ::-1]
    if along_y < 0:
        window = window[::-1]
    return np.ascontiguousarray(window)


def _quarter_turn(motion: NDArray[Any]) -> NDArray[np.float64]:
    """The (2, 2) part of a motion that turns and flips, in whole numbers."""
    linear = motion[:2, :2].astype(np.float64)
    turn: NDArray[np.float64] = np.rint(linear)
    sizes = abs(turn)
    # One entry in every row and column.
    sums = [*sizes.sum(0), *sizes.sum(1)]
    is_turn = sums == [1, 1, 1, 1]
    is_exact = np.allclose(linear, turn, atol=1e-4)
    if is_turn and is_exact:
        return turn
    raise FrameError(
        "an image of a pair may be cropped, flipped and turned by quarters before mmisr.PairedLR, "
        f"found the matrix {linear.tolist()}: leave resizing out of the pipeline"
    )


def _window(motion: NDArray[Any], hw: Hw, factor: float) -> tuple[int, int, int, int]:
    """What of the file is left, as whole x1, y1, x2, y2 in pixels of the other half."""
    height, width = hw[:2]
    corners = np.array([[0, 0, 1], [width, height, 1]])
    exact = motion.astype(np.float64)
    back = np.linalg.inv(exact)
    moved = corners @ back.T
    in_file = moved[:, :2] * factor
    whole = np.rint(in_file)
    misses = abs(in_file - whole)
    if misses.max() > ROUNDING:
        raise FrameError(
            "windows of a pair must begin and end on whole LR pixels, found "
            f"{in_file.round(2).tolist()} (x, y): put mmisr.CropToMultiple(multiple=scale) first "
            "and set mmisr.RandomPatch(multiple=scale)"
        )
    pixels = whole.astype(int)
    x1, y1 = pixels.min(0).tolist()
    x2, y2 = pixels.max(0).tolist()
    return x1, y1, x2, y2


def _cut(
    image: NDArray[np.uint8], box: tuple[int, int, int, int], is_mirrored: bool
) -> NDArray[np.uint8]:
    """A window, mirrored out at right and bottom as ``RandomPatch`` does it."""
    x1, y1, x2, y2 = box
    height, width = image.shape[:2]
    below = max(0, y2 - height)
    beside = max(0, x2 - width)
    is_beyond = below > 0 or beside > 0
    if min(x1, y1) < 0 or (is_beyond and not is_mirrored):
        raise FrameError(
            "windows of a pair must lie in the image, found one from "
            f"{x1}, {y1} to {x2}, {y2} (x, y) in {width}x{height}: leave padding out of the "
            "pipeline before mmisr.PairedLR"
        )
    if is_beyond:
        margins = ((0, below), (0, beside), (0, 0))
        image = np.pad(image, margins, mode="symmetric")
    return image[y1:y2, x1:x2]
