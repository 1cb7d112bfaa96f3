"""Editor ``PathRestore``: every patch takes its own path through a chain of blocks."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mmisr.editors.path_restore.net import SIZES, NetSize, PathRestoreNet, along
from mmisr.editors.path_restore.pathfinder import Pathfinder, Walk, sampled
from mmisr.editors.path_restore.policy import (
    SMALLEST,
    PolicySettings,
    PolicyState,
    advantages,
    difficulty,
    mean_entropy,
    path_lengths,
    reinforce_loss,
    returns,
    rewards,
)
from mmisr.editors.path_restore.routers import Batch, Router, build_router
from mmisr.editors.path_restore.tiling import Patches
from mmisr.openmmlab.editor import SREditor
from mmisr.openmmlab.heads import reduce_mean
from mmisr.registry import MODELS
from mmisr.structures.editor_info import EditorInfo, Routers, with_budget
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import BatchHints, seeds_of
from mmisr.structures.sr_result import RoutingMap, SRResult

STAGES = ("paths", "policy")


@MODELS.register_module()
class PathRestore(SREditor):
    """Patches take more units of a residual chain where a learned policy finds it worth them.

    Source: "Path-Restore: Learning Network Path Selection for Image Restoration" (Yu, Wang, Dong,
    Tang, Loy; TPAMI 2021). Network, pathfinder and stitching follow the test code; the training was
    never released and is from the paper's equations, with values of ours.

    Args:
        scale: 1 for restoration (denoising), or 2, 3, 4, 8.
        size: ``paper``, ``nano``, or the fields of :class:`NetSize`; at least two paths.
        router: See :func:`build_router`; ``policy`` is the method.
        stage: What :meth:`losses` teaches, ``paths`` or ``policy``; ``mmisr.StageHook`` moves it.
        intermediate: Weight alpha of the images after every block but the last, in stage ``paths``.
        policy: Fields of :class:`PolicySettings`.
        tiling: Fields of :class:`Patches`.
        checkpoint: Weights to load, of this editor alone or of a pair; None for none.

    Raises:
        ValueError: A value that is not supported, a budget with another router, or a checkpoint
            that does not fit.
        TypeError: An unknown key in one of the dicts.
    """

    def __init__(
        self,
        scale: int = 1,
        size: str | dict[str, Any] = "nano",
        router: str | dict[str, Any] = "policy",
        stage: str = "paths",
        intermediate: float = 0.1,
        policy: dict[str, Any] | None = None,
        tiling: dict[str, Any] | None = None,
        checkpoint: str | None = None,
    ) -> None:
        super().__init__()
        net_size = _size(size)
        self.tiling = Patches(**(tiling or {}))
        self.net = PathRestoreNet(scale, net_size)
        self.pathfinder = Pathfinder(net_size.channels, net_size.paths, self.tiling.size)
        self.policy = PolicyState(net_size.blocks, PolicySettings(**(policy or {})))
        if intermediate < 0:
            raise ValueError(f"PathRestore.intermediate must be >= 0, got {intermediate!r}")
        self.intermediate = intermediate
        self.set_stage(stage)
        self.route_by(router)
        name = f"path_restore_{size}" if isinstance(size, str) else "path_restore"
        self._info = EditorInfo(
            name,
            self.net.scale,
            min_size=self.tiling.size,
            adaptive=True,
            routers=_routers(net_size),
            method="path_restore",
        )
        self.checkpoint = checkpoint
        self._load()

    @property
    def info(self) -> EditorInfo:
        """Scale, size rules and name."""
        return self._info

    def set_stage(self, stage: str) -> None:
        """Choose what is trained.

        ``paths``: the network alone, on random routes. ``policy``: network and pathfinder.

        Raises:
            ValueError: There is no such stage.
        """
        if stage not in STAGES:
            raise ValueError(f"PathRestore.stage must be one of {STAGES}, got {stage!r}")
        # The pathfinder keeps requires_grad in `paths`, where it does not run: an optimiser that is
        # built then would leave it out for good.
        self.stage = stage

    def route_by(self, router: str | dict[str, Any], budget: dict[str, Any] | None = None) -> None:
        """Change who decides, and within what budget; the weights stay.

        Args:
            router: See :func:`build_router`.
            budget: ``dict(hard_share=...)``, for the router ``policy``; None for what stands there.

        Raises:
            ValueError: There is no such router or path, or a budget came with another one.
            TypeError: An unknown key.
        """
        built = build_router(with_budget(router, budget))
        built.routes(Batch(1, 1, [0]), self.net.size)  # a path that there is not fails here
        self.router: Router = built

    def losses(
        self, lr: Tensor, hr: Tensor | None, hints: BatchHints | None = None
    ) -> dict[str, Tensor]:
        """The losses of the current stage.

        For the log PSNR, the share of steps, and their price in millionths.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1]; of a patch's size in training alone, others are cut.
            hr: (B, 3, s*h, s*w) RGB in [0, 1].
            hints: Not looked at.

        Returns:
            Losses by name, and what is only logged.

        Raises:
            ValueError: There are no HR images.
        """
        if hr is None:
            raise ValueError("PathRestore learns from HR images; simulate LR from HR")
        scale = self.info.scale
        padded = self._pad(lr)
        target = self._pad_target(hr)
        patches = self.tiling.split(padded)
        targets = self.tiling.split(target, scale)
        if self.stage == "paths":
            return self._random_paths(patches, targets)
        return self._own_paths(patches, targets)

    def _random_paths(self, patches: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Stage 1: uniform random routes; every block's features must make an image."""
        size = self.net.size
        shape = len(patches), size.blocks
        routes = torch.randint(0, size.paths, shape, device=patches.device)
        known = along(routes)
        images = self.net.after_each_block(patches, known)
        *before, last = [_per_patch(image, targets) for image in images]
        final = last.detach()
        median = reduce_mean(final.median())
        self.policy.see_losses(median)
        losses = self._logged(final, routes)
        losses["loss_path_restore_rec"] = last.mean()
        if before:
            of_blocks = torch.stack(before)
            total = of_blocks.mean(1).sum()
            losses["loss_path_restore_intermediate"] = self.intermediate * total
        return losses

    def _own_paths(self, patches: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """Stage 2: the network on routes of the pathfinder, the pathfinder by REINFORCE."""
        state = self.policy
        settings = state.settings
        patches = patches.repeat_interleave(settings.rollouts, 0)
        targets = targets.repeat_interleave(settings.rollouts, 0)
        walk = Walk(self.pathfinder, sampled)
        restored = self.net(patches, walk)
        end = _per_patch(restored, targets)
        actions = walk.all_actions()
        start = _start(patches, targets)
        gain = start - end.detach()
        advantage = self._judged(actions, gain, end.detach())
        logits = walk.all_logits()
        entropy = mean_entropy(logits)
        return {
            "loss_path_restore_rec": end.mean(),
            "loss_path_restore_policy": reinforce_loss(logits, actions, advantage),
            "loss_path_restore_entropy": -settings.entropy * entropy,
            **self._logged(end, actions),
        }

    @torch.no_grad()
    def _judged(self, actions: Tensor, gain: Tensor, end: Tensor) -> Tensor:
        """(P, N) advantages in units of their usual size; moves what the teaching remembers."""
        state = self.policy
        rollouts = state.settings.rollouts
        if not state.rest_loss > 0:  # there was no stage of paths
            median = reduce_mean(end.median())
            state.see_losses(median)
        hard = difficulty(end, state.rest_loss, rollouts)
        reward = rewards(actions, gain, hard, state.cost)
        returned = returns(reward)
        advantage = advantages(returned, state.baselines, rollouts)
        size = advantage.abs()
        size = reduce_mean(size.mean(0))
        share = _share(actions)
        share = reduce_mean(share)
        mean = reduce_mean(returned.mean(0))
        state.see_walks(mean, size, share)
        spread = state.spread.clamp(min=SMALLEST)
        return advantage / spread

    def _logged(self, losses: Tensor, actions: Tensor) -> dict[str, Tensor]:
        """What is only logged."""
        mean = losses.detach().mean().clamp(min=SMALLEST)
        return {
            "psnr_sr": -10 * mean.log10(),
            "step_share": _share(actions),
            "step_cost_micro": self.policy.cost * 1e6,
        }

    def _route(self, lr: Tensor, hints: BatchHints | None, prices: Any) -> RoutingMap:
        raise ValueError(
            f"{self.info.name!r} decides while it computes, and has no map before: windows need a "
            "router of their own, e.g. windows=dict(router=dict(type='mmisr.InstanceRouter'))"
        )

    def _upscale(self, lr: Tensor, hints: BatchHints | None) -> SRResult:
        hw = hw_of(lr)
        batch = self._batch(lr, hints)
        if self.router.whole:
            image, actions = self._whole(lr, batch)
        else:
            patches = self.tiling.split(lr)
            restored, actions = self._by_patch(patches, batch)
            image = self.tiling.stitch(restored, hw, self.info.scale)
        lengths = path_lengths(actions)
        of_images = lengths.unflatten(0, (batch.images, batch.per_image))
        routing = self._map(of_images, hw)
        aux = {"path_lengths": of_images}
        return SRResult(image, routing, aux)

    def _batch(self, lr: Tensor, hints: BatchHints | None) -> Batch:
        """What routers know of the patches before they are computed."""
        images = len(lr)
        hw = hw_of(lr)
        per_image = self.tiling.count(hw)
        seeds = seeds_of(hints, images)
        return Batch(images, per_image, seeds)

    def _map(self, lengths: Tensor, hw: tuple[int, int]) -> RoutingMap:
        """The routing map of (B, n) path lengths."""
        tokens = self.tiling.on_tokens(lengths, hw)
        exits = self.net.size.blocks + 1
        names = [f"steps_{count}" for count in range(exits)]
        return RoutingMap(tokens, self.tiling.stride, tuple(names))

    def _whole(self, lr: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """The images in one piece, and the paths as if they were patches."""
        routes = self.router.routes(batch, self.net.size)
        if routes is None:
            raise ValueError("a router that asks the pathfinder needs patches")
        routes = routes.to(lr.device)
        of_images = routes[:: batch.per_image]
        known = along(of_images)
        image = self.net(lr, known)
        return image, routes

    def _by_patch(self, patches: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Restored patches and (P, N) paths, a few patches at once."""
        routes = self.router.routes(batch, self.net.size)
        restored = []
        actions = []
        passes = self.tiling.passes(batch.images, batch.per_image)
        for part, images in passes:
            some = patches[part]
            if routes is None:
                after, taken = self._walked(some, images)
            else:
                taken = routes[part].to(patches.device)
                known = along(taken)
                after = self.net(some, known)
            restored.append(after)
            actions.append(taken)
        return torch.cat(restored), torch.cat(actions)

    def _walked(self, patches: Tensor, images: int) -> tuple[Tensor, Tensor]:
        """Restored patches and (P, N) paths, where the router picks by the pathfinder."""
        pick = partial(self.router.pick, images=images)
        walk = Walk(self.pathfinder, pick)
        restored = self.net(patches, walk)
        return restored, walk.all_actions()


def _size(size: str | dict[str, Any]) -> NetSize:
    known = NetSize(**size) if isinstance(size, dict) else SIZES.get(size)
    if known is None:
        raise ValueError(
            f"PathRestore.size must be one of {sorted(SIZES)}, or a dict of channels, blocks and "
            f"paths, got {size!r}"
        )
    if known.paths < 2:
        raise ValueError(
            "PathRestore.size.paths must be at least 2, the identity and one more, got "
            f"{known.paths}; a chain without a choice is a plain network (mmisr.PlainSR)"
        )
    return known


def _routers(size: NetSize) -> Routers:
    return Routers(
        own="policy",
        cheapest="fixed:0",
        dense="all-paths",
        by_share=("random",),
        num_exits=size.blocks + 1,
    )


def _per_patch(images: Tensor, targets: Tensor) -> Tensor:
    """(P,) mean squared errors."""
    return (images - targets).square().flatten(1).mean(1)


def _start(patches: Tensor, targets: Tensor) -> Tensor:
    """(P,) losses of the patches before restoration: as they are, or enlarged."""
    size = hw_of(targets)
    if hw_of(patches) != size:
        patches = F.interpolate(patches, size=size, mode="bicubic", align_corners=False)
    return _per_patch(patches, targets)


def _share(actions: Tensor) -> Tensor:
    """Share of the steps that are no identity."""
    steps = path_lengths(actions).float()
    return steps.mean() / actions.shape[1]
