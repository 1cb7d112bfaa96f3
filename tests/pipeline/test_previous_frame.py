"""A frame is routed by the boxes of the frame before."""

import pytest
import torch
from mmengine.structures import InstanceData

from mmisr.openmmlab.detector import DetDataSample
from mmisr.pipeline.found_masks import finish_masks
from mmisr.pipeline.hints import PriorPass
from mmisr.pipeline.previous_frame import PreviousFrame

BOXES = torch.tensor([[2.0, 3.0, 8.0, 9.0], [1.0, 1.0, 4.0, 4.0]])


def frame(scores):
    return DetDataSample(
        pred_instances=InstanceData(
            bboxes=BOXES, scores=torch.tensor(scores), labels=torch.tensor([0, 1])
        ),
    )


@pytest.mark.parametrize("kind", ["pixels", "runs"])
def test_masks_that_count_are_kept_as_pixels(kind):
    sample = frame([0.4, 0.9])
    sample.set_metainfo({"source_shape": (5, 6)})
    masks = torch.zeros(2, 5, 6, dtype=torch.bool)
    masks[0, 1], masks[1, 2:4, 3] = True, True
    sample.pred_instances.masks = masks
    finish_masks(sample, kind)
    prior = PreviousFrame(score_thr=0.5)
    prior.remember(sample)
    (found,) = prior.find([], None, 4, None)
    assert torch.equal(found.masks_lr, masks[1:])


def test_boxes_that_count_are_kept_and_grown(monkeypatch):
    monkeypatch.setattr(PriorPass, "find", lambda *_: ["a pass of its own"])
    prior = PreviousFrame(score_thr=0.5, dilate_px=1.0)
    assert prior.find([], None, 4, None) == ["a pass of its own"]
    prior.remember(frame([0.9, 0.4]))
    (found,) = prior.find([], None, 4, None)
    assert found.boxes_lr.tolist() == [[1.0, 2.0, 9.0, 10.0]]
    assert found.scores.tolist() == [pytest.approx(0.9)]
    assert found.labels.tolist() == [0]
    prior.remember(frame([0.1, 0.2]))
    assert prior.find([], None, 4, None) == ["a pass of its own"]
