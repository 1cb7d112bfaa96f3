"""Restore-then-downsample: the detector sees restored images of the size that it saw before."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.dataset.base_dataset import Compose
from skimage import data

from mmisr.apis.configs import read_config
from mmisr.openmmlab.datasets import HorizontalBoxes
from mmisr.registry import MODELS, TRANSFORMS

CONFIG = "configs/cajnn/cajnn-nano-x4_gfl_mobilenet-v2_restored_aerial-cars.py"


def pair(**changes):
    cfg = read_config(CONFIG)
    model = Config({**cfg.model.to_dict(), **changes})
    model.checkpoints = {}
    torch.manual_seed(0)
    return MODELS.build(model._cfg_dict).eval(), cfg


@pytest.fixture(scope="module")
def batch():
    """One compressed photo with a box, as the test data has it."""
    cfg = read_config(CONFIG)
    results = {
        "img": np.ascontiguousarray(data.astronaut()[:97, :130, ::-1]),
        "img_id": 1,
        "img_path": "a.png",
        "gt_bboxes": HorizontalBoxes(torch.tensor([[8.0, 16.0, 40.0, 64.0]])),
        "gt_bboxes_labels": np.array([0]),
        "gt_ignore_flags": np.array([False]),
    }
    steps = [step for step in cfg.test_pipeline if "Load" not in step["type"]]
    pipeline = Compose([TRANSFORMS.build(step) for step in steps])
    return pseudo_collate([pipeline(results)])


def seen_by_the_detector(model, batch):
    """Size of what the backbone gets, and the boxes."""
    sizes = []
    hook = model.detector.backbone.register_forward_pre_hook(
        lambda module, inputs: sizes.append(tuple(inputs[0].shape[-2:]))
    )
    with torch.no_grad():
        (found,) = model.test_step(batch)
    hook.remove()
    return sizes, found.pred_instances.bboxes


def test_the_detector_costs_what_it_costs_without_sr(batch):
    restored, cfg = pair()
    assert (restored.editor.info.scale, cfg.model.handoff.resize.factor) == (4, 0.25)
    plain, _ = pair(editor={"type": "mmisr.Resample", "scale": 1}, handoff={})
    full, _ = pair(handoff={})
    sizes, boxes = seen_by_the_detector(restored, batch)
    assert sizes == seen_by_the_detector(plain, batch)[0] == [(96, 128)]
    assert seen_by_the_detector(full, batch)[0] == [(384, 512)]
    assert len(boxes) > 0


def test_boxes_are_in_the_frame_of_the_annotations(batch):
    """A detector that always finds its whole input finds the whole source image."""
    restored, _ = pair()
    _, boxes = seen_by_the_detector(restored, batch)
    assert boxes[:, 2].max() <= 128 + 1e-3
    assert boxes[:, 3].max() <= 96 + 1e-3
    assert boxes[:, 2].max() > 64, "boxes lie in a corner: another frame"


def test_any_editor_can(batch):
    """It is the pair's handoff, not the editor's."""
    editor = {"type": "mmisr.Resample", "scale": 4}
    sizes, _ = seen_by_the_detector(pair(editor=editor)[0], batch)
    assert sizes == [(96, 128)]
