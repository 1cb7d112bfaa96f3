"""A comparison on real trees.

What is run, what is kept, what is written, and what an interruption leaves.
"""

import csv
import dataclasses
import json
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from mmisr.analysis.comparison import store
from mmisr.analysis.comparison.result import ArmRun, Comparison
from mmisr.analysis.comparison.store import CHUNKS, ArmWriter
from mmisr.apis.compare import compare
from mmisr.apis.console import print_comparison
from mmisr.apis.routers import compare_routers
from mmisr.apis.test import test as run_test
from mmisr.evaluation.functional.size_binned_ap import size_binned_ap
from mmisr.evaluation.size_bins import protocol_named
from mmisr.ops.files import unfinished_name
from mmisr.reports.strips import write_strips
from mmisr.reports.table import csv_table

ROOT = Path(__file__).parents[2]
CONFIG = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
NAMES = ["lr", "bicubic", "instance_sr", "hr"]


@pytest.fixture(scope="module", autouse=True)
def in_the_repository():
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)  # the config names its checkpoints from there
        yield


@pytest.fixture(scope="module")
def trees(tree_crops):
    return tree_crops


@pytest.fixture(scope="module")
def three(trees):
    """The same, three images of them."""
    return {**trees, "test_dataloader.dataset.indices": 3}


@pytest.fixture(scope="module")
def found(compared):
    return Comparison.load(compared), compared


def folders(out):
    return {p.name.rpartition("-")[0]: (p.name, p.stat().st_ino) for p in (out / "arms").iterdir()}


def test_the_file_holds_every_figure_with_an_interval(found):
    comparison, out = found
    content = json.loads(
        (out / "results.json").read_text(), parse_constant=lambda name: pytest.fail(name)
    )
    assert list(content["arms"]) == NAMES
    for figures in content["arms"].values():
        low, high = figures["intervals"]["AP"]
        assert low <= high
        assert figures["bins"]["very_tiny"]["count"] + figures["bins"]["tiny"]["count"] > 0
        assert set(figures["ms"]) == {"upscale", "handoff", "detector", "to_source"}
        assert figures["macs"] > 1e6
        low, high = figures["intervals"]["ms"]
        assert low <= sum(figures["ms"].values()) <= high
    arms = content["arms"]
    same = {tuple(arms[n]["intervals"]["ms_detector"]) for n in ("bicubic", "instance_sr", "hr")}
    assert (
        len(same) == len({arms[n]["ms"]["detector"] for n in ("bicubic", "instance_sr", "hr")}) == 1
    )
    assert arms["bicubic"]["psnr"]["in_box"] < arms["instance_sr"]["psnr"]["in_box"]
    assert arms["lr"]["psnr"]["in_box"] is arms["hr"]["psnr"]["in_box"] is None
    assert arms["hr"]["ssim"]["whole"] == 1
    assert sum(arms["instance_sr"]["tokens"].values()) == pytest.approx(1)
    assert arms["bicubic"]["new_false_positives"] == 0
    assert content["schema"] == 1
    assert content["meta"]["bootstrap"]["replicates"] == 100
    assert content["meta"]["seeds"]["bootstrap"] == 0
    assert content["meta"]["machine"]["cores"] == os.cpu_count()
    assert comparison.to_json() == content


def test_every_arm_leaves_coco_results_with_the_ids_of_the_data_set(found, tree_crops):
    comparison, out = found
    truth = json.loads(
        (Path(tree_crops["test_dataloader.dataset.data_root"]) / "val.json").read_text()
    )
    ids = {image["id"] for image in truth["images"]}
    for name, run in comparison.runs.items():
        entries = json.loads((out / "predictions" / f"{name}.bbox.json").read_text())
        assert len(entries) == sum(len(record.det_scores) for record in run.records)
        assert {entry["image_id"] for entry in entries} <= ids
        assert {entry["category_id"] for entry in entries} == {1}


def test_differences_are_those_of_the_figures(found):
    comparison, _ = found
    pairs = {(d.a, d.b) for d in comparison.differences}
    assert len(pairs) == 6
    assert ("instance_sr", "bicubic") in pairs
    for d in comparison.differences:
        if d.figure in ("AP", "AP50", "AP75", "AR"):
            a, b = (getattr(comparison.arms[name], d.figure) for name in (d.a, d.b))
            assert d.delta == pytest.approx(a - b, abs=1e-12)
        assert d.lo <= d.hi
    for verdict in comparison.verdicts:
        (d,) = [
            d
            for d in comparison.differences
            if (d.a, d.b, d.figure) == (verdict.a, verdict.b, verdict.figure)
        ]
        assert verdict.shown == "none" or (d.lo > 0 if verdict.shown == "higher" else d.hi < 0)


def test_ap_is_that_of_the_test_tool(found, trees, tmp_path):
    comparison, _ = found
    records = comparison.runs["instance_sr"].records
    plain = size_binned_ap(records, 1, protocol_named("aitod").ranges(), 500)
    assert pytest.approx(plain["all"].ap, abs=1e-9) == comparison.arms["instance_sr"].AP
    cfg = Config.fromfile(CONFIG)
    cfg.merge_from_dict({**trees, "model.editor.router": "learned", "visualizer": None})
    whole = tmp_path / "whole.pth"
    save_pair(cfg, whole)
    tested = run_test(cfg, whole, work_dir=str(tmp_path))
    assert pytest.approx(tested["bbox/AP"], abs=1e-6) == comparison.arms["instance_sr"].AP


def save_pair(cfg, path):
    import torch

    from mmisr.apis.models import init_model

    torch.save({"state_dict": init_model(cfg).state_dict()}, path)


def test_everything_a_report_needs_is_on_disk(found):
    comparison, _ = found
    assert [row.file_name for row in comparison.images][:2] == ["sub/1.png", "sub/2.png"]
    assert comparison.images[0].lr_hw == (32, 32)
    sizes = {name: Image.open(run.picture(3)).size for name, run in comparison.runs.items()}
    assert sizes == {
        "lr": (32, 32),
        "bicubic": (128, 128),
        "instance_sr": (128, 128),
        "hr": (128, 128),
    }
    routed = comparison.runs["instance_sr"]
    assert routed.exits(3).shape == (4, 4)
    assert routed.images[3].token_size == 8
    assert comparison.runs["bicubic"].exits(3) is None
    # What is stored is what the detector saw: the oracle's picture is the file itself.
    source = np.asarray(
        Image.open(Path(comparison.meta.data["ann_file"]).parent / comparison.images[3].file_name)
    )
    np.testing.assert_array_equal(np.asarray(Image.open(comparison.runs["hr"].picture(3))), source)
    assert all((r.det_areas >= 0).all() and len(r.det_scores) for r in routed.records)


def test_tables_say_the_same(found, capsys):
    comparison, out = found
    rows = list(csv.DictReader((out / "results.csv").read_text().splitlines()))
    assert len(rows) == csv_table(comparison.arms).count("\n") - 1
    (ap,) = [r for r in rows if (r["arm"], r["figure"]) == ("hr", "AP")]
    assert float(ap["value"]) == comparison.arms["hr"].AP
    assert [float(ap["lo"]), float(ap["hi"])] == comparison.arms["hr"].intervals["AP"]
    text = (out / "results.md").read_text()
    assert comparison.verdicts[0].text in text
    assert text.startswith("| arm | AP | AP50 |")
    print_comparison(comparison, "Trees")
    assert "instance_sr against bicubic: AP " in capsys.readouterr().out


def test_the_demo_draws_every_image(found, tmp_path):
    write_strips(found[0], tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{i}.jpg" for i in range(1, 8)]
    assert Image.open(tmp_path / "3.jpg").height > 420
    gone = dataclasses.replace(found[0].runs["lr"], folder=tmp_path / "gone")
    with pytest.raises(FileNotFoundError, match="has no picture of image 0: delete the folder"):
        write_strips(dataclasses.replace(found[0], runs={**found[0].runs, "lr": gone}), tmp_path)


def test_a_second_run_runs_only_what_changed(three, tmp_path):
    out = tmp_path / "again"
    options = {"device": "cpu", "replicates": 10, "out": out, "cfg_options": three}
    compare(CONFIG, ["lr", "bicubic"], **options)
    first = folders(out)
    # A metric that counts otherwise needs no arm again.
    timing = (out / "timing.json").read_bytes()
    recount = compare(
        CONFIG,
        ["lr", "bicubic"],
        **{**options, "cfg_options": {**three, "test_evaluator.max_dets": 3}},
    )
    assert folders(out) == first
    assert recount.meta.metric.max_dets == 3
    assert (out / "timing.json").read_bytes() == timing
    # Another arm of the same name takes its place; the other stays, and so do arms that were not
    # asked for.
    changed = {
        "name": "bicubic",
        "editor": {"type": "mmisr.Resample", "scale": 4, "mode": "bilinear"},
    }
    compare(CONFIG, [changed], **options)
    second = folders(out)
    assert second["lr"] == first["lr"]
    assert second["bicubic"] != first["bicubic"]
    assert len(second) == 2


def test_changed_weights_are_run_again(three, tmp_path):
    import torch

    weights = tmp_path / "detector.pth"
    content = torch.load(
        "checkpoints/gfl_mobilenet-v2_hr_tree-crowns.pth", map_location="cpu", weights_only=False
    )
    torch.save({"state_dict": content["state_dict"]}, weights)
    arm = {"name": "lr", "checkpoints": {"detector": str(weights)}}
    options = {"device": "cpu", "replicates": 10, "out": tmp_path / "out", "cfg_options": three}
    before = compare(CONFIG, [arm], **options).meta.keys["lr"]
    assert compare(CONFIG, [arm], **options).meta.keys["lr"] == before
    state = {k: v * 1.01 for k, v in content["state_dict"].items() if v.is_floating_point()}
    torch.save({"state_dict": {**content["state_dict"], **state}}, weights)
    assert compare(CONFIG, [arm], **options).meta.keys["lr"] != before


def test_other_code_runs_again(three, tmp_path, monkeypatch):
    options = {"device": "cpu", "replicates": 10, "out": tmp_path, "cfg_options": three}
    before = compare(CONFIG, ["lr"], **options).meta.keys["lr"]
    monkeypatch.setattr("mmisr.analysis.comparison.run.code_hash", lambda: "of another version")
    assert compare(CONFIG, ["lr"], **options).meta.keys["lr"] != before


def test_an_interrupted_arm_leaves_nothing_that_looks_finished(three, tmp_path, monkeypatch):
    options = {"device": "cpu", "replicates": 10, "out": tmp_path, "cfg_options": three}
    whole = compare(CONFIG, ["lr", "bicubic"], **{**options, "out": tmp_path / "whole"})
    add = ArmWriter.add

    def stop_in_the_middle(self, sample, macs):
        if "bicubic" in self.folder.name and len(self.rows) == 1:
            raise KeyboardInterrupt
        add(self, sample, macs)

    with monkeypatch.context() as patch:
        patch.setattr(ArmWriter, "add", stop_in_the_middle)
        with pytest.raises(KeyboardInterrupt):
            compare(CONFIG, ["lr", "bicubic"], **options)
    with pytest.raises(FileNotFoundError, match="holds no finished comparison"):
        Comparison.load(tmp_path)
    finished = [p for p in (tmp_path / "arms").iterdir() if not p.name.startswith(".")]
    assert [ArmRun.load(p).name for p in finished] == ["lr"]
    again = compare(CONFIG, ["lr", "bicubic"], **options)
    assert sorted(p.name for p in (tmp_path / "arms").iterdir()) == sorted(
        r.folder.name for r in again.runs.values()
    )
    assert again.arms["bicubic"].AP == whole.arms["bicubic"].AP
    assert again.differences == whole.differences


def compare_until_killed(out: Path, options: dict) -> None:
    """The process dies when the second image of an arm is kept."""
    keep = ArmWriter._keep
    store.CHUNK = 2

    def then_die(self: ArmWriter) -> None:
        keep(self)
        os.kill(os.getpid(), signal.SIGKILL)

    ArmWriter._keep = then_die
    compare(CONFIG, ["instance_sr"], out, **options)


def test_a_killed_arm_goes_on_where_it_stopped(three, apart, tmp_path, monkeypatch):
    options = {"device": "cpu", "replicates": 10, "cfg_options": three}
    with pytest.raises(AssertionError, match="was killed"):
        apart(lambda: compare_until_killed(tmp_path / "killed", options)).result()
    (chunk, *_) = sorted((tmp_path / "killed").glob(f"arms/.*/{CHUNKS}/*.json"))
    unfinished_name(chunk).write_text('{"rows": [')  # killed in the middle of the next one
    whole = compare(CONFIG, ["instance_sr"], tmp_path / "whole", **options)
    seen, add = [], ArmWriter.add
    monkeypatch.setattr(
        ArmWriter, "add", lambda self, *given: (seen.append(given), add(self, *given))[1]
    )
    resumed = compare(CONFIG, ["instance_sr"], tmp_path / "killed", **options)
    assert len(seen) == 1  # two of the three were kept
    folders = [found.runs["instance_sr"].folder for found in (whole, resumed)]
    assert folders[0].name == folders[1].name
    files = [sorted(p.relative_to(f) for p in f.rglob("*")) for f in folders]
    assert files[0] == files[1]
    contents = [json.loads((f / "arm.json").read_text()) for f in folders]
    for content in contents:
        del content["ms"]  # times are never the same twice
    assert contents[0] == contents[1]
    for name in files[0]:
        if name.suffix in (".npz", ".png"):
            assert (folders[0] / name).read_bytes() == (folders[1] / name).read_bytes(), name
    figures = [dataclasses.asdict(found.arms["instance_sr"]) for found in (whole, resumed)]
    for figure in figures:
        del figure["ms"], figure["mb"]
        figure["intervals"] = {
            k: v for k, v in figure["intervals"].items() if not k.startswith("ms")
        }
    assert figures[0] == figures[1]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            {"name": "bad", "editor": {"type": "mmisr.SpandrelSR", "checkpoint": "gone.pth"}},
            "gone.pth",
        ),  # not built
        ("hr", "arm 'hr' needs the HR image"),  # built, and cannot run
    ],
)
def test_a_bad_last_arm_stops_all_before_the_first(three, tmp_path, bad, message):
    native = [
        {"type": "mmisr.LoadImage"},
        {"type": "mmdet.LoadAnnotations", "with_bbox": True},
        {"type": "mmisr.NativeLR"},
        {"type": "mmisr.PackSRDetInputs"},
    ]
    options = {**three, "test_dataloader.dataset.pipeline": native}
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        compare(CONFIG, ["lr", bad], tmp_path, device="cpu", replicates=10, cfg_options=options)
    assert not (tmp_path / "arms").exists()


def test_other_ways_to_enlarge(three, tmp_path):
    found = compare(
        CONFIG, ["larger_input", "sliced"], tmp_path, device="cpu", replicates=10, cfg_options=three
    )
    larger, sliced = found.arms["larger_input"], found.arms["sliced"]
    assert sliced.macs > 1.5 * larger.macs
    assert found.runs["sliced"].images[0].hw == (32, 32)
    assert sliced.AP50 > 0
    assert larger.new_false_positives is None  # there is no bicubic arm


def test_routers_share_what_was_run(three, tmp_path):
    found = compare_routers(CONFIG, str(tmp_path), "cpu", 10, three)
    assert list(found.arms)[5:] == ["block_1_only", "random", "edge", "detector_prior", "oracle"]
    learned, drawn = found.arms["instance_sr"].tokens, found.arms["random"].tokens
    assert drawn["easy"] == pytest.approx(learned["easy"], abs=0.07)
    assert (found.verdicts[0].shown, found.meta.bootstrap.images) == ("none", 3)
    assert found.arms["block_1_only"].tokens["easy"] == 1


def test_no_hr_no_oracle_by_default(trees, tmp_path):
    native = [
        {"type": "mmisr.LoadImage"},
        {"type": "mmdet.LoadAnnotations", "with_bbox": True},
        {"type": "mmisr.NativeLR"},
        {"type": "mmisr.PackSRDetInputs"},
    ]
    options = {
        **trees,
        "test_dataloader.dataset.pipeline": native,
        "test_dataloader.dataset.indices": 1,
    }
    options["model.editor"] = {
        "_delete_": True,
        "type": "mmisr.Resample",
        "scale": 2,
        "mode": "nearest",
    }
    found = compare(CONFIG, None, tmp_path, device="cpu", replicates=10, cfg_options=options)
    assert list(found.arms) == ["lr", "bicubic", "editor"]
    assert {v.shown for v in found.verdicts} == {"none"}  # one image


def test_only_pairs_are_compared(tmp_path):
    with pytest.raises(
        ValueError, match="needs the config of a pair, and the model of .* is 'mmisr.InstanceSR'"
    ):
        compare("configs/instance_sr/instance-sr-nano-x4_tree-crowns.py", ["lr"], tmp_path)
