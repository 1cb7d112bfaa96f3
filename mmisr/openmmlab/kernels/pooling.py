"""RoI Align and RoI pooling, as ``mmcv._ext`` offers them.

mmcv allocates the outputs and passes them in, so the functions here fill them in place. ``rois``
are (K, 5): index of the image, then xyxy in image pixels; ``spatial_scale`` takes them to the
feature map.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch
import torchvision
from torch import Tensor

from mmisr.openmmlab.kernels.precision import widen, without_autocast

AVERAGE = 1
"""``pool_mode`` of RoI Align that torchvision computes; 0 is the maximum."""


@without_autocast
def roi_align_forward(
    features: Tensor,
    rois: Tensor,
    output: Tensor,
    _argmax_y: Tensor,
    _argmax_x: Tensor,
    **geometry: Any,
) -> None:
    """RoI Align with average pooling.

    Source: He et al., "Mask R-CNN", ICCV 2017, section 3.

    Args:
        features: (B, C, H, W).
        rois: (K, 5).
        output: (K, C, aligned_height, aligned_width), filled.
        geometry: aligned_height, aligned_width, spatial_scale, sampling_ratio (0: as many samples
            as a bin has pixels), pool_mode, aligned (shift by half a pixel).

    Raises:
        NotImplementedError: ``pool_mode`` is not average.
    """
    _require_average(geometry)
    size = (geometry["aligned_height"], geometry["aligned_width"])
    tail = (geometry["spatial_scale"], geometry["sampling_ratio"], geometry["aligned"])
    wide = widen(features)
    output.copy_(torchvision.ops.roi_align(wide, rois.to(wide.dtype), size, *tail))


@without_autocast
def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    _argmax_y: Tensor,
    _argmax_x: Tensor,
    grad_input: Tensor,
    **geometry: Any,
) -> None:
    """Fill ``grad_input`` (B, C, H, W): :func:`roi_align_forward` derived for the features."""
    _require_average(geometry)
    size = (geometry["aligned_height"], geometry["aligned_width"], *grad_input.shape)
    wide = widen(grad_output)
    grad_input.copy_(
        torch.ops.torchvision._roi_align_backward(
            wide,
            rois.to(wide.dtype),
            geometry["spatial_scale"],
            *size,
            geometry["sampling_ratio"],
            geometry["aligned"],
        )
    )


def _require_average(geometry: dict[str, Any]) -> None:
    if geometry["pool_mode"] != AVERAGE:
        raise NotImplementedError(
            "roi_align: pool_mode must be 'avg', got 'max', which torchvision has no kernel for; "
            "use pool_mode='avg' "
            "or an mmcv with compiled ops"
        )


@without_autocast
def roi_pool_forward(
    features: Tensor, rois: Tensor, output: Tensor, argmax: Tensor, **geometry: Any
) -> None:
    """RoI max pooling.

    Source: Girshick, "Fast R-CNN", ICCV 2015, section 2.1. torchvision rounds box corners to cells
    as the paper's code does; mmcv's compiled kernel rounds bins outwards instead. They agree on
    boxes whose corners lie on whole cells.

    Args:
        features: (B, C, H, W).
        rois: (K, 5).
        output: (K, C, pooled_height, pooled_width), filled.
        argmax: Same shape, int32, filled with the place of each maximum in its plane, -1 for an
            empty bin.
        geometry: pooled_height, pooled_width, spatial_scale.
    """
    warnings.warn(  # shown once per process
        "roi_pool: torchvision's kernel rounds box corners to whole cells, mmcv's compiled one "
        "does not; a detector "
        "trained with one may lose a little accuracy with the other",
        stacklevel=1,
    )
    wide = widen(features)
    pooled, where = torch.ops.torchvision.roi_pool(
        wide,
        rois.to(wide.dtype),
        geometry["spatial_scale"],
        geometry["pooled_height"],
        geometry["pooled_width"],
    )
    output.copy_(pooled)
    argmax.copy_(where)


@without_autocast
def roi_pool_backward(
    grad_output: Tensor, rois: Tensor, argmax: Tensor, grad_input: Tensor, **geometry: Any
) -> None:
    """Fill ``grad_input`` (B, C, H, W): :func:`roi_pool_forward` derived for the features."""
    size = (geometry["pooled_height"], geometry["pooled_width"], *grad_input.shape)
    wide = widen(grad_output)
    grad_input.copy_(
        torch.ops.torchvision._roi_pool_backward(
            wide, rois.to(wide.dtype), argmax, geometry["spatial_scale"], *size
        )
    )
