import pytest

from mmisr.analysis.cost import joining_overhead, stage_costs
from mmisr.ops.timing import StageTimer


def test_summaries():
    found = stage_costs({"upscale": [1.0, 2.0, 3.0, 4.0, 90.0], "detector": [9.0]})
    assert list(found) == ["upscale", "detector"]
    assert found["upscale"].median_ms == 3
    assert (found["upscale"].p10_ms, found["upscale"].p90_ms) == pytest.approx((1.4, 55.6))
    assert [f.share for f in found.values()] == pytest.approx([0.25, 0.75])
    assert [f.runs for f in found.values()] == [5, 1]


def test_summarises_a_timer():
    timer = StageTimer(warmup=1)
    for _ in range(4):
        with timer.stage("a"):
            sum(range(1000))
    found = stage_costs(timer.ms)
    assert found["a"].runs == 3
    assert found["a"].share == 1
    assert found["a"].p10_ms <= found["a"].median_ms == timer.medians()["a"] <= found["a"].p90_ms


def test_nothing_timed():
    assert stage_costs({}) == {}
    assert stage_costs({"a": [0.0]})["a"].share == 0
    with pytest.raises(ValueError, match=r"at least one timed run, \['b'\] have none"):
        stage_costs({"a": [1.0], "b": []})


@pytest.mark.parametrize(
    ("whole", "parts", "expected"),
    [
        ([10.0], [[10.0]], 0),
        ([10.3, 10.3, 500.0], [[6.0, 6.0, 99.0], [4.0]], 0.03),
        ([8.0], [[6.0], [4.0]], -0.2),
    ],
)
def test_joining_overhead(whole, parts, expected):
    assert joining_overhead(whole, parts) == pytest.approx(expected)


@pytest.mark.parametrize(("whole", "parts"), [([], [[1.0]]), ([1.0], []), ([1.0], [[1.0], []]), ([1.0], [[0.0]])])
def test_joining_overhead_needs_times(whole, parts):
    with pytest.raises(ValueError, match="at least one run|must take time"):
        joining_overhead(whole, parts)
