"""Pictures of what a pair found, by mmdet's visualizer."""

import numpy as np
import torch
from mmengine.structures import InstanceData
from pycocotools import mask as coco_masks

from mmisr.openmmlab.detector import DetDataSample
from mmisr.registry import VISUALIZERS

GREY = np.full((24, 32, 3), 128, dtype=np.uint8)


def found(masks, scores):
    sample = DetDataSample(metainfo={"img_id": 1, "source_shape": (24, 32)})
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor([[4.0, 4, 20, 20], [8, 2, 30, 10]]),
        scores=torch.tensor(scores),
        labels=torch.zeros(2, dtype=torch.long),
        masks=masks,
    )
    return sample


def test_run_lengths_are_drawn_as_pixels_are():
    visualizer = VISUALIZERS.build({"type": "mmisr.SRDetVisualizer", "name": "runs"})
    visualizer.dataset_meta = {"classes": ("thing",), "palette": [(255, 0, 0)]}
    pixels = np.zeros((2, 24, 32), dtype=np.uint8)
    pixels[0, 4:20, 4:20] = pixels[1, 2:10, 8:30] = 1
    runs = [coco_masks.encode(np.asfortranarray(mask)) for mask in pixels]
    for scores in ([0.9, 0.2], [0.1, 0.2]):  # one is drawn, none is
        pictures = []
        for masks in (torch.from_numpy(pixels).bool(), runs):
            sample = found(masks, scores)
            np.random.seed(0)  # mmdet's colours jitter
            visualizer.add_datasample("picture", GREY, sample, draw_gt=False)
            pictures.append(visualizer.get_image())
            assert sample.pred_instances.masks is masks and len(sample.pred_instances) == 2
        np.testing.assert_array_equal(*pictures)
        assert (pictures[0] != GREY).any() == (scores[0] > 0.3)
