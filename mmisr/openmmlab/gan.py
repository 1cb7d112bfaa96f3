"""mmagic's loss of adversarial training, for those above the door."""

from __future__ import annotations

from mmisr.openmmlab.stack import prepare

prepare()

from mmagic.models.losses.gan_loss import GANLoss

__all__ = ["GAN_TYPES", "GANLoss"]

GAN_TYPES = ("vanilla", "lsgan", "hinge")
"""Kinds of mmagic's loss that need no rule beside them (``wgan`` needs its weights bounded)."""
