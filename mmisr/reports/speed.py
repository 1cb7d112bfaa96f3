"""The tables of a benchmark and of a curve of accuracy against time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmisr.reports.table import markdown_row

COLUMNS = (
    "config",
    "LR frame",
    "deep %",
    "plan",
    "ms",
    "dense ms",
    "best dense ms",
    "MACs / dense",
    "r",
    "r / MACs",
    "r best",
    "overhead %",
    "MB",
    "dense MB",
)


def speed_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of :func:`mmisr.analysis.benchmark.frame_rows` as a Markdown table.

    ``r`` is adaptive over dense milliseconds; ``r / MACs`` compares it with what the MACs promise:
    1.00 is a saving that can be read off a clock in full.
    """
    rule = "|---|---|---:|---|" + "---:|" * (len(COLUMNS) - 4)
    lines = [markdown_row(COLUMNS), rule]
    for row in rows:
        lines.append(markdown_row(_cells(row)))
    return "\n".join(lines)


def _cells(row: Mapping[str, Any]) -> list[str]:
    macs = row["macs"] / row["dense_macs"]
    height, width = row["frame"]
    return [
        row["config"],
        f"{width}x{height}",
        _percent(row["deep_share"]),
        row["plan"],
        _fixed(row["ms"], 0),
        _fixed(row["dense_ms"], 0),
        _fixed(row["best_dense_ms"], 0),
        _fixed(macs, 2),
        _fixed(row["r"], 2),
        _fixed(row["r"] / macs, 2),
        _fixed(row["r_best"], 2),
        _percent(row["overhead_share"]),
        _fixed(row["peak_mb"], 0),
        _fixed(row["dense_peak_mb"], 0),
    ]


def _fixed(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.0f}"


def pareto_table(content: Mapping[str, Any]) -> str:
    """What :func:`mmisr.apis.pareto.pareto` found, as Markdown tables: points, pairs, stages.

    Args:
        content: What ``pareto.json`` holds.
    """
    lines = [
        "| router | asked % | deep % | AP | in box dB | SR GMAC | SR ms |",
        "|---|" + "---:|" * 6,
    ]
    for point in content["points"]:
        lines.append(markdown_row(_point_cells(point)))
    lines += ["", "| pair | AP | ms | images/s |", "|---|---:|---:|---:|"]
    for name, pair in content["pairs"].items():
        ap = _fixed(pair["AP"], 3)
        ms = _fixed(pair["ms"], 0)
        rate = _fixed(pair["images_per_s"], 1)
        lines.append(markdown_row([name, ap, ms, rate]))
    lines += ["", "| stage | ms |", "|---|---:|"]
    for name, ms in content["stages"].items():
        lines.append(markdown_row([name, _fixed(ms, 1)]))
    return "\n".join(lines)


def _point_cells(point: Mapping[str, Any]) -> list[str]:
    return [
        point["router"],
        _percent(point["share"]),
        _percent(point["deep"]),
        _fixed(point["ap"], 3),
        _fixed(point["psnr_in_box"], 2),
        _fixed(point["macs"] / 1e9, 2),
        _fixed(point["ms"], 0),
    ]


def pair_table(points: Sequence[Mapping[str, Any]]) -> str:
    """What :func:`mmisr.apis.pair_pareto.pair_pareto` found, as a Markdown table, soonest first.

    Args:
        points: ``points`` of ``pair_pareto.json``.
    """
    lines = ["| way | AP | recall % | area % | pair GMAC | pair ms |", "|---|" + "---:|" * 5]
    for point in sorted(points, key=lambda point: point["ms"]):
        cells = [
            point["name"],
            _fixed(point["ap"], 3),
            _percent(point["recall"]),
            _percent(point["area"]),
            _fixed(point["macs"] / 1e9, 1),
            _fixed(point["ms"], 0),
        ]
        lines.append(markdown_row(cells))
    return "\n".join(lines)
