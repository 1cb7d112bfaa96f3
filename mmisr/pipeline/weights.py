"""Whether a model that will be used has weights to use."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.model import is_model_wrapper
from torch import nn

from mmisr.openmmlab.editor import SREditor
from mmisr.pipeline.sr_detector import SRDetector


def check_named_weights(model: nn.Module, parts: Sequence[str] = ("editor", "detector")) -> None:
    """See that the config names the weights of every part that has some.

    For where no checkpoint of the whole is given.

    Args:
        model: The model, or a wrapper of it.
        parts: The parts of a pair that will be used.

    Raises:
        ValueError: A part would be used as it was initialised.
    """
    inner = unwrapped(model)
    bare = ["checkpoint"]
    if isinstance(inner, SREditor):
        bare = ["checkpoint"] if _needs_weights(inner) else []
    elif isinstance(inner, SRDetector):
        bare = _bare_parts(inner, parts)
    if bare:
        raise ValueError(
            f"no checkpoint was given, and the config's model names no weights "
            f"({', '.join(bare)}): give the file that "
            "training wrote, or name it in the config"
        )


def check_resting_weights(model: nn.Module) -> None:
    """See that the config names the weights of every part of a pair that its strategy never moves.

    For a training that starts from no checkpoint of the whole pair.

    Args:
        model: The model, or a wrapper of it.

    Raises:
        ValueError: A part would stay as it was initialised.
    """
    inner = unwrapped(model)
    if not isinstance(inner, SRDetector):
        return
    taught = {name for learns in inner.learning() for name in learns}
    resting = [name for name in ("editor", "detector") if name not in taught]
    bare = _bare_parts(inner, resting)
    if bare:
        raise ValueError(
            f"{inner.strategy.title} leaves a part as it is for which the config names no weights: "
            f"set model.{bare[0]}=FILE, or train that part too"
        )


def _bare_parts(pair: SRDetector, parts: Sequence[str]) -> list[str]:
    """The keys of the parts, of some of a pair, that have weights and are named none."""
    needed = {"editor": _needs_weights(pair.editor), "detector": True}
    bare = []
    for part in parts:
        if needed[part] and part not in pair.checkpoints:
            bare.append(f"checkpoints.{part}")
    return bare


def unwrapped(model: nn.Module) -> nn.Module:
    """The model under wrappers for several processes and test-time augmentation."""
    while is_model_wrapper(model) or isinstance(getattr(model, "module", None), nn.Module):
        model = model.module  # type: ignore[assignment]
    return model


def _needs_weights(editor: SREditor) -> bool:
    return editor.info.trainable and not editor.names_weights
