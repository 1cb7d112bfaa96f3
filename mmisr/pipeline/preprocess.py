"""The outer data preprocessor of the pair.

8-bit LR images to RGB in [0, 1] on the device, and no more.
"""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor

from mmisr.registry import MODELS
from mmisr.structures.frames import hw_of
from mmisr.structures.pixels import to_unit


@MODELS.register_module()
class SRDetDataPreprocessor(BaseDataPreprocessor):
    """Move a batch to the device and scale its pixels to [0, 1].

    Images keep their own sizes: nothing is padded here, so a result cannot depend on the batch an
    image comes in. The detector's mean, std, channel order and padding are applied by the handoff,
    after super-resolution.

    Convention: input images are (3, h, w) RGB uint8; output images are (3, h, w) RGB float in [0,
    1].
    """

    def forward(self, data: dict, training: bool = False) -> dict:
        """Prepare one batch.

        Args:
            data: ``inputs``, a list of (3, h, w) uint8 tensors or one (B, 3, h, w) tensor, and
                ``data_samples``.
            training: Unused; the signature is mmengine's.

        Returns:
            ``inputs``, a list of float tensors in [0, 1], and ``data_samples``, each with its
            input's (h, w) as ``batch_input_shape``: mmdet's ``get_flops`` reports it.

        Raises:
            TypeError: An image is not uint8.
            ValueError: An image does not have three channels.
        """
        data = self.cast_data(data)
        images = [self._checked(image) for image in data["inputs"]]
        samples = data.get("data_samples")
        for image, sample in zip(images, samples or (), strict=False):
            hw = hw_of(image)
            sample.set_metainfo({"batch_input_shape": hw})
        return {
            "inputs": images,
            "data_samples": samples,
        }

    @staticmethod
    def _checked(image: Any) -> Tensor:
        if not isinstance(image, Tensor) or image.dtype != torch.uint8:
            kind = image.dtype if isinstance(image, Tensor) else type(image).__name__
            raise TypeError(
                f"inputs must be uint8 RGB tensors as mmisr.PackSRDetInputs makes them, got {kind}"
            )
        if image.ndim != 3 or image.shape[0] != 3:
            raise ValueError(
                f"inputs must be (3, h, w) RGB tensors, got shape {tuple(image.shape)}"
            )
        return to_unit(image)
