"""A student's head features, finished by the head of its teacher (CrossKD)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, cast

from torch import Tensor, nn

from mmisr.openmmlab.heads import (
    BaseDetector,
    DenseOutputs,
    Recording,
    dense_outputs,
    has_dense_head,
)
from mmisr.ops.statistics import rescaled_to

BRANCHES = ("cls_convs", "reg_convs")
"""Attributes of mmdet's dense heads: the convolutions of scores, and those of boxes."""

BranchFeatures = dict[str, list[Tensor]]
"""Features of each branch before an activation, one (B, C, h, w) per level of the pyramid."""


def check_branches(detector: BaseDetector) -> None:
    """See that a detector's head has branches that can be finished by another's.

    Raises:
        ValueError: It has no dense head, or one without the two stacks of convolutions.
    """
    if has_dense_head(detector) and all(_stack(detector, name) for name in BRANCHES):
        return
    head = getattr(detector, "bbox_head", None)
    kind = "none" if head is None else type(head).__name__
    raise ValueError(
        f"cross_head needs a dense head with {' and '.join(BRANCHES)} (RetinaNet, FCOS, ATSS, GFL, "
        f"...), the bbox_head of {type(detector).__name__} is {kind}; set cross_head=False"
    )


@contextmanager
def kept_branches(detector: BaseDetector) -> Iterator[BranchFeatures]:
    """Keep what a detector's branches hold before their last activation but one.

    With four convolutions that is after the third, as in the paper; with one, after it.

    Args:
        detector: The student; see :func:`check_branches`.

    Yields:
        The features, filled while the detector runs; gradients pass.
    """
    features: BranchFeatures = {name: [] for name in BRANCHES}

    def keep(name: str) -> Callable[..., None]:
        levels = features[name]

        def hook(module: nn.Module, inputs: Any, output: Tensor) -> None:
            # The activation that follows works in place.
            untouched = output.clone()
            levels.append(untouched)

        return hook

    hooks = {name: keep(name) for name in BRANCHES}
    with _hooked(detector, hooks):
        yield features


def crossed_outputs(
    teacher: BaseDetector, pyramid: Sequence[Tensor], features: BranchFeatures
) -> DenseOutputs:
    """What the teacher's head says, where its branches go on from the student's features.

    These are first given mean and deviation that the teacher's own have there, channel by channel.

    Source: CrossKD (Wang et al., CVPR 2024), figure 3. Statistics are over each image here, so that
    an image does not depend on its batch.

    Args:
        teacher: Fixed; gradients pass through it to ``features``.
        pyramid: Levels that its head reads on the HR images.
        features: Of the student on its own images, see :func:`kept_branches`.
    """

    def swap(name: str) -> Callable[..., Tensor]:
        levels = iter(features[name])

        def hook(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
            level = next(levels)
            return rescaled_to(level, output)

        return hook

    hooks = {name: swap(name) for name in BRANCHES}
    levels_of_hr = tuple(pyramid)
    with _hooked(teacher, hooks):
        output = teacher.bbox_head(levels_of_hr)
    recording = Recording(head=output)
    return dense_outputs(teacher, recording)


@contextmanager
def _hooked(detector: BaseDetector, hooks: Mapping[str, Callable]) -> Iterator[None]:
    """Within, each branch's cut has a hook."""
    handles = []
    for name, hook in hooks.items():
        layer = _cut(detector, name)
        handles.append(layer.register_forward_hook(hook))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _stack(detector: BaseDetector, name: str) -> list[nn.Module]:
    """The convolutions of a branch, each with its norm and activation; empty without such."""
    stack = getattr(detector.bbox_head, name, None)
    if not isinstance(stack, nn.ModuleList):
        return []
    layers = list(stack)
    for layer in layers:
        is_conv_module = hasattr(layer, "conv") and hasattr(layer, "with_norm")
        if not is_conv_module:
            return []
    return layers


def _cut(detector: BaseDetector, name: str) -> nn.Module:
    """The layer of a branch whose output is exchanged: a norm, or a convolution without one."""
    stack = _stack(detector, name)
    layer = stack[max(0, len(stack) - 2)]
    last = "norm" if layer.with_norm else "conv"
    # A norm is found by a property of mmcv's, under a name of its own.
    return cast("nn.Module", getattr(layer, last))
