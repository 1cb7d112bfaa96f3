"""Rewards, baselines and REINFORCE of Path-Restore's pathfinder, as pure functions and one state.

Equations are numbered here as the room's README lists them.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mmisr.editors.path_restore.net import IDENTITY
from mmisr.structures.checks import check_fields

SMALLEST = 1e-12
"""Keeps divisions by losses and spreads defined; losses of images on [0, 1] are far above."""


@dataclass(frozen=True)
class PolicySettings:
    """How the pathfinder is taught; all values are ours, as the paper's training is not public.

    Args:
        target: Wished share of steps that are no identity, in (0, 1).
        cost: Price p of such a step where training begins, in units of the loss.
        eta: Rate of the dual ascent on the price, per iteration; 0 fixes the price.
        entropy: Weight of the entropy bonus.
        decay: Of all moving averages, per iteration.
        rollouts: Routes drawn for every patch. With several, the mean return of a patch's other
            routes is its baseline; with 1 it is the moving average of each block.
        rest_loss: L_0, the loss from which a patch counts as wholly difficult; None for the moving
            average of the batches' median loss in the stage of paths.

    Raises:
        ValueError: A value is out of its range.
    """

    target: float = 0.5
    cost: float = 1e-5
    eta: float = 1e-3
    entropy: float = 1e-3
    decay: float = 0.99
    rollouts: int = 2
    rest_loss: float | None = None

    def __post_init__(self) -> None:
        check_fields(self, "PathRestore.policy")
        in_range = {
            "target": 0 < self.target < 1,
            "cost": self.cost > 0,
            "eta": self.eta >= 0,
            "entropy": self.entropy >= 0,
            "decay": 0 <= self.decay < 1,
            "rollouts": self.rollouts >= 1,
            "rest_loss": self.rest_loss is None or self.rest_loss > 0,
        }
        for name, is_fine in in_range.items():
            if not is_fine:
                raise ValueError(
                    f"PathRestore.policy.{name} is out of range, got {getattr(self, name)!r}: "
                    "target in (0, 1), cost and rest_loss above 0, eta and entropy at least 0, "
                    "decay in [0, 1), rollouts at least 1"
                )


def path_lengths(actions: Tensor) -> Tensor:
    """Number of steps that are no identity.

    Args:
        actions: (P, N) int64.

    Returns:
        (P,) int64.

    Example:
        >>> path_lengths(torch.tensor([[0, 1, 2], [0, 0, 1]]))
        tensor([2, 1])
    """
    return (actions != IDENTITY).sum(1)


def difficulty(loss: Tensor, rest_loss: Tensor | float, rollouts: int = 1) -> Tensor:
    """D = min(L_d / L_0, 1), eq. (2): what is all but restored is not worth more steps.

    Where a patch has several routes, L_d is the mean of their losses: were it the route's own, a
    worse route of an easy patch would be paid better, as d grows with it.

    Args:
        loss: (P * rollouts,) loss of the restored patches; the routes of a patch follow on each
            other.
        rest_loss: L_0.
        rollouts: Routes per patch.

    Returns:
        As ``loss``, in [0, 1].

    Example:
        >>> difficulty(torch.tensor([0.5, 4.0]), 2.0)
        tensor([0.2500, 1.0000])
        >>> difficulty(torch.tensor([0.5, 1.5]), 2.0, rollouts=2)
        tensor([0.5000, 0.5000])
    """
    of_patch = loss.unflatten(0, (-1, rollouts)).mean(1)
    hard = (of_patch / rest_loss).clamp(max=1)
    return hard.repeat_interleave(rollouts)


def rewards(actions: Tensor, gain: Tensor, hard: Tensor, cost: Tensor | float) -> Tensor:
    """r_i = -p [a_i is no identity], and at the last block d (L_start - L_end) more, eq. (1).

    Args:
        actions: (P, N) int64.
        gain: (P,) L_start - L_end, the loss of a patch as it came in less that of the restored one.
        hard: (P,) difficulty d.
        cost: p.

    Returns:
        (P, N).
    """
    is_step = actions != IDENTITY
    paid = -cost * is_step.to(gain.dtype)
    at_the_end = torch.zeros_like(paid)
    at_the_end[:, -1] = hard * gain
    return paid + at_the_end


def returns(reward: Tensor) -> Tensor:
    """R_i, the sum of this and all later rewards, eq. (3).

    Args:
        reward: (P, N).

    Example:
        >>> returns(torch.tensor([[1.0, 2.0, 3.0]]))
        tensor([[6., 5., 3.]])
    """
    backwards = reward.flip(1)
    return backwards.cumsum(1).flip(1)


def advantages(returned: Tensor, baselines: Tensor, rollouts: int = 1) -> Tensor:
    """R_i - b_i; a baseline must not depend on the action that it judges.

    Args:
        returned: (P * rollouts, N); the routes of a patch follow on each other.
        baselines: (N,) moving averages, for one route per patch.
        rollouts: Routes per patch; with several, b_i is the mean of the patch's other routes.

    Returns:
        As ``returned``.

    Example:
        >>> advantages(torch.tensor([[1.0], [4.0]]), torch.zeros(1), rollouts=2)
        tensor([[-3.],
                [ 3.]])
    """
    if rollouts == 1:
        return returned - baselines
    of_patch = returned.unflatten(0, (-1, rollouts))
    total = of_patch.sum(1, keepdim=True)
    num_others = rollouts - 1
    of_others = total - of_patch
    baseline = of_others / num_others
    above = of_patch - baseline
    return above.flatten(0, 1)


def reinforce_loss(logits: Tensor, actions: Tensor, advantage: Tensor) -> Tensor:
    """-sum_i log pi(a_i) A_i, the mean over routes, eq. (4).

    Source: REINFORCE (Williams, 1992). Its gradient is an unbiased estimate of that of the expected
    return, negative.

    Args:
        logits: (P, N, M).
        actions: (P, N) int64, drawn by softmax of the logits.
        advantage: (P, N), a constant.

    Returns:
        Scalar.
    """
    log_chances = logits.log_softmax(2)
    of_taken = log_chances.gather(2, actions[..., None])
    weighted = of_taken[..., 0] * advantage.detach()
    return -weighted.sum(1).mean()


def mean_entropy(logits: Tensor) -> Tensor:
    """Entropy of the choice in nats, mean over patches and blocks.

    Args:
        logits: (P, N, M).
    """
    log_chances = logits.log_softmax(2)
    chances = log_chances.exp()
    return -(chances * log_chances).sum(2).mean()


def dual_ascent(cost: Tensor, share: Tensor, target: float, eta: float) -> Tensor:
    """P <- p exp(eta (share - target)): the price rises while more is taken than was wished.

    Source: ours; the paper chooses p by hand.

    Args:
        cost: p.
        share: Share of steps that are no identity.
        target: The wished one.
        eta: Rate.

    Example:
        >>> bool(dual_ascent(torch.tensor(1.0), torch.tensor(0.8), 0.5, 0.1) > 1)
        True
    """
    return cost * torch.exp(eta * (share - target))


def moving(average: Tensor, value: Tensor, decay: float, begun: Tensor) -> Tensor:
    """A moving average, one step on.

    Args:
        average: Of the steps before.
        value: Of this one.
        decay: Weight of what was before.
        begun: Whether there were steps before; without any the value itself is the average.
    """
    went_on = decay * average + (1 - decay) * value
    return torch.where(begun, went_on, value)


class PolicyState(nn.Module):
    """What the teaching remembers; buffers, so that a resumed run goes on exactly.

    Averages that have not begun are 0.

    Args:
        blocks: Number N of blocks.
        settings: See :class:`PolicySettings`.
    """

    cost: Tensor
    """p, the price of a step."""
    baselines: Tensor
    """(N,) moving average of the returns of each block."""
    spread: Tensor
    """(N,) moving average of the advantages' size, which they are divided by."""
    rest_loss: Tensor
    """L_0."""

    def __init__(self, blocks: int, settings: PolicySettings) -> None:
        super().__init__()
        self.settings = settings
        rest_loss = settings.rest_loss or 0.0
        numbers = {"cost": settings.cost, "rest_loss": rest_loss}
        for name, value in numbers.items():
            number = torch.tensor(value)
            self.register_buffer(name, number)
        for name in ("baselines", "spread"):
            of_blocks = torch.zeros(blocks)
            self.register_buffer(name, of_blocks)

    @torch.no_grad()
    def see_losses(self, losses: Tensor) -> None:
        """Move L_0 by a batch, where the settings leave it open.

        Args:
            losses: The batch's median loss of a patch, over all processes.
        """
        if self.settings.rest_loss is None:
            begun = self.rest_loss > 0
            average = moving(self.rest_loss, losses, self.settings.decay, begun)
            self.rest_loss.copy_(average)

    @torch.no_grad()
    def see_walks(self, returned: Tensor, size: Tensor, share: Tensor) -> None:
        """Move baselines, spread and price by a batch.

        Args:
            returned: (N,) its mean returns, over all processes.
            size: (N,) the mean size of its advantages.
            share: Its share of steps that are no identity.
        """
        settings = self.settings
        decay = settings.decay
        begun = self.spread > 0
        baselines = moving(self.baselines, returned, decay, begun)
        spread = moving(self.spread, size, decay, begun)
        self.baselines.copy_(baselines)
        self.spread.copy_(spread)
        cost = dual_ascent(self.cost, share, settings.target, settings.eta)
        self.cost.copy_(cost)
