"""The table of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

COLUMNS = ("config", "LR frame", "deep %", "plan", "ms", "dense ms", "best dense ms", "MACs / dense", "r", "r / MACs",
           "r best", "overhead %", "MB", "dense MB")  # fmt: skip


def speed_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of :func:`mmisr.analysis.benchmark.frame_rows` as a Markdown table.

    ``r`` is adaptive over dense milliseconds; ``r / MACs`` compares it with what the MACs promise:
    1.00 is a saving that can be read off a clock in full.
    """
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---|---|---:|---|" + "---:|" * (len(COLUMNS) - 4)]
    return "\n".join(lines + ["| " + " | ".join(_cells(row)) + " |" for row in rows])


def _cells(row: Mapping[str, Any]) -> list[str]:
    macs = row["macs"] / row["dense_macs"]
    height, width = row["frame"]
    peaks = [f"{row[k]:.0f}" if row[k] is not None else "-" for k in ("peak_mb", "dense_peak_mb")]
    return [
        row["config"],
        f"{width}x{height}",
        f"{100 * row['deep_share']:.0f}",
        row["plan"],
        *(f"{row[k]:.0f}" for k in ("ms", "dense_ms", "best_dense_ms")),
        f"{macs:.2f}",
        f"{row['r']:.2f}",
        f"{row['r'] / macs:.2f}",
        f"{row['r_best']:.2f}",
        f"{100 * row['overhead_share']:.0f}",
        *peaks,
    ]


def pareto_table(content: Mapping[str, Any]) -> str:
    """What :func:`mmisr.apis.pareto.pareto` found, as Markdown tables.

    Points, whole pairs, stages.
    """
    lines = [
        "| router | asked % | deep % | AP | in box dB | SR GMAC | SR ms |",
        "|---|" + "---:|" * 6,
    ]
    for p in content["points"]:
        shares = ["-" if p[k] is None else f"{100 * p[k]:.0f}" for k in ("share", "deep")]
        figures = [
            "-" if p[k] is None else f"{p[k]:.{n}f}" for k, n in (("ap", 3), ("psnr_in_box", 2))
        ]
        row = [p["router"], *shares, *figures, f"{p['macs'] / 1e9:.2f}", f"{p['ms']:.0f}"]
        lines.append("| " + " | ".join(row) + " |")
    lines += ["", "| pair | AP | ms | images/s |", "|---|---:|---:|---:|"]
    for name, row in content["pairs"].items():
        ap = "-" if row["AP"] is None else f"{row['AP']:.3f}"
        lines.append(f"| {name} | {ap} | {row['ms']:.0f} | {row['images_per_s']:.1f} |")
    lines += ["", "| stage | ms |", "|---|---:|"]
    return "\n".join(lines + [f"| {name} | {ms:.1f} |" for name, ms in content["stages"].items()])
