"""torchvision's classification networks as backbones of mmdet's detectors."""

from __future__ import annotations

from collections.abc import Sequence

import torchvision
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmisr.registry import MODELS
from mmisr.structures.checks import check_types


@MODELS.register_module()
class TorchvisionBackbone(BaseModule):
    """The ``features`` of a torchvision network, some of whose stages are put out.

    ``backbone=dict(type="mmisr.TorchvisionBackbone", name="mobilenet_v3_large", ...)`` in the
    config of any mmdet detector: networks that mmdet does not bring (MobileNetV3, EfficientNet,
    ConvNeXt, ...) without another library. ``init_cfg=dict(type="Pretrained", checkpoint=...)``
    takes torchvision's own files, whose classifier is left out.

    Args:
        name: Of a function of ``torchvision.models`` whose network has ``features``.
        out_indices: Entries of ``features`` whose outputs are put out, ascending.
        norm_eval: Whether batch norms keep their statistics while the detector trains.
        init_cfg: As in mmengine.

    Raises:
        ValueError: There is no such network, it has no ``features``, or no such entries.
    """

    def __init__(
        self,
        name: str,
        out_indices: Sequence[int],
        norm_eval: bool = True,
        init_cfg: dict | None = None,
    ) -> None:
        values = {"name": name, "out_indices": out_indices, "norm_eval": norm_eval}
        check_types(type(self), values, "TorchvisionBackbone")
        super().__init__(init_cfg)
        features = _features(name)
        wanted = list(out_indices)
        is_ascending = wanted == sorted(set(wanted))
        if not wanted or not is_ascending or not 0 <= wanted[0] <= wanted[-1] < len(features):
            raise ValueError(
                f"TorchvisionBackbone.out_indices must be ascending entries of {name}'s features, "
                f"0 to {len(features) - 1}, got {wanted}"
            )
        last = wanted[-1] + 1
        self.features = nn.Sequential(*list(features)[:last])
        self.out_indices = tuple(wanted)
        self.norm_eval = norm_eval

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """One map per entry of ``out_indices``.

        Args:
            images: (B, 3, H, W), normalised as torchvision's weights want it.

        Returns:
            (B, C_i, h_i, w_i) each.
        """
        outputs = []
        x = images
        for index, layer in enumerate(self.features):
            x = layer(x)
            if index in self.out_indices:
                outputs.append(x)
        return tuple(outputs)

    def train(self, mode: bool = True) -> TorchvisionBackbone:
        """Set the mode; with ``norm_eval`` batch norms stay in evaluation."""
        super().train(mode)
        if mode and self.norm_eval:
            for module in self.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return self


def _features(name: str) -> nn.Sequential:
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        raise ValueError(
            f"TorchvisionBackbone.name must be one of torchvision's networks, got {name!r}; "
            f"torchvision.models.list_models() has them all"
        )
    network = torchvision.models.get_model(name, weights=None)
    features = getattr(network, "features", None)
    if not isinstance(features, nn.Sequential):
        raise ValueError(
            f"TorchvisionBackbone takes networks with `features` (MobileNet, EfficientNet, "
            f"ConvNeXt, VGG, DenseNet, ...), and {name} has none; mmdet has ResNets of its own"
        )
    return features
