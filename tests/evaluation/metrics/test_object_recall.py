"""The metric on samples made by hand, and on those of a pair that routes, whole and in windows."""

import math

import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.logging import MMLogger

from mmisr.evaluation.metrics.object_recall import ObjectRecall
from mmisr.registry import METRICS, MODELS
from mmisr.structures.sr_result import RoutingMap

HALF = torch.tensor([[0.0, 0.0, 320.0, 640.0]])


def evaluate(samples, **keys):
    metric = ObjectRecall(**keys)
    for sample in samples:
        metric.process(None, [sample])
    return {
        name.removeprefix("recall/"): value for name, value in metric.evaluate(len(samples)).items()
    }


@pytest.fixture
def samples(record_of, samples_of):
    """Two images: a tiny and a small object at LR and a crowd, of which windows hold some."""
    boxes = [[10, 10, 30, 30], [300, 10, 380, 90], [400, 400, 420, 420]]
    first, second = samples_of(
        [record_of(1, boxes, ignore=[False, False, True]), record_of(2, boxes[:1])]
    )
    first["searched"] = HALF
    second["searched"] = torch.zeros(0, 4)
    return [first, second]


def test_names_of_the_figures(samples):
    metric = METRICS.build({"type": "mmisr.ObjectRecall", "protocol": "aitod", "prefix": "arm"})
    metric.process(None, samples)
    names = ["all", "very_tiny", "tiny", "small", "medium", "searched_area"]
    assert list(metric.evaluate(2)) == [f"arm/{name}" for name in names]


def test_objects_are_counted_over_all_images_and_areas_image_by_image(samples):
    found = evaluate(samples, protocol="aitod")
    # 5x5 at LR twice, once in a window; 20x20 at LR with its centre beyond the window.
    assert (found["all"], found["very_tiny"], found["small"]) == (1 / 3, 1 / 2, 0)
    assert math.isnan(found["medium"])
    assert found["searched_area"] == 0.25


def test_sizes_in_the_source_frame_and_of_masks(samples):
    found = evaluate(samples, protocol="aitod", frame="source")
    assert (found["small"], found["medium"]) == (1 / 2, 0)
    assert math.isnan(found["very_tiny"])
    samples[1]["gt_instances"]["areas"] = torch.tensor([16.0 * 100])
    assert evaluate(samples, protocol="aitod", area_source="annotation")["tiny"] == 0


def test_a_routing_map_is_read_by_its_tokens(samples):
    exits = torch.zeros(1, 20, 20)
    exits[0, 0, 0] = 2
    for sample in samples:
        del sample["searched"]
        sample["routing"] = RoutingMap(exits, token_size=8)
    found = evaluate(samples)
    assert (found["all"], found["searched_area"]) == (2 / 3, 1 / 400)


def test_no_samples():
    assert all(math.isnan(value) for value in evaluate([]).values())


def test_the_log_has_a_table(samples, monkeypatch):
    lines = []
    monkeypatch.setattr(MMLogger.get_current_instance(), "info", lines.append)
    evaluate(samples)
    _, title, head, whole, *_ = lines[0].splitlines()
    assert title == "Objects that are searched (coco, sizes in lr pixels), in 25.0 % of the area"
    assert head.split() == ["size", "objects", "searched", "recall"]
    assert whole.split() == ["all", "3", "1", "0.333"]


def test_a_sample_that_does_not_say_is_named_with_the_way_out(samples):
    del samples[1]["searched"]
    with pytest.raises(
        ValueError,
        match=r"sample of 2.png has neither `searched` nor `routing`.*windows=dict.*keep_sr=True",
    ):
        evaluate(samples)


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"protocol": "kitti"}, "protocol must be one of .*, got 'kitti'"),
        ({"frame": "sr"}, r"frame must be one of \('lr', 'source'\), got 'sr'"),
        ({"area_source": "mask"}, r"area_source must be one of .*'annotation'\), got 'mask'"),
    ],
)
def test_constructor_errors(keys, text):
    with pytest.raises(ValueError, match=text):
        ObjectRecall(**keys)


@pytest.mark.parametrize("windows", [None, {"margin": 0}], ids=["tokens", "windows"])
def test_the_pair_brings_what_the_metric_reads(detector_config, photo, sample_of, windows):
    """A real run whose router knows the boxes: all of them are searched, in a part of the image."""
    config = {
        "type": "mmisr.SRDetector",
        "editor": {"type": "mmisr.InstanceSR", "scale": 2, "size": "nano", "router": "oracle"},
        "detector": detector_config,
        "test_cfg": {"keep_sr": True, "windows": windows},
    }
    pair = MODELS.build(config).eval()
    lr = photo[:, :96, :128]
    boxes = [[20.0, 22.0, 36.0, 40.0], [180.0, 100.0, 196.0, 120.0]]
    sample = sample_of((192, 256), boxes)
    sample.set_metainfo({"lr_shape": (96, 128)})
    with torch.no_grad():
        samples = pair.test_step({"inputs": [lr], "data_samples": [sample]})
    evaluator = Evaluator(METRICS.build({"type": "mmisr.ObjectRecall"}))
    evaluator.process(samples)
    found = evaluator.evaluate(1)
    assert found["recall/all"] == 1
    assert 0 < found["recall/searched_area"] < 0.3
