"""Arms as they lie on disk, from scenes with known differences."""

import dataclasses
import json

import numpy as np
import pytest

from mmisr.analysis.comparison.figures import BootstrapMeta, Meta, MetricMeta
from mmisr.analysis.comparison.result import ArmRun
from mmisr.evaluation.functional.coco_records import ImageRecord, save_records

QUALITY = ("psnr_whole", "psnr_in_box", "psnr_out_box", "ssim_whole", "ssim_in_box", "ssim_out_box")


def areas(xyxy):
    return (xyxy[:, 2] - xyxy[:, 0]) * (xyxy[:, 3] - xyxy[:, 1])


def make_records(images=12, skill=0.5, seed=0):
    """Scenes of five boxes of 12x12 whose ground truth depends on the seed alone.

    ``skill`` of them are found.
    """
    rng = np.random.default_rng(seed)
    records = []
    for image in range(images):
        corner = rng.uniform(0, 300, (5, 2)).round()
        gt = np.concatenate([corner, corner + 12], axis=1)
        luck, score = rng.random(5), rng.random(8)
        found = np.concatenate([gt[luck < skill], rng.uniform(400, 500, (3, 4))])
        found[:, 2:] = np.maximum(found[:, 2:], found[:, :2] + 5)
        zeros = np.zeros(len(found), dtype=np.int64)
        truth = (gt, np.zeros(5, dtype=np.int64), areas(gt), np.zeros(5, dtype=bool))
        records.append(ImageRecord(image, *truth, found, zeros, score[: len(found)], areas(found)))
    return records


def make_run(folder, name, records, psnr=None):
    """An arm whose in-box PSNR is given image by image.

    None where it has no SR image to compare.
    """
    folder.mkdir(parents=True)
    save_records(folder / "records.npz", records)
    rows = []
    for index, record in enumerate(records):
        quality = dict.fromkeys(QUALITY)
        if psnr is not None:
            quality["psnr_in_box"] = psnr[index]
        rows.append(
            {
                "img_id": record.img_id,
                "file_name": f"{record.img_id}.png",
                "source_hw": [512, 512],
                "lr_hw": [128, 128],
                "hw": [512, 512],
                "quality": quality,
                "tokens": None,
                "token_size": None,
            }
        )
    content = {
        "name": name,
        "key": "0",
        "ms": {"upscale": 2.0},
        "macs": {"upscale": 5.0},
        "images": rows,
    }
    (folder / "arm.json").write_text(json.dumps(content))
    return ArmRun.load(folder)


@pytest.fixture
def run_of(tmp_path):
    """Writes an arm and reads it back."""
    return lambda name, records, psnr=None: make_run(tmp_path / name, name, records, psnr)


@pytest.fixture(scope="session")
def records_of():
    return make_records


@pytest.fixture(scope="session")
def shuffled():
    """The same records in another order, under the same ids."""

    def change(records, seed=0):
        order = np.random.default_rng(seed).permutation(len(records))
        return [dataclasses.replace(records[i]) for i in order]

    return change


@pytest.fixture
def meta() -> Meta:
    """What a comparison was made with, made up."""
    return Meta(
        mmisr="0",
        config="pair.py",
        date="2020-01-01",
        python="3",
        packages={"torch": "2", "sahi": None},
        device="CPU",
        machine={"cores": 2},
        macs="all",
        ms="median",
        config_text="model = {}",
        classes=["tree"],
        data={"images": 12},
        folders={"bicubic": "bicubic", "sr": "sr"},
        keys={"bicubic": "0", "sr": "0"},
        weights={},
        seeds={"run": None, "bootstrap": 0},
        metric=MetricMeta("aitod", {"tiny": [64.0, 256.0]}, 100, "lr", "box", "all"),
        bootstrap=BootstrapMeta(200, 0, 0.95, 12, "paired"),
    )
