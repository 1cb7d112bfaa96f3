"""The one interface of the losses between an SR image and its HR image."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn

from mmisr.structures.hints import BatchHints


class SRLoss(nn.Module, ABC):
    """A loss that an editor alone and every strategy may be given.

    Losses of mmagic and torch, which know pixels alone, may be given too wherever this one may.
    """

    takes_hints = True
    """By this an editor tells these losses from those that take two images."""

    @abstractmethod
    def forward(self, sr: Tensor, hr: Tensor, hints: BatchHints | None = None) -> Tensor:
        """Compare.

        Args:
            sr: (B, 3, H, W) RGB in [0, 1], not clamped.
            hr: (B, 3, H, W) RGB in [0, 1].
            hints: One record per image; a loss that needs one of its fields says so.

        Returns:
            A scalar.
        """

    def terms(self, sr: Tensor, hr: Tensor, hints: BatchHints | None = None) -> dict[str, Tensor]:
        """The same by what it is the sum of, for the log.

        Args:
            sr: As in :meth:`forward`.
            hr: As in :meth:`forward`.
            hints: As in :meth:`forward`.

        Returns:
            Scalars by name; a loss of several terms overrides this.
        """
        return {"loss_pixel": self(sr, hr, hints)}
