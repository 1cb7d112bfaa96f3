"""What is overfitted to a clip, and how."""

from __future__ import annotations

from dataclasses import dataclass

GENERAL = "general"
"""The network that says how hard patches are; it is no part of the model."""

SHAVE = 4
"""HR pixels, beside the scale, at the border of a patch that do not count in its PSNR."""


@dataclass(frozen=True)
class Settings:
    """What is overfitted, and how.

    Args:
        scale: Factor per axis.
        k: Number of chunks, and of networks; 1 for one network that learns all patches.
        grid: Rows and columns of patches of a frame; 5 x 10 as published for x3 and x4.
        channels: Width of a network.
        blocks: Its residual blocks.
        epochs: Passes of every network over its patches.
        general_epochs: The same for the network that sorts the patches.
        joint: Whether one network learns all chunks, the hard patches oftener.

    Raises:
        ValueError: A number is below 1, or a joint network has no chunks.
    """

    scale: int = 4
    k: int = 2
    grid: tuple[int, int] = (5, 10)
    channels: int = 32
    blocks: int = 16
    epochs: int = 50
    general_epochs: int = 30
    joint: bool = False

    def __post_init__(self) -> None:
        for name in ("scale", "k", "channels", "blocks", "epochs", "general_epochs"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        if self.joint and self.k < 2:
            raise ValueError(
                f"joint needs k of at least 2, to know which patches are hard, got k={self.k}; "
                "one network for all patches alike is k=1 without joint"
            )

    @property
    def sizes(self) -> dict[str, int]:
        """Arguments of the networks."""
        return {"scale": self.scale, "blocks": self.blocks, "width": self.channels}

    @property
    def shave(self) -> int:
        """Pixels at the border of an HR patch that do not count."""
        return self.scale + SHAVE

    @property
    def stages(self) -> list[str]:
        """Names of the networks in the order they learn in."""
        if self.k == 1:
            return ["all"]
        if self.joint:
            return [GENERAL, "joint"]
        return [GENERAL, *(f"chunk {number}" for number in range(self.k))]

    def epochs_of(self, stage: str) -> int:
        """How long one of them learns.

        Args:
            stage: Its name.
        """
        return self.general_epochs if stage == GENERAL else self.epochs
