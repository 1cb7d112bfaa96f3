"""The files that a pair's config names for its parts."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from mmisr.openmmlab.checkpoints import load_state
from mmisr.openmmlab.loading import load_into


def known_parts(checkpoints: dict[str, str]) -> dict[str, str]:
    """The files by part, once it is seen that there are such parts.

    Args:
        checkpoints: Paths, any of ``{'editor': path, 'detector': path}``.

    Raises:
        ValueError: Another part is named.
    """
    unknown = sorted(set(checkpoints) - {"editor", "detector"})
    if unknown:
        raise ValueError(f"checkpoints may name 'editor' and 'detector', got {unknown}")
    return dict(checkpoints)


def load_parts(pair: nn.Module, checkpoints: Mapping[str, str]) -> None:
    """Load each part of a pair from the file that is named for it.

    Args:
        pair: The pair; its parts are its attributes.
        checkpoints: Paths by part, of files of the part alone or of a pair.
    """
    for part, path in checkpoints.items():
        module = getattr(pair, part)
        state = load_state(path)
        has_weights = bool(module.state_dict())
        names = list(state)
        is_of_pair = any(name.startswith("detector.") for name in names)
        if is_of_pair and not has_weights:
            continue  # the file of a pair has nothing for an editor that has no weights
        prefix = f"{part}."
        load_into(module, state, path, (prefix,))
