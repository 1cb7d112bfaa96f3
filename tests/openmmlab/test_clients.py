"""mmdet's own inferencers and tools, and sahi's, on a pair.

Each line of docs/howto/mmdet_clients.md.
"""

import json
import pickle
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from pycocotools.coco import COCO

from mmisr.__main__ import main
from mmisr.apis import init_model
from mmisr.apis.clients import find_tool, run_mmdet
from mmisr.apis.flops import get_flops
from mmisr.apis.train import train
from mmisr.datasets.watched import FrameError
from mmisr.registry import DATASETS

ROOT = Path(__file__).parents[2]
FROZEN = ROOT / "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
PART = "checkpoints/gfl_mobilenet-v2_hr_tree-crowns.pth"
PAIR = """_base_ = ["{base}"]
data = dict(data_root="{data}/")
train_dataloader = dict(
    num_workers=0,
    persistent_workers=False,
    dataset=dict(times=2, dataset=dict(pipeline=_base_.test_pipeline, **data)),
)
val_dataloader = dict(num_workers=0, persistent_workers=False, dataset=data)
test_dataloader = val_dataloader
"""
IMAGES, TREE = {1: 31, 2: 77}, 7
"""Ids that no counting gives."""


@pytest.fixture(autouse=True)
def _in_the_project(monkeypatch):
    monkeypatch.chdir(ROOT)  # the config names its checkpoints from there
    monkeypatch.setattr(sys, "argv", sys.argv)  # a tool that is run puts its own there


@pytest.fixture(scope="module")
def data(cut_outs, tmp_path_factory) -> Path:
    """Two small images of each half, with ids of their own."""
    folder = tmp_path_factory.mktemp("clients") / "data"
    cut_outs(folder, 128, 2)
    for half in ("train", "val"):
        content = json.loads((folder / f"{half}.json").read_text())
        ids = dict(zip([i["id"] for i in content["images"]], IMAGES.values(), strict=True))
        content["images"] = [{**i, "id": ids[i["id"]]} for i in content["images"]]
        content["annotations"] = [
            {**a, "image_id": ids[a["image_id"]], "category_id": TREE}
            for a in content["annotations"]
        ]
        content["categories"] = [{"id": TREE, "name": "tree", "supercategory": "plant"}]
        (folder / f"{half}.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="module")
def config(data) -> str:
    """A frozen pair: it has training data, and no schedule."""
    path = data.parent / "pair.py"
    path.write_text(PAIR.format(base=FROZEN, data=data))
    assert "train_cfg" not in Config.fromfile(path)
    return str(path)


@pytest.fixture(scope="module")
def model(config):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return init_model(config)


@pytest.fixture(scope="module")
def whole(model, data) -> str:
    """A checkpoint of the whole pair, as training writes it."""
    path = data.parent / "pair.pth"
    torch.save(
        {"state_dict": model.state_dict(), "meta": {"dataset_meta": {"classes": ("tree",)}}}, path
    )
    return str(path)


@pytest.fixture(scope="module")
def image(data) -> str:
    return str(min((data / "val").glob("*.png")))


@pytest.fixture(scope="module")
def expected(model):
    """What the pair finds in the images of the test set."""
    loader = model.cfg.test_dataloader
    dataset = DATASETS.build(loader.dataset)
    packed = [dataset[i] for i in range(len(dataset))]
    batch = {key: [sample[key] for sample in packed] for key in ("inputs", "data_samples")}
    with torch.no_grad():
        return [sample.pred_instances for sample in model.test_step(batch)]


@pytest.fixture(scope="module")
def tested(config, whole, data, apart):
    """mmdet's own ``tools/test.py`` in a process of its own: its folder, and what it said."""
    out = data.parent / "tested"
    options = [
        f"test_evaluator.outfile_prefix={out}/found",
        "--show-dir",
        "pictures",
        "--out",
        str(out / "dump.pkl"),
    ]
    command = ["run_mmdet", "test", config, whole, "--work-dir", str(out)]
    said = data.parent / "said.txt"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)  # the config names its checkpoints from there
        apart(lambda: main([*command, "--cfg-options", *options]), said).result()
    return out, said.read_text()


def test_test_py_draws_and_writes_predictions_with_the_ids_of_the_data_set(
    tested, expected, data, image
):
    out, said = tested
    assert "unexpected key" not in said
    assert {p.stem for p in out.rglob("pictures/*.png")} == {
        p.stem for p in (data / "val").glob("*.png")
    }
    found = json.loads((out / "found.bbox.json").read_text())
    assert {entry["category_id"] for entry in found} == {TREE}
    for number, instances in zip(IMAGES.values(), expected, strict=True):
        boxes = np.array([entry["bbox"] for entry in found if entry["image_id"] == number])
        boxes[:, 2:] += boxes[:, :2]
        np.testing.assert_allclose(boxes, instances.bboxes.numpy(), atol=1e-3)
    truth = COCO(str(data / "val.json"))
    assert len(truth.loadRes(str(out / "found.bbox.json")).anns) == len(found)


def test_a_dump_has_boxes_in_the_source_frame_their_truth_and_no_pixels(tested, expected, data):
    samples = pickle.loads((tested[0] / "dump.pkl").read_bytes())
    truth = json.loads((data / "val.json").read_text())["annotations"]
    for number, instances, sample in zip(IMAGES.values(), expected, samples, strict=True):
        assert sample["img_id"] == number
        assert {"hr", "sr"} & set(sample) == set()
        assert "masks" not in sample["pred_instances"]
        np.testing.assert_allclose(sample["pred_instances"]["bboxes"], instances.bboxes, atol=1e-3)
        boxes = np.array([a["bbox"] for a in truth if a["image_id"] == number])
        boxes[:, 2:] += boxes[:, :2]
        np.testing.assert_allclose(sample["gt_instances"]["bboxes"], boxes, atol=1e-3)
        areas = [a["area"] for a in truth if a["image_id"] == number]
        np.testing.assert_allclose(sample["gt_instances"]["areas"], areas, rtol=1e-4)


def test_eval_metric_finds_the_figures_of_the_test(tested, config, capsys):
    out, said = tested
    run_mmdet("eval_metric", [config, str(out / "dump.pkl")])
    again = dict(re.findall(r"'(bbox/\w+)': ([\d.]+)", capsys.readouterr().out))
    for name, value in re.findall(r"(bbox/AP\w*): ([\d.]+)", said.rpartition("Epoch(test)")[2]):
        assert float(again[name]) == pytest.approx(float(value), abs=6e-5)
    assert float(again["bbox/AP50"]) > 0.3


def test_analyze_results_sorts_the_images(tested, config, tmp_path):
    run_mmdet(
        "analyze_results", [config, str(tested[0] / "dump.pkl"), str(tmp_path), "--topk", "1"]
    )
    good, bad = (next((tmp_path / kind).glob("*.png")) for kind in ("good", "bad"))
    assert float(good.stem.rpartition("_")[2]) >= float(bad.stem.rpartition("_")[2]) >= 0


def test_coco_error_analysis_reads_the_predictions(tested, data, tmp_path, capfd):
    arguments = [str(tested[0] / "found.bbox.json"), str(tmp_path), "--ann", str(data / "val.json")]
    run_mmdet("coco_error_analysis", arguments)
    assert (tmp_path / "bbox" / "bbox-tree-allarea.png").is_file()
    assert "analyzing 1-tree" in capfd.readouterr().out


def test_browse_dataset_draws_on_the_hr_image_in_its_colours_and_ends(config, data, tmp_path):
    run_mmdet("browse_dataset", [config, "--not-show", "--output-dir", str(tmp_path)])
    drawn = sorted(tmp_path.glob("*.png"))
    assert [p.name for p in drawn] == sorted(p.name for p in (data / "train").glob("*.png"))
    for path in drawn:
        here, source = (
            np.asarray(Image.open(p).convert("RGB"), int)
            for p in (path, data / "train" / path.name)
        )
        assert here.shape == source.shape
        untouched = (here == source).all(-1)
        assert 0.3 < untouched.mean() < 1  # but for the boxes and their captions


def test_browse_dataset_names_ours_where_there_is_no_hr_image(config, tmp_path):
    native = Config.fromfile(config)
    steps = [
        step for step in native.test_pipeline if "scale" not in step and "multiple" not in step
    ]
    native.train_dataloader.dataset.dataset.pipeline = [
        *steps[:-1],
        {"type": "mmisr.NativeLR"},
        steps[-1],
    ]
    native.dump(tmp_path / "native.py")
    with pytest.raises(ValueError, match="run `mmisr browse_dataset CONFIG`, which draws both"):
        run_mmdet("browse_dataset", [str(tmp_path / "native.py"), "--not-show"])


def test_get_flops_counts_what_ours_counts(config, preloaded):
    """In a process without mmdet and mmisr: mmdet's classes learn of pairs in time."""
    code = f"""
import os, runpy, sys
os.chdir({str(ROOT)!r})
sys.argv = ["run_mmdet.py", "get_flops", {config!r}, "--num-images", "1"]
runpy.run_path("tools/run_mmdet.py", run_name="__main__")
"""
    ran = preloaded(code)
    assert ran.returncode == 0, ran.stderr
    assert "Input shape: (32, 32)" in ran.stdout
    theirs = float(re.search(r"Flops: ([\d.]+)G", ran.stdout)[1])
    pair = next(cost for cost in get_flops(config).costs if cost.part == "pair")
    assert theirs == pytest.approx(pair.gmacs, rel=0.05)


def test_init_detector_and_the_inferencer_find_what_the_pair_finds(config, whole, expected, image):
    from mmdet.apis import DetInferencer, inference_detector, init_detector

    detector = init_detector(config, PART, device="cpu")
    assert detector.dataset_meta["classes"] == ("tree",)
    found = inference_detector(detector, image).pred_instances
    np.testing.assert_allclose(found.bboxes, expected[0].bboxes, atol=1e-3)
    pixels = np.asarray(Image.open(image).convert("RGB"))[..., ::-1]
    array = inference_detector(detector, np.ascontiguousarray(pixels)).pred_instances
    np.testing.assert_allclose(array.bboxes, expected[0].bboxes, atol=1e-3)
    inferencer = DetInferencer(config, whole, device="cpu", show_progress=False)
    assert tuple(inferencer.model.dataset_meta["classes"]) == ("tree",)
    for given in (image, pixels):
        found = inferencer(given)["predictions"][0]
        np.testing.assert_allclose(found["bboxes"], expected[0].bboxes, atol=1e-3)


def test_the_inferencer_reads_files_by_our_rules(config, whole, tmp_path):
    from mmdet.apis import DetInferencer

    Image.fromarray(np.zeros((64, 64), np.uint16) + 300).save(tmp_path / "deep.png")
    with pytest.raises(ValueError, match=r"deep\.png"):
        DetInferencer(config, whole, device="cpu", show_progress=False)(str(tmp_path / "deep.png"))


def test_sahi_slices_a_pair(config, expected, image):
    sahi = pytest.importorskip("sahi")
    from sahi.predict import get_prediction, get_sliced_prediction

    options = {"model_type": "mmdet", "model_path": PART, "config_path": config, "device": "cpu"}
    wrapped = sahi.AutoDetectionModel.from_pretrained(**options, confidence_threshold=0.2)
    found = get_prediction(image, wrapped).object_prediction_list
    strong = expected[0].bboxes[expected[0].scores >= 0.2]
    np.testing.assert_allclose([o.bbox.to_xyxy() for o in found], strong, atol=1e-3)
    assert {o.category.name for o in found} == {"tree"}
    sliced = get_sliced_prediction(image, wrapped, 96, 96, verbose=0).object_prediction_list
    boxes = np.array([o.bbox.to_xyxy() for o in sliced])
    assert boxes.max() > 100  # a slice's boxes are back in the image
    with pytest.raises(
        ValueError,
        match="image_size=640 would resize the image before super-resolution.*leave image_size",
    ):
        sahi.AutoDetectionModel.from_pretrained(**options, image_size=640)


def test_mmdets_own_test_time_augmentation_is_refused(config, whole):
    """Its pipeline flips the HR image after the LR image was made, and packs it."""
    with pytest.raises(
        ValueError, match="no tta_pipeline that makes LR images.*run `mmisr test --tta`"
    ):
        run_mmdet("test", [config, whole, "--tta"])
    cfg = Config.fromfile(config).test_dataloader.dataset
    flips = [{"type": "mmdet.RandomFlip", "prob": 1.0}, {"type": "mmdet.RandomFlip", "prob": 0.0}]
    branches = {
        "type": "mmcv.TestTimeAug",
        "transforms": [flips, [{"type": "mmdet.PackDetInputs"}]],
    }
    cfg.pipeline = [*cfg.pipeline[:-1], branches]
    with pytest.raises(
        FrameError, match="packs the HR image although an LR image was made.*`mmisr test --tta`"
    ):
        DATASETS.build(cfg)[0]


def test_what_has_no_schedule_does_not_train(config):
    with pytest.raises(
        ValueError, match="has no train_cfg and no optim_wrapper, so nothing says how to train it"
    ):
        train(config)


def test_an_unknown_tool_is_named():
    with pytest.raises(
        FileNotFoundError, match="has no tool 'no_such_tool'; it has .*analyze_results"
    ):
        find_tool("no_such_tool")
