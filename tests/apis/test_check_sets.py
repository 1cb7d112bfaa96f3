"""``tools/data/check.py`` on files and on a config: what it prints, writes and exits with."""

import json
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from mmisr.apis.check_sets import Wanted, check_data_sets

ROOT = Path(__file__).parents[2]
SCENES = {"cat": data.chelsea(), "cup": data.coffee(), "man": data.astronaut()}


def write_set(folder, name, frames, boxes=((8, 8, 16, 12), (30, 20, 9, 21))):
    """Frames of scenes, each a little further to the right."""
    content = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "thing"}]}
    (folder / "images").mkdir(exist_ok=True)
    for number, (scene, step) in enumerate(frames, 1):
        pixels = SCENES[scene][:256, step : 256 + step]
        file = f"{scene}_{step}.png"
        Image.fromarray(np.ascontiguousarray(pixels)).save(folder / "images" / file)
        content["images"].append({"id": number, "file_name": file, "width": 256, "height": 256})
        for box in boxes:
            entry = {"id": len(content["annotations"]), "image_id": number, "category_id": 1}
            content["annotations"].append({**entry, "bbox": list(box), "iscrowd": 0})
    path = folder / f"{name}.json"
    path.write_text(json.dumps(content))
    return str(path)


def rules(check):
    return {finding.rule: finding for finding in check.findings}


def test_frames_split_at_random_are_found_and_the_page_shows_them(tmp_path, monkeypatch, capsys):
    train = write_set(tmp_path, "train", [("cat", 0), ("man", 0), ("man", 4)])
    val = write_set(tmp_path, "val", [("man", 2), ("cup", 0), ("cat", 0)])
    out = tmp_path / "out"
    arguments = ["check.py", train, val, "--scale", "4", "--out", str(out)]
    monkeypatch.setattr(sys, "argv", arguments)
    with pytest.raises(SystemExit) as stop:
        runpy.run_path(str(ROOT / "tools/data/check.py"), run_name="__main__")
    assert stop.value.code == 1  # the cat is in both
    printed = capsys.readouterr().out
    assert "images of val that are in train too (of 3)" in printed
    assert "man_2.png ~ man_" in printed
    written = json.loads((out / "check.json").read_text())
    assert written["schema"] == 1
    assert [s["sizes"]["count"] for s in written["sets"]] == [6, 6]
    (near,) = written["near"]
    assert [(near["a"], near["b"]), [pair["name"] for pair in near["pairs"]]] == [
        ("train", "val"),
        ["man_2.png"],
    ]
    page = (out / "check.html").read_text()
    assert page.count('class="twins"') == 1
    assert page.count("data:image/webp") == 2
    assert 'id="table-sizes"' in page
    assert "http://" not in page.replace("http://www.w3.org", "")


def test_clean_sets_have_no_findings_and_names_are_escaped(tmp_path):
    val = write_set(tmp_path, "val", [("cup", 0)])
    found = check_data_sets([f"<b>={val},{tmp_path}/images"], out=tmp_path / "out")
    assert found.check.findings == []
    assert not found.check.has_errors
    assert "<b>" not in (tmp_path / "out/check.html").read_text()


def test_a_broken_file_is_a_finding_and_the_other_set_is_checked(tmp_path):
    val = write_set(tmp_path, "val", [("cup", 0)])
    (tmp_path / "train.json").write_text('{"images": [')
    found = check_data_sets([str(tmp_path / "train.json"), val], out=tmp_path / "out")
    assert [(f.severity, f.set_name, f.rule) for f in found.check.findings] == [
        ("error", "train", "annotation-file")
    ]
    assert "must be a JSON file" in found.check.findings[0].examples[0]
    assert found.check.sets[1].sizes.count == 2


def test_headers_alone_find_the_same_image_and_no_near_ones(tmp_path):
    train = write_set(tmp_path, "train", [("man", 0), ("cat", 0)])
    val = write_set(tmp_path, "val", [("man", 2), ("cat", 0)])
    found = check_data_sets([train, val], Wanted(decode=False), tmp_path / "out")
    assert list(rules(found.check)) == ["same-image"]
    assert "not decoded" in (tmp_path / "out/check.html").read_text()


def config(tmp_path, *steps, classes=("thing",)):
    """A config file with a wrapped training set."""
    dataset = dict(
        type="mmisr.SRCocoDataset",
        data_root=f"{tmp_path}/",
        data_prefix=dict(img="images/"),
        metainfo=dict(classes=classes),
        pipeline=[dict(type="mmisr.LoadImage"), *steps],
    )
    train = dict(type="RepeatDataset", times=2, dataset=dict(ann_file="train.json", **dataset))
    val = dict(dataset=dict(ann_file="val.json", **dataset))
    path = tmp_path / "config.py"
    path.write_text(
        f"train_dataloader = {dict(dataset=train)}\n"
        f"val_dataloader = {val}\ntest_dataloader = val_dataloader\n"
    )
    return str(path)


def test_a_config_names_its_sets_its_classes_and_its_scale(tmp_path):
    write_set(tmp_path, "train", [("man", 0)])
    write_set(tmp_path, "val", [("cup", 0)])
    path = config(tmp_path, dict(type="mmisr.SimulateLR", scale=4), classes=("object",))
    found = check_data_sets([path], out=tmp_path / "out")
    assert [summary.name for summary in found.check.sets] == ["train", "val"]
    assert {summary.sizes.scale for summary in found.check.sets} == {4}
    finding = rules(found.check)["classes"]
    assert "absent: object; it has: thing" in finding.examples[0]


def test_misaligned_pairs_are_measured(tmp_path):
    """LR that was taken a pixel further left shows everything a pixel further right."""
    write_set(tmp_path, "train", [("man", 0), ("cat", 0)])
    write_set(tmp_path, "val", [("cup", 0)])
    (tmp_path / "lr").mkdir()
    for path in (tmp_path / "images").glob("*.png"):
        hr = np.asarray(Image.open(path))
        if path.name.startswith("cup"):
            hr = np.roll(hr, 4, axis=1)
        lr = cv2.resize(hr, (64, 64), interpolation=cv2.INTER_AREA)
        Image.fromarray(lr).save(tmp_path / "lr" / path.name)
    (tmp_path / "lr/cat_0.png").unlink()
    paired = dict(type="mmisr.PairedLR", folder=f"{tmp_path}/lr", scale=4)
    found = check_data_sets([config(tmp_path, paired)], out=tmp_path / "out")
    by_rule = rules(found.check)
    assert (by_rule["pairs"].set_name, by_rule["pairs"].count) == ("train", 1)
    assert "cat_0.png does not exist" in by_rule["pairs"].examples[0]
    assert by_rule["misaligned"].set_name == "val"
    train, val = (summary.alignment for summary in found.check.sets)
    assert abs(train.median_x) < 0.05
    assert val.median_x == pytest.approx(1, abs=0.1)
    assert val.median_y == pytest.approx(0, abs=0.1)
    assert 'id="table-pairs"' in (tmp_path / "out/check.html").read_text()


@pytest.mark.parametrize(
    ("sets", "error", "text"),
    [
        (["a.json", "config.py"], ValueError, "or one config"),
        (["gone.py"], FileNotFoundError, "config gone.py does not exist"),
        (["a=gone.json", "a=gone.json"], FileNotFoundError, "annotation file gone.json"),
        (["a=gone.json,x", "a=gone.json,x"], ValueError, "each by a name of its own"),
    ],
)
def test_what_cannot_be_checked_is_named(sets, error, text):
    with pytest.raises(error, match=text):
        check_data_sets(sets)


def test_where_the_partner_is_hr_sizes_are_those_of_the_files(tmp_path):
    write_set(tmp_path, "train", [("man", 0)])
    write_set(tmp_path, "val", [("cup", 0)])
    paired = dict(type="mmisr.PairedLR", folder=f"{tmp_path}/hr", scale=4, holds="hr")
    found = check_data_sets([config(tmp_path, paired)], out=tmp_path / "out")
    assert {summary.sizes.scale for summary in found.check.sets} == {1}


def test_a_validation_on_the_training_data_is_an_error(tmp_path):
    write_set(tmp_path, "train", [("man", 0), ("cat", 0)])
    write_set(tmp_path, "val", [("cup", 0)])
    path = Path(config(tmp_path, dict(type="mmisr.SimulateLR", scale=4)))
    path.write_text(
        path.read_text() + "val_dataloader = dict(dataset=train_dataloader['dataset'])\n"
    )
    found = check_data_sets([str(path)], out=tmp_path / "out")
    same = rules(found.check)["same-image"]
    assert (same.severity, same.set_name, same.count) == ("error", "train+val", 2)
