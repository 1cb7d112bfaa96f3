"""What the pipeline must know about an SR editor, stated by the editor itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmisr.structures.checks import check_fields


@dataclass(frozen=True)
class Routers:
    """Values of an adaptive editor's ``router`` that tools set by themselves.

    Args:
        own: The method's own choice, which reads the image; it honours a budget of ``hard_share``.
        cheapest: Every token leaves as early as it can.
        dense: No token leaves early: what the method saves is measured against it.
        by_share: Routers to compare at the same shares, which they take as ``shares``, by exit.
        oracle: The router that reads the annotations; None where there is none.
        num_exits: Number of exits, first to deepest.
        serving: Keys of the editor's config for the soonest result, merged into it; None for none.
    """

    own: str
    cheapest: str
    dense: str
    by_share: tuple[str, ...] = ()
    oracle: str | None = None
    num_exits: int = 2
    serving: dict[str, dict[str, Any]] | None = None


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
        token_size: Side of a token of the routing map in LR pixels; None, the default, for
            ``multiple_of``.

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
    token_size: int | None = None

    def __post_init__(self) -> None:
        check_fields(self, "EditorInfo")
        for key in ("scale", "multiple_of", "min_size"):
            value = getattr(self, key)
            if not isinstance(value, int) or value < 1:
                raise ValueError(
                    f"EditorInfo.{key} must be at least 1, got {value!r}; give a whole number"
                )

    @property
    def token(self) -> int:
        """Side of a token in LR pixels."""
        return self.token_size or self.multiple_of


def with_budget(
    router: str | dict[str, Any], budget: dict[str, Any] | None
) -> str | dict[str, Any]:
    """A router's config with a budget, which belongs to the router that honours it.

    Args:
        router: A name, or ``dict(type=name, **arguments)``.
        budget: What an image may cost, e.g. ``dict(hard_share=0.2)``; None leaves the router as it
            is.

    Example:
        >>> with_budget("learned", {"hard_share": 0.2})
        {'type': 'learned', 'budget': {'hard_share': 0.2}}
    """
    if budget is None:
        return router
    config = {"type": router} if isinstance(router, str) else dict(router)
    return {**config, "budget": budget}
