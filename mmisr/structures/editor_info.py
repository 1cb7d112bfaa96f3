"""What the pipeline must know about an SR editor, stated by the editor itself."""

from __future__ import annotations

from dataclasses import dataclass

from mmisr.structures.checks import check_fields


@dataclass(frozen=True)
class Routers:
    """Values of an adaptive editor's ``router`` that tools set by themselves.

    Args:
        own: The method's own choice, which reads the image.
        cheapest: Every token leaves as early as it can.
        dense: No token leaves early: what the method saves is measured against it.
    """

    own: str
    cheapest: str
    dense: str


@dataclass(frozen=True)
class EditorInfo:
    """Facts about an SR editor; callers read these and never use isinstance.

    Args:
        name: Short name for tables, e.g. ``bicubic`` or ``instance_sr_nano``.
        scale: Factor from LR to SR, per axis; 1 for the identity.
        multiple_of: LR height and width must be multiples of this; ``SREditor.upscale`` pads and
            crops back.
        min_size: Smallest LR side that the network accepts; smaller images are padded up to it.
        trainable: Whether the editor has weights that can be learned.
        adaptive: Whether the compute depends on the image (its cost must then be measured per
            image).
        routers: Of an editor whose tokens can be routed otherwise by ``SREditor.route_by``; None
            for the others.
        method: What arms of a comparison are called that route by it, whatever its size, e.g.
            ``instance_sr``.

    Raises:
        ValueError: ``scale``, ``multiple_of`` or ``min_size`` is no whole number of at least 1.
    """

    name: str
    scale: int
    multiple_of: int = 1
    min_size: int = 1
    trainable: bool = True
    adaptive: bool = False
    routers: Routers | None = None
    method: str = "editor"

    def __post_init__(self) -> None:
        check_fields(self, "EditorInfo")
        for key in ("scale", "multiple_of", "min_size"):
            value = getattr(self, key)
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"EditorInfo.{key} must be at least 1, got {value!r}; give a whole number"
                )
