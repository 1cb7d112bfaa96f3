"""What the pipeline must know about an SR editor, stated by the editor itself."""

from __future__ import annotations

from dataclasses import dataclass

from mmisr.structures.checks import check_fields


@dataclass(frozen=True)
class Routers:
    """Values of an adaptive editor's ``router`` that tools set by themselves.

    Args:
        own: Value for the method's own choice, which reads the image.
        cheapest: Value by which every token leaves as early as it can.
        dense: Value by which no token leaves early; what the method saves is measured against it.
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
        multiple_of: Number of pixels that LR height and width must be multiples of; 1 by default.
            ``SREditor.upscale`` pads and crops back.
        min_size: Smallest LR side in pixels that the network accepts; smaller images are padded up
            to it. 1 by default.
        trainable: Whether the editor has weights that can be learned; by default it has.
        adaptive: Whether the compute depends on the image, so that its cost must be measured per
            image; by default it does not.
        routers: Values by which ``SREditor.route_by`` routes the tokens otherwise; None, the
            default, for an editor that routes none.
        method: Name of the arms of a comparison that route by it, whatever its size, e.g.
            ``instance_sr``; ``editor`` by default.

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
