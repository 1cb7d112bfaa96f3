"""ImageNet weights of torchvision's MobileNetV2 under the names of mmdet's backbone."""

from __future__ import annotations

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
    features = [
        v
        for k, v in state.items()
        if not k.startswith("classifier.") and not k.endswith("num_batches_tracked")
    ]
    own = MobileNetV2(out_indices=(7,)).state_dict()
    names = [k for k in own if not k.endswith("num_batches_tracked")]
    if len(features) != len(names) or any(
        own[k].shape != v.shape for k, v in zip(names, features, strict=False)
    ):
        raise ValueError(
            f"MobileNetV2 weights must be {len(names)} tensors of mmdet's shapes, found "
            f"{len(features)}"
        )
    return dict(zip(names, features, strict=True))
