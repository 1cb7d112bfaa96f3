"""How the work is cut up changes nothing.

Workers, batches and processes give the same predictions and figures.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mmisr.apis.configs import read_config
from mmisr.apis.models import init_model
from mmisr.apis.test import test as run_test

ROOT = Path(__file__).parents[2]
PAIR = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"


@pytest.fixture(scope="module")
def pair(tree_crops, tmp_path_factory):
    """The published pair on seven crops, so that two processes read one of them twice.

    And its weights in one file.
    """
    folder = tmp_path_factory.mktemp("pair")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)  # the config names its checkpoints from there
        cfg = read_config(PAIR, cfg_options=tree_crops)
        torch.save({"state_dict": init_model(cfg).state_dict()}, folder / "pair.pth")
        cfg.dump(folder / "pair.py")
        yield folder


@pytest.fixture(scope="module")
def measure(pair):
    """Tests the pair into a folder of that name; gives COCO predictions and figures."""

    def run(name, launcher="none", **loader):
        out = pair / name
        out.mkdir(exist_ok=True)
        cfg = read_config(pair / "pair.py")
        coco = {"type": "mmdet.CocoMetric", "metric": "bbox", "outfile_prefix": str(out / "found")}
        coco["ann_file"] = str(
            Path(cfg.test_dataloader.dataset.data_root) / cfg.test_dataloader.dataset.ann_file
        )
        cfg.test_evaluator = [
            {**cfg.test_evaluator, "records_file": str(out / "records.npz")},
            coco,
        ]
        options = {f"test_dataloader.{key}": value for key, value in loader.items()}
        figures = run_test(cfg, pair / "pair.pth", str(out), cfg_options=options, launcher=launcher)
        return (out / "found.bbox.json").read_bytes(), {k: v for k, v in figures.items() if v == v}

    return run


@pytest.fixture(scope="module")
def plain(measure, apart):
    """One process, images one by one, read where they are used."""
    predictions, figures = apart(lambda: measure("plain")).result()
    assert figures["bbox/AP50"] > 0.05
    assert len(json.loads(predictions)) > 100
    return predictions, figures


@pytest.mark.parametrize("workers", [1, 2])
def test_workers(plain, measure, apart, workers):
    assert apart(lambda: measure(f"workers{workers}", num_workers=workers)).result() == plain


def test_batches(plain, measure, apart):
    """A convolution of four images sums in another order than one of one.

    Rounding, and nothing else.
    """
    predictions, figures = apart(lambda: measure("batch4", batch_size=4)).result()
    assert figures == pytest.approx(plain[1], abs=1e-6)
    ours, theirs = (by_place(json.loads(p)) for p in (plain[0], predictions))
    assert ours.keys() == theirs.keys()
    for place, rows in ours.items():
        assert theirs[place].shape == rows.shape
        print(place, np.abs(theirs[place] - rows).max(0))
        np.testing.assert_allclose(theirs[place], rows, atol=2e-3)


def by_place(found: list[dict]) -> dict[tuple[int, int], np.ndarray]:
    """Boxes and scores of every image and class, best first."""
    rows = {}
    for entry in sorted(found, key=lambda e: -e["score"]):
        rows.setdefault((entry["image_id"], entry["category_id"]), []).append(
            [*entry["bbox"], 1000 * entry["score"]]
        )
    return {place: np.array(values) for place, values in rows.items()}


def test_two_processes(plain, measure, starting):
    started = starting(2, lambda: measure("processes2", launcher="pytorch"))
    (predictions, figures), _ = [process.result() for process in started]
    assert figures == plain[1]
    assert predictions == plain[0]
