"""A real comparison, and what it can lack."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmisr.analysis.comparison.result import Comparison
from mmisr.apis.compare import compare
from mmisr.evaluation.functional.coco_records import save_records
from mmisr.reports.html.page import write_report

ROOT = Path(__file__).parents[3]
CONFIG = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
WICKED = "<script>document.title='taken'</script>"
WICKED_FILE = "a\"'><img src=x onerror=\"document.title='taken'\">_1.png"


@pytest.fixture(scope="session")
def comparison(compared) -> Comparison:
    return Comparison.load(compared)


@pytest.fixture(scope="session")
def windowed(tree_crops, made_once) -> Comparison:
    """A real comparison with an arm that searches in few windows."""

    def run(out: Path) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(ROOT)  # the config names its checkpoints from there
            editor = Config.fromfile(CONFIG).model.editor.to_dict()
            editor["router"] = {"type": "learned", "budget": {"hard_share": 0.2}}
            windows = {"name": "windows", "editor": editor, "windows": {"margin": 0}}
            arms = ["bicubic", "instance_sr", windows]
            compare(CONFIG, arms, out, device="cpu", replicates=10, cfg_options=tree_crops)

    return Comparison.load(made_once("windowed", run))


def of_arms(comparison, *names):
    """The same comparison, asked for fewer arms."""
    chosen = set(names)
    return dataclasses.replace(
        comparison,
        arms={n: comparison.arms[n] for n in names},
        runs={n: comparison.runs[n] for n in names},
        differences=[d for d in comparison.differences if {d.a, d.b} <= chosen],
        verdicts=[v for v in comparison.verdicts if {v.a, v.b} <= chosen],
    )


def with_runs(comparison, change):
    """The same comparison with every run changed."""
    return dataclasses.replace(
        comparison, runs={n: change(run) for n, run in comparison.runs.items()}
    )


def wicked(comparison):
    """Names that are markup, and two classes."""

    def change(run):
        rows = [dataclasses.replace(row, file_name=WICKED_FILE) for row in run.rows]
        changed = dataclasses.replace(run, rows=rows)
        changed.__dict__["records"] = [
            dataclasses.replace(r, det_labels=np.arange(len(r.det_labels)) % 2) for r in run.records
        ]
        return changed

    wicked_meta = {"classes": ["tree", WICKED], "config": WICKED, "config_text": WICKED}
    meta = dataclasses.replace(comparison.meta, **wicked_meta)
    return dataclasses.replace(with_runs(comparison, change), meta=meta)


def without_pictures(run):
    """A run whose pictures were not kept, and that routes nothing."""
    images = [dataclasses.replace(image, tokens=None, token_size=None) for image in run.images]
    changed = dataclasses.replace(run, folder=run.folder / "gone", images=images)
    changed.__dict__["records"] = run.records
    return changed


def write_large(compared, folder, images=200):
    """The comparison's images over and over, each as large as a cut-out gets.

    4x4 of the crops, side by side.
    """
    content = json.loads((compared / "results.json").read_text())
    for name, place in content["meta"]["folders"].items():
        run, target = Comparison.load(compared).runs[name], folder / place
        (target / "sr").mkdir(parents=True)
        crops = [np.asarray(Image.open(run.picture(i % len(run.rows)))) for i in range(16)]
        first = target / "sr" / "00000.png"
        Image.fromarray(
            np.concatenate([np.concatenate(crops[i::4], axis=1) for i in range(4)])
        ).save(first)
        arm = json.loads((run.folder / "arm.json").read_text())
        rows = [{**arm["images"][i % len(run.rows)], "img_id": i} for i in range(images)]
        sizes = {"source_hw": [512, 512], "lr_hw": [128, 128]}
        (target / "arm.json").write_text(
            json.dumps({**arm, "images": [{**row, **sizes} for row in rows]})
        )
        records = [
            dataclasses.replace(run.records[i % len(run.rows)], img_id=i) for i in range(images)
        ]
        save_records(target / "records.npz", records)
        with np.load(run.folder / "routing.npz") as file:
            exits = [np.tile(file[k], (4, 4)) for k in file.files]
        np.savez(
            target / "routing.npz",
            **{f"exits_{i}": exits[i % len(exits)] for i in range(images) if exits},
        )
        for index in range(1, images):
            os.link(first, first.with_name(f"{index:05d}.png"))
    shutil.copy(compared / "results.json", folder)
    return Comparison.load(folder)


@pytest.fixture(scope="session")
def variants(comparison, windowed):
    """By name, what a comparison can look like."""
    lr_hr = of_arms(comparison, "lr", "hr")
    no_pictures = with_runs(comparison, without_pictures)
    return {
        "whole": comparison,
        "one arm": of_arms(comparison, "instance_sr"),
        "no bicubic, no routing": lr_hr,
        "no pictures": no_pictures,
        "wicked": wicked(comparison),
        "in windows": windowed,
    }


@pytest.fixture(scope="session")
def pages(variants, made_once) -> dict:
    """The page of every variant; its title is the name."""

    def write(folder: Path) -> None:
        for number, (name, variant) in enumerate(variants.items()):
            write_report(variant, folder / f"{number}.html", name)

    folder = made_once("pages", write)
    return {name: folder / f"{number}.html" for number, name in enumerate(variants)}


@pytest.fixture(scope="session")
def large(compared, tmp_path_factory) -> Comparison:
    return write_large(compared, tmp_path_factory.mktemp("large"))
