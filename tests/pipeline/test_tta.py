"""mmdet's own test-time augmentation around the pair.

Flipped views come back into the source frame.
"""

import torch
from mmengine.config import ConfigDict

from mmisr.registry import MODELS


def test_a_flipped_view_is_flipped_back(detector_config, photo, sample_of):
    torch.manual_seed(0)
    config = {
        "type": "mmisr.SRDetector",
        "editor": {"type": "mmisr.Resample", "scale": 4},
        "detector": detector_config,
    }
    merge = {"nms": {"type": "nms", "iou_threshold": 0.99}, "max_per_img": 100}
    tta = ConfigDict({"type": "DetTTAModel", "module": config, "tta_cfg": merge})
    model = MODELS.build(tta).eval()
    source_hw = (384, 524)

    def sample(flip: bool):
        made = sample_of(source_hw, [])
        made.set_metainfo({"flip": flip, "flip_direction": "horizontal" if flip else None})
        return made

    mirrored = photo.flip(2)
    with torch.no_grad():
        plain = model.module.test_step(
            {"inputs": [mirrored], "data_samples": [sample_of(source_hw, [])]}
        )[0]
        merged = model.test_step({"inputs": [[mirrored]], "data_samples": [[sample(flip=True)]]})[0]
    expected = plain.pred_instances.bboxes[:5].clone()
    expected[:, [0, 2]] = source_hw[1] - expected[:, [2, 0]]
    torch.testing.assert_close(merged.pred_instances.bboxes[:5], expected, rtol=1e-4, atol=1e-2)
