"""Data sets under wrappers, as configs and built: what holds annotations, what packs."""

from types import SimpleNamespace

import pytest

from mmisr.ops.wrapped import layers_of, parts_of, pipelines_of

A, B = {"type": "A", "pipeline": ["a"]}, {"type": "B", "pipeline": ["b"]}
REPEATED = {"type": "RepeatDataset", "times": 2, "dataset": A}
BOTH = {"type": "ConcatDataset", "datasets": [REPEATED, B]}
MIXED = {"type": "MultiImageMixDataset", "dataset": BOTH, "pipeline": ["mix"]}


@pytest.mark.parametrize(
    ("dataset", "parts", "layers", "pipelines"),
    [
        (A, [A], [A], [["a"]]),
        ({"type": "C"}, [{"type": "C"}], [{"type": "C"}], [[]]),
        (REPEATED, [A], [REPEATED, A], [["a"]]),
        (BOTH, [A, B], [BOTH, REPEATED, A, B], [["a"], ["b"]]),
        (MIXED, [A, B], [MIXED, BOTH, REPEATED, A, B], [["mix"]]),
    ],
    ids=["alone", "without a pipeline", "repeated", "two", "mixed"],
)
def test_configs(dataset, parts, layers, pipelines):
    assert parts_of(dataset) == parts
    assert layers_of(dataset) == layers
    assert pipelines_of(dataset) == pipelines


def test_built_data_sets_are_read_by_attribute():
    inner = SimpleNamespace(ann_file="a.json")
    outer = SimpleNamespace(datasets=[SimpleNamespace(dataset=inner), inner])
    assert parts_of(outer) == [inner, inner]
    assert layers_of(outer)[0] is outer
