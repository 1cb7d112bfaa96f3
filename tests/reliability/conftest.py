"""Pairs on synthetic images that cost next to nothing."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmisr.apis.models import init_model

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def resident() -> Callable[[str], int]:
    """Bytes of this process that are in memory, now (``VmRSS``) or at most (``VmHWM``).

    0 where nobody says.
    """

    def tell(kind: str) -> int:
        status = Path("/proc/self/status")
        lines = status.read_text().splitlines() if status.exists() else []
        return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{kind}:"))

    return tell


FEW_BOXES = {"score_thr": 0.0, "nms": {"type": "nms", "iou_threshold": 0.5, "max_num": 20}}
"""Every image gives twenty boxes, whatever the weights are."""

PIPELINE = [
    {"type": "mmisr.LoadImage"},
    {"type": "mmdet.LoadAnnotations", "with_bbox": True},
    {"type": "mmisr.NativeLR"},
    {"type": "mmisr.PackSRDetInputs"},
]


def write_images(folder: Path, count: int, side: int) -> None:
    """Soft gradients with three bright boxes each, in COCO format.

    The first of more are those of fewer.
    """
    folder.mkdir(parents=True)
    images, annotations = [], []
    for number in range(count):
        rng = np.random.default_rng(number)
        rows, columns = np.mgrid[0:side, 0:side]
        pixels = np.stack([rows, columns, rows + columns], 2) * rng.uniform(0.2, 0.6, 3)
        for x, y in rng.integers(0, side - 24, (3, 2)).tolist():
            pixels[y : y + 20, x : x + 16] = 255
            row = {
                "id": len(annotations) + 1,
                "image_id": number,
                "category_id": 1,
                "area": 320,
                "iscrowd": 0,
            }
            annotations.append({**row, "bbox": [x, y, 16, 20]})
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{number:04d}.png")
        images.append(
            {"id": number, "file_name": f"{number:04d}.png", "height": side, "width": side}
        )
    categories = [{"id": 1, "name": "box"}, {"id": 2, "name": "other"}]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (folder / "all.json").write_text(json.dumps(content))


@pytest.fixture(scope="session")
def writing_images() -> Callable[[Path, int, int], None]:
    """Writes so many images of a side, with boxes, into a folder."""
    return write_images


@pytest.fixture
def cheap_pair(tmp_path, detector_config) -> Callable[[int, int], tuple[Path, Path]]:
    """Writes a config and weights of an interpolating pair on so many images of a side.

    ``(config, checkpoint)``.
    """

    def write(count: int, side: int = 48) -> tuple[Path, Path]:
        folder = tmp_path / f"images{count}"
        write_images(folder, count, side)
        dataset = {
            "type": "mmisr.SRCocoDataset",
            "data_root": f"{folder}/",
            "ann_file": "all.json",
            "data_prefix": {"img": ""},
            "metainfo": {"classes": ("box", "other")},
            "test_mode": True,
            "pipeline": PIPELINE,
        }
        loader = {
            "batch_size": 1,
            "num_workers": 0,
            "sampler": {"type": "DefaultSampler", "shuffle": False},
        }
        cfg = Config.fromfile(ROOT / "configs/_base_/default_runtime.py")
        cfg.merge_from_dict(
            {
                "model": {
                    "type": "mmisr.SRDetector",
                    "editor": {"type": "mmisr.Resample", "scale": 2},
                    "detector": {**detector_config, "test_cfg": FEW_BOXES},
                },
                "test_dataloader": {**loader, "dataset": dataset},
                "test_evaluator": {"type": "mmisr.SizeBinnedCocoMetric"},
                "val_cfg": None,
            }
        )
        config, checkpoint = tmp_path / f"pair{count}.py", tmp_path / "pair.pth"
        cfg.dump(config)
        if not checkpoint.is_file():
            torch.manual_seed(0)
            torch.save({"state_dict": init_model(config).state_dict()}, checkpoint)
        return config, checkpoint

    return write


TRAINING = """
_base_ = [{runtime!r}]
train_dataloader = dict(
    batch_size=1, num_workers=0, sampler=dict(type="InfiniteSampler", shuffle=True),
    dataset=dict(
        type="mmisr.SRCocoDataset", data_root={data!r}, ann_file="all.json",
        data_prefix=dict(img=""),
        metainfo=dict(classes=("box", "other")),
        pipeline=[
            dict(type="mmisr.LoadImage"),
            dict(type="mmdet.LoadAnnotations", with_bbox=True),
            dict(type="mmisr.RandomPatch", size=32, around_box=0.5),
            dict(type="mmdet.RandomFlip", prob=0.5),
            dict(type="mmisr.SimulateLR", scale=2, noise_sigma=(0.0, 5.0), seed=None),
            dict(type="mmisr.PackSRInputs"),
        ],
    ),
)
model = dict(type="mmisr.InstanceSR", scale=2, size="nano")
train_cfg = dict(type="IterBasedTrainLoop", max_iters={iterations})
optim_wrapper = dict(type="OptimWrapper", optimizer=dict(type="Adam", lr=1e-3))
param_scheduler = [dict(type="CosineAnnealingLR", by_epoch=False, begin=0, end={iterations})]
custom_hooks = [
    dict(
        type="mmisr.InstanceSRStageHook", encoder_from={encoder}, joint_from={joint}, interval=2
    )
]
default_hooks = dict(checkpoint=dict(by_epoch=False, interval=2, max_keep_ckpts=2))
log_processor = dict(by_epoch=False)
val_cfg = None
test_cfg = None
"""


@pytest.fixture
def staged(tmp_path) -> Callable[[int], Path]:
    """Writes the config of an InstanceSR alone, so many iterations in each of three stages."""

    def write(each: int) -> Path:
        write_images(tmp_path / "training", 6, 56)
        runtime, path = str(ROOT / "configs/_base_/default_runtime.py"), tmp_path / "staged.py"
        stages = {"iterations": 3 * each, "encoder": each, "joint": 2 * each}
        path.write_text(TRAINING.format(runtime=runtime, data=f"{tmp_path}/training/", **stages))
        return path

    return write
