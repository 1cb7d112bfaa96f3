"""What helps a detector: from its plain config to a page, on real trees."""

import copy
import json
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from mmisr.analysis.comparison import limit, run
from mmisr.analysis.comparison.result import Comparison
from mmisr.analysis.comparison.store import num_done
from mmisr.apis import what_helps as module
from mmisr.apis.plain_detector import pair_of
from mmisr.apis.what_helps import HEADER, Choice, enlarged, find_what_helps, helps_rows
from mmisr.registry import MODELS

ROOT = Path(__file__).parents[2]
WEIGHTS = "checkpoints/gfl_mobilenet-v2_hr_tree-crowns.pth"
BICUBIC = "configs/resample/bicubic-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"


@pytest.fixture(scope="module", autouse=True)
def in_the_repository():
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)  # the config names its checkpoints from there
        yield


@pytest.fixture(scope="module")
def plain(cut_outs, tmp_path_factory) -> Config:
    """A detector's config as mmdet's users have it, with a Resize of its own."""
    folder = tmp_path_factory.mktemp("plain")
    cut_outs(folder / "trees", 128, 3)
    pair = Config.fromfile(
        "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
    )
    pipeline = [
        {"type": "LoadImageFromFile"},
        {"type": "Resize", "scale": (160, 160), "keep_ratio": True},
        {"type": "LoadAnnotations", "with_bbox": True},
        {"type": "PackDetInputs"},
    ]
    dataset = {
        "type": "CocoDataset",
        "data_root": f"{folder / 'trees'}/",
        "ann_file": "val.json",
        "data_prefix": {"img": "val/"},
        "metainfo": {"classes": ("tree",)},
        "pipeline": pipeline,
    }
    content = {"model": pair.model.detector, "test_dataloader": {"dataset": dataset}}
    path = folder / "my_detector.py"
    Config(content).dump(path)
    return Config.fromfile(path)


@pytest.fixture(scope="module")
def found(plain, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    return find_what_helps(
        plain.filename,
        WEIGHTS,
        Choice(images=2, simulate=2, seed=3),
        out=out,
        device="cpu",
        replicates=50,
    )


def test_ways_stand_in_order_with_their_figures(found):
    names = [way.arm for way in found.what.ways]
    assert names == ["lr", "larger_1.5x", "larger_2x", "sliced_2x2", "bicubic", "hr"]
    assert all(way.ms > 0 for way in found.what.ways)
    assert len(found.what.centers) == len(found.what.ways[0].recall)
    rows = helps_rows(found.what)
    assert rows[0][4] == "1.00"
    assert all(len(row) == len(HEADER) for row in rows)
    megabytes = {way.arm: way.mb for way in found.what.ways}
    assert megabytes["larger_2x"] > megabytes["lr"] > 0


def test_the_detector_sees_as_many_pixels_as_each_way_says(found):
    """Its own Resize makes 160 of what it is given; what is enlarged by 2 it sees at 320."""
    macs = {name: run.macs["detector"] for name, run in found.comparison.runs.items()}
    assert macs["larger_2x"] == macs["bicubic"] == macs["hr"]
    assert macs["larger_2x"] == pytest.approx(4 * macs["lr"], rel=0.02)
    assert macs["lr"] < macs["larger_1.5x"] < macs["larger_2x"]


def test_what_was_chosen_is_said(found, plain):
    assert len(found.comparison.images) == 2
    assert any("rests on 2 of 3 images" in sentence for sentence in found.what.advice)
    assert "train it on enlarged images first" in " ".join(found.what.advice)


def test_two_images_recommend_nothing(found):
    assert found.what.advice[0].startswith("No way is shown to help on these images.")


def test_everything_is_written_and_read_again(found):
    folder = found.folder
    page = (folder / "what_helps.md").read_text()
    assert page.startswith("# What helps my_detector\n")
    assert "| lr |" in page
    content = json.loads((folder / "what_helps.json").read_text())
    assert content["schema"] == 1
    assert [way["arm"] for way in content["ways"]] == [way.arm for way in found.what.ways]
    assert (folder / "recall_by_size.png").stat().st_size > 5000
    assert (folder / "report.html").is_file()
    assert list(Comparison.load(folder).arms) == [way.arm for way in found.what.ways]


def test_a_second_call_runs_nothing_anew(found, plain):
    arms = sorted((found.folder / "arms").iterdir())
    before = [path.stat().st_ino for path in arms]
    again = find_what_helps(
        plain.filename,
        WEIGHTS,
        Choice(images=2, simulate=2, seed=3),
        out=found.folder,
        device="cpu",
        replicates=50,
    )
    assert [path.stat().st_ino for path in arms] == before
    assert [way.ap for way in again.what.ways] == [way.ap for way in found.what.ways]


def is_there(*names):
    """Whether what a name stands for is in a folder."""
    return lambda folder: any(any(folder.glob(name)) for name in names)


def test_what_there_is_no_time_for_is_said_and_done_the_next_time(plain, tmp_path, monkeypatch):
    def find(is_over):
        """The time is up as soon as that is true of the folder."""
        monkeypatch.setattr(limit, "monotonic", lambda: 1e6 if is_over(tmp_path) else 0.0)
        # Of images so small a busy machine may make any way the cheapest.
        ever_slower = (number**2 for number in count())
        monkeypatch.setattr(run, "now_ms", lambda: next(ever_slower))
        choice = Choice(images=2, seed=3, minutes=10)
        return find_what_helps(
            plain.filename, WEIGHTS, choice, tmp_path, device="cpu", replicates=20
        )

    first_image = "arms/.larger_1.5x.unfinished/sr/00000.png"
    found = find(is_there(first_image))
    assert [way.arm for way in found.what.ways] == ["lr"]
    (sentence,) = [text for text in found.what.advice if "--minutes" in text]
    assert sentence.startswith("10 min would not do for larger_1.5x")
    assert "larger_2x" in sentence
    assert "with --minutes" in sentence
    written = (tmp_path / first_image).stat().st_mtime_ns
    key = (tmp_path / "arms/.larger_1.5x.unfinished/arm.txt").read_text()
    assert num_done(tmp_path / "arms" / key) == 1
    assert num_done(tmp_path / "arms" / key.replace(key[-16:], 16 * "0")) == 0

    found = find(is_there("arms/larger_1.5x-*"))
    assert [way.arm for way in found.what.ways] == ["lr", "larger_1.5x"]
    (kept,) = tmp_path.glob("arms/larger_1.5x-*/sr/00000.png")
    assert kept.stat().st_mtime_ns == written


def test_what_there_is_no_time_to_try_is_said(plain, tmp_path, monkeypatch):
    now = [0.0]
    tried = []

    def predict(pair, batch, feed):
        tried.append(pair.handoff.resize.scale)
        now[0] += 300.0

    monkeypatch.setattr(run, "predict", predict)
    monkeypatch.setattr(run, "now_ms", lambda: 1.0)  # a prediction is expected to take no time
    monkeypatch.setattr(limit, "monotonic", lambda: now[0])
    choice = Choice(images=2, seed=3, minutes=20)
    found = find_what_helps(plain.filename, WEIGHTS, choice, tmp_path, device="cpu", replicates=20)
    # Time is up when the second way has been tried.
    own = (160, 160)
    assert tried == [own, own, (240, 240), (240, 240)]
    assert [way.arm for way in found.what.ways] == ["lr"]
    sentence = found.what.advice[0]
    assert sentence.startswith("20 min would not do for larger_2x, sliced_2x2, larger_1.5x, and")
    assert sentence.endswith(
        "may do: there was no time to try larger_2x, sliced_2x2 on one image, so that nobody knows "
        "what that takes."
    )


def test_the_editor_is_built_once_to_know_its_ways(monkeypatch, tmp_path):
    class StopError(Exception):
        pass

    def stop(setup, arms, loader, limit):
        raise StopError

    built = []
    build = MODELS.build

    def counted(config, *values, **options):
        built.append(config["type"])
        return build(config, *values, **options)

    monkeypatch.setattr(module, "run_arms", stop)
    monkeypatch.setattr(MODELS, "build", counted)
    config = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
    sr = [f"bicubic_x2={BICUBIC}"]
    with pytest.raises(StopError):
        find_what_helps(config, choice=Choice(sr), out=tmp_path)
    assert built == ["mmisr.InstanceSR"]


def test_images_as_they_are_have_no_hr(plain):
    pair = pair_of(plain)
    assert pair.model.editor == {"type": "mmisr.Resample", "scale": 1}
    assert pair.model.handoff == {"resize": {"scale": (160, 160)}}
    types = [step["type"] for step in pair.test_dataloader.dataset.pipeline]
    assert types[2:] == ["mmisr.NativeLR", "mmisr.PackSRDetInputs"]


@pytest.mark.parametrize(
    ("resize", "factor", "expected"),
    [
        ({}, 2, {"factor": 2.0}),
        ({"factor": 0.5}, 1.5, {"factor": 0.75}),
        ({"scale": (1333, 800)}, 2, {"scale": (2666, 1600)}),
    ],
)
def test_a_larger_input(resize, factor, expected):
    assert enlarged(resize, factor) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {}}, "has no `model`"),
        ({"test_dataloader.dataset.ann_file": "trees.xml"}, r"must be in COCO format.*trees\.xml"),
    ],
)
def test_a_config_that_cannot_be_judged_is_one_error(plain, change, message):
    cfg = plain.copy()
    for key, value in change.items():
        if key == "model":
            cfg._cfg_dict.pop("model")
        else:
            cfg.merge_from_dict({key: value})
    with pytest.raises(ValueError, match=message):
        pair_of(cfg)


def test_values_out_of_range_are_refused():
    with pytest.raises(ValueError, match="images must be at least 1, got 0"):
        Choice(images=0)
    with pytest.raises(ValueError, match="simulate must be a factor of at least 2, got 1"):
        Choice(simulate=1)
    with pytest.raises(ValueError, match="minutes must be more than 0, got 0"):
        Choice(minutes=0)


def test_a_pair_simulates_by_its_own_data(tmp_path):
    config = "configs/resample/bicubic-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
    with pytest.raises(ValueError, match="simulate is for the config of a plain detector"):
        find_what_helps(config, choice=Choice(simulate=2), out=tmp_path)


def test_the_choice_of_images_is_the_seed_s(found):
    chosen = [row.img_id for row in found.comparison.images]
    draws = np.random.default_rng(3)
    assert len(chosen) == len(set(draws.choice(3, 2, replace=False).tolist()))


@pytest.mark.parametrize(
    ("evaluator", "loads"),
    [
        ({"type": "CocoMetric", "metric": ["bbox", "segm"]}, True),
        ([{"type": "CocoMetric", "metric": "segm"}], True),
        ({"type": "CocoMetric", "metric": "bbox"}, False),
        ({"type": "VOCMetric"}, False),
    ],
)
def test_masks_are_counted_where_the_detector_s_own_metric_counts_them(plain, evaluator, loads):
    cfg = copy.deepcopy(plain)
    cfg.test_evaluator = evaluator
    pair = pair_of(cfg)
    load = pair.test_dataloader.dataset.pipeline[1]
    assert load.with_mask is loads
    metrics = pair.test_evaluator if loads else [pair.test_evaluator]
    kinds = [metric.get("iou_type", "bbox") for metric in metrics]
    assert kinds == (["bbox", "segm"] if loads else ["bbox"])
