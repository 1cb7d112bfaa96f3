"""The guard of masks: an identity SR reproduces plain mmdet's AP of masks, and tools report it.

What is annotated is most of what the untrained detector finds, so that AP is neither 0 nor 1. These
are tests of frames: no figure here says how good a detector is.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from skimage import data

from mmisr.apis.compare import compare
from mmisr.apis.inferencer import SRDetInferencer
from mmisr.apis.report import report
from mmisr.openmmlab.detector import build_detector
from mmisr.registry import MODELS
from tests.mask_detectors import mask_rcnn

HW = (96, 128)
CLASSES = ("face", "rocket")
STATS = {"AP": 0, "AP50": 1, "AP75": 2, "AP_small": 3, "AP_medium": 4, "AR": 8}


def dataset_of(root, kind, pipeline):
    return {
        "batch_size": 1,
        "num_workers": 0,
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "dataset": {
            "type": kind,
            "data_root": f"{root}/",
            "ann_file": "val.json",
            "data_prefix": {"img": ""},
            "metainfo": {"classes": CLASSES},
            "test_mode": True,
            "pipeline": pipeline,
        },
    }


LOAD_MASKS = {"type": "mmdet.LoadAnnotations", "with_bbox": True, "with_mask": True}
PLAIN = [
    {"type": "mmdet.LoadImageFromFile"},
    {"type": "mmdet.Resize", "scale_factor": 1.0},
    LOAD_MASKS,
    {
        "type": "mmdet.PackDetInputs",
        "meta_keys": ("img_id", "img_path", "ori_shape", "img_shape", "scale_factor"),
    },
]
NATIVE = [
    {"type": "mmisr.LoadImage"},
    LOAD_MASKS,
    {"type": "mmisr.NativeLR"},
    {"type": "mmisr.PackSRDetInputs"},
]
SIMULATED = [
    {"type": "mmisr.LoadImage"},
    LOAD_MASKS,
    {"type": "mmisr.CropToMultiple", "multiple": 2},
    {"type": "mmisr.SimulateLR", "scale": 2, "recipe": "matlab_bicubic", "seed": 0},
    {"type": "mmisr.PackSRDetInputs"},
]


def predictions(model, loader):
    model.eval()
    with torch.no_grad():
        return [sample for batch in loader for sample in model.test_step(batch)]


def loader_of(*options):
    return Runner.build_dataloader(dataset_of(*options))


def write(root, rows):
    images = [{"id": i, "file_name": f"{i}.png", "height": HW[0], "width": HW[1]} for i in (1, 2)]
    categories = [{"id": 10 * k, "name": name} for k, name in enumerate(CLASSES, 1)]
    content = {"images": images, "categories": categories, "annotations": rows}
    (root / "val.json").write_text(json.dumps(content))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights of the tiny detector, whose masks are shapes and not noise."""
    torch.manual_seed(3)
    path = tmp_path_factory.mktemp("weights") / "mask-rcnn.pth"
    detector = build_detector(mask_rcnn(per_img=8))
    detector.init_weights()
    torch.save(detector.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def detector(weights):
    made = build_detector(mask_rcnn(per_img=8))
    made.load_state_dict(torch.load(weights, weights_only=True))
    return made


@pytest.fixture(scope="module")
def root(tmp_path_factory, detector):
    """Two photos, annotated by what the detector finds in them, cut off above."""
    folder = tmp_path_factory.mktemp("photos")
    for number, photo in enumerate(
        (data.astronaut()[20:116, 150:278], data.rocket()[:96, 250:378])
    ):
        Image.fromarray(photo).save(folder / f"{number + 1}.png")
    write(folder, [])
    rng = np.random.default_rng(0)
    rows = []
    for sample in predictions(detector, loader_of(folder, "mmdet.CocoDataset", PLAIN)):
        found = sample.pred_instances
        for mask, label in zip(found.masks.numpy()[::2], found.labels.tolist()[::2], strict=True):
            part = mask.copy()
            rows_of = np.flatnonzero(mask.any(1))
            part[rows_of[: int(rng.integers(0, 1 + len(rows_of) // 3))]] = False
            if not part.any():
                continue
            rle = coco_mask.encode(np.asfortranarray(part.astype(np.uint8)))
            row = {"id": len(rows) + 1, "image_id": sample.img_id, "iscrowd": 0}
            row |= {"category_id": 10 * (label + 1), "bbox": coco_mask.toBbox(rle).tolist()}
            row["segmentation"] = {"size": rle["size"], "counts": rle["counts"].decode()}
            rows.append({**row, "area": float(part.sum())})
    assert len(rows) >= 4
    write(folder, rows)
    return folder


def pair_of(weights, scale=1, **more):
    return {
        "type": "mmisr.SRDetector",
        "editor": {"type": "mmisr.Resample", "mode": "bicubic", "scale": scale},
        "detector": mask_rcnn(per_img=8),
        "checkpoints": {"detector": str(weights)},
        **more,
    }


def test_identity_sr_reproduces_plain_mmdets_ap_of_masks(root, detector, weights, tmp_path):
    """Plain mmdet writes its results by its own metric, and pycocotools counts them."""
    loader = loader_of(root, "mmdet.CocoDataset", PLAIN)
    prefix = str(tmp_path / "plain")
    plain = {"type": "mmdet.CocoMetric", "ann_file": str(root / "val.json"), "metric": "segm"}
    plain = Evaluator({**plain, "outfile_prefix": prefix})
    plain.dataset_meta = loader.dataset.metainfo
    plain.process(predictions(detector, loader))
    plain.evaluate(2)
    truth = COCO(str(root / "val.json"))
    expected = {}
    for kind in ("bbox", "segm"):
        rows = json.loads(Path(f"{prefix}.{kind}.json").read_text())
        if kind == "segm":  # as mmdet's metric does: else masks would have the sizes of their boxes
            rows = [{key: row[key] for key in row if key != "bbox"} for row in rows]
        reference = COCOeval(truth, truth.loadRes(rows), kind)
        reference.evaluate()
        reference.accumulate()
        reference.summarize()
        for name, place in STATS.items():
            expected[f"{kind}/{name}"] = reference.stats[place]
    loader = loader_of(root, "mmisr.SRCocoDataset", NATIVE)
    ours = {"type": "mmisr.SizeBinnedCocoMetric", "frame": "source", "area_source": "annotation"}
    evaluator = Evaluator([ours, {**ours, "iou_type": "segm"}])
    evaluator.dataset_meta = loader.dataset.metainfo
    evaluator.process(predictions(MODELS.build(pair_of(weights)), loader))
    found = evaluator.evaluate(2)
    assert 0.05 < expected["segm/AP"] < 0.95
    assert expected["segm/AP"] != expected["bbox/AP"]
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-6) or value == -1, name


@pytest.fixture(scope="module")
def compared(root, weights, tmp_path_factory):
    """A comparison of two arms of a pair at x2, and its folder."""
    metric = {"type": "mmisr.SizeBinnedCocoMetric"}
    cfg = Config(
        {
            "default_scope": "mmisr",
            "model": pair_of(weights, 2, test_cfg={"keep_sr": True}),
            "test_dataloader": dataset_of(root, "mmisr.SRCocoDataset", SIMULATED),
            "test_evaluator": [metric, {**metric, "iou_type": "segm"}],
        }
    )
    out = tmp_path_factory.mktemp("compared")
    arms = ["bicubic", "hr"]
    return compare(cfg, arms, out, device="cpu", replicates=20), out


def test_a_comparison_reports_masks(compared, root):
    comparison, out = compared
    hr = comparison.arms["hr"]
    assert {"AP", "AP50", "AP_small"} <= {*hr.segm}
    assert hr.segm["AP"] != hr.AP
    assert len(hr.intervals["segm_AP"]) == 2
    assert "segm_AP" in {difference.figure for difference in comparison.differences}
    assert any("segm_AP " in verdict.text for verdict in comparison.verdicts)
    head = (out / "results.md").read_text().splitlines()[0]
    assert "| segm AP | segm AP50 | segm AP small |" in head
    assert f"hr,segm_AP,{hr.segm['AP']}" in (out / "results.csv").read_text()
    truth = COCO(str(root / "val.json"))
    reference = COCOeval(truth, truth.loadRes(str(out / "predictions/hr.segm.json")), "segm")
    reference.evaluate()
    reference.accumulate()
    reference.summarize()
    assert hr.segm["AP"] == pytest.approx(reference.stats[0], abs=1e-6)


def test_the_report_draws_masks(compared, tmp_path):
    _, out = compared
    page = report(out).read_text()
    assert "masks" in page
    assert "L" in page.split('class="truth"')[1][:4000]


def test_an_inference_draws_and_writes_masks(root, weights, tmp_path):
    cfg = Config({"model": pair_of(weights, 2), "default_scope": "mmisr"})
    cfg.test_dataloader = dataset_of(root, "mmisr.SRCocoDataset", SIMULATED)
    infer = SRDetInferencer(cfg, device="cpu")
    options = {"pred_score_thr": 0.0, "out_dir": str(tmp_path)}
    result = infer(str(root / "1.png"), return_vis=True, **options)
    (picture,) = result["visualization"]
    (prediction,) = result["predictions"]
    masks = coco_mask.decode(prediction["masks"])
    assert masks.shape[:2] == HW
    entries = json.loads((tmp_path / "results.segm.json").read_text())
    assert [entry["segmentation"] for entry in entries] == prediction["masks"]
    bare = infer(str(root / "1.png"), return_vis=True, draw_pred=False)["visualization"][0]
    changed = (picture != bare).any(2)
    factor = picture.shape[0] // HW[0]
    covered = np.kron(masks.any(2), np.ones((factor, factor), dtype=bool))
    assert changed[covered].mean() > 0.9
