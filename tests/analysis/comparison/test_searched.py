"""What arms search, in a real comparison: on disk, in the figures and in the tables."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from mmisr.analysis.comparison.result import Comparison
from mmisr.apis.compare import compare

ROOT = Path(__file__).parents[3]
CONFIG = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"


@pytest.fixture(scope="module")
def folder(tree_crops, tmp_path_factory):
    """Three arms on three crops: nothing routed, whole images, few windows."""
    out = tmp_path_factory.mktemp("searched")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)  # the config names its checkpoints from there
        editor = Config.fromfile(CONFIG).model.editor.to_dict()
        editor["router"] = {"type": "learned", "budget": {"hard_share": 0.2}}
        windows = {"name": "windows", "editor": editor, "windows": {"margin": 0}}
        options = {**tree_crops, "test_dataloader.dataset.indices": [2, 3, 4]}
        arms = ["bicubic", "instance_sr", windows]
        compare(CONFIG, arms, out, device="cpu", replicates=10, cfg_options=options)
    return out


@pytest.fixture(scope="module")
def found(folder):
    return Comparison.load(folder)


def test_rows_hold_what_was_searched(found):
    run = found.runs["windows"]
    for image, record in zip(run.images, run.records, strict=True):
        assert image.cores == np.round(image.cores, 1).tolist()
        cores = np.array(image.cores)
        assert 0 < len(cores) < 4
        centre = (record.gt_xyxy[:, None, :2] + record.gt_xyxy[:, None, 2:]) / 2
        holds = (centre >= cores[:, :2]) & (centre < cores[:, 2:])
        assert image.reached == holds.all(2).any(1).tolist()
        sides = cores[:, 2:] - cores[:, :2]
        assert image.searched_area == sides.prod(1).sum() / 128**2
        assert 0 < image.searched_area < 0.5


def test_whole_images_count_deep_tokens(found):
    run = found.runs["instance_sr"]
    for index, image in enumerate(run.images):
        exits = run.exits(index)
        column, row = (run.records[index].gt_xyxy[:, :2] + run.records[index].gt_xyxy[:, 2:]).T / 2
        # Tokens of 8 LR pixels are 32 source pixels.
        deep = [bool(exits[int(y // 32), int(x // 32)]) for x, y in zip(column, row, strict=True)]
        assert (image.reached, image.cores) == (deep, None)
        assert image.searched_area == (exits > 0).mean() == pytest.approx(1 - image.tokens["easy"])


def test_figures_are_those_of_the_rows(found, folder):
    arms = json.loads((folder / "results.json").read_text())["arms"]
    assert (arms["bicubic"]["object_recall"], arms["bicubic"]["searched_area"]) == ({}, None)
    for name in ("instance_sr", "windows"):
        run, arm = found.runs[name], arms[name]
        flags = [flag for image in run.images for flag in image.reached]
        assert list(arm["object_recall"]) == ["all", "very_tiny", "tiny", "small", "medium"]
        assert arm["object_recall"]["all"] == np.mean(flags)
        assert arm["object_recall"]["medium"] is None
        assert arm["searched_area"] == np.mean([image.searched_area for image in run.images])
    assert arms["windows"]["searched_area"] < arms["instance_sr"]["searched_area"]
    assert (
        0 < arms["windows"]["object_recall"]["all"] <= arms["instance_sr"]["object_recall"]["all"]
    )


def test_tables_say_the_same(found, folder):
    rows = csv.DictReader((folder / "results.csv").read_text().splitlines())
    values = {(row["arm"], row["figure"]): row["value"] for row in rows}
    figures = found.arms["windows"]
    for name, recall in figures.object_recall.items():
        assert values["windows", f"recall_{name}"] == ("" if recall is None else str(recall))
    assert values["windows", "searched_area"] == str(figures.searched_area)
    assert ("bicubic", "recall_all") not in values
    head, _, bicubic, _, windows, *_ = (folder / "results.md").read_text().splitlines()
    places = [head.split(" | ").index(title) for title in ("recall %", "area %")]
    assert [bicubic.split(" | ")[place] for place in places] == ["-", "-"]
    shown = [float(windows.split(" | ")[place]) for place in places]
    expected = 100 * figures.object_recall["all"], 100 * figures.searched_area
    assert shown == pytest.approx(expected, abs=0.051)
