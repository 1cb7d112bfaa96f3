"""How an adaptive editor spent its tokens."""

from __future__ import annotations

from mmisr.structures.sr_result import RoutingMap


def routing_shares(routing: RoutingMap) -> dict[str, float]:
    """Share of the tokens that left by each exit, over all images of the map; the shares sum to 1.

    Args:
        routing: The routing of one or more images of one size.

    Returns:
        ``tokens_<exit>`` for every exit.

    Example:
        >>> import torch
        >>> routing_shares(RoutingMap(torch.tensor([[[0, 0], [0, 2]]]), token_size=8))
        {'tokens_easy': 0.75, 'tokens_moderate': 0.0, 'tokens_hard': 0.25}
    """
    shares = routing.shares().double().mean(0).tolist()
    return {f"tokens_{name}": share for name, share in zip(routing.exit_names, shares, strict=True)}
