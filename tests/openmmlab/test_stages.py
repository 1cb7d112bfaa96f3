"""The hook that tells a model its stage."""

from types import SimpleNamespace

import pytest
from mmengine.model import MMDistributedDataParallel

from mmisr.openmmlab.stages import StageHook


class Staged:
    def __init__(self):
        self.told = []

    def set_stage(self, stage):
        self.told.append(stage)


def run(hook, model, iterations):
    for iteration in iterations:
        hook.before_train_iter(SimpleNamespace(model=model, iter=iteration), 0)


def test_a_stage_is_told_once_when_it_begins():
    model = Staged()
    run(StageHook({"first": 0, "second": 3, "third": 5}), model, range(8))
    assert model.told == ["first", "second", "third"]


@pytest.mark.parametrize(("start", "stage"), [(0, "first"), (2, "first"), (3, "second")])
def test_a_resumed_run_is_in_the_stage_of_its_iteration(start, stage):
    model = Staged()
    run(StageHook({"first": 0, "second": 3}), model, [start])
    assert model.told == [stage]


def test_a_stage_of_no_iterations_is_left_out():
    model = Staged()
    run(StageHook({"first": 0, "second": 0, "third": 2}), model, range(3))
    assert model.told == ["second", "third"]


def test_the_model_within_its_wrapper_is_told():
    wrapper = MMDistributedDataParallel.__new__(MMDistributedDataParallel)
    model = Staged()
    wrapper.__dict__["module"] = model
    wrapper.__dict__["_modules"] = {}
    run(StageHook({"only": 0}), wrapper, [0])
    assert model.told == ["only"]


@pytest.mark.parametrize("stages", [{}, {"a": 1}, {"a": 0, "b": 5, "c": 3}], ids=str)
def test_stages_out_of_order_are_refused(stages):
    with pytest.raises(ValueError, match="stages need 0 = first <= second"):
        StageHook(stages)
