"""Advice that claims no more than the intervals show."""

from types import SimpleNamespace

import pytest

from mmisr.analysis.comparison.result import ArmImage, Difference, Verdict
from mmisr.analysis.what_helps import Way, advice

LR, SR = (32, 40), (128, 160)
SIZES = {"lr": LR, "larger_2x": LR, "sliced_2x2": LR, "bicubic": SR, "sr": SR, "hr": SR}
"""Of what the editor puts out."""


def comparison_of(gains, between=()):
    """Differences in AP against ``lr`` with what they show, and of other pairs."""
    rows = [(arm, "lr", *values) for arm, values in gains.items()]
    rows += between
    differences = [Difference(a, b, "AP", delta, lo, hi) for a, b, delta, lo, hi in rows]
    verdicts = []
    for a, b, _, lo, hi in rows:
        shown = "higher" if lo > 0 else "lower" if hi < 0 else "none"
        verdicts.append(Verdict(a, b, "AP", shown, ""))
    arms = ["lr", *gains]
    seen = {arm: SimpleNamespace(images=[ArmImage({}, hw=SIZES[arm])]) for arm in arms}
    return SimpleNamespace(
        arms=dict.fromkeys(arms), differences=differences, verdicts=verdicts, runs=seen
    )


def ways_of(**ms):
    return [Way(arm, 0.3, [], time, 0.5, None) for arm, time in ms.items()]


def test_the_fastest_of_those_that_are_not_shown_behind_is_recommended():
    gains = {"larger_2x": (0.05, 0.03, 0.07), "sr": (0.06, 0.04, 0.08)}
    between = [("sr", "larger_2x", 0.01, -0.01, 0.03)]
    texts = advice(comparison_of(gains, between), ways_of(lr=100, larger_2x=300, sr=600))
    assert texts[0] == (
        "larger_2x helps: AP +0.050 [+0.030, +0.070] against lr, in 3.0 times its time."
    )
    assert texts[1].startswith("sr has the highest AP, +0.060 [+0.040, +0.080], but is not shown")
    assert texts[1].endswith("takes 2.0 times its time.")


@pytest.mark.parametrize("turned", [False, True])
def test_what_is_shown_ahead_is_recommended_though_slower(turned):
    gains = {"larger_2x": (0.05, 0.03, 0.07), "sr": (0.09, 0.06, 0.12)}
    between = [("sr", "larger_2x", 0.04, 0.02, 0.06)]
    if turned:
        between = [("larger_2x", "sr", -0.04, -0.06, -0.02)]
    texts = advice(comparison_of(gains, between), ways_of(lr=100, larger_2x=300, sr=600))
    assert texts[0].startswith("sr helps")
    assert not any("larger_2x" in text for text in texts)


def test_what_sr_gives_beyond_as_many_pixels_is_told():
    gains = {"larger_2x": (0.05, 0.03, 0.07), "bicubic": (0.2, 0.1, 0.3), "sr": (0.3, 0.2, 0.4)}
    ahead = [("sr", "bicubic", 0.1, 0.05, 0.15), ("sr", "larger_2x", 0.25, 0.2, 0.3)]
    ways = ways_of(lr=100, larger_2x=300, bicubic=300, sr=600)
    texts = advice(comparison_of(gains, ahead), ways)
    assert texts[0].startswith("sr helps")
    assert texts[1] == (
        "Of that, SR itself gives +0.100 [+0.050, +0.150] over bicubic, which makes as many pixels."
    )
    ahead = [("larger_2x", "bicubic", 0.1, 0.05, 0.15)]
    texts = advice(comparison_of(gains, ahead), ways[:3])
    assert not any("SR itself" in text for text in texts)


def test_nothing_shown_is_nothing_advised_and_harm_is_named():
    gains = {"larger_2x": (0.01, -0.02, 0.04), "sliced_2x2": (-0.05, -0.08, -0.02)}
    texts = advice(comparison_of(gains), ways_of(lr=100, larger_2x=300, sliced_2x2=400))
    assert texts[0] == (
        "No way is shown to help on these images. larger_2x comes nearest: AP +0.010 "
        "[-0.020, +0.040] against lr; more images would narrow the interval."
    )
    assert texts[1] == "sliced_2x2 does harm: AP -0.050 [-0.080, -0.020] against lr."


def test_the_oracle_is_the_room_and_never_advised():
    gains = {"sr": (0.01, -0.02, 0.04), "hr": (0.2, 0.1, 0.3)}
    texts = advice(comparison_of(gains), ways_of(lr=100, sr=300, hr=100))
    assert not any(text.startswith("hr helps") for text in texts)
    assert texts[1].startswith("HR, which no camera gave, is ahead of lr: AP +0.200")
    flat = advice(comparison_of({"hr": (0.0, -0.1, 0.1)}), ways_of(lr=100, hr=100))
    assert any("is not shown to be ahead" in text for text in flat)


def test_training_the_detector_comes_first_whatever_is_shown():
    assert "train it on enlarged images first" in advice(comparison_of({}), ways_of(lr=1))[-1]
