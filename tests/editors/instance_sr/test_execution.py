"""The `execution` of a config is read once, into one settings object for each class."""

import pytest

from mmisr.editors.instance_sr.engine.planner import Planning
from mmisr.editors.instance_sr.engine.sparse import Running
from mmisr.editors.instance_sr.execution import Execution, read_execution


def test_each_class_gets_its_own_keys():
    run = read_execution({"halo": 2, "compile": True, "all_hard_if_faster": True})
    assert run == Execution(Planning(halo=2), Running(compile=True), all_hard_if_faster=True)
    assert read_execution({}) == Execution()


@pytest.mark.parametrize(
    ("keys", "error", "text"),
    [
        ({"halo": -1}, ValueError, "halo must be >= 0, or None for an exact result, got -1"),
        ({"halo": "2"}, ValueError, "InstanceSR.execution.halo must be int | None, got '2'"),
        ({"partition": "tiles"}, ValueError, "partition must be one of .*, got 'tiles'"),
        ({"costs": "guessed"}, ValueError, "costs must be 'default' or 'measured', got 'guessed'"),
        ({"max_mpix_per_pass": 0}, ValueError, "max_mpix_per_pass must be > 0, got 0"),
        ({"all_hard_if_faster": "no"}, ValueError, "all_hard_if_faster must be bool, got 'no'"),
        ({"hallo": 2}, TypeError, "unexpected keyword argument 'hallo'"),
        ({"planning": 2}, TypeError, "planning"),
    ],
)
def test_bad_values_are_named(keys, error, text):
    with pytest.raises(error, match=text):
        read_execution(keys)
