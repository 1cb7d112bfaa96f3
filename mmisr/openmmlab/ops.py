"""torchvision kernels behind the names of ``mmcv._ext``, for an mmcv that was installed without compiled ops.

mmcv allocates the outputs and passes them in, so each function here fills them in place. Every kernel runs on CPU and
CUDA, forward and backward.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import torch
import torchvision
from torch import Tensor
from torchvision.ops import deform_conv2d

AVERAGE = 1
"""``pool_mode`` of roi_align that torchvision computes; 0 is max."""


def substitute_module() -> ModuleType:
    """A module that can stand as ``sys.modules['mmcv._ext']``.

    Returns:
        The module; a name it does not cover resolves to a function that raises ``NotImplementedError`` with the name of
        the op and the way to get compiled ones.
    """
    module = ModuleType("mmcv._ext", "torchvision kernels in place of mmcv's compiled ones")
    module.__spec__ = ModuleSpec("mmcv._ext", None)  # mmengine asks find_spec() for it
    module.IS_TORCHVISION_SUBSTITUTE = True  # type: ignore[attr-defined]
    for name, kernel in KERNELS.items():
        setattr(module, name, kernel)
    module.__getattr__ = _missing  # type: ignore[method-assign]
    return module


def _missing(name: str) -> Callable[..., Any]:
    if name.startswith("__"):
        raise AttributeError(name)

    def refuse(*_args: Any, **_kwargs: Any) -> Any:
        raise NotImplementedError(
            f"mmcv op `{name}` has no torchvision kernel, and this mmcv was installed without compiled ops; build mmcv "
            "with them: pip install --no-build-isolation --no-binary :all: --force-reinstall --no-deps onedl-mmcv"
        )

    return refuse


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Greedy non-maximum suppression; ``offset`` 1 counts pixels inclusively (width = x2 - x1 + 1)."""
    grown = boxes.float() + boxes.new_tensor([0, 0, offset, offset], dtype=torch.float32)
    return torchvision.ops.nms(grown, scores.float(), iou_threshold)


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Soft-NMS (Bodla et al., ICCV 2017): method 0 drops, 1 decays linearly, 2 by a Gaussian; fills ``dets`` (N, 5)."""
    boxes, scores = boxes.float().clone(), scores.float().clone()
    alive = torch.arange(len(boxes))
    kept: list[int] = []
    while len(alive):
        best = int(scores[alive].argmax())
        index = alive[best]
        dets[len(kept), :4], dets[len(kept), 4] = boxes[index], scores[index]
        kept.append(int(index))
        alive = torch.cat([alive[:best], alive[best + 1 :]])
        overlap = _iou(boxes[index], boxes[alive], offset)
        scores[alive] *= _decay(overlap, iou_threshold, sigma, method)
        alive = alive[scores[alive] >= min_score]
    return torch.tensor(kept, dtype=torch.long)


def _decay(overlap: Tensor, iou_threshold: float, sigma: float, method: int) -> Tensor:
    if method == 2:
        return torch.exp(-(overlap * overlap) / sigma)
    over = overlap >= iou_threshold
    return torch.where(over, torch.zeros_like(overlap) if method == 0 else 1 - overlap, torch.ones_like(overlap))


def _iou(box: Tensor, others: Tensor, offset: int) -> Tensor:
    wh = (torch.minimum(box[2:], others[:, 2:]) - torch.maximum(box[:2], others[:, :2]) + offset).clamp(min=0)
    areas = (others[:, 2:] - others[:, :2] + offset).prod(1)
    shared = wh.prod(1)
    return shared / ((box[2:] - box[:2] + offset).prod() + areas - shared)


def roi_align_forward(
    features: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """RoI Align with average pooling; ``rois`` (K, 5) are (image, x1, y1, x2, y2)."""
    if pool_mode != AVERAGE:
        _missing("roi_align with pool_mode='max'")()
    size = (aligned_height, aligned_width)
    pooled = torchvision.ops.roi_align(features, rois.to(features), size, spatial_scale, sampling_ratio, aligned)
    output.copy_(pooled)


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Gradient of :func:`roi_align_forward` with respect to the features."""
    backward = torch.ops.torchvision._roi_align_backward
    size = (aligned_height, aligned_width, *grad_input.shape)
    grad_input.copy_(backward(grad_output, rois.to(grad_output), spatial_scale, *size, sampling_ratio, aligned))


def roi_pool_forward(
    features: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """RoI max pooling."""
    pooled, where = torch.ops.torchvision.roi_pool(
        features, rois.to(features), spatial_scale, pooled_height, pooled_width
    )
    output.copy_(pooled)
    argmax.copy_(where)


def roi_pool_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax: Tensor,
    grad_input: Tensor,
    pooled_height: int,
    pooled_width: int,
    spatial_scale: float,
) -> None:
    """Gradient of :func:`roi_pool_forward` with respect to the features."""
    backward = torch.ops.torchvision._roi_pool_backward
    size = (pooled_height, pooled_width, *grad_input.shape)
    grad_input.copy_(backward(grad_output, rois.to(grad_output), argmax, spatial_scale, *size))


def deform_conv_forward(
    features: Tensor, weight: Tensor, offset: Tensor, output: Tensor, columns: Tensor, ones: Tensor, **geometry: int
) -> None:
    """Deformable convolution v1."""
    output.copy_(_deform(features, weight, offset, None, None, _v1(geometry)))


def deform_conv_backward_input(
    features: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_input: Tensor,
    grad_offset: Tensor,
    weight: Tensor,
    columns: Tensor,
    **geometry: int,
) -> None:
    """Gradients of :func:`deform_conv_forward` with respect to features and offset."""
    grads = _deform_grads({"features": features, "offset": offset}, {"weight": weight}, grad_output, _v1(geometry))
    grad_input.copy_(grads["features"])
    grad_offset.copy_(grads["offset"])


def deform_conv_backward_parameters(
    features: Tensor,
    offset: Tensor,
    grad_output: Tensor,
    grad_weight: Tensor,
    columns: Tensor,
    ones: Tensor,
    scale: float = 1.0,
    **geometry: int,
) -> None:
    """Gradient of :func:`deform_conv_forward` with respect to the weight, added to ``grad_weight``."""
    grads = _deform_grads({"weight": weight_like(grad_weight)}, {"features": features, "offset": offset}, grad_output,
                          _v1(geometry))
    grad_weight.add_(grads["weight"], alpha=scale)


def weight_like(grad_weight: Tensor) -> Tensor:
    """Zeros to differentiate at: a convolution is linear in its weight, so the gradient does not depend on it."""
    return torch.zeros_like(grad_weight)


def modulated_deform_conv_forward(
    features: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    output: Tensor,
    columns: Tensor,
    **geometry: Any,
) -> None:
    """Deformable convolution v2, with a modulation mask."""
    output.copy_(_deform(features, weight, offset, mask, bias if geometry["with_bias"] else None, _v2(geometry)))


def modulated_deform_conv_backward(
    features: Tensor,
    weight: Tensor,
    bias: Tensor,
    ones: Tensor,
    offset: Tensor,
    mask: Tensor,
    columns: Tensor,
    grad_input: Tensor,
    grad_weight: Tensor,
    grad_bias: Tensor,
    grad_offset: Tensor,
    grad_mask: Tensor,
    grad_output: Tensor,
    **geometry: Any,
) -> None:
    """Gradients of :func:`modulated_deform_conv_forward` with respect to everything."""
    wanted = {"features": features, "weight": weight, "offset": offset, "mask": mask}
    grads = _deform_grads(wanted, {}, grad_output, _v2(geometry))
    grad_input.copy_(grads["features"])
    grad_weight.add_(grads["weight"])
    grad_offset.copy_(grads["offset"])
    grad_mask.copy_(grads["mask"])
    if geometry["with_bias"]:
        grad_bias.add_(grad_output.sum((0, 2, 3)))


def _v1(g: dict[str, int]) -> dict[str, Any]:
    return {
        "stride": (g["dH"], g["dW"]),
        "padding": (g["padH"], g["padW"]),
        "dilation": (g["dilationH"], g["dilationW"]),
    }


def _v2(g: dict[str, Any]) -> dict[str, Any]:
    return {
        "stride": (g["stride_h"], g["stride_w"]),
        "padding": (g["pad_h"], g["pad_w"]),
        "dilation": (g["dilation_h"], g["dilation_w"]),
    }


def _deform(
    features: Tensor,
    weight: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    bias: Tensor | None,
    geometry: dict[str, Any],
) -> Tensor:
    """torchvision reads groups and offset groups from the shapes; offsets are ordered (y, x) in both libraries."""
    return deform_conv2d(features, offset, weight, bias, mask=mask, **geometry)


def _deform_grads(
    wanted: dict[str, Tensor], fixed: dict[str, Tensor], grad_output: Tensor, geometry: dict[str, Any]
) -> dict[str, Tensor]:
    with torch.enable_grad():
        leaves = {name: tensor.detach().requires_grad_() for name, tensor in wanted.items()}
        every = {**fixed, **leaves}
        output = _deform(every["features"], every["weight"], every["offset"], every.get("mask"), None, geometry)
        grads = torch.autograd.grad(output, list(leaves.values()), grad_output)
    return dict(zip(leaves, grads, strict=True))


def sigmoid_focal_loss_forward(
    logits: Tensor, target: Tensor, weight: Tensor, output: Tensor, gamma: float, alpha: float
) -> None:
    """Sigmoid focal loss (Lin et al., ICCV 2017, eq. 5), elementwise; ``target`` (N,) holds class indices."""
    output.copy_(_focal(logits, target, weight, gamma, alpha))


def sigmoid_focal_loss_backward(
    logits: Tensor, target: Tensor, weight: Tensor, grad_input: Tensor, gamma: float, alpha: float
) -> None:
    """Gradient of :func:`sigmoid_focal_loss_forward` for an incoming gradient of ones."""
    with torch.enable_grad():
        leaf = logits.detach().requires_grad_()
        (grad,) = torch.autograd.grad(_focal(leaf, target, weight, gamma, alpha).sum(), leaf)
    grad_input.copy_(grad)


def _focal(logits: Tensor, target: Tensor, weight: Tensor, gamma: float, alpha: float) -> Tensor:
    positive = target[:, None] == torch.arange(logits.shape[1], device=logits.device)
    signed = torch.where(positive, logits, -logits)  # log p_t = logsigmoid(signed)
    balance = torch.where(positive, alpha, 1 - alpha)
    loss = -balance * torch.sigmoid(-signed) ** gamma * torch.nn.functional.logsigmoid(signed)
    if weight.numel():
        loss = loss * weight[target.clamp(max=weight.numel() - 1)][:, None]
    return loss.to(logits.dtype)


def ms_deform_attn_forward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    im2col_step: int,
) -> Tensor:
    """Multi-scale deformable attention, by mmcv's own plain-torch formula (DINO and its kin on CUDA)."""
    from mmcv.ops.multi_scale_deform_attn import multi_scale_deformable_attn_pytorch

    return multi_scale_deformable_attn_pytorch(value, value_spatial_shapes, sampling_locations, attention_weights)


def ms_deform_attn_backward(
    value: Tensor,
    value_spatial_shapes: Tensor,
    value_level_start_index: Tensor,
    sampling_locations: Tensor,
    attention_weights: Tensor,
    grad_output: Tensor,
    grad_value: Tensor,
    grad_sampling_loc: Tensor,
    grad_attn_weight: Tensor,
    im2col_step: int,
) -> None:
    """Gradients of :func:`ms_deform_attn_forward`."""
    with torch.enable_grad():
        leaves = [t.detach().requires_grad_() for t in (value, sampling_locations, attention_weights)]
        output = ms_deform_attn_forward(
            leaves[0], value_spatial_shapes, value_level_start_index, leaves[1], leaves[2], im2col_step
        )
        grads = torch.autograd.grad(output, leaves, grad_output)
    for place, grad in zip((grad_value, grad_sampling_loc, grad_attn_weight), grads, strict=True):
        place.copy_(grad)


def get_compiler_version() -> str:
    """What mmcv's environment report prints for the compiler."""
    return "none (torchvision kernels)"


KERNELS: dict[str, Callable[..., Any]] = {
    kernel.__name__: kernel
    for kernel in (
        nms,
        softnms,
        roi_align_forward,
        roi_align_backward,
        roi_pool_forward,
        roi_pool_backward,
        deform_conv_forward,
        deform_conv_backward_input,
        deform_conv_backward_parameters,
        modulated_deform_conv_forward,
        modulated_deform_conv_backward,
        sigmoid_focal_loss_forward,
        sigmoid_focal_loss_backward,
        ms_deform_attn_forward,
        ms_deform_attn_backward,
        get_compiler_version,
    )
}
KERNELS["get_compiling_cuda_version"] = get_compiler_version
