"""What every step is: named, versioned, seeded, its values checked."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

from torch import Generator, Tensor

from mmisr.registry import DEGRADATIONS, bare_name
from mmisr.structures.checks import check_fields, shown
from mmisr.structures.frames import hw_of

Span = tuple[float, float]
"""A lower and an upper end, between which an image's own value is drawn."""
WholeSpan = tuple[int, int]
LONG = 60
"""Characters of a value from which on a name holds a digest of it."""


@dataclass(frozen=True)
class Step(ABC):
    """One step of a degradation.

    Convention: a step sees one image on the 0..255 scale in float64, and may leave values beyond
    it; who rounds to 8 bits clamps first. All that it draws comes from the generator that it is
    handed, which is the image's own.
    """

    version: ClassVar[int] = 1
    """Raised by every change of pixels."""

    def __post_init__(self) -> None:
        check_fields(self, self.title)
        self.check()

    @abstractmethod
    def check(self) -> None:
        """See that the values make sense, beyond their types.

        Raises:
            ValueError: They do not.
        """

    @abstractmethod
    def __call__(self, levels: Tensor, lr_hw: tuple[int, int], draw: Generator) -> Tensor:
        """Degrade one image.

        Args:
            levels: (3, H, W) RGB on the 0..255 scale, float64.
            lr_hw: Height and width that the pipeline comes to in the end.
            draw: Where chance comes from.

        Returns:
            (3, h, w) on the same scale.
        """

    def need_span(self, field: str, lowest: float, highest: float = math.inf) -> None:
        """See that a range lies within limits.

        Args:
            field: Its name; None is no range, and right.
            lowest: What the lower end must not be below.
            highest: What the upper end must not be above.

        Raises:
            ValueError: It does not.
        """
        check_span(f"{self.title}: {field}", getattr(self, field), lowest, highest)

    def need_positive(self, field: str) -> None:
        """See that a range lies above 0.

        Args:
            field: Its name; None is no range, and right.

        Raises:
            ValueError: It does not.
        """
        span = getattr(self, field)
        if span is not None and not 0 < span[0] <= span[1] < math.inf:
            raise ValueError(
                f"{self.title}: {field} must be (low, high) with 0 < low <= high, got {tuple(span)}"
            )

    def need_share(self, field: str) -> None:
        """See that a share is one.

        Args:
            field: Its name.

        Raises:
            ValueError: It is not in 0..1.
        """
        share = getattr(self, field)
        if not 0 <= share <= 1:
            raise ValueError(f"{self.title}: {field} must be a share from 0 to 1, got {share}")

    def need_choice(self, field: str, allowed: Sequence[str]) -> None:
        """See that a value is one of several.

        Args:
            field: Its name.
            allowed: What it may be.

        Raises:
            ValueError: It is not.
        """
        value = getattr(self, field)
        if value not in allowed:
            raise ValueError(
                f"{self.title}: {field} must be one of {', '.join(allowed)}, got {value!r}"
            )

    def need_at_least(self, field: str, lowest: float) -> None:
        """See that a number is not below another.

        Args:
            field: Its name.
            lowest: The other.

        Raises:
            ValueError: It is.
        """
        value = getattr(self, field)
        if value < lowest:
            raise ValueError(f"{self.title}: {field} must be at least {lowest}, got {value}")

    @property
    def title(self) -> str:
        """What messages call it."""
        return f"step {type(self).__name__}"

    @property
    def name(self) -> str:
        """Kind, version and every value, for result files."""
        kind = f"{type(self).__name__}@{self.version}"
        listed = []
        for field in fields(self):
            value = getattr(self, field.name)
            is_range = "Span" in str(field.type) and value is not None
            text = range_written(value) if is_range else written(value)
            listed.append(f"{field.name}={text}")
        return f"{kind}({','.join(listed)})"


def range_written(span: tuple[float, float]) -> str:
    """A range as the name of a step has it.

    Args:
        span: Its two ends.

    Example:
        >>> range_written((0.5, 100))
        '0.5-100'
    """
    low, high = span
    return f"{low:g}-{high:g}"


def written(value: Any) -> str:
    """A value as the name of a step has it.

    Args:
        value: Any value of a step but a range.

    Example:
        >>> written((10, 100)), written(None), written(0.5)
        ('[10|100]', 'none', '0.5')
    """
    if value is None:
        return "none"
    if isinstance(value, Step):
        return value.name
    if isinstance(value, float):
        return f"{value:g}"
    if not isinstance(value, list | tuple):
        return str(value)
    text = "|".join(map(written, value))
    if len(text) > LONG and not _holds_steps(value):
        return hashlib.sha256(text.encode()).hexdigest()[:12]
    return f"[{text}]"


def _holds_steps(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_holds_steps, value))
    return isinstance(value, Step)


def check_span(
    name: str, span: tuple[float, float] | None, lowest: float, highest: float = math.inf
) -> None:
    """See that a range lies within limits.

    Args:
        name: What the message calls it.
        span: Its two ends; None is no range, and right.
        lowest: What the lower end must not be below.
        highest: What the upper end must not be above.

    Raises:
        ValueError: It does not.
    """
    if span is not None and (len(span) != 2 or not lowest <= span[0] <= span[1] <= highest):
        raise ValueError(
            f"{name} must be (low, high) with {lowest} <= low <= high <= {highest}, got {span}"
        )


def check_kernel(who: str, side: int, levels: Tensor) -> None:
    """See that a kernel is not larger than the image that it filters.

    Args:
        who: What the message calls the step.
        side: Side of the kernel in pixels.
        levels: (3, H, W).

    Raises:
        ValueError: It is.
    """
    height, width = hw_of(levels)
    if side > min(height, width):
        raise ValueError(
            f"{who}: a kernel must not be larger than the image, got {side}x{side} for an image "
            f"of {width}x{height}; take larger images or a smaller kernel, or blur before the "
            "image is reduced"
        )


def build_steps(config: Any) -> tuple[Step, ...]:
    """Steps from a config.

    Args:
        config: A step, its config (``dict(type='JPEG', quality=(10, 100))``), or a list of such;
            None and an empty list are no steps.

    Raises:
        ValueError: A config names no step, or a step's values are wrong.
        TypeError: It gives a value that the step does not have.

    Example:
        >>> [step] = build_steps([dict(type="JPEG", quality=(40, 40))])
        >>> step.name
        'JPEG@1(quality=40-40,subsampling=4:2:0,shift=0)'
    """
    if config is None:
        return ()
    entries: Sequence[Any] = config if isinstance(config, list | tuple) else [config]
    return tuple(map(_step, entries))


def _step(entry: Any) -> Step:
    if isinstance(entry, Step):
        return entry
    DEGRADATIONS.import_from_location()
    kinds = DEGRADATIONS.module_dict
    kind = entry.get("type") if isinstance(entry, dict) else None
    if kind is None or bare_name(kind) not in kinds:
        raise ValueError(
            "a step of a degradation must be dict(type=...) with one of the types "
            f"{', '.join(sorted(kinds))}, got {shown(entry)}"
        )
    values = {key: value for key, value in entry.items() if key != "type"}
    step: Step = kinds[bare_name(kind)](**values)
    return step
