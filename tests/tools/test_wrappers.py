"""Data sets under wrappers: the tools look at every part of them."""

import json

import pytest
import torch
from mmengine import fileio
from mmengine.config import Config

from mmisr.apis import init_model
from mmisr.apis.checks.data import check_packing, inner_datasets, test_pipeline
from mmisr.apis.checks.hooks import check_switches
from mmisr.apis.compare import compare
from mmisr.apis.configs import read_config
from mmisr.apis.confusion import confusion_matrix
from mmisr.apis.test import test
from mmisr.apis.train import train
from mmisr.export.source import open_source
from mmisr.ops.wrapped import layers_of, parts_of, pipelines_of
from mmisr.registry import DATASETS, HOOKS

RESIZE = {"type": "mmdet.Resize", "scale_factor": 0.5}


@pytest.fixture
def pair(tiny_config, photos) -> Config:
    """The photos in two files of four, tested as a concatenation."""
    content = json.loads((photos / "photos.json").read_text())
    for name, ids in (("one", range(4)), ("two", range(4, 8))):
        images = [i for i in content["images"] if i["id"] in ids]
        boxes = [a for a in content["annotations"] if a["image_id"] in ids]
        (photos / f"{name}.json").write_text(
            json.dumps({**content, "images": images, "annotations": boxes})
        )
    cfg = Config.fromfile(tiny_config("pair"))
    inner = cfg.test_dataloader.dataset
    parts = [{**inner, "ann_file": f"{name}.json"} for name in ("one", "two")]
    cfg.test_dataloader.dataset = {"type": "ConcatDataset", "datasets": parts}
    return cfg


@pytest.fixture
def checkpoint(pair, tmp_path):
    torch.manual_seed(0)
    torch.save({"state_dict": init_model(pair).state_dict()}, tmp_path / "pair.pth")
    return tmp_path / "pair.pth"


def test_every_layer_is_found():
    one, two = {"type": "a"}, {"type": "b"}
    inner = {"type": "balanced", "dataset": two}
    outer = {"type": "concat", "datasets": [one, inner]}
    assert layers_of(outer) == [outer, one, inner, two]
    assert layers_of(one) == [one]


def switch(kind, **arguments):
    return HOOKS.build({"type": kind, **arguments})


@pytest.mark.parametrize("wrapper", ["RepeatDataset", "ClassBalancedDataset"])
def test_a_switch_that_a_wrapper_hides_is_refused(pair, wrapper):
    inner = pair.train_dataloader.dataset
    mixed = {"type": "mmdet.MultiImageMixDataset", "dataset": inner, "pipeline": []}
    ends = switch("mmdet.YOLOXModeSwitchHook", num_last_epochs=1)
    pair.train_dataloader.dataset = mixed
    check_switches([ends], pair)
    pair.train_dataloader.dataset = {"type": wrapper, "dataset": mixed}
    with pytest.raises(
        ValueError,
        match=rf"dataset \({wrapper}\) has neither: let mmdet.MultiImageMixDataset, which lies",
    ):
        check_switches([ends], pair)
    pair.train_dataloader.dataset = {"type": wrapper, "dataset": inner}
    with pytest.raises(ValueError, match=rf"dataset \({wrapper}\) has neither: leave it out"):
        check_switches([ends], pair)
    other = switch("mmdet.PipelineSwitchHook", switch_epoch=1, switch_pipeline=inner.pipeline)
    with pytest.raises(
        ValueError, match=rf"switches at epoch 1 the pipeline of .* is a wrapper \({wrapper}\)"
    ):
        check_switches([other], pair)
    pair.train_dataloader.dataset = inner
    check_switches([other], pair)


@pytest.mark.parametrize("folders", ["of their own", "the same"])
def test_the_parts_of_a_confusion_matrix_may_count_alike(pair, photos, tmp_path, folders):
    """Parts whose ids repeat are told apart by their files; as one file twice they are not."""
    first, second = pair.test_dataloader.dataset.datasets
    content = json.loads((photos / "two.json").read_text())
    for entry, key in [(i, "id") for i in content["images"]] + [
        (a, "image_id") for a in content["annotations"]
    ]:
        entry[key] -= 4
    (photos / "again.json").write_text(json.dumps(content))
    second.ann_file = "again.json" if folders == "of their own" else "one.json"
    dataset = DATASETS.build(read_config(pair).test_dataloader.dataset)
    truth = [dataset[i]["data_samples"] for i in range(len(dataset))]
    assert [s.img_id for s in truth] == [*range(4), *range(4)]
    found = [
        {
            "img_id": s.img_id,
            "img_path": s.img_path,
            "pred_instances": {
                "bboxes": s.gt_instances.bboxes,
                "labels": s.gt_instances.labels,
                "scores": torch.ones(len(s.gt_instances)),
            },
        }
        for s in truth
    ]
    fileio.dump(found, str(tmp_path / "found.pkl"))
    pair.dump(tmp_path / "pair.py")
    if folders == "the same":
        with pytest.raises(
            ValueError, match=r"found.pkl has several images of one id and one file"
        ):
            confusion_matrix(
                str(tmp_path / "pair.py"), str(tmp_path / "found.pkl"), str(tmp_path / "out.png")
            )
        return
    matrix = confusion_matrix(
        str(tmp_path / "pair.py"), str(tmp_path / "found.pkl"), str(tmp_path / "out.png")
    )
    boxes = torch.cat([s.gt_instances.labels for s in truth]).bincount().tolist()
    assert matrix.counts == [[boxes[0], 0, 0], [0, boxes[1], 0], [0, 0, 0]]


def test_every_part_is_found():
    one, two, three = ({"ann_file": n, "pipeline": [{"type": n}]} for n in "abc")
    nested = {"dataset": {"datasets": [one, {"dataset": two}, {"datasets": [three]}]}, "times": 2}
    assert parts_of(nested) == [one, two, three]
    assert pipelines_of(nested) == [one["pipeline"], two["pipeline"], three["pipeline"]]
    mixed = {"dataset": one, "pipeline": [{"type": "own"}]}
    assert (parts_of(mixed), pipelines_of(mixed)) == ([one], [[{"type": "own"}]])
    assert parts_of(one) == [one]


def test_a_concatenation_gives_the_figures_of_the_whole(pair, checkpoint, tiny_config, tmp_path):
    whole = test(tiny_config("whole"), checkpoint, str(tmp_path / "whole"))
    assert test(pair, checkpoint, str(tmp_path / "parts")) == pytest.approx(whole, nan_ok=True)
    assert (
        test(pair, checkpoint, str(tmp_path / "tta"), tta=True)["bbox/count"] == whole["bbox/count"]
    )


def test_a_concatenation_is_compared(pair, checkpoint, tmp_path):
    compare(pair, ["lr", "hr"], tmp_path / "compared", checkpoint, device="cpu", replicates=10)
    found = json.loads((tmp_path / "compared" / "results.json").read_text())
    facts = found["meta"]["data"]
    assert facts["images"] == 8
    assert [name.rsplit("/", 1)[-1] for name in facts["ann_file"].split(", ")] == [
        "one.json",
        "two.json",
    ]


def test_each_part_is_checked(pair):
    pair.test_dataloader.dataset.datasets[1].pipeline = [{"type": "mmdet.PackDetInputs"}]
    with pytest.raises(
        ValueError, match="the test pipeline of config .* must end in mmisr.PackSRDetInputs"
    ):
        check_packing(pair, "test")
    pair.test_dataloader.dataset.datasets[1].pipeline = []
    with pytest.raises(ValueError, match="none found in test_dataloader's data set 1"):
        test_pipeline(pair)


def test_an_export_asks_for_one_part(pair):
    assert len(inner_datasets(pair)) == 2
    with pytest.raises(
        ValueError, match="must read one COCO file to be exported, it has 2; export the parts"
    ):
        open_source(inner_datasets(pair), test_pipeline(pair), "test", ".png")


def test_wrapped_training_data_are_checked_and_train(pair, tmp_path):
    inner = pair.train_dataloader.dataset
    inner.indices = 2
    balanced = {"type": "ClassBalancedDataset", "oversample_thr": 0.1, "dataset": inner}
    parts = [balanced, {"type": "RepeatDataset", "times": 2, "dataset": inner}]
    pair.train_dataloader.dataset = {"type": "ConcatDataset", "datasets": parts}
    pair.train_cfg.max_epochs = 1
    train(pair, str(tmp_path / "trained"))
    assert (tmp_path / "trained" / "epoch_1.pth").is_file()


def test_an_evaluator_of_its_own_needs_the_frame_of_the_file(
    tiny_config, photos, checkpoint, tmp_path
):
    cfg = Config.fromfile(tiny_config("moved"))
    steps = cfg.test_dataloader.dataset.pipeline
    cfg.test_dataloader.dataset.pipeline = [*steps[:2], RESIZE, *steps[2:]]
    assert test(cfg, checkpoint, str(tmp_path / "ours"))["bbox/count"] == 24, "ours moves along"
    cfg.test_evaluator = {"type": "mmdet.CocoMetric", "ann_file": str(photos / "photos.json")}
    with pytest.raises(
        ValueError,
        match="the test pipeline moves the images .*CocoMetric compares with boxes that are",
    ):
        test(cfg, checkpoint, str(tmp_path / "theirs"))


def test_a_protocol_of_subsets_wants_them_annotated_before_anything_is_predicted(
    tiny_config, photos, checkpoint, tmp_path
):
    cfg = Config.fromfile(tiny_config("subsets"))
    cfg.test_evaluator.protocol = "wider"
    with pytest.raises(ValueError, match="test_evaluator counts the subsets .*no annotation"):
        test(cfg, checkpoint, str(tmp_path / "out"))
    path = photos / "photos.json"
    content = json.loads(path.read_text())
    for annotation in content["annotations"]:
        annotation["subsets"] = ["hard"]
    path.write_text(json.dumps(content))
    cfg.work_dir = str(tmp_path / "again")
    assert test(cfg, checkpoint, str(tmp_path / "out"))["bbox/count_hard"] == 24
