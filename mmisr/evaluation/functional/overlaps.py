"""How much boxes have in common, and which sizes lie in which ranges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mmisr.evaluation.functional.coco_records import Floats
from mmisr.ops.boxes import area, widths_heights

Bools = NDArray[np.bool_]


def inside(areas: Floats, limits: Floats) -> Bools:
    """Which areas lie in which ranges; both ends belong to a range.

    Args:
        areas: (N,) areas.
        limits: (R, 2) ranges.

    Returns:
        (R, N).

    Example:
        >>> inside(np.array([4.0, 9.0]), np.array([[0.0, 4.0], [4.0, 9.0]])).tolist()
        [[True, False], [True, True]]
    """
    return (areas >= limits[:, :1]) & (areas <= limits[:, 1:])


def box_ious(det_xyxy: Floats, gt_xyxy: Floats, crowd: Bools | None = None) -> Floats:
    """Intersection over union, in the very operations of COCO's code.

    At IoU 0.5 exactly, the last bit decides.

    Args:
        det_xyxy: (D, 4).
        gt_xyxy: (G, 4).
        crowd: (G,) where the overlap is measured on the detection's own area; None for nowhere.

    Returns:
        (D, G).

    Example:
        >>> box_ious(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[0.0, 0.0, 2.0, 4.0]])).tolist()
        [[0.5]]
    """
    det = det_xyxy[:, None]
    gt = gt_xyxy[None]
    det_area = area(det)
    gt_area = area(gt)
    intersection = _intersection(det, gt)
    both_areas = det_area + gt_area
    union = both_areas - intersection
    if crowd is not None:
        union = np.where(crowd, det_area, union)
    overlaps = intersection > 0
    ious = np.zeros_like(intersection)
    return np.divide(intersection, union, out=ious, where=overlaps)


def _intersection(det: Floats, gt: Floats) -> Floats:
    """(D, G) area that (D, 1, 4) and (1, G, 4) boxes have in common."""
    # Corner plus size, not the far corner itself: COCO stores sizes, and rounds as they do.
    end = np.minimum(widths_heights(det) + det[..., :2], widths_heights(gt) + gt[..., :2])
    wh = end - np.maximum(det[..., :2], gt[..., :2])
    return np.where((wh > 0).all(-1), wh[..., 0] * wh[..., 1], 0.0)


def own_shares(det_xyxy: Floats, gt_xyxy: Floats) -> Floats:
    """Intersection over a detection's own area: what COCO measures on crowds.

    Args:
        det_xyxy: (D, 4).
        gt_xyxy: (G, 4).

    Returns:
        (D, G).

    Example:
        >>> own_shares(np.array([[0.0, 0.0, 2.0, 2.0]]), np.array([[1.0, 0.0, 9.0, 9.0]])).tolist()
        [[0.5]]
    """
    everywhere = np.ones(len(gt_xyxy), dtype=bool)
    return box_ious(det_xyxy, gt_xyxy, everywhere)


def pixel_ious(det_xyxy: Floats, gt_xyxy: Floats) -> Floats:
    """Intersection over union of boxes whose corners are pixels that belong to them.

    Source: ``boxoverlap.m`` of WIDER FACE's tool: sides are x2 - x1 + 1.

    Args:
        det_xyxy: (D, 4).
        gt_xyxy: (G, 4).

    Returns:
        (D, G).

    Example:
        >>> pixel_ious(np.array([[0.0, 0.0, 1.0, 1.0]]), np.array([[0.0, 0.0, 1.0, 3.0]])).tolist()
        [[0.5]]
    """
    det = det_xyxy[:, None]
    gt = gt_xyxy[None]
    latest = np.maximum(det, gt)
    earliest = np.minimum(det, gt)
    corner = latest[..., :2]
    end = earliest[..., 2:]
    sides = end - corner + 1
    # A side that is not there is no pixel.
    pixels = np.maximum(sides, 0)
    common = pixels.prod(-1)
    det_area = _pixels(det)
    gt_area = _pixels(gt)
    both_areas = det_area + gt_area
    union = both_areas - common
    return common / union


def _pixels(xyxy: Floats) -> Floats:
    """(...,) pixels of (..., 4) boxes, both corners included."""
    sides = widths_heights(xyxy) + 1
    return sides.prod(-1)
