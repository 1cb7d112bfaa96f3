"""Tables of a comparison: what exists is shown, what does not is a dash or empty."""

import csv
import dataclasses

from mmisr.analysis.comparison.figures import ArmFigures, BinFigures
from mmisr.reports.table import csv_table, markdown_table, markdown_verdicts, rows

NONE = {"whole": None, "in_box": None, "out_box": None}
FIGURES = ArmFigures(
    AP=0.25,
    AP50=0.5,
    AP75=0.125,
    AR=0.3,
    bins={
        "tiny": BinFigures(0.25, 0.5, None, 0.3, count=2),
        "medium": BinFigures(None, None, None, None, count=0),
    },
    psnr=NONE,
    ssim=NONE,
    new_false_positives=1.5,
    tokens={},
    macs=3e9,
    macs_by_stage={"upscale": 1e9, "detector": 2e9},
    ms={"upscale": 10.0, "detector": 20.0},
    intervals={"AP": [0.2, 0.3], "AP_tiny": [0.1, 0.4]},
)


def test_table_leaves_empty_bins_out_and_dashes_what_is_missing():
    columns, lines = rows({"lr": FIGURES})
    assert "AP tiny (2)" in columns
    assert not any("medium" in c for c in columns)
    shown = dict(zip(columns, lines[0], strict=True))
    assert (shown["AP"], shown["PSNR"], shown["easy/mod/hard %"]) == ("0.250", "-", "-")
    assert (shown["SR GMAC"], shown["pair GMAC"], shown["pair ms"]) == ("1.00", "3.00", "30")
    assert markdown_table({"lr": FIGURES}).count("\n") == 2


def test_what_is_searched_has_columns_where_an_arm_routes():
    searched = {"all": 0.8755, "tiny": 0.5, "medium": None}
    windows = dataclasses.replace(FIGURES, object_recall=searched, searched_area=0.25)
    columns, lines = rows({"lr": FIGURES, "windows": windows})
    place = columns.index("easy/mod/hard %")
    assert columns[place + 1 : place + 4] == ["recall %", "area %", "SR GMAC"]
    assert {len(line) for line in lines} == {len(columns)}
    shown = [dict(zip(columns, line, strict=True)) for line in lines]
    assert [row["recall %"] for row in shown] == ["-", "87.5"]
    assert [row["area %"] for row in shown] == ["-", "25.0"]
    assert [row["pair GMAC"] for row in shown] == ["3.00", "3.00"]
    assert not {"recall %", "area %"} & set(rows({"lr": FIGURES})[0])
    found = {
        (r["arm"], r["figure"]): r["value"]
        for r in csv.DictReader(csv_table({"lr": FIGURES, "windows": windows}).splitlines())
    }
    assert found["windows", "recall_all"] == "0.8755"
    assert (found["windows", "recall_tiny"], found["windows", "recall_medium"]) == ("0.5", "")
    assert (found["windows", "searched_area"], found["lr", "searched_area"]) == ("0.25", "")
    assert ("lr", "recall_all") not in found


def test_csv_has_a_row_a_figure_with_its_interval():
    found = {
        (r["arm"], r["figure"]): r for r in csv.DictReader(csv_table({"lr": FIGURES}).splitlines())
    }
    assert found["lr", "AP_tiny"] == {
        "arm": "lr",
        "figure": "AP_tiny",
        "value": "0.25",
        "lo": "0.1",
        "hi": "0.4",
    }
    assert found["lr", "AP75_tiny"]["value"] == found["lr", "psnr_in_box"]["value"] == ""
    assert found["lr", "count_medium"]["value"] == "0"
    assert found["lr", "macs_upscale"]["value"] == "1000000000.0"
    assert found["lr", "new_false_positives"]["value"] == "1.5"
    assert found["lr", "searched_area"]["value"] == found["lr", "mb"]["value"] == ""
    assert len(found) == 4 + 3 + 2 * 5 + 2 * 3 + 2 + 3


def test_verdicts_are_a_list():
    assert markdown_verdicts(["a", "b"]) == ["- a", "- b"]


def test_ap25_has_a_column_where_the_protocol_has_it():
    figures = dataclasses.replace(FIGURES, extra={"AP25": 0.6, "AP25_tiny": 0.7})
    columns, lines = rows({"lr": figures})
    assert columns[:4] == ["arm", "AP", "AP25", "AP50"]
    assert lines[0][:4] == ["lr", "0.250", "0.600", "0.500"]
    assert len(columns) == len(lines[0])
    assert "AP25" not in rows({"lr": FIGURES})[0]
    sheet = csv.DictReader(csv_table({"lr": figures}).splitlines())
    values = {row["figure"]: row["value"] for row in sheet}
    assert (values["AP25"], values["AP25_tiny"]) == ("0.6", "0.7")
