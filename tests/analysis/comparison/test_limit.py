"""What arms need, what fits into a time, and what stops when it is up."""

import pytest

from mmisr.analysis.comparison import limit as module
from mmisr.analysis.comparison.limit import RESERVE, TimeLimit

LEFT = {"sliced": 10, "lr": 10, "larger": 10}


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""
    now = [0.0]
    monkeypatch.setattr(module, "monotonic", lambda: now[0])

    def pass_by(seconds):
        now[0] += seconds

    return pass_by


def limit_of(seconds, **options):
    limit = TimeLimit(seconds, **options)
    for arm, per_image in {"lr": 1.0, "larger": 2.0, "sliced": 6.0}.items():
        limit.expect(arm, per_image)
    return limit


def run(limit, clock, arm, seconds):
    """Run an arm over ten images that take so long each."""
    done = 0
    for _ in limit.running(arm, range(10), 10):
        clock(seconds)
        done += 1
    return done


def test_what_is_cheap_runs_first_and_what_all_are_compared_with_before():
    assert limit_of(100).order(LEFT) == ["lr", "larger", "sliced"]
    assert limit_of(100, always="larger").order(LEFT) == ["larger", "lr", "sliced"]
    # An arm of which most is done goes before one that is cheap and not begun.
    assert limit_of(100).order({**LEFT, "sliced": 1})[0] == "sliced"
    assert limit_of(None).order(LEFT) == list(LEFT)


def test_what_is_expected_is_said_before(clock):
    assert limit_of(None).outlook(LEFT) == "about 90 s: sliced 60 s, lr 10 s, larger 20 s"
    assert limit_of(200).outlook(LEFT).endswith("; 3 min will do")
    assert limit_of(60).outlook(LEFT).endswith("; 60 s will hardly do for sliced")


def test_timing_is_charged(clock):
    limit = limit_of(100, num_timed=5)
    assert limit.needs("larger", 10) == 30
    run(limit, clock, "lr", 1.0)
    left = 100 * (1 - RESERVE) - 10 - 5  # less what timing lr will take
    assert limit.fits("sliced", 6) == (left >= 6 * 11)
    assert limit.fits("larger", 10)


def test_arms_that_take_longer_than_expected_change_what_the_others_need(clock):
    limit = limit_of(1000)
    run(limit, clock, "lr", 3.0)
    assert limit.needs("larger", 10) == 60


def test_an_arm_stops_when_time_is_up_and_what_it_still_needs_is_known(clock):
    limit = limit_of(20 / (1 - RESERVE))
    assert limit.fits("larger", 10)
    assert run(limit, clock, "larger", 4.0) == 5
    assert limit.left_out == {"larger": 4.0 * 5}
    assert not limit.fits("lr", 10)
    assert limit.left_out["lr"] == 2.0 * 10


def test_what_all_are_compared_with_runs_in_any_case(clock):
    limit = limit_of(1, always="lr")
    assert limit.fits("lr", 10)
    assert run(limit, clock, "lr", 4.0) == 10
    assert not limit.left_out


def test_reading_is_charged(clock):
    """The time between two images is that of the loader."""
    limit = limit_of(100)

    def slow_reading():
        for number in range(10):
            clock(2.0)
            yield number

    for _ in limit.running("lr", slow_reading(), 10):
        clock(1.0)
    assert limit.needs("larger", 10) == 60


def test_another_call_needs_the_timing_of_all_arms_anew(clock):
    limit = limit_of(100, num_timed=5)
    run(limit, clock, "lr", 1.0)
    assert not limit.fits("sliced", 10)
    assert limit.would_do() == pytest.approx((6 * 15 + 1 * 5) / (1 - RESERVE))
    again = limit_of(limit.would_do(), num_timed=5)
    again.pledge("lr")
    assert again.fits("sliced", 10)


def test_trying_is_charged_and_what_there_is_no_time_to_try_is_left_out(clock):
    limit = TimeLimit(100 / (1 - RESERVE), num_timed=5, always="lr")
    left = {**LEFT, "bicubic": 10}
    for arm, per_image in {"lr": 2.0, "larger": 11.0, "sliced": 30.0}.items():
        assert limit.may_try(arm, left)
        clock(per_image)
        limit.expect(arm, per_image)
    # 43 of 100 s are gone, lr takes 30, and nothing less than that.
    assert not limit.may_try("bicubic", left)
    assert limit.untried == ["bicubic"]
    assert limit.left_out == {"bicubic": 30.0 * 15}
    assert limit.outlook(LEFT).endswith("will hardly do for larger, sliced, bicubic")
    assert limit.may_try("lr", left)
    assert limit.may_try("bicubic", {**left, "bicubic": 5})  # the rest of it was done before


def test_what_is_hopeless_is_not_predicted_a_second_time(clock):
    limit = limit_of(100 / (1 - RESERVE))
    limit.expect("lr", 1.0)
    limit.expect("sliced", 99.0)  # nine tenths may be what a first prediction pays for all
    assert limit.has_time("sliced", LEFT)
    limit.expect("sliced", 101.0)
    assert not limit.has_time("sliced", LEFT)


def test_without_a_limit_everything_is_tried(clock):
    limit = limit_of(None)
    clock(1e6)
    assert limit.may_try("bicubic", {"bicubic": 10})
    assert not limit.left_out


def test_the_first_is_tried_whatever_time_there_is(clock):
    limit = TimeLimit(10)
    clock(11)
    assert limit.may_try("lr", LEFT)
    limit.expect("lr", 1)
    assert not limit.may_try("larger", LEFT)


def test_no_time_is_refused():
    with pytest.raises(ValueError, match="seconds must be positive, got 0"):
        TimeLimit(0)
