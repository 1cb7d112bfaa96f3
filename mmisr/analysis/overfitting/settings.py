"""What is overfitted to a clip, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

GENERAL = "general"
"""The network that says how hard patches are; it is no part of the model."""

JOINT = "joint"
"""The network that learns all chunks."""

SHAVE = 4
"""HR pixels, beside the scale, at the border of a patch that do not count in its PSNR."""

EXPANSION = 4
TILE_EXPANSION = 2
"""Factor of the channels within a block, of STDO and of Dy-DCA."""

Division = Literal["chunks", "joint", "tiles"]
DIVISIONS = get_args(Division)


@dataclass(frozen=True)
class Stage:
    """One of the networks.

    Args:
        name: What it is called.
        sizes: Arguments of :class:`mmisr.editors.stdo.net.WDSR`.
        epochs: Passes over its patches.
        chunk: Whose patches it learns; None for all.
        parts: Parts along each side that it takes a patch in; 1 for whole.
    """

    name: str
    sizes: dict[str, int]
    epochs: int
    chunk: int | None = None
    parts: int = 1


@dataclass(frozen=True)
class Settings:
    """What is overfitted, and how.

    Args:
        scale: Factor per axis.
        k: Number of chunks; 1 for one network that learns all patches.
        grid: Rows and columns of patches of a frame; 5 x 10 as published for x3 and x4. With tiles,
            of the large ones.
        channels: Width of a network.
        blocks: Its residual blocks; with tiles, those of the network of small ones, and half as
            many are those of the large ones'.
        epochs: Passes of every network over its patches.
        general_epochs: The same for the network that sorts the patches.
        divide: Who learns what. ``chunks``: a network for each of k chunks of equal count (STDO).
            ``joint``: one network learns all chunks, the hard patches oftener (JSTDO-like).
            ``tiles``: one network learns tiles as they are, another those that are too hard, split
            into four (Dy-DCA).
        split_at: In dB: a tile of this PSNR or less is split.

    Raises:
        ValueError: A number is below 1, or does not fit the division.
    """

    scale: int = 4
    k: int = 2
    grid: tuple[int, int] = (5, 10)
    channels: int = 32
    blocks: int = 16
    epochs: int = 50
    general_epochs: int = 30
    divide: Division = "chunks"
    split_at: float = 40.0

    def __post_init__(self) -> None:
        for name in ("scale", "k", "channels", "blocks", "epochs", "general_epochs"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        object.__setattr__(self, "grid", tuple(self.grid))
        if self.divide not in DIVISIONS:
            raise ValueError(f"divide must be one of {DIVISIONS}, got {self.divide!r}")
        if self.divide == "joint" and self.k < 2:
            raise ValueError(
                f"joint needs k of at least 2, to know which patches are hard, got k={self.k}; "
                "one network for all patches alike is k=1 with divide='chunks'"
            )
        if self.divide == "tiles" and (self.k != 2 or self.blocks % 2):
            raise ValueError(
                f"tiles have two sizes, so that k must be 2, and blocks even, which the network of "
                f"large tiles has half of; got k={self.k} and blocks={self.blocks}"
            )

    @property
    def shave(self) -> int:
        """Pixels at the border of an HR patch that do not count."""
        return self.scale + SHAVE

    @property
    def stages(self) -> list[Stage]:
        """The networks in the order they learn in."""
        sizes = self._sizes(self.blocks)
        if self.k == 1:
            return [Stage("all", sizes, self.epochs)]
        general = Stage(GENERAL, sizes, self.general_epochs)
        if self.divide == "joint":
            return [general, Stage(JOINT, sizes, self.epochs)]
        if self.divide == "tiles":
            shallow = self._sizes(self.blocks // 2)
            small = Stage("small tiles", sizes, self.epochs, chunk=0, parts=2)
            large = Stage("large tiles", shallow, self.epochs, chunk=1)
            return [general, small, large]
        chunks = [Stage(f"chunk {n}", sizes, self.epochs, chunk=n) for n in range(self.k)]
        return [general, *chunks]

    def _sizes(self, blocks: int) -> dict[str, int]:
        expansion = TILE_EXPANSION if self.divide == "tiles" else EXPANSION
        return {
            "scale": self.scale,
            "blocks": blocks,
            "width": self.channels,
            "expansion": expansion,
        }


GRIDS = {
    "vsd4k": {2: (10, 20), 3: (5, 10), 4: (5, 10)},
    "dy-dca": {2: (5, 10), 3: (3, 5), 4: (3, 5)},
}
"""Grid of each protocol by scale.

That of Dy-DCA at x3 and x4 is ours: its tiles, twice as large as STDO's patches there, cover four
fifths of a frame's height.
"""

PROTOCOLS: dict[str, dict[str, Any]] = {
    "vsd4k": {"k": 2, "channels": 32, "blocks": 16, "epochs": 50, "general_epochs": 30},
    "dy-dca": {
        "divide": "tiles",
        "split_at": 40.0,
        "channels": 32,
        "blocks": 4,
        "epochs": 80,
        "general_epochs": 30,
    },
}
"""Published settings by name: STDO's on VSD4K, and Dy-DCA's on the same clips."""


def settings_of(protocol: str | None, **given: Any) -> Settings:
    """Published settings, or the defaults, with some of one's own.

    Args:
        protocol: A name of :data:`PROTOCOLS`; None for the defaults.
        **given: Fields of :class:`Settings`, which go before the protocol's.

    Raises:
        ValueError: There is no such protocol, it has no grid for the scale, or as
            :class:`Settings`.

    Example:
        >>> settings_of("vsd4k", scale=2).grid, settings_of("dy-dca", scale=2, epochs=5).epochs
        ((10, 20), 5)
    """
    if protocol is None:
        return Settings(**given)
    if protocol not in PROTOCOLS:
        raise ValueError(f"protocol must be one of {sorted(PROTOCOLS)}, got {protocol!r}")
    grids = GRIDS[protocol]
    scale = given.get("scale", Settings.scale)
    if "grid" not in given and scale not in grids:
        raise ValueError(
            f"protocol {protocol} has grids for the scales {sorted(grids)}, got {scale}; take one "
            "of them, or give --grid"
        )
    grid = {"grid": grids.get(scale)}
    return Settings(**{**PROTOCOLS[protocol], **grid, **given})
