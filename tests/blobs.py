"""A detector that finds bright blobs exactly, boxes and masks, so that what comes back is known."""

import cv2
import numpy as np
import torch
from mmdet.models.detectors.base import BaseDetector
from mmdet.registry import MODELS as MMDET_MODELS
from mmengine.structures import InstanceData


@MMDET_MODELS.register_module(force=True)
class BlobDetector(BaseDetector):
    """A box around everything that is bright and connected; larger ones score higher."""

    def __init__(
        self, max_per_img=100, masks=False, sure_area=1e6, data_preprocessor=None, init_cfg=None
    ):
        super().__init__({"type": "mmdet.DetDataPreprocessor"}, init_cfg)
        self.sure_area = sure_area
        self.test_cfg = {"max_per_img": max_per_img, "nms": {"type": "nms", "iou_threshold": 0.5}}
        self.gain = torch.nn.Parameter(torch.ones(()))
        self.seen = []
        self.mask_head = torch.nn.Identity() if masks else None

    def predict(self, batch_inputs, batch_data_samples):
        self.seen.append(tuple(batch_inputs.shape))
        for image, sample in zip(batch_inputs, batch_data_samples, strict=True):
            mask = (image.mean(0) > 127).numpy().astype(np.uint8)
            _, blobs, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
            x, y, w, h, area = stats[1:].T
            boxes = np.stack([x, y, x + w, y + h], 1).astype(np.float32)
            sample.pred_instances = InstanceData(
                bboxes=torch.from_numpy(boxes),
                scores=torch.from_numpy(area / self.sure_area).float(),
                labels=torch.zeros(len(boxes), dtype=torch.long),
            )
            if self.with_mask:
                numbers = np.arange(1, len(stats))[:, None, None]
                sample.pred_instances.masks = torch.from_numpy(blobs[None] == numbers)
        return batch_data_samples

    def loss(self, batch_inputs, batch_data_samples):
        raise NotImplementedError

    def extract_feat(self, batch_inputs):
        raise NotImplementedError

    def _forward(self, batch_inputs, batch_data_samples=None):
        raise NotImplementedError


def image_of(hw, boxes):
    """(3, h, w) uint8: black, and white in the boxes."""
    image = torch.zeros(3, *hw, dtype=torch.uint8)
    for x1, y1, x2, y2 in boxes:
        image[:, y1:y2, x1:x2] = 255
    return image
