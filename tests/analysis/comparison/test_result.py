"""results.json and arm.json: written from dataclasses, read back equal, of any version known."""

import dataclasses
import json

import numpy as np
import pytest

from mmisr.analysis.comparison.figures import ArmFigures, BinFigures
from mmisr.analysis.comparison.judge import judge
from mmisr.analysis.comparison.resample import Settings, resample
from mmisr.analysis.comparison.result import (
    RESULTS,
    ArmImage,
    ArmRun,
    Comparison,
    Difference,
    ImageRow,
)
from mmisr.analysis.comparison.schema import SCHEMA, of_fields
from mmisr.apis.compare import write
from mmisr.evaluation.functional.coco_records import save_records
from mmisr.evaluation.size_bins import protocol_named
from mmisr.structures.marks import Mark

SETTINGS = Settings(protocol_named("aitod"), 100, 1, replicates=20)

ARM_KEYS = {
    *("AP", "AP50", "AP75", "AR", "bins", "psnr", "ssim", "new_false_positives"),
    *("tokens", "macs", "macs_by_stage", "ms", "intervals", "object_recall", "searched_area"),
    *("segm", "mb", "extra"),
}


@pytest.fixture
def stored(run_of, records_of, meta, tmp_path):
    """A comparison and its folder."""
    runs = {
        "bicubic": run_of("bicubic", records_of(), ["inf", *[20.0] * 11]),
        "sr": run_of("sr", records_of(skill=0.9)),
    }
    comparison = judge(runs, resample(runs, SETTINGS), SETTINGS, meta)
    write(comparison, tmp_path)
    return comparison, tmp_path


def edit(path, **changes):
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, **changes}))


def without(path, key):
    content = json.loads(path.read_text())
    del content[key]
    path.write_text(json.dumps(content))


def test_records_are_those_of_the_protocol_and_what_was_reached_with_them(stored):
    """A region and the two objects in it leave the record, and their entries what was reached."""
    comparison, folder = stored
    content = json.loads((folder / RESULTS).read_text())
    content["meta"]["metric"]["protocol"] = "visdrone"
    (folder / RESULTS).write_text(json.dumps(content))
    run = comparison.runs["sr"]
    first = run.stored[0]
    xyxy = first.gt_xyxy.copy()
    xyxy[:3] = [[10, 10, 90, 90], [20, 20, 30, 30], [40, 40, 60, 60]]
    marks = np.array([Mark.CROWD | Mark.REGION, 0, 0, 0, 0])
    first = dataclasses.replace(first, gt_xyxy=xyxy, gt_marks=marks)
    save_records(run.folder / "records.npz", [first, *run.stored[1:]])
    (again,) = [run for run in Comparison.load(folder).runs.values() if run.name == "sr"]
    assert [len(r.gt_labels) for r in again.records][:2] == [2, 5]
    assert [len(r.gt_labels) for r in again.stored][:2] == [5, 5]
    reached = dataclasses.replace(again.images[0], reached=[True, True, False, False, True])
    again = dataclasses.replace(again, images=[reached, *again.images[1:]])
    assert again.reached(0) == [False, True]
    assert again.reached(1) is None


def test_a_protocol_that_is_not_known_leaves_records_as_they_lie(stored):
    _, folder = stored
    text = (folder / RESULTS).read_text()
    (folder / RESULTS).write_text(text.replace('"protocol": "aitod"', '"protocol": "of_tomorrow"'))
    run = Comparison.load(folder).runs["sr"]
    assert run.protocol is None
    assert run.records is run.stored


def test_what_is_written_is_read_back(stored):
    comparison, folder = stored
    again = Comparison.load(folder)
    assert again.arms == comparison.arms
    assert again.differences == comparison.differences
    assert again.verdicts == comparison.verdicts
    assert again.meta == comparison.meta
    assert again.to_json() == comparison.to_json()
    assert list(again.runs) == ["bicubic", "sr"]


def test_the_keys_that_users_read(stored):
    content = json.loads((stored[1] / "results.json").read_text())
    assert list(content) == ["schema", "arms", "differences", "verdicts", "meta"]
    assert content["schema"] == SCHEMA == 1
    arm = content["arms"]["sr"]
    assert set(arm) == ARM_KEYS
    assert set(arm["bins"]["tiny"]) == {"AP", "AP50", "AP75", "AR", "count"}
    assert set(arm["psnr"]) == {"whole", "in_box", "out_box"}
    assert arm["psnr"]["in_box"] is None
    assert set(content["differences"][0]) == {"a", "b", "figure", "delta", "lo", "hi"}
    assert set(content["verdicts"][0]) == {"a", "b", "figure", "shown", "text"}
    assert content["meta"]["metric"]["max_dets"] == 100


def test_a_folder_of_before_versions_still_loads(stored):
    comparison, folder = stored
    without(folder / "results.json", "schema")
    assert "schema" not in json.loads((folder / "sr" / "arm.json").read_text())
    assert Comparison.load(folder).arms == comparison.arms


def test_a_folder_of_before_searching_was_kept_still_loads(stored):
    comparison, folder = stored
    content = json.loads((folder / "results.json").read_text())
    for arm in content["arms"].values():
        del arm["object_recall"], arm["searched_area"]
    (folder / "results.json").write_text(json.dumps(content))
    row = json.loads((folder / "sr" / "arm.json").read_text())["images"][0]
    assert not {"reached", "searched_area", "cores"} & set(row)
    again = Comparison.load(folder)
    assert again.arms == comparison.arms
    assert again.arms["sr"].object_recall == {}
    assert again.runs["sr"].images[0].reached is again.runs["sr"].images[0].cores is None


def test_keys_of_a_later_mmisr_of_the_same_version_are_passed_over(stored):
    comparison, folder = stored
    content = json.loads((folder / "results.json").read_text())
    content["arms"]["sr"]["AP90"] = 0.1
    content["meta"]["weather"] = "rain"
    (folder / "results.json").write_text(json.dumps({**content, "notes": []}))
    again = Comparison.load(folder)
    assert (again.arms, again.meta) == (comparison.arms, comparison.meta)


@pytest.mark.parametrize("name", ["results.json", "sr/arm.json"])
def test_a_later_version_is_one_clear_error(stored, name):
    folder = stored[1]
    edit(folder / name, schema=SCHEMA + 1)
    with pytest.raises(
        ValueError, match=r"json has schema 2, and this mmisr reads .* update mmisr"
    ):
        Comparison.load(folder)


def test_an_entry_that_lacks_a_figure_is_named():
    with pytest.raises(ValueError, match="no BinFigures .*'count'"):
        of_fields(BinFigures, {"AP": 1.0, "AP50": 1.0, "AP75": 1.0, "AR": 1.0})


def test_arms_of_dataclasses_are_what_json_holds():
    bins = {"tiny": BinFigures(0.5, None, None, 0.25, count=3)}
    figures = ArmFigures(
        AP=0.5,
        AP50=None,
        AP75=None,
        AR=0.25,
        bins=bins,
        psnr={"whole": None},
        ssim={"whole": 0.5},
        new_false_positives=None,
        tokens={"easy": 1.0},
        macs=1.0,
        macs_by_stage={"upscale": 1.0},
        ms={"upscale": 2.0},
        intervals={"AP": [0.0, 1.0]},
        object_recall={"all": 0.5, "tiny": None},
        searched_area=0.25,
    )
    assert ArmFigures.from_json(json.loads(json.dumps(dataclasses.asdict(figures)))) == figures


@pytest.mark.parametrize(
    "image",
    [
        ArmImage({"psnr_whole": None, "ssim_whole": None}),
        ArmImage({"psnr_whole": float("inf"), "ssim_whole": 1.0}, hw=(8, 4)),
        ArmImage({"psnr_whole": 20.5}, {"easy": 0.25, "hard": 0.75}, 8, (128, 64)),
        ArmImage({}, reached=[True, False], searched_area=0.25, cores=[[0.0, 0.0, 8.1, 4.0]]),
        ArmImage({}, reached=[], searched_area=0.0, cores=[]),
    ],
    ids=["nothing", "equal pixels", "routed", "in windows", "nothing searched"],
)
def test_an_image_goes_to_json_and_back(image):
    row = ImageRow(3, "a/b.png", (512, 256), (128, 64))
    entry = json.loads(json.dumps(image.to_json(row), allow_nan=False))
    assert ImageRow.from_json(entry) == row
    assert ArmImage.from_json(entry) == image


def test_a_folder_without_a_comparison(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no finished comparison .results.json is"):
        Comparison.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        ArmRun.load(tmp_path)


def test_a_difference_is_read_by_its_names():
    entry = {"a": "sr", "b": "lr", "figure": "AP", "delta": 0.1, "lo": 0.0, "hi": 0.2}
    assert of_fields(Difference, entry) == Difference("sr", "lr", "AP", 0.1, 0.0, 0.2)
