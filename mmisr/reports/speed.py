"""The table of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

COLUMNS = ("config", "LR frame", "deep %", "plan", "ms", "dense ms", "best dense ms", "MACs / dense", "r", "r / MACs",
           "r best", "overhead %", "MB", "dense MB")  # fmt: skip


def speed_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of :func:`mmisr.analysis.benchmark.frame_rows` as a Markdown table.

    ``r`` is adaptive over dense milliseconds; ``r / MACs`` compares it with what the MACs promise: 1.00 is a saving that
    can be read off a clock in full.
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
