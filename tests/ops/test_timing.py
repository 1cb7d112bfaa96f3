import time

import pytest
import torch

from mmisr.ops.timing import NULL_TIMER, StageTimer


def run(timer, name, seconds=0.0):
    with timer.stage(name):
        time.sleep(seconds)


def test_times_what_it_encloses():
    timer = StageTimer()
    for seconds in (0.02, 0.02, 1.0):
        run(timer, "slow", seconds)
        run(timer, "fast")
    medians = timer.medians()
    assert list(medians) == ["slow", "fast"]
    assert 20 <= medians["slow"] < 900  # the median, not the mean, and with room for a busy machine
    assert medians["fast"] < medians["slow"]
    assert [len(v) for v in timer.ms.values()] == [3, 3]


def test_warm_up_is_left_out_stage_by_stage():
    timer = StageTimer(warmup=1)
    run(timer, "a", 0.05)
    assert timer.medians() == {}
    run(timer, "a")
    run(timer, "b")
    assert list(timer.ms) == ["a"]
    assert timer.medians()["a"] < 50


def test_reset_forgets_but_does_not_warm_up_again():
    timer = StageTimer(warmup=1)
    run(timer, "a")
    run(timer, "a")
    timer.reset()
    assert timer.ms == {}
    run(timer, "a")
    assert len(timer.ms["a"]) == 1


def test_stages_nest():
    timer = StageTimer()
    with timer.stage("outer"):
        run(timer, "inner", 0.01)
    assert timer.ms["outer"][0] >= timer.ms["inner"][0] >= 10


def test_runs_together_are_one():
    timer = StageTimer(warmup=1)
    for _ in range(3):
        with timer.together():
            run(timer, "a", 0.002)
            run(timer, "a", 0.002)
    run(timer, "a")
    first, second, alone = timer.ms["a"]
    assert min(first, second) >= 4 > alone


@pytest.mark.parametrize("timer", [StageTimer(), NULL_TIMER])
def test_an_error_passes_through_unrecorded(timer):
    with pytest.raises(KeyError), timer.stage("a"):
        raise KeyError
    assert not getattr(timer, "ms", {})


def test_the_null_timer_costs_nothing_to_speak_of():
    start = time.perf_counter()
    for _ in range(10_000):
        with NULL_TIMER.stage("a"), NULL_TIMER.stage("b"):
            pass
    assert time.perf_counter() - start < 0.5  # under 25 microseconds a stage on any machine


def test_negative_warm_up():
    with pytest.raises(ValueError, match="warmup must be >= 0, got -1"):
        StageTimer(warmup=-1)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_stage_waits_for_its_kernels():
    matrix = torch.randn(8192, 8192, device="cuda")
    timer = StageTimer(warmup=1)
    for _ in range(3):
        with timer.stage("queue"):
            for _ in range(20):
                matrix @ matrix
        with timer.stage("nothing"):
            pass
    assert timer.medians()["queue"] > 10 * timer.medians()["nothing"]
    assert timer.medians()["nothing"] < 1
