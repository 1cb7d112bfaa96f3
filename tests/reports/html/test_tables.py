"""Cells: what is shown, what is sorted by, and why something is missing."""

import dataclasses

import pytest

from mmisr.analysis.comparison.per_image import ImageCounts, ImageGain
from mmisr.reports.html import tables
from mmisr.reports.html.findings import find
from mmisr.reports.html.tables import ABSENT, MINUS, fixed, number


@pytest.mark.parametrize(
    ("value", "digits", "sign", "text"),
    [
        (0.12345, 3, False, "0.123"),
        (-1.5, 1, False, f"{MINUS}1.5"),
        (2.0, 2, True, "+2.00"),
        (-0.5, 2, True, f"{MINUS}0.50"),
    ],
)
def test_numbers(value, digits, sign, text):
    assert fixed(value, digits, sign) == text


def test_a_missing_figure_says_why():
    cell = number(None, 3, why="because")
    assert (cell.text, cell.value, cell.title) == (ABSENT, None, "because")
    assert number(None, 3).title
    assert number(0.5, 2, [0.25, 0.75]).note == "0.25 to 0.75"


def test_figures_are_those_of_the_results(comparison):
    table = tables.main_table(comparison)
    heads = [(c.title, c.note) for c in table.columns]
    assert {len(row) for row in table.rows} == {len(heads)}
    rows = {row[0].text: dict(zip(heads, row, strict=True)) for row in table.rows}
    for arm, figures in comparison.arms.items():
        assert rows[arm]["AP", ""].value == figures.AP
        assert rows[arm]["PSNR", "in boxes, dB"].value == figures.psnr["in_box"]
        assert rows[arm]["ms", "together"].value == pytest.approx(sum(figures.ms.values()))
    assert rows["lr"]["PSNR", "whole, dB"].title == tables.NO_PIXELS
    low, high = comparison.arms["hr"].intervals["AP"]
    assert rows["hr"]["AP", ""].note == f"{low:.3f} to {high:.3f}"
    assert not any(title == "AP medium" for title, _ in heads)


def test_ap25_is_there_where_the_protocol_has_it(comparison):
    titles = [column.title for column in tables.main_table(comparison).columns]
    assert titles[:5] == ["arm", "AP", "AP50", "AP75", "AR"]
    arms = {}
    for name, figures in comparison.arms.items():
        spans = {**figures.intervals, "AP25": [0.5, 0.75]}
        arms[name] = dataclasses.replace(figures, extra={"AP25": 0.625}, intervals=spans)
    table = tables.main_table(dataclasses.replace(comparison, arms=arms))
    assert [column.title for column in table.columns] == [*titles[:2], "AP25", *titles[2:]]
    assert {(row[2].value, row[2].note) for row in table.rows} == {(0.625, "0.500 to 0.750")}


def test_routing_is_there_where_something_is_routed(comparison, variants):
    (row,) = tables.routing_table(comparison).rows
    assert row[0].text == "instance_sr"
    assert sum(cell.value for cell in row[1:]) == pytest.approx(100)
    assert tables.routing_table(variants["no bicubic, no routing"]) is None


def test_what_is_searched_is_there_where_an_arm_routes(windowed, variants):
    table = tables.main_table(windowed)
    titles = [(c.title, c.note) for c in table.columns]
    place = titles.index(("recall", "% of objects"))
    assert titles[place - 1 : place + 3] == [
        ("SSIM", "outside"),
        ("recall", "% of objects"),
        ("area", "% searched"),
        ("new false positives", "an image"),
    ]
    assert {len(row) for row in table.rows} == {len(titles)}
    rows = {row[0].text: row for row in table.rows}
    figures = windowed.arms["windows"]
    assert rows["windows"][place].value == 100 * figures.object_recall["all"]
    assert rows["windows"][place + 1].value == 100 * figures.searched_area
    for cell in rows["bicubic"][place : place + 2]:
        assert (cell.text, cell.title) == (ABSENT, tables.NO_ROUTING)
    by_size = tables.recall_table(windowed)
    assert [c.title for c in by_size.columns] == [
        *("arm", "all sizes", "very tiny", "tiny", "small", "area")
    ]
    assert [row[0].text for row in by_size.rows] == ["instance_sr", "windows"]
    assert by_size.rows[1][3].value == 100 * figures.object_recall["tiny"]
    nothing = variants["no bicubic, no routing"]
    assert tables.recall_table(nothing) is None
    assert "recall" not in {c.title for c in tables.main_table(nothing).columns}


def test_errors_have_a_row_an_arm_and_size(comparison):
    found = find(comparison)
    table = tables.error_table(found.errors, found.scores)
    assert len(table.rows) == 4 * 5
    cells = dict(zip([c.title for c in table.columns], table.rows[0], strict=True))
    assert (cells["arm"].text, cells["size"].text) == ("lr", "all sizes")
    assert cells["missed"].value == found.errors["lr"]["all"]["missed"]


def test_an_image_without_objects_has_no_change(comparison):
    gains = [
        ImageGain(0, ImageCounts(2, 2, 0), ImageCounts(2, 1, 1)),
        ImageGain(1, ImageCounts(0, 0, 4), ImageCounts(0, 0, 0)),
    ]
    table = tables.image_table(gains, comparison.images, "sr", "bicubic")
    assert [cell.text for cell in table.rows[0]] == ["sub/1.png", "+0.500", "2", "1", "1", "2", "0"]
    assert [cell.text for cell in table.rows[1]] == ["sub/2.png", ABSENT, "0", "0", "0", "0", "4"]
    assert table.rows[1][1].value is None


def test_every_difference_and_stage(comparison):
    assert len(tables.difference_table(comparison.differences).rows) == len(comparison.differences)
    stages = [c.title for c in tables.stage_table(comparison).columns]
    assert stages[:5] == ["arm", "upscale", "handoff", "detector", "to source"]
    assert stages[-1] == "memory"
