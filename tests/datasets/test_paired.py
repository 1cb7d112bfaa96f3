"""LR and HR taken separately: an annotation in the HR frame and the same in the LR frame.

Both give the same pixels, targets and AP as LR that is simulated from the same HR.
"""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from mmisr.datasets.images import ImageError
from mmisr.datasets.paired import PairedFiles, check_paired_sizes, moved_alike
from mmisr.degradation.recipes import Degradation
from mmisr.degradation.transform import degraded
from mmisr.openmmlab.samples import boxes_in_hr
from mmisr.ops.motion import FrameError, note_motion
from mmisr.registry import DATASETS, METRICS, MODELS, TRANSFORMS

SCALE = 4
HW = {"a.png": (97, 131), "b.png": (112, 160)}
"""One is no multiple of the scale."""

BOXES_LR = np.array([[2.25, 3.0, 7.5, 5.5], [10.0, 4.0, 12.5, 16.0]])
"""x, y, w, h in LR pixels, of every image."""

CLASSES = ("thing", "other")
KINDS = ("simulated", "hr", "lr")
"""Where LR is from, and which frame the annotations of paired images are in."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """HR files, their LR files, and annotations in either frame."""
    root = tmp_path_factory.mktemp("pairs")
    photo = data.astronaut()
    for frame in ("hr", "lr"):
        (root / frame).mkdir()
    sizes = {"hr": [], "lr": []}
    for number, (name, (height, width)) in enumerate(HW.items()):
        hr = np.ascontiguousarray(photo[40 * number :][:height, 150 : 150 + width])
        h, w = height // SCALE, width // SCALE
        cut = np.ascontiguousarray(hr[: h * SCALE, : w * SCALE, ::-1])
        lr = degraded(cut, Degradation(SCALE), 0)[..., ::-1]
        Image.fromarray(hr).save(root / "hr" / name)
        Image.fromarray(lr).save(root / "lr" / name)
        entry = {"id": number, "file_name": name}
        sizes["hr"].append({**entry, "height": height, "width": width})
        sizes["lr"].append({**entry, "height": h, "width": w})
    for frame, factor in (("hr", SCALE), ("lr", 1)):
        boxes = (BOXES_LR * factor).tolist()
        annotations = [
            {"id": 10 * image["id"] + n, "image_id": image["id"], "category_id": 1, "bbox": box}
            for image in sizes[frame]
            for n, box in enumerate(boxes)
        ]
        content = {"images": sizes[frame], "annotations": annotations}
        content["categories"] = [{"id": n, "name": name} for n, name in enumerate(CLASSES, 1)]
        (root / f"{frame}.json").write_text(json.dumps(content))
    return root


def degrade(folder, kind):
    """The steps that give a sample its LR image, of a set whose frame is ``frame``."""
    crop = {"type": "mmisr.CropToMultiple", "multiple": SCALE}
    paired = {"type": "mmisr.PairedLR", "scale": SCALE}
    return {
        "simulated": [crop, {"type": "mmisr.SimulateLR", "scale": SCALE}],
        "hr": [crop, {**paired, "folder": f"{folder}/lr"}],
        "lr": [{**paired, "folder": f"{folder}/hr", "holds": "hr"}],
    }[kind]


def dataset(folder, kind, augment=(), pack="mmisr.PackSRDetInputs"):
    frame = "lr" if kind == "lr" else "hr"
    steps = degrade(folder, kind)
    # Crops of HR begin on whole LR pixels: the image is made a multiple first.
    before = [] if kind == "lr" else steps[:1]
    pipeline = [
        {"type": "mmisr.LoadImage"},
        {"type": "mmdet.LoadAnnotations", "with_bbox": True},
        *before,
        *augment,
        *steps[len(before) :],
        {"type": pack},
    ]
    return DATASETS.build(
        {
            "type": "mmisr.SRCocoDataset",
            "ann_file": f"{folder}/{frame}.json",
            "data_prefix": {"img": f"{folder}/{frame}"},
            "metainfo": {"classes": CLASSES},
            "pipeline": pipeline,
            "test_mode": not augment,
        }
    )


def augment(kind, side=16):
    """The same patch in either frame, of so many LR pixels; flips and turns are drawn alike."""
    factor = 1 if kind == "lr" else SCALE
    patch = {"type": "mmisr.RandomPatch", "size": side * factor, "around_box": 0.0}
    if kind != "lr":
        patch["multiple"] = SCALE
    return [
        patch,
        {"type": "mmdet.RandomFlip", "prob": 0.7, "direction": ["horizontal", "vertical"]},
        {"type": "mmisr.RandomTurn"},
    ]


@pytest.mark.parametrize("index", [0, 1])
def test_whole_images_are_the_same_pixels_and_boxes_in_every_frame(folder, index):
    packed = {kind: dataset(folder, kind)[index] for kind in KINDS}
    simulated = packed["simulated"]["data_samples"]
    for kind in ("hr", "lr"):
        sample = packed[kind]["data_samples"]
        assert torch.equal(packed[kind]["inputs"], packed["simulated"]["inputs"])
        assert torch.equal(sample.hr, simulated.hr) or kind == "lr"
        height, width = simulated.hr.shape[1:]
        assert torch.equal(sample.hr[:, :height, :width], simulated.hr)
        assert sample.lr_recipe == "paired"
        torch.testing.assert_close(boxes_in_hr(sample), boxes_in_hr(simulated), rtol=0, atol=1e-4)
    assert packed["lr"]["data_samples"].source_shape == packed["lr"]["data_samples"].lr_shape
    torch.testing.assert_close(
        packed["lr"]["data_samples"].gt_instances.bboxes[:, :2],
        torch.tensor(BOXES_LR[:, :2]).float(),
    )


def aligned(lr, hr):
    """Whether an LR image is the mean of the cells of an HR image, about."""
    cells = hr.float().reshape(3, lr.shape[1], SCALE, lr.shape[2], SCALE)
    return float((cells.mean((2, 4)) - lr.float()).abs().mean())


@pytest.mark.parametrize("kind", ["hr", "lr"])
def test_patches_flips_and_turns_move_both_halves_and_the_boxes(folder, kind):
    """Every draw: LR lies on HR as where it is simulated after the same augmentation."""
    paired = dataset(folder, kind, augment(kind))
    seen = set()
    for seed in range(24):
        np.random.seed(seed)
        packed = paired[seed % 2]
        sample = packed["data_samples"]
        assert packed["inputs"].shape[1:] == (16, 16)
        assert sample.hr.shape[1:] == (64, 64)
        assert aligned(packed["inputs"], sample.hr) < 6
        for turn in (1, 2, 3):  # no other orientation lies on it as well
            other = torch.rot90(sample.hr, turn, (1, 2))
            assert aligned(packed["inputs"], other) > aligned(packed["inputs"], sample.hr)
        seen.add(np.round(sample.homography_matrix[:2, :2]).astype(int).tobytes())
    assert len(seen) >= 6  # of eight orientations


@pytest.mark.parametrize("kind", ["hr", "lr"])
def test_images_that_are_smaller_than_the_patch_are_mirrored_out_alike(folder, kind):
    """Sides of 97x131 are no multiples: what is left at the border is not mirrored."""
    paired = dataset(folder, kind, augment(kind, side=44))
    for seed in range(4):
        np.random.seed(seed)
        packed = paired[seed % 2]
        assert packed["inputs"].shape[1:] == (44, 44)
        assert aligned(packed["inputs"], packed["data_samples"].hr) < 6


def test_a_mirror_between_lr_pixels_is_refused():
    patch = TRANSFORMS.build({"type": "mmisr.RandomPatch", "size": 128, "multiple": SCALE})
    with pytest.raises(ValueError, match=r"multiples of 4 .* found 131x97; put mmisr.CropToM"):
        patch({"img": np.zeros((97, 131, 3), np.uint8)})


def test_boxes_of_patches_hold_the_same_pixels_in_either_frame(folder):
    """The same window of both frames, by the same draws of a flip and a turn."""
    steps = [
        {"type": "mmdet.RandomFlip", "prob": 1.0},
        {"type": "mmisr.RandomTurn"},
    ]
    for seed in range(8):
        samples = {}
        for kind in KINDS:
            np.random.seed(seed)
            samples[kind] = dataset(folder, kind, steps)[1]
        boxes = [boxes_in_hr(packed["data_samples"]) for packed in samples.values()]
        torch.testing.assert_close(boxes[1], boxes[0], rtol=0, atol=1e-4)
        torch.testing.assert_close(boxes[2], boxes[0], rtol=0, atol=1e-4)
        for kind in ("hr", "lr"):
            assert torch.equal(samples[kind]["data_samples"].hr, samples["hr"]["data_samples"].hr)
            assert torch.equal(samples[kind]["inputs"], samples["hr"]["inputs"])


@pytest.fixture
def pair(detector_config):
    torch.manual_seed(0)
    model = MODELS.build(
        {
            "type": "mmisr.SRDetector",
            "editor": {"type": "mmisr.Resample", "scale": SCALE, "mode": "bicubic"},
            "detector": detector_config,
        }
    )
    return model.eval()


def batch_of(source):
    packed = [source[index] for index in range(len(source))]
    return {
        "inputs": [one["inputs"] for one in packed],
        "data_samples": [one["data_samples"] for one in packed],
    }


def figures(pair, source):
    """AP by size of the pair's own predictions, moved onto the boxes so that some are hits."""
    torch.manual_seed(0)
    metric = METRICS.build({"type": "mmisr.SizeBinnedCocoMetric", "protocol": "aitod"})
    metric.dataset_meta = {"classes": CLASSES}
    with torch.no_grad():
        samples = pair.test_step(batch_of(source))
    draws = np.random.default_rng(0)
    for sample in samples:
        height, width = sample.source_shape
        scale = sample.lr_shape[0] / height
        truth = sample.gt_instances.bboxes
        jitter = torch.tensor(draws.normal(0, 0.6, truth.shape)).float() / scale
        sample.pred_instances.bboxes[: len(truth)] = truth + jitter
        sample.pred_instances.labels[: len(truth)] = 0
    metric.process({}, [sample.to_dict() for sample in samples])
    return metric.evaluate(len(source)), [s.pred_instances for s in samples]


def test_ap_is_the_same_in_every_frame(folder, pair):
    """To 1e-6, of all sizes and by bin."""
    found = {kind: figures(pair, dataset(folder, kind)) for kind in KINDS}
    expected, predictions = found["simulated"]
    assert 0.05 < next(v for k, v in expected.items() if k.endswith("/AP")) < 1
    for kind in ("hr", "lr"):
        measured, own = found[kind]
        assert measured.keys() == expected.keys()
        for name, value in expected.items():
            assert measured[name] == pytest.approx(value, abs=1e-6, nan_ok=True), (kind, name)
        factor = SCALE if kind == "lr" else 1
        for a, b in zip(own, predictions, strict=True):
            assert torch.equal(a.scores, b.scores)
            torch.testing.assert_close(a.bboxes[5:] * factor, b.bboxes[5:], rtol=0, atol=1e-3)


def test_training_targets_and_losses_are_the_same_in_every_frame(folder, pair):
    """What the detector is given: boxes in its own frame, to 1e-6 of a pixel relative."""
    targets = {}
    losses = {}
    for kind in KINDS:
        batch = batch_of(dataset(folder, kind))
        inputs = pair.data_preprocessor(batch, True)
        samples = inputs["data_samples"]
        images = [result.image[0] for result in pair.upscale(inputs["inputs"], samples)]
        given = pair.detector_batch(images, samples)
        targets[kind] = [sample.gt_instances.bboxes for sample in given.samples]
        terms = pair.detection_losses(images, samples)
        losses[kind] = {name: float(torch.as_tensor(v).detach().sum()) for name, v in terms.items()}
    for kind in ("hr", "lr"):
        for mine, theirs in zip(targets[kind], targets["simulated"], strict=True):
            torch.testing.assert_close(mine, theirs, rtol=1e-6, atol=1e-6)
        assert losses[kind] == pytest.approx(losses["simulated"], rel=1e-6)


def test_an_editor_alone_learns_in_the_hr_frame_wherever_boxes_were_annotated(folder):
    packed = {kind: dataset(folder, kind, pack="mmisr.PackSRInputs")[1] for kind in KINDS}
    simulated = packed["simulated"]["data_samples"]
    for kind in ("hr", "lr"):
        sample = packed[kind]["data_samples"]
        assert torch.equal(sample.gt_img, simulated.gt_img)
        assert sample.source_shape == simulated.source_shape
        np.testing.assert_allclose(sample.boxes_source, simulated.boxes_source, atol=1e-4)
        np.testing.assert_allclose(sample.boxes_lr, simulated.boxes_lr, atol=1e-4)


def test_the_hr_arm_is_fed_hr(folder):
    source = dataset(folder, "lr")
    results = source.pipeline.transforms
    fed = TRANSFORMS.build({"type": "mmisr.FeedHR"})
    info = source.get_data_info(1)
    for step in results[:-1]:
        info = step(info)
    assert fed(info)["lr"].shape[:2] == HW["b.png"]
    assert info["lr_shape"] == (28, 40)


def test_convention_corners_move_by_multiplication():
    """A window of one frame is the window of the other, scaled; nothing is half a pixel off."""
    hr = np.arange(64).reshape(8, 8, 1).astype(np.uint8)
    results = {"img": hr[2:6, 4:8]}
    note_motion(results, np.array([[1.0, 0, -4], [0, 1, -2], [0, 0, 1]]))
    lr = np.arange(16).reshape(4, 4, 1).astype(np.uint8)
    window = moved_alike(lr, results["homography_matrix"], (4, 4), 0.5)
    np.testing.assert_array_equal(window[..., 0], [[6, 7], [10, 11]])
    mirrored = moved_alike(lr, np.eye(3), (12, 8), 0.5, is_mirrored=True)
    np.testing.assert_array_equal(mirrored[4:, :, 0], lr[:1:-1, :, 0])


@pytest.mark.parametrize(
    ("matrix", "text"),
    [
        ([[1, 0, -1], [0, 1, 0], [0, 0, 1]], r"whole LR pixels.*RandomPatch\(multiple=scale\)"),
        ([[2, 0, 0], [0, 2, 0], [0, 0, 1]], "leave resizing out"),
        ([[0.8, 0.6, 0], [-0.6, 0.8, 0], [0, 0, 1]], "turned by quarters"),
        ([[1, 0, 2], [0, 1, 0], [0, 0, 1]], "leave padding out"),
    ],
)
def test_what_cannot_be_done_to_the_partner_is_refused(matrix, text):
    with pytest.raises(FrameError, match=text):
        moved_alike(np.zeros((4, 4, 3), np.uint8), np.array(matrix, float), (4, 4), 0.5)


def test_padding_that_nobody_noted_is_refused(folder):
    """mmdet's Pad says nothing of what it did to coordinates."""
    pad = {"type": "mmdet.Pad", "size": (160, 160)}
    with pytest.raises(FrameError, match=r"b?a?\.png.*leave padding out of the pipeline"):
        dataset(folder, "hr", [pad])[0]


def test_errors_name_files_and_sizes(folder):
    with pytest.raises(ImageError, match=r"a.*b.*scale 4, found LR 9x8 and HR 33x36.*LR of 8x9"):
        check_paired_sizes("a", "b", (8, 9), (36, 33), 4)
    check_paired_sizes("a", "b", (9, 8), (36, 35), 4)
    wrong = {"type": "mmisr.PairedLR", "scale": 2, "folder": f"{folder}/lr"}
    step = TRANSFORMS.build(wrong)
    image = np.zeros((97, 131, 3), np.uint8)
    results = {"img": image, "img_path": f"{folder}/hr/a.png", "height": 97, "width": 131}
    with pytest.raises(ImageError, match="set PairedLR.scale"):
        step(results)
    with pytest.raises(ImageError, match="c.png does not exist"):
        step({**results, "img_path": f"{folder}/hr/c.png"})


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"scale": 0}, "scale must be a whole number"),
        ({"scale": 2.5}, "PairedLR.scale must be int"),
        ({"scale": 4, "holds": "sr"}, "holds must be 'lr' or 'hr'"),
    ],
)
def test_wrong_arguments_are_named(fields, text):
    with pytest.raises(ValueError, match=text):
        PairedFiles("lr", **fields)


def test_partners_lie_below_another_root_under_another_ending():
    files = PairedFiles("/data/lr", 4, root="/data/hr", ending=".png")
    assert files.partner_of("/data/hr/day1/a.jpg") == "/data/lr/day1/a.png"
    with pytest.raises(ValueError, match="must be a folder above all images"):
        files.partner_of("/other/a.jpg")
