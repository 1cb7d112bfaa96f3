"""What a grid of training runs found: rows, each trained with several seeds, against a baseline.

The folder that ``tools/grid.py --out FOLDER`` writes::

    grid.json  grid.md  grid.png   the figures, the table, the picture
    runs/<ROW>/seed_<K>-<KEY>/     one training run: mmengine's own files, log.txt, run.json
    compare/                       every run as an arm, see mmisr.analysis.comparison.result

``grid.json`` is :meth:`Grid.to_json`: the fields of :class:`Grid` and of :class:`Row` by their
names, numbers unrounded.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from mmisr.analysis.comparison.judge import FEWEST

SCHEMA = 1
"""Of ``grid.json``; raised when a key changes its meaning."""


@dataclass(frozen=True)
class Gain:
    """A figure of a row less that of the baseline.

    Args:
        value: Mean over the seeds.
        lo: Lower end of the 95 % interval over images and seeds.
        hi: Upper end.
        per_seed: The difference of each seed's two runs.
        images: How many images it rests on.
    """

    value: float
    lo: float
    hi: float
    per_seed: list[float]
    images: int

    @property
    def shown(self) -> bool:
        """Whether the interval leaves 0 out and every seed says the same.

        One seed shows nothing, and neither do fewer images than a comparison's verdict asks for.
        """
        enough = len(self.per_seed) > 1 and self.images >= FEWEST
        agree = len({value > 0 for value in self.per_seed}) == 1
        return enough and agree and (self.lo > 0 or self.hi < 0)


@dataclass(frozen=True)
class Row:
    """One config, trained with every seed.

    Args:
        name: Of the config's file.
        config: The file.
        figures: Mean over the seeds by flat name (``AP``, ``AP_<bin>``, ...).
        spread: Highest less lowest of the seeds, by the same names.
        gains: Against the baseline, by the same names; empty for the baseline itself.
        minutes: Mean training time of a run.
        macs: Multiply-accumulates per image at test.
        ms: Median milliseconds per image at test.
    """

    name: str
    config: str
    figures: dict[str, float]
    spread: dict[str, float]
    gains: dict[str, Gain] = field(default_factory=dict)
    minutes: float | None = None
    macs: float | None = None
    ms: float | None = None


@dataclass(frozen=True)
class Grid:
    """The rows of a grid.

    Args:
        rows: In the order of the configs.
        baseline: Name of the row that the others are compared with.
        seeds: Of every row.
        ceiling: Name of the row whose detector is fed HR; None where none is, or several are.
        meta: Date, hardware, versions and data, as a comparison has them.
    """

    rows: list[Row]
    baseline: str
    seeds: list[int]
    ceiling: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)

    @property
    def room(self) -> Gain | None:
        """What there is to gain in AP: the ceiling less the baseline."""
        if self.ceiling is None:
            return None
        return self.row(self.ceiling).gains.get("AP")

    def share_of_room(self, row: Row) -> float | None:
        """How much of the room a row closes; None where there is no room, or nothing to close it.

        Args:
            row: One of the grid.
        """
        gain = row.gains.get("AP")
        room = self.room
        if gain is None or room is None:
            return None
        if room.value <= 0:
            return None
        return gain.value / room.value

    def row(self, name: str) -> Row:
        """A row by its name.

        Raises:
            KeyError: There is none.
        """
        for row in self.rows:
            if row.name == name:
                return row
        raise KeyError(f"there is no row {name!r}; rows: {[row.name for row in self.rows]}")

    def to_json(self) -> dict[str, Any]:
        """What ``grid.json`` holds."""
        return {"schema": SCHEMA, **asdict(self)}
