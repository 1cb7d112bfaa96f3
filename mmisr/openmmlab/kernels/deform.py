"""Deformable convolution v1 and v2 and multi-scale deformable attention, as in ``mmcv._ext``.

mmcv allocates the outputs and gradients and passes them in, so the functions here fill them in
place. Offsets are
ordered (y, x) per tap in both libraries; torchvision reads the numbers of groups from the shapes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torchvision
from torch import Tensor

from mmisr.openmmlab.kernels.precision import widen, without_autocast
from mmisr.structures.frames import hw_of


class Geometry(NamedTuple):
    """How a deformable convolution walks over its input; each pair is (y, x)."""

    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int
    offset_groups: int


class Gradients(NamedTuple):
    """What torchvision's backward kernel gives, all of it at once."""

    features: Tensor
    weight: Tensor
    offset: Tensor
    mask: Tensor
    bias: Tensor


@without_autocast
def deform_conv_forward(
    features: Tensor,
    weight: Tensor,
    offset: Tensor,
    output: Tensor,
    _columns: Tensor,
    _ones: Tensor,
    **names: int,
) -> None:
    """Deformable convolution.

    Source: Dai et al., "Deformable Convolutional Networks", ICCV 2017, equation 2.

    Args:
        features: (B, C, H, W).
        weight: (C', C / groups, k_h, k_w).
        offset: (B, 2 * offset groups * k_h * k_w, H', W'), px.
        output: (B, C', H', W'), filled.
        names: mmcv's dH, dW, padH, padW, dilationH, dilationW, group, deformable_group.
    """
    output.copy_(_convolve(features, weight, offset, None, None, _geometry_v1(names)))


@without_autocast
def deform_conv_backward_input(
    features: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_input: Tensor,
    grad_offset: Tensor,
    weight: Tensor,
    _columns: Tensor,
    **names: int,
) -> None:
    """Fill the gradients of :func:`deform_conv_forward` for the features and the offset."""
    grads = _differentiate(grad_output, features, weight, offset, None, _geometry_v1(names))
    grad_input.copy_(grads.features)
    grad_offset.copy_(grads.offset)


@without_autocast
def deform_conv_backward_parameters(
    features: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_weight: Tensor,
    _columns: Tensor,
    _ones: Tensor,
    scale: float = 1.0,
    **names: int,
) -> None:
    """Add ``scale`` times the gradient for the weight to ``grad_weight``.

    The gradient is that of :func:`deform_conv_forward`.
    """
    anywhere = torch.zeros_like(
        grad_weight
    )  # linear in its weight, so the gradient is the same at every weight
    grads = _differentiate(grad_output, features, anywhere, offset, None, _geometry_v1(names))
    grad_weight.add_(grads.weight, alpha=scale)


@without_autocast
def modulated_deform_conv_forward(
    features: Tensor,
    weight: Tensor,
    bias: Tensor,
    _ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    output: Tensor,
    _columns: Tensor,
    **names: Any,
) -> None:
    """Deformable convolution v2, where each tap is weighted by a mask.

    Source: Zhu et al., "Deformable ConvNets v2", CVPR 2019, equation 1.

    Args:
        features: (B, C, H, W).
        weight: (C', C / groups, k_h, k_w).
        bias: (C',), or empty.
        offset: (B, 2 * offset groups * k_h * k_w, H', W'), px.
        mask: (B, offset groups * k_h * k_w, H', W').
        output: (B, C', H', W'), filled.
        names: mmcv's stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w, group,
            deformable_group, with_bias.
    """
    used_bias = bias if names["with_bias"] else None
    output.copy_(_convolve(features, weight, offset, mask, used_bias, _geometry_v2(names)))


@without_autocast
def modulated_deform_conv_backward(  # noqa: PLR0913 - the order of the arguments is mmcv's
    features: Tensor,
    weight: Tensor,
    _bias: Tensor,
    _ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    _columns: Tensor,
    grad_input: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    grad_offset: Tensor,
    grad_mask: Tensor,
    grad_output: Tensor,
    **names: Any,
) -> None:
    """Fill the gradients of :func:`modulated_deform_conv_forward` for everything."""
    grads = _differentiate(grad_output, features, weight, offset, mask, _geometry_v2(names))
    grad_input.copy_(grads.features)
    grad_weight.copy_(grads.weight)
    grad_offset.copy_(grads.offset)
    grad_mask.copy_(grads.mask)
    if names["with_bias"]:
        grad_bias.copy_(grads.bias)


def _geometry_v1(names: dict[str, int]) -> Geometry:
    return Geometry(
        stride=(names["dH"], names["dW"]),
        padding=(names["padH"], names["padW"]),
        dilation=(names["dilationH"], names["dilationW"]),
        groups=names["group"],
        offset_groups=names["deformable_group"],
    )


def _geometry_v2(names: dict[str, int]) -> Geometry:
    return Geometry(
        stride=(names["stride_h"], names["stride_w"]),
        padding=(names["pad_h"], names["pad_w"]),
        dilation=(names["dilation_h"], names["dilation_w"]),
        groups=names["group"],
        offset_groups=names["deformable_group"],
    )


def _convolve(
    features: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    bias: Tensor | None,
    geometry: Geometry,
) -> Tensor:
    features = widen(features)
    same = features.dtype
    return torchvision.ops.deform_conv2d(
        features,
        offset.to(same),
        weight.to(same),
        None if bias is None else bias.to(same),
        geometry.stride,
        geometry.padding,
        geometry.dilation,
        None if mask is None else mask.to(same),
    )


def _differentiate(
    grad_output: Tensor,
    features: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    geometry: Geometry,
) -> Gradients:
    """One call of torchvision's backward kernel, without computing the output again."""
    features = widen(features)
    same = features.dtype
    used_mask = features.new_zeros((len(features), 1)) if mask is None else mask.to(same)
    grads = Gradients(
        *torch.ops.torchvision._deform_conv2d_backward(
            grad_output.to(same),
            features,
            weight.to(same),
            offset.to(same),
            used_mask,
            features.new_zeros(len(weight)),
            *geometry.stride,
            *geometry.padding,
            *geometry.dilation,
            geometry.groups,
            geometry.offset_groups,
            mask is not None,
        )
    )
    outside = _outside(offset.to(same), hw_of(features), hw_of(weight), geometry)
    return grads._replace(offset=grads.offset.masked_fill(outside, 0))


def _outside(
    offset: Tensor, image_hw: tuple[int, int], kernel_hw: tuple[int, int], geometry: Geometry
) -> Tensor:
    """Which offsets lead a tap to a point that mmcv reads as outside, where its gradient is zero.

    Convention: inside is the open interval from -1 to the size, in pixel centres. The value is 0 at
    -1 too, but its slope has a kink there: torchvision takes the slope towards the image, mmcv the
      one away from it. With padding and
    offsets that start at zero, the taps of every border pixel stand exactly there.

    Args:
        offset: (B, 2 * offset groups * k_h * k_w, H', W'), px.
        image_hw: Height and width of the features.
        kernel_hw: k_h and k_w.
        geometry: How the kernel walks.

    Returns:
        Booleans of the shape of ``offset``; both offsets of a tap agree.
    """
    taps = offset.unflatten(1, (geometry.offset_groups, *kernel_hw, 2))
    found = torch.zeros_like(taps[:, :, :, :, 0], dtype=torch.bool)
    for axis in (0, 1):
        shape = [1] * found.ndim
        shape[2 + axis] = kernel_hw[axis]
        steps = (
            torch.arange(kernel_hw[axis], device=offset.device).view(shape)
            * geometry.dilation[axis]
        )
        shape = [1] * found.ndim
        shape[4 + axis] = offset.shape[2 + axis]
        starts = (
            torch.arange(offset.shape[2 + axis], device=offset.device).view(shape)
            * geometry.stride[axis]
        )
        places = steps + starts - geometry.padding[axis] + taps[:, :, :, :, axis]
        found |= (places <= -1) | (places >= image_hw[axis])
    return found.unsqueeze(4).expand_as(taps).reshape(offset.shape)


@without_autocast
def ms_deform_attn_forward(
    value: Tensor,
    shapes: Tensor,
    _starts: Tensor,
    locations: Tensor,
    weights: Tensor,
    im2col_step: int,
) -> Tensor:
    """Multi-scale deformable attention, by mmcv's own plain-torch formula.

    Source: Zhu et al., "Deformable DETR", ICLR 2021, equation 3. mmcv calls this on CUDA; on the
    CPU it takes the formula itself.

    Args:
        value: (B, pixels of all levels, heads, channels).
        shapes: (levels, 2) int64, height and width of each level.
        locations: (B, queries, heads, levels, points, 2) as (x, y) in [0, 1].
        weights: (B, queries, heads, levels, points).
        im2col_step: How mmcv's kernel splits its batch; without effect here.

    Returns:
        (B, queries, heads * channels).
    """
    return _attend(widen(value), shapes, locations, weights).to(value.dtype)


@without_autocast
def ms_deform_attn_backward(  # noqa: PLR0913 - the order of the arguments is mmcv's
    value: Tensor,
    shapes: Tensor,
    _starts: Tensor,
    locations: Tensor,
    weights: Tensor,
    grad_output: Tensor,
    grad_value: Tensor,
    grad_locations: Tensor,
    grad_weights: Tensor,
    im2col_step: int,
) -> None:
    """Fill the gradients of :func:`ms_deform_attn_forward`.

    The output is computed again to differentiate it.
    """
    with torch.enable_grad():
        leaves = [widen(tensor.detach()).requires_grad_() for tensor in (value, locations, weights)]
        output = _attend(leaves[0], shapes, leaves[1], leaves[2])
        grads = torch.autograd.grad(output, leaves, grad_output.to(output.dtype))
    for place, grad in zip((grad_value, grad_locations, grad_weights), grads, strict=True):
        place.copy_(grad)


def _attend(value: Tensor, shapes: Tensor, locations: Tensor, weights: Tensor) -> Tensor:
    from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

    same = value.dtype
    return multi_scale_deformable_attn_pytorch(value, shapes, locations.to(same), weights.to(same))
