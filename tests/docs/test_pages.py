"""What the how-to pages on sizes, HR detectors and foreign formats say, tried."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.dataset import pseudo_collate
from PIL import Image
from skimage import data

from mmisr.apis.checks.own_resize import dropped_resize
from mmisr.apis.configs import read_config
from mmisr.registry import DATASETS, MODELS

ROOT = Path(__file__).parents[2]
SIDES = (128, 96)


@pytest.fixture(scope="module")
def trees(tmp_path_factory, cut_outs) -> str:
    folder = tmp_path_factory.mktemp("data") / "trees"
    cut_outs(folder, SIDES[0], 2)
    return f"{folder}/"


def samples(cfg, side: str) -> dict:
    dataset = DATASETS.build(cfg[f"{side}_dataloader"].dataset)
    return pseudo_collate([dataset[i] for i in range(2)])


@pytest.mark.parametrize("example", ["handoff"], indirect=True)
class TestHandoff:
    """docs/howto/handoff.md."""

    @pytest.fixture
    def pair(self, example, trees):
        cfg = read_config(
            example / "yolox_416.py", cfg_options={"test_dataloader.dataset.data_root": trees}
        )
        assert dropped_resize(cfg) is None
        cfg.model.editor = {"type": "mmisr.Resample", "scale": 4}
        torch.manual_seed(0)
        return cfg, MODELS.build(cfg.model).eval()

    def test_sizes_padding_and_the_way_back(self, pair):
        """A batch of two sizes: each is fitted alone, and grey fills what is left.

        Boxes are in the annotations' pixels.
        """
        cfg, model = pair
        assert model.handoff.resize.factor == 1.0 and model.handoff.resize.scale == (416, 416)
        batch = model.data_preprocessor(samples(cfg, "test"))
        batch["inputs"][1] = batch["inputs"][1][:, : SIDES[1] // 4]
        batch["data_samples"][1].set_metainfo({"source_shape": (SIDES[1], SIDES[0])})
        images = [result.image[0] for result in model.upscale(batch["inputs"])]
        fed = model.handoff(images, batch["data_samples"], model.detector, training=False)
        assert [sample.img_shape for sample in fed.samples] == [(416, 416), (312, 416)]
        assert tuple(fed.inputs.shape) == (2, 3, 416, 416)
        assert (fed.inputs[1, :, 312:] == 114).all()
        assert not (fed.inputs[1, :, :312] == 114).all()
        with torch.no_grad():
            found = model.predict(batch["inputs"], batch["data_samples"])
        boxes = [sample.pred_instances.bboxes for sample in found]
        assert all(len(b) for b in boxes)
        assert (
            boxes[1].min() >= 0
            and boxes[1][:, 2].max() <= SIDES[0]
            and boxes[1][:, 3].max() <= SIDES[1]
        )

    def test_training_goes_through_it_too(self, pair):
        _, model = pair
        fed = []
        model.detector.loss = lambda inputs, samples: fed.append(
            (inputs.shape[-2:], samples[0].gt_instances.bboxes)
        )
        model.detector.data_preprocessor.batch_augments = None
        cfg = pair[0]
        batch = samples(cfg, "test")
        model.detection_losses([torch.rand(3, 104, 104)] * 2, batch["data_samples"])
        (hw, boxes), *_ = fed
        before = batch["data_samples"][0].gt_instances.bboxes
        assert tuple(hw) == (416, 416)
        assert torch.allclose(boxes, before * (416 / SIDES[0]), atol=1e-3)


@pytest.mark.parametrize("example", ["hr_detector"], indirect=True)
def test_the_hr_detector_is_fed_hr_and_a_pair_takes_it(example, trees, tmp_path):
    """docs/howto/train_hr_detector.md: HR pixels, sizes of LR, and weights under either name."""
    options = {f"{side}_dataloader.dataset.data_root": trees for side in ("train", "test")}
    cfg = read_config(example / "my_hr_detector.py", cfg_options=options)
    cfg.model.detector.backbone.init_cfg = None  # ImageNet's weights, which this test does without
    batch = samples(cfg, "test")
    assert tuple(batch["inputs"][0].shape) == (3, SIDES[0], SIDES[0])
    assert tuple(batch["data_samples"][0].lr_shape) == (SIDES[0] // 4, SIDES[0] // 4)
    torch.manual_seed(1)
    trained = MODELS.build(cfg.model)
    losses = trained.train()(**trained.data_preprocessor(samples(cfg, "train"), True), mode="loss")
    assert all(torch.as_tensor(v).isfinite().all() for values in losses.values() for v in values)

    own = {name: value.clone() for name, value in trained.detector.state_dict().items()}
    for number, state in enumerate((trained.state_dict(), own)):  # of a whole pair, and of mmdet
        torch.save({"state_dict": state}, tmp_path / f"{number}.pth")
        pair = {**cfg.model, "editor": {"type": "mmisr.Resample", "scale": 4}}
        built = MODELS.build({**pair, "checkpoints": {"detector": str(tmp_path / f"{number}.pth")}})
        built.init_weights()
        assert all(
            torch.equal(value, own[name]) for name, value in built.detector.state_dict().items()
        )


SUPERVISION = {
    "info": {},
    "licenses": [
        {"id": 1, "url": "https://creativecommons.org/licenses/by/4.0/", "name": "CC BY 4.0"}
    ],
    "categories": [
        {"id": number, "name": name, "supercategory": "common-objects"}
        for number, name in enumerate(("car", "van", "bus"), 1)
    ],
    "images": [
        {
            "id": 1,
            "license": 1,
            "file_name": "p0.jpg",
            "height": 90,
            "width": 120,
            "date_captured": "11/25/2026,11:04:01",
        },
        {
            "id": 2,
            "license": 1,
            "file_name": "p1.jpg",
            "height": 80,
            "width": 64,
            "date_captured": "11/25/2026,11:04:01",
        },
        {
            "id": 3,
            "license": 1,
            "file_name": "p3.jpg",
            "height": 40,
            "width": 50,
            "date_captured": "11/25/2026,11:04:01",
        },
    ],
    "annotations": [
        {
            "id": 1,
            "image_id": 1,
            "category_id": 3,
            "bbox": [49.99998092651367, 30.000015258789062, 70.00003433227539, 60.000030517578125],
            "area": 4200.00421142578,
            "segmentation": [],
            "iscrowd": 0,
        },
        {
            "id": 2,
            "image_id": 2,
            "category_id": 2,
            "bbox": [16.0, 20.0, 32.0, 40.0],
            "area": 1025.0,
            "segmentation": [[32, 20, 16, 60, 48, 60, 48, 20]],
            "iscrowd": 0,
        },
    ],
}
"""As supervision 0.31.2 writes it from YOLO files.

Boxes of six decimals that touch the border, a polygon, an empty image.
"""


@pytest.fixture
def converted(tmp_path):
    """Builds a data set of what a converter wrote."""
    for image in SUPERVISION["images"]:
        picture = Image.fromarray(data.astronaut()[: image["height"], : image["width"]])
        picture.save(tmp_path / image["file_name"])

    def build(content: dict, classes: tuple[str, ...]):
        (tmp_path / "val.json").write_text(json.dumps(content))
        pipeline = [
            {"type": "mmisr.LoadImage"},
            {"type": "mmdet.LoadAnnotations", "with_bbox": True},
            {"type": "mmisr.SimulateLR", "scale": 2},
            {"type": "mmisr.PackSRDetInputs"},
        ]
        place = {"data_root": f"{tmp_path}/", "ann_file": "val.json", "data_prefix": {"img": ""}}
        config = {
            "type": "mmisr.SRCocoDataset",
            "metainfo": {"classes": classes},
            "test_mode": True,
            **place,
        }
        return DATASETS.build({**config, "pipeline": pipeline})

    return build


@pytest.mark.parametrize("first", [1, 0])
def test_what_a_converter_wrote_is_read(converted, first):
    """Other converters than ours: ids from 1 (supervision) or from 0 (globox)."""
    content = json.loads(json.dumps(SUPERVISION))
    for kind, keys in {
        "images": ["id"],
        "categories": ["id"],
        "annotations": ["id", "image_id", "category_id"],
    }.items():
        for entry in content[kind]:
            entry.update({key: entry[key] - 1 + first for key in keys})
    dataset = converted(content, ("car", "van", "bus"))
    found = [dataset[n]["data_samples"].gt_instances for n in range(3)]
    assert [[dataset.metainfo["classes"][k] for k in f.labels] for f in found] == [
        ["bus"],
        ["van"],
        [],
    ]
    assert found[0].bboxes[0].tolist() == pytest.approx([50, 30, 120, 90], abs=1e-3)
    assert found[1].bboxes[0].tolist() == [16, 20, 48, 60]


def test_classes_in_another_order_are_named(converted):
    with pytest.raises(
        ValueError, match=r"in one order.*the file has: car; van; bus; metainfo: bus; car; van"
    ):
        converted(SUPERVISION, ("bus", "car", "van"))
