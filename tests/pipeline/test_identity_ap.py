"""The guard of all frames.

An identity SR reproduces plain mmdet's AP, on real images with a trained detector.
"""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from mmisr.apis.configs import read_config
from mmisr.evaluation.metrics.size_binned_coco import SizeBinnedCocoMetric
from mmisr.openmmlab.checkpoints import load_state
from mmisr.openmmlab.detector import build_detector
from mmisr.openmmlab.loading import load_into
from mmisr.registry import MODELS

ROOT = Path(__file__).parents[2]
CHECKPOINT = ROOT / "checkpoints/gfl_mobilenet-v2_hr_tree-crowns.pth"

PLAIN_PIPELINE = [
    {"type": "mmdet.LoadImageFromFile"},
    {"type": "mmdet.Resize", "scale_factor": 1.0},
    {"type": "mmdet.LoadAnnotations", "with_bbox": True},
    {
        "type": "mmdet.PackDetInputs",
        "meta_keys": ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor"),
    },
]
IDENTITY_PIPELINE = [
    {"type": "mmisr.LoadImage"},
    {"type": "mmdet.LoadAnnotations", "with_bbox": True},
    {"type": "mmisr.NativeLR"},
    {"type": "mmisr.PackSRDetInputs"},
]


@pytest.fixture(scope="module")
def cfg() -> Config:
    made = read_config(ROOT / "configs/detectors/gfl_mobilenet-v2_hr_tree-crowns.py")
    made.detector.backbone.init_cfg = None
    return made


def ap_of(model, cfg, pipeline, dataset_type) -> dict[str, float]:
    """All figures of a model on the validation set, read through the given pipeline."""
    options = cfg.val_dataloader.copy()
    dataset = {
        k: v
        for k, v in options["dataset"].items()
        if k not in ("bad_boxes", "unreadable", "type", "pipeline")
    }
    dataset["data_root"] = str(ROOT / dataset["data_root"])
    options["dataset"] = {**dataset, "type": dataset_type, "pipeline": pipeline}
    loader = Runner.build_dataloader({**options, "num_workers": 0, "persistent_workers": False})
    metric = SizeBinnedCocoMetric(protocol="aitod", frame="source", max_dets=500)
    metric.dataset_meta = loader.dataset.metainfo
    model.eval()
    with torch.no_grad():
        for batch in loader:
            metric.process({}, [sample.to_dict() for sample in model.test_step(batch)])
    return metric.evaluate(len(loader.dataset))


def test_identity_sr_reproduces_plain_mmdets_ap(cfg):
    plain = build_detector(cfg.detector)
    load_into(plain, load_state(CHECKPOINT), CHECKPOINT)
    pair = MODELS.build({**cfg.model, "checkpoints": {"detector": str(CHECKPOINT)}})
    expected = ap_of(plain, cfg, PLAIN_PIPELINE, "mmdet.CocoDataset")
    found = ap_of(pair, cfg, IDENTITY_PIPELINE, "mmisr.SRCocoDataset")
    assert expected["bbox/AP"] > 0.1
    assert found == pytest.approx(expected, abs=1e-6, nan_ok=True)
