"""Named features of any mmdet detector, read while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any

from torch import Tensor, nn

__all__ = ["Features", "check_taps", "features_at", "pyramid_of", "tap_names", "tapped"]

PYRAMID = "pyramid"
"""Stands for the neck, or for the backbone of a detector without one.

What the heads read, level by level.
"""


class Features:
    """What was tapped, by name.

    A module that a detector runs once per level (the shared layers of most heads) has several
    outputs; :meth:`all` has them in order, and indexing is for those that ran once.
    """

    def __init__(self) -> None:
        self._outputs: dict[str, list[Tensor]] = {}

    def __getitem__(self, name: str) -> Tensor:
        """The output of a module that ran once.

        Raises:
            KeyError: It was not tapped.
            ValueError: It did not run, or ran several times.
        """
        outputs = self.all(name)
        if len(outputs) != 1:
            raise ValueError(
                f"{name!r} ran {len(outputs)} times within the tap; take all({name!r})"
            )
        return outputs[0]

    def all(self, name: str) -> list[Tensor]:
        """Every output of a module, in the order in which it ran.

        Raises:
            KeyError: It was not tapped.
        """
        if name not in self._outputs:
            raise KeyError(f"{name!r} was not tapped, these were: {', '.join(self._outputs)}")
        return self._outputs[name]

    def clear(self) -> None:
        """Forget the outputs, before another pass within the same tap."""
        for outputs in self._outputs.values():
            outputs.clear()


@contextmanager
def tapped(detector: nn.Module, names: Sequence[str]) -> Iterator[Features]:
    """Collect outputs of modules while a detector runs; gradients pass.

    Args:
        detector: Any mmdet detector, or any module.
        names: Each the path of a module (``backbone.layer1``, ``bbox_head.gfl_cls``), and, where
            its output is a tuple, the index of one of its levels (``neck.0``). ``pyramid.0`` is
            level 0 of what the heads read.

    Yields:
        The features, filled while the detector runs.

    Raises:
        ValueError: A name is none of the detector's; the message lists what there is. Also where an
            output is no tensor, or has no such level, once the detector runs.

    Example:
        >>> from torch import nn, ones
        >>> net = nn.Sequential(nn.Linear(2, 3), nn.ReLU())
        >>> with tapped(net, ["0"]) as features:
        ...     _ = net(ones(1, 2))
        >>> features["0"].shape
        torch.Size([1, 3])
    """
    features, handles = Features(), []
    for name in names:
        path, level = _resolve(detector, name)
        outputs = features._outputs.setdefault(name, [])
        hook = _keep(outputs, name, level)
        handles.append(detector.get_submodule(path).register_forward_hook(hook))
    try:
        yield features
    finally:
        for handle in handles:
            handle.remove()


def check_taps(detector: nn.Module, names: Sequence[str]) -> None:
    """See that a detector has what is to be tapped.

    Args:
        detector: Any mmdet detector, or any module.
        names: As in :func:`tapped`.

    Raises:
        ValueError: A name is none of the detector's; the message lists what there is.
    """
    for name in names:
        _resolve(detector, name)


def features_at(detector: nn.Module, names: Sequence[str], inputs: Tensor) -> list[Tensor]:
    """The features of named taps for one batch; gradients pass unless the caller forbids them.

    Args:
        detector: Any mmdet detector.
        names: As in :func:`tapped`, of the backbone or the neck.
        inputs: (B, 3, H, W) as the detector wants them.

    Returns:
        One tensor per name.
    """
    extract: Any = detector.extract_feat  # mmdet's, of which torch knows nothing
    with tapped(detector, names) as features:
        extract(inputs)
        return [features[name] for name in names]


def tap_names(detector: nn.Module, depth: int = 2) -> list[str]:
    """Names of modules that can be tapped.

    Args:
        detector: Any module.
        depth: How many parts a name may have.
    """
    known = [name for name, _ in detector.named_modules() if name and name.count(".") < depth]
    return [f"{PYRAMID}.<level>", *known] if pyramid_of(detector) else known


def _resolve(detector: nn.Module, name: str) -> tuple[str, int | None]:
    """The path of a module, and the level of its output that is meant."""
    path, level = name, None
    known = {path for path, _ in detector.named_modules() if path}
    head, _, rest = name.partition(".")
    if head == PYRAMID and pyramid_of(detector):
        path = ".".join(filter(None, (pyramid_of(detector), rest)))
    if path not in known and path.rpartition(".")[2].isdigit():
        path, _, last = path.rpartition(".")
        level = int(last)
    if path not in known:
        near = get_close_matches(name, known, n=3)
        raise ValueError(
            f"{type(detector).__name__} has no module {name!r} to tap"
            + (f"; did you mean {', '.join(near)}?" if near else "")
            + f" There are {', '.join(tap_names(detector))} and what is within"
        )
    return path, level


def pyramid_of(detector: nn.Module) -> str | None:
    """The name of the module whose levels the heads read: the neck, else the backbone."""
    return next(
        (
            name
            for name in ("neck", "backbone")
            if isinstance(getattr(detector, name, None), nn.Module)
        ),
        None,
    )


def _keep(outputs: list[Tensor], name: str, level: int | None) -> Any:
    def hook(module: nn.Module, inputs: Any, output: Any) -> None:
        found = output
        if level is not None:
            if not isinstance(output, (tuple, list)) or level >= len(output):
                count = len(output) if isinstance(output, (tuple, list)) else 1
                raise ValueError(
                    f"{name!r}: the output of {type(module).__name__} has {count} levels"
                )
            found = output[level]
        if not isinstance(found, Tensor):
            levels = (
                f"; name one of its {len(found)} levels, {name}.0"
                if isinstance(found, (tuple, list))
                else ""
            )
            raise ValueError(
                f"{name!r}: {type(module).__name__} puts out a {type(found).__name__}, no "
                f"tensor{levels}"
            )
        # A copy: networks add to what a module put out, or activate it, in place.
        outputs.append(found.clone())

    return hook
