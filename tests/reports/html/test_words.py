"""Sentences at the top of the page: no more than a verdict, from either side."""

import dataclasses

import pytest

from mmisr.analysis.comparison.figures import MetricMeta
from mmisr.analysis.comparison.judge import verdict_on
from mmisr.analysis.comparison.result import Difference
from mmisr.reports.html.findings import Pair
from mmisr.reports.html.words import caveats, figure_name, how_counted, statements


def said(comparison, pair, lo, hi, images=40, figure="AP"):
    d = Difference("sr", "bicubic", figure, (lo + hi) / 2, lo, hi)
    only = dataclasses.replace(comparison, differences=[d], verdicts=[verdict_on(d, images)])
    (found,) = statements(only, pair)
    return found.shown, found.text


def test_a_difference(comparison):
    shown, text = said(comparison, Pair("sr", "bicubic"), 0.01, 0.03)
    assert shown == "higher"
    assert (
        text
        == "AP is higher with sr than with bicubic (+0.0200, 95 % interval +0.0100 to +0.0300)."
    )


@pytest.mark.parametrize(
    ("protocol", "max_dets", "frame", "text"),
    [
        ("coco", 100, "lr", "LR image {}, at most 100 detections an image and class count"),
        ("visdrone", 500, "source", "image file {}, at most 500 detections an image count"),
        ("voc", 10**6, "source", "image file {}, every detection counts"),
    ],
)
def test_how_was_counted(protocol, max_dets, frame, text):
    metric = MetricMeta(protocol, {}, max_dets, frame, "box", "all")
    said = text.format(f"(bins of {protocol})")
    assert how_counted(metric) == f"Sizes are measured in pixels of the {said}."


def test_the_other_way_round(comparison):
    shown, text = said(comparison, Pair("bicubic", "sr"), 0.01, 0.03)
    assert shown == "lower"
    assert (
        text == "AP is lower with bicubic than with sr (−0.0200, 95 % interval −0.0300 to −0.0100)."
    )


@pytest.mark.parametrize("pair", [Pair("sr", "bicubic"), Pair("bicubic", "sr")])
def test_no_difference_is_not_equality(comparison, pair):
    shown, text = said(comparison, pair, -0.01, 0.03)
    assert shown == "none"
    assert text.startswith(f"AP: no difference between {pair.a} and {pair.b} is shown (")
    assert "higher" not in text
    assert "lower" not in text


def test_too_few_images_are_named(comparison):
    shown, text = said(comparison, Pair("sr", "bicubic"), 0.01, 0.03, images=3)
    assert shown == "none"
    assert "3 images have it, fewer than 6 show nothing" in text


def test_the_verdicts_of_a_real_comparison(comparison):
    found = statements(comparison, Pair("instance_sr", "bicubic"))
    about = [v for v in comparison.verdicts if (v.a, v.b) == ("instance_sr", "bicubic")]
    assert len(found) == len(about) > 2
    assert found[0].text.startswith("AP")
    assert sorted(s.shown for s in found) == sorted(v.shown for v in about)
    assert statements(comparison, None) == []


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        ("AP", "AP"),
        ("AP_very_tiny", "AP of very tiny objects"),
        ("psnr_in_box", "PSNR inside the boxes"),
        ("ssim_whole", "SSIM of the whole image"),
    ],
)
def test_names_in_words(figure, words):
    assert figure_name(figure) == words


def test_few_images_are_said_to_be_few(comparison):
    assert any("7 images are few" in line for line in caveats(comparison))
    many = dataclasses.replace(comparison.meta.bootstrap, images=1000)
    meta = dataclasses.replace(comparison.meta, bootstrap=many)
    assert not any("few" in line for line in caveats(dataclasses.replace(comparison, meta=meta)))
