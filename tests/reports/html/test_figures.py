"""Plots as elements of a page.

Whole, apart from each other, in the page's colours, and with what they show as text.
"""

import re
from xml.etree import ElementTree

import pytest

from mmisr.reports.html.findings import find
from mmisr.reports.html.page import _plots


@pytest.fixture(scope="module")
def plots(comparison):
    return _plots(comparison, find(comparison))


def test_every_plot_is_there(plots):
    assert list(plots) == [
        "size",
        "size50",
        "IoU 0.50",
        "IoU 0.75",
        "ap_time",
        "psnr_time",
        "gains",
        "errors",
    ]


def test_they_are_whole_and_apart(plots):
    ids = []
    for svg in plots.values():
        root = ElementTree.fromstring(
            svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
        )
        assert root.get("role") == "img"
        assert root.get("aria-label")
        assert root.get("width") is None
        own = [e.get("id") for e in root.iter() if e.get("id")]
        for reference in re.findall(r"(?:url\(|xlink:href=\")#([^\")]+)", svg):
            assert reference in own
        ids += own
    assert len(ids) == len(set(ids))


def test_they_take_the_colours_of_the_page(plots):
    for name, svg in plots.items():
        assert "currentColor" in svg
        assert not re.findall(r"#(?:10[0-9a-f]{2}00|010203|040506|070809|0a0b0c)", svg), name
    assert {f"var(--arm{i})" in plots["size"] for i in range(4)} == {True}
    assert "var(--up)" in plots["gains"]


def test_arms_and_sizes_are_text(plots, comparison):
    for arm in comparison.arms:
        assert f">{arm}</text>" in plots["size"]
    assert ">very tiny</text>" in plots["size"]
    assert ">lr</text>" not in plots["psnr_time"]
    assert ">missed</text>" in plots["errors"]


def test_the_same_data_is_the_same_text(comparison, plots):
    assert _plots(comparison, find(comparison)) == plots
