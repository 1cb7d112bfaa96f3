"""The class module: which branch a tile needs."""

from __future__ import annotations

from torch import Tensor, nn

from mmisr.editors.classsr.initialise import start_small

WIDTH, NARROW, STEP, SLOPE = 128, 32, 4, 0.1


class Classifier(nn.Module):
    """One strided convolution, pointwise ones, a mean over the tile, and a linear layer.

    Source: ClassSR (Kong et al., CVPR 2021), figure 3 and official code.

    Args:
        num_classes: Number of branches.
    """

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, WIDTH, STEP, stride=STEP),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(WIDTH, WIDTH, 1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(WIDTH, WIDTH, 1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(WIDTH, WIDTH, 1),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(WIDTH, NARROW, 1),
        )
        self.last = nn.Linear(NARROW, num_classes)
        start_small(self.features)

    def forward(self, tiles: Tensor) -> Tensor:
        """Logits of the classes, easiest first.

        Args:
            tiles: (N, 3, t, t) RGB in [0, 1], t at least 4.

        Returns:
            (N, classes).
        """
        features = self.features(tiles)
        pooled = features.mean(dim=(2, 3))
        return self.last(pooled)
