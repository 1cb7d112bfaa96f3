"""Cards: which images, which arms, and boxes that lie on what they are about."""

import re

import numpy as np
import pytest

from mmisr.evaluation.functional.image_matches import match_image
from mmisr.reports.html.findings import find
from mmisr.reports.html.gallery import ARMS, make_gallery


@pytest.fixture(scope="module")
def found(comparison):
    return find(comparison)


@pytest.fixture(scope="module")
def gallery(comparison, found):
    return make_gallery(comparison, found)


def boxes_of(path):
    """(x1, y1, x2, y2) of every outline."""
    return np.array(re.findall(r"M(\S+) (\S+)H(\S+)V(\S+)H\S+z", path), dtype=float).reshape(-1, 4)


def test_gains_first_then_losses(gallery, found):
    assert (gallery.left, gallery.right) == ("bicubic", "instance_sr")
    assert gallery.arms == ["lr", "bicubic", "instance_sr", "hr"]
    gains = {g.index: g.gain for g in found.gains}
    up, down = (
        [gains[c.index] for c in gallery.groups[name]]
        for name in ("Largest gains", "Largest losses")
    )
    assert up == sorted(up, reverse=True)
    assert down == sorted(down)
    assert min(up, default=1) > 0 > max(down, default=-1)
    assert len(up) + len(down) == sum(g != 0 for g in gains.values())


def test_boxes_are_those_that_were_counted(gallery, comparison, found):
    card = gallery.groups["Largest gains"][0]
    assert card.whole
    assert (card.width, card.height) == (128, 128)
    for layer in card.layers:
        record = comparison.runs[layer.arm].records[card.index]
        matches = match_image(record, found.scores[layer.arm], 500)
        np.testing.assert_allclose(boxes_of(layer.true), record.det_xyxy[matches.true], atol=0.051)
        np.testing.assert_allclose(
            boxes_of(layer.missed), record.gt_xyxy[matches.missed], atol=0.051
        )
        assert layer.facts.startswith(f"{len(matches.true)} found, {len(matches.false)} false")
    np.testing.assert_allclose(
        boxes_of(card.truth), comparison.runs["lr"].records[card.index].gt_xyxy, atol=0.051
    )


def test_only_the_arm_that_routes_has_a_map_and_only_lr_is_small(gallery):
    card = gallery.groups["Largest gains"][0]
    assert [layer.arm for layer in card.layers if layer.routing] == ["instance_sr"]
    assert [layer.arm for layer in card.layers if layer.small] == ["lr"]
    (routing,) = [layer.routing for layer in card.layers if layer.routing]
    assert (routing.x, routing.y, routing.width, routing.height) == (0, 0, 128, 128)


def test_windows_are_outlined_over_the_arm_that_has_them(gallery, windowed):
    assert {layer.cores for card in gallery.groups["Largest gains"] for layer in card.layers} == {
        ""
    }
    groups = make_gallery(windowed, find(windowed, ("windows", "bicubic"))).groups
    cards = [card for group in groups.values() for card in group]
    assert cards
    for card in cards:
        outlined = {layer.arm: boxes_of(layer.cores) for layer in card.layers}
        expected = windowed.runs["windows"].images[card.index].cores
        np.testing.assert_array_equal(outlined.pop("windows"), expected)
        assert not any(map(len, outlined.values()))


def test_one_class_needs_no_names_two_do(gallery, variants):
    assert not any(layer.labels for layer in gallery.groups["Largest gains"][0].layers)
    wicked = variants["wicked"]
    cards = [c for group in make_gallery(wicked, find(wicked)).groups.values() for c in group]
    texts = [label.text for card in cards for layer in card.layers for label in layer.labels]
    assert {text.rpartition(" ")[0] for text in texts} == set(wicked.meta.classes)


def test_one_arm_shows_the_first_images(variants):
    one = variants["one arm"]
    gallery = make_gallery(one, find(one), shown=3)
    assert (gallery.left, gallery.right) == ("instance_sr", "instance_sr")
    assert [card.index for card in gallery.groups["First images"]] == [0, 1, 2]
    assert {card.change for card in gallery.groups["First images"]} == {""}


def test_no_pictures_no_cards(variants):
    gallery = make_gallery(variants["no pictures"], find(variants["no pictures"]))
    assert gallery.arms == []
    assert not any(gallery.groups.values())


def test_many_arms_keep_those_that_matter(comparison):
    names = ["lr", "bicubic", *(f"other{i}" for i in range(5)), "instance_sr", "hr"]
    run = {**dict.fromkeys(names, comparison.runs["bicubic"]), **comparison.runs}
    many = type(comparison)({}, [], [], comparison.meta, {n: run[n] for n in names})
    arms = make_gallery(many, find(many, ("instance_sr", "bicubic")), shown=1).arms
    assert arms == ["lr", "bicubic", "other0", "instance_sr", "hr"]
    assert len(arms) == ARMS
