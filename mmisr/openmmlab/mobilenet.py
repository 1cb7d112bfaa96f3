"""ImageNet weights of torchvision's MobileNetV2 under the names of mmdet's backbone."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from mmisr.openmmlab.stack import prepare

prepare()

from mmdet.models.backbones import MobileNetV2


def to_mmdet(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename torchvision's weights; the two networks list the same tensors in the same order.

    Args:
        state: torchvision's ``mobilenet_v2`` state dict, classifier included.

    Returns:
        The backbone's weights by mmdet's names.

    Raises:
        ValueError: Number or shape of the tensors differs.
    """
    backbone = _counted_once(MobileNetV2(out_indices=(7,)).state_dict())
    features = _counted_once(state)
    expected = [value.shape for value in backbone.values()]
    if [value.shape for value in features.values()] != expected:
        raise ValueError(
            f"MobileNetV2 weights must be {len(backbone)} tensors of mmdet's shapes, found "
            f"{len(features)}"
        )
    return dict(zip(backbone, features.values(), strict=True))


def _counted_once(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights that both networks have: no classifier, no counters of batches."""
    weights = {}
    for name, value in state.items():
        if not name.startswith("classifier.") and not name.endswith("num_batches_tracked"):
            weights[name] = value
    return weights
