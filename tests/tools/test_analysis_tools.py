"""The analysis tools as a user starts them, on the project's own configs, logs and data."""

import json
import runpy
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from matplotlib import pyplot
from mmengine.config import Config

from mmisr.analysis.flops import part_costs
from mmisr.apis.browse import sample_panels
from mmisr.apis.configs import read_config
from mmisr.apis.models import init_model
from mmisr.apis.test import test as run_test
from mmisr.apis.windows import show_picture
from mmisr.evaluation.functional.confusion import confusion
from mmisr.registry import DATASETS
from mmisr.reports.pictures import TITLE, TRUTH

ROOT = Path(__file__).parents[2]
PAIR = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
EDITOR = "configs/instance_sr/instance-sr-nano-x4_tree-crowns.py"
LOG = "checkpoints/gfl_mobilenet-v2_hr_tree-crowns.scalars.json"


@pytest.fixture
def start(monkeypatch, capsys):
    """Runs a tool in this process, which has imported what it needs; gives what it printed."""

    def go(name, *arguments):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        monkeypatch.chdir(ROOT)
        runpy.run_path(str(ROOT / "tools/analysis" / f"{name}.py"), run_name="__main__")
        return capsys.readouterr().out

    return go


@pytest.mark.parametrize(("config", "split"), [(PAIR, "test"), (PAIR, "train"), (EDITOR, "train")])
def test_browse_dataset(start, tree_crowns, tmp_path, config, split):
    np.random.seed(0)  # patches around few crowns show few white pixels
    out = start("browse_dataset", config, "--output-dir", tmp_path, "--split", split, "--count", 3)
    pictures = sorted(tmp_path.glob("*.jpg"))
    assert len(pictures) == 3
    assert "3 pictures" in out
    strips = [cv2.imread(str(p))[TITLE:].astype(int) for p in pictures]
    for half in (0, 1):  # boxes are drawn in LR and in HR: white pixels, more than a crown has
        white = sum(
            (abs(s[:, half * s.shape[1] // 2 :][:, : s.shape[1] // 2] - TRUTH[0]) < 12)
            .all(-1)
            .sum()
            for s in strips
        )
        assert white > 500
    first = strips[0][:420]
    side = (first.shape[1] - 18) // 2
    lr, hr = first[:, 6 : 6 + side], first[:, 12 + side : 12 + 2 * side]
    assert abs(lr - hr).mean() < 0.8 * abs(lr - hr[:, ::-1]).mean()  # the same scene twice


def test_browsing_shows_masks_where_they_are_loaded(sample_of):
    hr = torch.full((3, 16, 24), 50, dtype=torch.uint8)
    sample = sample_of((16, 24), [[4, 4, 12, 8]], hr=hr)
    sample.set_metainfo({"lr_shape": (8, 12), "img_path": "a.png"})
    packed = {"inputs": hr[:, ::2, ::2], "data_samples": sample}
    plain, _ = sample_panels(packed)
    masks = torch.zeros(1, 16, 24, dtype=torch.bool)
    masks[0, 4:8, 4:12] = True
    sample.gt_instances.masks = masks
    panels, _ = sample_panels(packed)
    for panel, before, step in zip(panels, plain, (2, 1), strict=True):
        changed = (panel.image != before.image).any(2)
        assert (changed == masks[0, ::step, ::step].numpy()).all()


def test_a_window_needs_a_display(start, tree_crowns, tmp_path):
    """Before the work begins; mmdet's --not-show opens none, whatever the interval."""
    pyplot.switch_backend("agg")
    some = [PAIR, "--output-dir", tmp_path, "--split", "test", "--count", 1, "--show-interval", 0.1]
    with pytest.raises(
        RuntimeError, match="--show-interval opens a window, and matplotlib has none here"
    ):
        start("browse_dataset", *some)
    with pytest.raises(RuntimeError, match="--show opens a window"):
        start("confusion_matrix", PAIR, "nowhere.pkl", tmp_path, "--show")
    assert not list(tmp_path.iterdir())
    assert "1 pictures" in start("browse_dataset", *some, "--not-show")
    show_picture(next(tmp_path.glob("*.jpg")), 0.01)  # what a display would show
    assert pyplot.get_fignums() == []


def test_get_flops_of_several_images(start, tree_crowns):
    def gmacs(*options):
        out = start("get_flops", PAIR, *options).splitlines()
        title = next(n for n, line in enumerate(out) if "LR image" in line)
        rows = [row.rsplit(None, 2) for row in out[title + 2 :]]
        return out[title], {name.strip(): float(gmacs) for name, gmacs, _ in rows}

    _, first = gmacs()
    title, mean = gmacs("--num-images", 2)
    assert title == "mean of 2 LR images of 112x116 to 116x116 pixels"
    model, dataset = init_model(PAIR), DATASETS.build(read_config(PAIR).test_dataloader.dataset)
    one, two = (part_costs(model, dataset[n]["inputs"][None].float() / 255) for n in (0, 1))
    assert list(mean.values()) == pytest.approx(
        [(a.gmacs + b.gmacs) / 2 for a, b in zip(one, two, strict=True)], abs=1e-3
    )
    assert list(first.values()) == pytest.approx([cost.gmacs for cost in one], abs=1e-3)
    assert "detector GFL at 480x480" in first
    assert "detector GFL" in mean  # of two sizes
    with pytest.raises(ValueError, match="num_images must be at least 1, got 0"):
        start("get_flops", PAIR, "--num-images", 0)


def test_get_flops(start, tree_crowns):
    def table(config, *options):
        lines = start("get_flops", config, "--shape", 32, 40, *options).splitlines()
        rows = lines[lines.index("one LR image of 40x32 pixels") + 2 :]
        return {row[:-30].strip(): float(row.split()[-2]) for row in rows}, rows

    pair, lines = table(PAIR)
    editor, easy, hard, detector, both = pair.values()
    assert (
        easy <= editor <= hard * 1.2
    )  # sparse windows may cost more than a dense pass where the planner finds them faster
    assert easy < hard
    assert both == pytest.approx(editor + detector, abs=2e-3)
    model = init_model(PAIR)
    exits = torch.full((4, 5), 2)
    model.editor.route_by("all-hard")
    assert hard == pytest.approx(model.editor.macs((32, 40), exits) / 1e9, abs=1e-3)
    size = sum(p.numel() for p in model.detector.parameters()) / 1e6
    assert float(lines[3].split()[-1]) == pytest.approx(size, abs=1e-3)
    alone, _ = table(EDITOR, "--cfg-options", "model.router=fixed:0")
    assert next(iter(alone.values())) == pytest.approx(easy, abs=1e-3)
    assert len(alone) == 3


def test_analyze_logs(start, tmp_path):
    out = start(
        "analyze_logs", "plot_curve", LOG, "--keys", "loss", "loss_cls", "--out", tmp_path / "c.png"
    )
    losses = [
        json.loads(line)["loss"] for line in Path(LOG).read_text().splitlines() if '"loss"' in line
    ]
    row = next(line.split() for line in out.splitlines() if line.startswith("loss "))
    assert row[2:] == [f"{v:.3f}" for v in (losses[0], losses[-1], min(losses), max(losses))]
    picture = cv2.imread(str(tmp_path / "c.png"))
    assert picture.shape[0] > 600  # two panels
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
    times = start("analyze_logs", "cal_train_time", LOG).splitlines()[-1].split()
    assert int(times[1]) == len(losses)
    assert 0.1 < float(times[3]) <= float(times[2]) <= float(times[4])
    with pytest.raises(ValueError, match=r"no log has \['mood'\]; known keys: .*loss_bbox"):
        start("analyze_logs", "plot_curve", LOG, "--keys", "mood")


def test_mmdets_looks_of_curves(start, tmp_path):
    keys = ["--keys", "loss_cls", "loss_bbox"]
    plain, dressed = tmp_path / "plain.png", tmp_path / "dressed.png"
    whole = start("analyze_logs", "plot_curve", LOG, *keys, "--out", plain)
    looks = ["--title", "crowns", "--legend", "one", "two", "--style", "dark_background"]
    late = start(
        "analyze_logs", "plot_curve", LOG, *keys, "--out", dressed, *looks, "--start-epoch", 30
    )
    assert cv2.imread(str(plain)).mean() > 200 and cv2.imread(str(dressed)).mean() < 60
    records = [json.loads(line) for line in Path(LOG).read_text().splitlines()]
    last = [r["loss_cls"] for r in records if r.get("epoch") == 30 and "loss_cls" in r]
    assert (
        next(x.split()[2] for x in late.splitlines() if x.startswith("loss_cls"))
        == f"{last[0]:.3f}"
    )
    assert whole != late
    with pytest.raises(
        ValueError, match="for each of the 1 logs, or for each log and key, 2, got 3"
    ):
        start("analyze_logs", "plot_curve", LOG, *keys, "--legend", "a", "b", "c")
    with pytest.raises(ValueError, match="style 'dark' is none of matplotlib's: .*dark_background"):
        start("analyze_logs", "plot_curve", LOG, *keys, "--style", "dark")
    with pytest.raises(
        ValueError, match="--start-epoch 31 is after the end: the last epoch in the log is 30"
    ):
        start("analyze_logs", "plot_curve", LOG, *keys, "--start-epoch", 31)


def test_confusion_matrix(start, tiny_config, tmp_path):
    config, checkpoint, found = tiny_config("pair"), tmp_path / "pair.pth", tmp_path / "found.pkl"
    torch.manual_seed(0)
    torch.save({"state_dict": init_model(config).state_dict()}, checkpoint)
    run_test(config, checkpoint, str(tmp_path / "work"), str(found))
    options = ["--out", tmp_path / "m.png", "--score-thr", 0, "--tp-iou-thr", 0.3]
    out = start("confusion_matrix", config, found, *options)
    lines = out[out.index("8 images, score >= 0, IoU >= 0.3") :].splitlines()
    rows = {line.split()[0]: [int(n) for n in line.split()[1:]] for line in lines[2:5]}
    assert list(rows) == ["thing", "stuff", "background"]
    assert (
        sum(rows["thing"]) == 16
    )  # every annotated box once: 8 photos of 3 boxes, of which 2 are things
    assert sum(rows["stuff"]) == 8
    assert rows["background"][2] == 0
    assert sum(rows["background"]) > 100  # random weights
    assert cv2.imread(str(tmp_path / "m.png")).shape[0] > 300
    folder = tmp_path / "as_mmdet"
    thinner = start(
        "confusion_matrix",
        config,
        found,
        folder,
        *options[2:],
        "--nms-iou-thr",
        0.1,
        "--color-theme",
        "plasma",
    )
    fewer = [
        int(n)
        for n in next(x for x in thinner.splitlines() if x.startswith("background")).split()[1:]
    ]
    assert 0 < sum(fewer) < sum(rows["background"])
    mmdets, ours = (
        cv2.imread(str(p)) for p in (folder / "confusion_matrix.png", tmp_path / "m.png")
    )
    assert mmdets.shape == ours.shape and abs(mmdets.astype(int) - ours).mean() > 10
    with pytest.raises(
        ValueError, match="color theme 'plaid' is none of matplotlib's colour maps: .*plasma"
    ):
        start("confusion_matrix", config, found, "--color-theme", "plaid")
    with pytest.raises(ValueError, match="nms_iou_thr must be above 0 and at most 1, got 3"):
        start("confusion_matrix", config, found, "--nms-iou-thr", 3)
    with pytest.raises(SystemExit):
        start("confusion_matrix", config, found, folder, "--out", "x.png")
    with pytest.raises(
        FileNotFoundError, match=r"gone.pkl does not exist; make it with tools/test.py"
    ):
        start("confusion_matrix", config, tmp_path / "gone.pkl")
    with pytest.raises(ValueError, match="must cover the test set .* 10 images, found 8"):
        start("confusion_matrix", PAIR, found)


BOX = [0.0, 0.0, 10.0, 10.0]
FAR = [50.0, 50.0, 60.0, 60.0]


@pytest.mark.parametrize(
    ("truth", "found", "expected"),
    [
        ([], [], {}),
        ([(BOX, 0)], [], {(0, 2): 1}),
        ([], [(BOX, 1)], {(2, 1): 1}),
        ([(BOX, 0)], [(BOX, 0)], {(0, 0): 1}),
        ([(BOX, 0)], [(BOX, 1)], {(0, 1): 1}),
        ([(BOX, 0)], [(FAR, 0)], {(0, 2): 1, (2, 0): 1}),
        ([(BOX, 0)], [(BOX, 0), (BOX, 0)], {(0, 0): 1, (2, 0): 1}),  # a duplicate is invented
        ([(BOX, 0)], [(BOX, 1), (BOX, 0)], {(0, 0): 1, (2, 1): 1}),  # the right class goes first
        ([(BOX, 0), (FAR, 1)], [(FAR, 0), (BOX, 1)], {(0, 1): 1, (1, 0): 1}),
    ],
)
def test_confusion_counts(truth, found, expected):
    def columns(pairs):
        return torch.tensor([b for b, _ in pairs]).reshape(-1, 4), torch.tensor(
            [k for _, k in pairs], dtype=torch.long
        )

    counts = confusion(*columns(truth), *columns(found), num_classes=2)
    assert {tuple(i): int(counts[tuple(i)]) for i in counts.nonzero().tolist()} == expected


def test_regions_that_are_ignored():
    boxes, labels, none = torch.tensor([BOX, FAR]), torch.tensor([0, 0]), torch.zeros((0, 4))
    counts = confusion(
        none,
        torch.zeros(0).long(),
        boxes,
        labels,
        1,
        ignored_xyxy=torch.tensor([[0.0, 0.0, 30.0, 30.0]]),
    )
    assert counts.tolist() == [[0, 0], [1, 0]]  # only the far one was invented


def test_print_config(start, tmp_path):
    out = start(
        "print_config",
        PAIR,
        "--save-path",
        tmp_path / "all.py",
        "--cfg-options",
        "model.editor.size=base",
    )
    assert "size='base'" in out
    assert "type='mmisr.SizeBinnedCocoMetric'" in out  # inherited
    assert Config.fromfile(tmp_path / "all.py").model.editor.size == "base"
