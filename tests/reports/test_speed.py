"""Tables of a benchmark and of a curve: every column, and a dash where nothing was measured."""

from mmisr.reports.speed import COLUMNS, pareto_table, speed_table

ROW = {
    "config": "nano x4",
    "frame": (180, 320),
    "deep_share": 0.25,
    "plan": "3 windows",
    "ms": 50.4,
    "dense_ms": 100.0,
    "best_dense_ms": 80.0,
    "macs": 3e9,
    "dense_macs": 6e9,
    "r": 0.504,
    "r_best": 0.63,
    "overhead_share": 0.08,
    "peak_mb": 512.3,
    "dense_peak_mb": None,
}

POINT = {
    "router": "learned",
    "share": 0.2,
    "deep": 0.19,
    "ap": 0.1234,
    "psnr_in_box": 20.126,
    "macs": 1.5e9,
    "ms": 12.4,
}


def test_a_row_of_a_benchmark():
    head, rule, row = speed_table([ROW]).splitlines()
    assert head.count("|") == rule.count("|") == row.count("|") == len(COLUMNS) + 1
    assert row == (
        "| nano x4 | 320x180 | 25 | 3 windows | 50 | 100 | 80 | 0.50 | 0.50 | 1.01 | 0.63 | 8 "
        "| 512 | - |"
    )


def test_the_tables_of_a_curve():
    unknown = dict.fromkeys(("share", "deep", "ap", "psnr_in_box"))
    content = {
        "points": [POINT, {**POINT, "router": "bicubic", **unknown}],
        "pairs": {
            "sr": {"AP": 0.25, "ms": 99.6, "images_per_s": 10.04},
            "lr": {"AP": None, "ms": 50.0, "images_per_s": 20.0},
        },
        "stages": {"upscale": 12.34},
    }
    lines = pareto_table(content).splitlines()
    assert lines[2] == "| learned | 20 | 19 | 0.123 | 20.13 | 1.50 | 12 |"
    assert lines[3] == "| bicubic | - | - | - | - | 1.50 | 12 |"
    assert lines[7:9] == ["| sr | 0.250 | 100 | 10.0 |", "| lr | - | 50 | 20.0 |"]
    assert lines[-1] == "| upscale | 12.3 |"


def test_nothing_measured_is_a_head_alone():
    assert len(speed_table([]).splitlines()) == 2
