"""What mmengine's hooks need to know of our figures: more is better."""

from __future__ import annotations

from mmengine.hooks import CheckpointHook, EarlyStoppingHook

GREATER = ("/ap", "/ar", "psnr", "ssim")
"""Parts of the names of figures of which more is better, in lower case."""


def teach_rules() -> None:
    """Let ``save_best`` and early stopping know the rule for ``bbox/AP`` and its like.

    Again changes nothing.
    """
    for hook in (CheckpointHook, EarlyStoppingHook):
        known = hook._default_greater_keys
        hook._default_greater_keys = [*known, *(key for key in GREATER if key not in known)]
