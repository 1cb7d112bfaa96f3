"""What an export writes: which version of the images, of which split, in which file format."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FORMATS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}
"""Pillow's name of a format by the ending of its files."""

CHOICES = {
    "what": ("sr", "bicubic", "lr"),
    "split": ("train", "val", "test"),
    "image_format": tuple(FORMATS),
}

DEFAULT_QUALITY = 95


@dataclass(frozen=True)
class ExportOptions:
    """What is written.

    Args:
        what: ``sr`` (the editor's output), ``bicubic`` (of the same size) or ``lr`` (the editor's
            input).
        split: Whose images: ``train``, ``val`` or ``test``; the transforms are those of the test
            pipeline throughout.
        image_format: ``png`` (lossless), ``jpg`` or ``webp``.
        quality: 1 to 100, for ``jpg`` and ``webp``; 95 by default.
        downsample: Shrink by this factor after upscaling, filtered (restore, then downsample); it
            divides the scale.

    Raises:
        ValueError: A value is not one of these.
    """

    what: Literal["sr", "bicubic", "lr"] = "sr"
    split: Literal["train", "val", "test"] = "test"
    image_format: Literal["png", "jpg", "webp"] = "png"
    quality: int | None = None
    downsample: int = 1

    def __post_init__(self) -> None:
        for name, allowed in CHOICES.items():
            value = getattr(self, name)
            if value not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {value!r}")
        quality = DEFAULT_QUALITY if self.quality is None else self.quality
        is_superfluous = self.quality is not None and self.is_lossless
        if is_superfluous or not 1 <= quality <= 100:
            raise ValueError(
                f"quality is 1 to 100, for jpg and webp, got {quality} for {self.image_format}"
            )
        if self.downsample < 1 or (self.what == "lr" and self.downsample > 1):
            raise ValueError(
                "downsample must be a whole number from 1 on, and shrinks what was upscaled, got "
                f"{self.downsample} for what={self.what!r}"
            )

    @property
    def is_lossless(self) -> bool:
        """Whether a file has the very pixels."""
        return self.image_format == "png"

    def encode(self, rgb: NDArray[np.uint8]) -> bytes:
        """An (H, W, 3) image as a file."""
        options: dict[str, Any] = {}
        if not self.is_lossless:
            options["quality"] = self.quality or DEFAULT_QUALITY
        if self.image_format == "jpg":
            options["subsampling"] = 0  # half the colour would be lost at any quality
        kind = FORMATS[self.image_format]
        image = Image.fromarray(rgb)
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        return buffer.getvalue()

    def settings(self) -> dict[str, Any]:
        """What decides the bytes of a file, for the manifest."""
        quality = self.quality
        if quality is None and not self.is_lossless:
            quality = DEFAULT_QUALITY
        return {"format": self.image_format, "quality": quality}
