"""What ``make demo`` does: the five arms on tree crowns at x1/4."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mmisr.analysis.comparison.result import RESULTS, Comparison
from mmisr.apis.compare import compare
from mmisr.apis.data import tree_crowns
from mmisr.apis.report import report
from mmisr.reports.strips import write_strips

CONFIG = "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
TITLE = "Tree crowns at x1/4, one detector trained on HR"


@dataclass(frozen=True)
class Demo:
    """What the demo made.

    Args:
        data: Lines that say what was done about the data set.
        comparison: The comparison of the five arms.
        results: The file ``results.json``.
        pictures: Folder of a strip per image.
        report: The file ``report.html``.
    """

    data: list[str]
    comparison: Comparison
    results: Path
    pictures: Path
    report: Path


def demo(out: str = "work_dirs/demo", config: str = CONFIG) -> Demo:
    """Run the demo.

    Args:
        out: Folder of ``results.json``, ``report.html``, ``pictures/`` and the arms, which a second
            demo does not run again.
        config: Config of a pair with an InstanceSR editor.

    Returns:
        What was made, and where it lies.
    """
    folder = Path(out)
    wheels = Path("data/wheels")
    data = tree_crowns(Path("data/tree_crowns"), wheels)
    comparison = compare(config, out=out, device="cpu")
    pictures = folder / "pictures"
    write_strips(comparison, pictures)
    return Demo(
        data=data,
        comparison=comparison,
        results=folder / RESULTS,
        pictures=pictures,
        report=report(folder, TITLE),
    )
