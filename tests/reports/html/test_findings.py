"""Which arms are compared, and from which score on."""

import pytest

from mmisr.reports.html.findings import Pair, choose_pair, find


@pytest.mark.parametrize(
    ("arms", "pair"),
    [
        (["lr"], None),
        (
            ["lr", "bicubic", "instance_sr", "instance_sr_all_hard", "hr"],
            Pair("instance_sr", "bicubic"),
        ),
        (["editor", "bicubic"], Pair("editor", "bicubic")),
        (["lr", "bicubic", "area", "edsr", "hr"], Pair("edsr", "bicubic")),
        (["lr", "hr"], Pair("hr", "lr")),
        (["a", "b", "c"], Pair("b", "a")),
        (["bicubic", "lr", "hr"], Pair("hr", "bicubic")),
    ],
)
def test_the_editor_against_bicubic(arms, pair):
    assert choose_pair(arms) == pair


def test_a_chosen_pair():
    assert choose_pair(["lr", "bicubic", "hr"], ("lr", "hr")) == Pair("lr", "hr")
    for wanted in (("lr", "gone"), ("lr", "lr")):
        with pytest.raises(ValueError, match="pair must name two of the arms"):
            choose_pair(["lr", "hr"], wanted)


def test_what_is_counted(comparison):
    found = find(comparison)
    arms = list(comparison.arms)
    assert list(found.scores) == list(found.errors) == arms
    assert len(set(found.scores.values())) > 1
    assert len(found.gains) == 7
    for arm in arms:
        assert found.curves["IoU 0.50"][arm].mean() == pytest.approx(
            comparison.arms[arm].AP50, abs=1e-9
        )
        assert found.curves["IoU 0.75"][arm].mean() == pytest.approx(
            comparison.arms[arm].AP75, abs=1e-9
        )
    # Every object is found, or an error is about it: what is missed cannot be more than what is
    # annotated.
    count = sum(b.count for b in comparison.arms["hr"].bins.values())
    assert 0 < found.errors["hr"]["all"]["missed"] < count


def test_one_score_for_all(comparison):
    found = find(comparison, score_thr=0.5)
    assert set(found.scores.values()) == {0.5}
    assert not found.own_scores
