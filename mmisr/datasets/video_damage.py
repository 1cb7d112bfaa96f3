"""Which frames of a video file can be trusted where packets of it are damaged."""

from __future__ import annotations

import math


class Damage:
    """Which frames cannot be trusted, as the packets of a stream come from a keyframe on."""

    def __init__(self) -> None:
        self.begin: int | None = None
        self.clean_from = -math.inf
        self.spoiled: set[int | None] = set()

    def lets_in(self, stamp: int | None, is_keyframe: bool) -> bool:
        """Note a packet before it is decoded; whether it is to be.

        Args:
            stamp: When it is shown; None for the end of the stream.
            is_keyframe: Whether it needs no other.
        """
        if stamp is None:
            return True
        # Some containers jump to between keyframes, from where nothing can be decoded.
        if self.begin is None and not is_keyframe:
            return False
        if self.begin is None:
            self.begin = stamp
        # Shown before the keyframe that came first, and predicted from what lies before that.
        if stamp < self.begin:
            return False
        if is_keyframe and self.clean_from == math.inf:
            self.clean_from = stamp
        if stamp < self.clean_from:
            self.spoiled.add(stamp)
        return True

    def at(self, stamp: int | None, is_disposable: bool) -> None:
        """A packet that cannot be decoded.

        Args:
            stamp: When it would be shown.
            is_disposable: Whether no other frame is predicted from it.
        """
        self.spoiled.add(stamp)
        if not is_disposable:
            self.clean_from = math.inf
