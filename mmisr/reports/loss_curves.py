"""Losses over steps: a panel per phase of the strategy, a colour per term, a line style per run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmisr.ops.files import write_whole
from mmisr.reports.logs import Record, curves_of, known_keys
from mmisr.reports.plots import DPI, Curve

ONE_PHASE = "one phase"
"""The panel of the runs whose strategy has one phase, which logs no name of it."""

TOTAL = "loss"
"""The term that is the sum of the others."""

STYLES = ("-", "--", ":", "-.")
"""Of the runs, in order; more than four begin anew."""

Terms = dict[str, dict[str, Curve]]
"""Curves by term, then by run."""


def phase_of(key: str) -> tuple[str, str] | None:
    """Which phase and term a key of a log is about.

    Args:
        key: ``loss_cls`` of a run with one phase, ``detect/loss_cls`` of one with several.

    Returns:
        Name of the phase, ``ONE_PHASE`` where it has none, and of the term; None for what is no
        loss.

    Example:
        >>> phase_of("restore/loss_task_driven_pixel"), phase_of("lr")
        (('restore', 'loss_task_driven_pixel'), None)
    """
    phase, _, term = key.rpartition("/")
    if TOTAL not in term:
        return None
    return phase or ONE_PHASE, term


def loss_panels(runs: Mapping[str, Sequence[Record]]) -> dict[str, Terms]:
    """The losses of runs by phase, then by term, then by run.

    The sum over several phases, which a run of several logs too, is in no panel.

    Args:
        runs: Records by run.

    Raises:
        ValueError: No run has a loss.
    """
    panels: dict[str, Terms] = {}
    for run, records in runs.items():
        for key, phase, term in _loss_keys(records):
            alone = {run: records}
            curves = curves_of(alone, key)
            terms = panels.setdefault(phase, {})
            of_term = terms.setdefault(term, {})
            of_term.update(curves)
    if not panels:
        keys = ", ".join(known_keys(runs))
        raise ValueError(f"no log has a loss; give those of training runs. Known keys: {keys}")
    return panels


def _loss_keys(records: Sequence[Record]) -> list[tuple[str, str, str]]:
    """Key, phase and term of each loss of one run."""
    losses = []
    known = known_keys({"": records})
    for key in known:
        found = phase_of(key)
        if found is not None:
            phase, term = found
            losses.append((key, phase, term))
    of_phases = [row for row in losses if row[1] != ONE_PHASE]
    # Of several phases the log has the sum too.
    return of_phases or losses


def plot_losses(panels: Mapping[str, Terms], path: Path) -> None:
    """Draw the losses, on a logarithmic scale where all of a panel are above 0.

    Args:
        panels: Of :func:`loss_panels`.
        path: PNG, PDF or SVG to write.
    """
    count = len(panels)
    height = 3.4 * count + 0.6
    figure = Figure(figsize=(8, height), layout="constrained")
    axes = figure.subplots(count, 1, squeeze=False)
    axes = axes[:, 0]
    styles = _styles(panels)
    colours = _colours(panels)
    for axis, (phase, terms) in zip(axes, panels.items(), strict=True):
        _draw(axis, terms, styles, colours)
        axis.set_title(phase, fontsize="medium")
    axes[-1].set_xlabel("step")
    if len(styles) > 1:
        _name_runs(figure, styles)
    save = partial(figure.savefig, dpi=DPI)
    write_whole(path, save)


def _styles(panels: Mapping[str, Terms]) -> dict[str, str]:
    """A line style per run, the same in every panel."""
    runs: dict[str, None] = {}
    for terms in panels.values():
        for curves in terms.values():
            runs |= dict.fromkeys(curves)
    styles = {}
    for run, style in zip(runs, cycle(STYLES), strict=False):
        styles[run] = style
    return styles


def _colours(panels: Mapping[str, Terms]) -> dict[str, str]:
    """A colour per term, the same in every panel."""
    terms: dict[str, None] = {}
    for of_phase in panels.values():
        terms |= dict.fromkeys(of_phase)
    colours = {}
    for number, term in enumerate(terms):
        colours[term] = f"C{number}"
    colours[TOTAL] = "black"
    return colours


def _name_runs(figure: Figure, styles: Mapping[str, str]) -> None:
    """Below the panels: whose names would not fit beside them."""
    lines = []
    for run, style in styles.items():
        lines += figure.axes[-1].plot([], [], style, color="black", label=run)
    figure.legend(handles=lines, fontsize="x-small", loc="outside lower center")


def _draw(axis: Axes, terms: Terms, styles: Mapping[str, str], colours: Mapping[str, str]) -> None:
    lowest = []
    for term, curves in terms.items():
        label = term
        for run, (steps, values) in curves.items():
            axis.plot(steps, values, styles[run], color=colours[term], label=label)
            label = "_another run"  # one entry a term: what begins with _ gets none
            least = min(values)
            lowest.append(least)
    if min(lowest) > 0:
        axis.set_yscale("log")
    axis.grid(alpha=0.3, which="both")
    axis.legend(fontsize="x-small", loc="center left", bbox_to_anchor=(1.0, 0.5))
