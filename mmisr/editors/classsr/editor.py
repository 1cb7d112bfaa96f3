"""Editor ``ClassSR``: tiles are sorted by how hard they are, and take a small or a large branch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.functional import l1_loss

from mmisr.editors.classsr.carn import CARNM
from mmisr.editors.classsr.classifier import Classifier
from mmisr.editors.classsr.fsrcnn import FSRCNN
from mmisr.editors.classsr.losses import LossWeights, average_loss, class_loss, mixture
from mmisr.editors.classsr.net import ClassSRNet
from mmisr.editors.classsr.rcan import RCAN
from mmisr.editors.classsr.residual import ResidualSR
from mmisr.editors.classsr.routers import RouteInput, Router, build_router, known_routers
from mmisr.editors.classsr.srresnet import SRResNet
from mmisr.editors.classsr.tiles import Tiles
from mmisr.openmmlab.editor import SREditor
from mmisr.ops.macs import count_macs
from mmisr.ops.modes import evaluating
from mmisr.ops.tokens import grid_hw
from mmisr.registry import MODELS
from mmisr.structures.editor_info import EditorInfo, with_budget
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import BatchHints, every
from mmisr.structures.pixels import to_bytes, to_unit
from mmisr.structures.sr_result import RoutingMap, SRResult, exit_names

for _network in (FSRCNN, CARNM, SRResNet, RCAN, ResidualSR):
    MODELS.register_module(module=_network)

STAGES = ("branches", "classifier", "joint")


@MODELS.register_module()
class ClassSR(SREditor):
    """A class module sends every tile of a frame to one of a few networks of the same scale.

    Source: "ClassSR: A General Framework to Accelerate Super-Resolution Networks by Data
    Characteristic" (Kong, Zhao, Qiao, Dong; CVPR 2021). The official code has no licence: this is
    re-implemented from paper and specification. What differs: frames of any size are covered whole,
    tiles are blended in float, and the tiles of a class run together. In a pair that is trained,
    tiles take their most probable branch as they do in use; the mixture of the branches trains the
    editor's own losses.

    Args:
        branches: Configs of the networks, smallest first: ``mmisr.FSRCNN``, ``mmisr.CARNM``,
            ``mmisr.SRResNet``, ``mmisr.RCAN``, ``mmisr.ResidualSR`` or any other.
        scale: Factor of all branches.
        tiles: Fields of :class:`Tiles`; the published 32 every 28 by default.
        router: See :func:`mmisr.editors.classsr.routers.build_router`; ``learned`` is the method.
        loss: Fields of :class:`LossWeights`.
        official_protocol: Paste as the official test code does: each tile is rounded to 8 bits, and
            overlaps are plain means. It drops what the last whole tile leaves, which is done in the
            data here, by ``mmisr.CropToTiles``.
        checkpoint: Weights to load, of this editor alone or of a pair; None for none.

    Raises:
        ValueError: There are fewer than two branches, one has another scale, a value is not
            supported, or a checkpoint does not fit.
        TypeError: An unknown key in one of the dicts.
    """

    def __init__(
        self,
        branches: Sequence[dict],
        scale: int = 4,
        tiles: dict[str, int] | None = None,
        router: str | dict[str, Any] = "learned",
        loss: dict[str, float] | None = None,
        official_protocol: bool = False,
        checkpoint: str | None = None,
    ) -> None:
        super().__init__()
        if len(branches) < 2:
            raise ValueError(
                f"ClassSR.branches needs at least two networks, smallest first, got {len(branches)}"
            )
        self.net = ClassSRNet([MODELS.build(branch) for branch in branches])
        self.tiles = Tiles(**(tiles or {}))
        self.weights = LossWeights(**(loss or {}))
        self.official_protocol = official_protocol
        kind = type(self.net.branches[0]).__name__.lower()
        self._info = EditorInfo(
            f"classsr_{kind}",
            scale,
            min_size=self.tiles.size,
            adaptive=True,
            routers=known_routers(len(branches)),
            method="classsr",
            token_size=self.tiles.stride,
        )
        self._check_branches()
        self.route_by(router)
        self.stage = "joint"
        self.checkpoint = checkpoint
        self._load()

    @property
    def info(self) -> EditorInfo:
        """Scale, size rules and name."""
        return self._info

    def route_by(self, router: str | dict[str, Any], budget: dict[str, Any] | None = None) -> None:
        """Change who decides, and within what budget; the weights stay.

        Args:
            router: See :func:`mmisr.editors.classsr.routers.build_router`.
            budget: ``dict(hard_share=p)``; None for what stands in the router's dict.

        Raises:
            ValueError: There is no such router, or it takes no budget.
            TypeError: An unknown key.
        """
        self.router: Router = build_router(with_budget(router, budget), len(self.net.branches))

    def set_stage(self, stage: str) -> None:
        """Choose what is trained.

        ``branches``, each on the patches of its class; the ``classifier`` alone; or ``joint``.

        Raises:
            ValueError: There is no such stage.
        """
        if stage not in STAGES:
            raise ValueError(f"ClassSR stage must be one of {STAGES}, got {stage!r}")
        self.stage = stage
        branches_learn = stage != "classifier"
        classifier_learns = stage != "branches"
        self.net.branches.requires_grad_(branches_learn)
        self.net.classifier.requires_grad_(classifier_learns)
        self.train(self.training)

    def train(self, mode: bool = True) -> ClassSR:
        """As in PyTorch; branches that rest keep the statistics of their batch norms."""
        super().train(mode)
        if mode and self.stage == "classifier":
            self.net.branches.eval()
        return self

    @property
    def router_network(self) -> Classifier:
        """The class module."""
        return self.net.classifier

    def router_losses(
        self, lr: Tensor, exits: Tensor, hints: BatchHints | None = None
    ) -> dict[str, Tensor]:
        """Cross-entropy of the class module, where somebody else says which branches are right.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1].
            exits: (B, rows, cols) int64, the branch of each cell; a tile takes the largest of its
                cells.
            hints: Ignored.
        """
        lr = self._pad(lr)
        right = self._of_tiles(exits, hw_of(lr))
        tiles = self.tiles.split(lr)
        logits = self.net.classifier(tiles)
        loss = F.cross_entropy(logits, right.flatten())
        return {
            "loss_classsr_class": loss,
            **self._shares("labels", right),
            **self._shares("routed", logits.argmax(1)),
        }

    def losses(
        self, lr: Tensor, hr: Tensor | None, hints: BatchHints | None = None
    ) -> dict[str, Tensor]:
        """The losses of the current stage; for the log the shares of the classes.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1]; best patches of the size of a tile. Others are cut into
                tiles.
            hr: (B, 3, s*h, s*w) RGB in [0, 1].
            hints: For the stage ``branches`` one record per image, each with ``patch_class``.

        Returns:
            Losses by name, and what is only logged.

        Raises:
            ValueError: There are no HR images, or the stage ``branches`` got no classes.
        """
        if hr is None:
            raise ValueError("ClassSR learns from HR images; simulate LR from HR")
        lr = self._pad(lr)
        hr = self._pad_target(hr)
        tiles = self.tiles.split(lr)
        target = self.tiles.split(hr, self.info.scale)
        if self.stage == "branches":
            per_image = len(tiles) // len(lr)
            classes = self._classes(hints, per_image)
            return self._of_branches(tiles, target, classes)
        return self._of_mixture(tiles, target)

    def _of_mixture(self, tiles: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The branches by their probabilities, which are to be sure, and even over the batch."""
        weights = self.weights
        logits = self.net.classifier(tiles)
        probabilities = logits.softmax(1)
        images = self._all_branches(tiles)
        mixed = mixture(images, probabilities)
        distance = l1_loss(mixed, target)
        sure = class_loss(probabilities)
        even = average_loss(probabilities)
        chosen = logits.argmax(1)
        return {
            "loss_classsr_image": weights.image * distance,
            "loss_classsr_sure": weights.sure * sure,
            "loss_classsr_even": weights.even * even,
            **self._shares("routed", chosen),
        }

    def _all_branches(self, tiles: Tensor) -> list[Tensor]:
        """Without gradients where the branches rest."""
        if self.stage == "joint":
            return self.net.all_branches(tiles)
        with torch.no_grad():
            return self.net.all_branches(tiles)

    def patch_macs(self) -> list[float]:
        """MACs of one tile by each branch, class module included.

        Published FLOPs of ClassSR are the mean of these over the tiles of a test set, twice: what
        tiles overlap is computed again, which a count per patch does not show.
        """
        tile = self._blank_tile()
        classifier = count_macs(self.net.classifier, tile)
        costs = []
        for branch in self.net.branches:
            of_branch = count_macs(branch, tile)
            costs.append(of_branch + classifier)
        return costs

    def _blank_tile(self) -> Tensor:
        """(1, 3, size, size) on the device of the weights."""
        size = self.tiles.size
        parameter = next(self.parameters())
        return parameter.new_zeros(1, 3, size, size)

    def _upscale(self, lr: Tensor, hints: BatchHints | None) -> SRResult:
        classes = self._choose(lr, hints)
        routing = self._map(classes, hw_of(lr))
        if self.router.in_tiles:
            image = self._by_tile(lr, classes)
        else:
            largest = self.net.branches[-1]
            image = largest(lr)
        return SRResult(image, routing)

    def _by_tile(self, lr: Tensor, classes: Tensor) -> Tensor:
        """The tiles of a frame by their branches, put together."""
        tiles = self.tiles.split(lr)
        images = self.net(tiles, classes.flatten())
        official = self.official_protocol
        if official and not self.training:
            levels = to_bytes(images)
            images = to_unit(levels)
        return self.tiles.stitch(images, hw_of(lr), self.info.scale, evenly=official)

    def _route(self, lr: Tensor, hints: BatchHints | None, prices: Any) -> RoutingMap:
        classes = self._choose(lr, hints)
        return self._map(classes, hw_of(lr))

    def _choose(self, lr: Tensor, hints: BatchHints | None) -> Tensor:
        """(B, rows, cols) classes of the tiles: the router's, or those that the hints give."""
        known = every(hints, "exits")
        if known is not None:
            exits = torch.stack(known)
            return self._of_tiles(exits.to(lr.device), hw_of(lr))
        given = RouteInput(
            lr=lr,
            tiles=self.tiles,
            num_classes=len(self.net.branches),
            hints=hints,
            classifier=self.net.classifier,
        )
        return self.router(given)

    def _map(self, classes: Tensor, hw: tuple[int, int]) -> RoutingMap:
        cells = self.tiles.to_cells(classes, hw)
        return RoutingMap(cells, self.tiles.stride, self._names)

    def _of_tiles(self, exits: Tensor, hw: tuple[int, int]) -> Tensor:
        """Classes of the tiles of a padded image from those of the cells of its pixels."""
        rows, cols = grid_hw(hw, self.tiles.stride)
        num_rows, num_cols = hw_of(exits)
        below = max(0, rows - num_rows)
        beside = max(0, cols - num_cols)
        padding = (0, beside, 0, below)
        padded = F.pad(exits, padding)
        return self.tiles.to_tiles(padded, hw)

    def _of_branches(self, tiles: Tensor, target: Tensor, classes: Tensor) -> dict[str, Tensor]:
        """Every branch learns the tiles of its class, and no others."""
        losses = self._shares("labels", classes)
        for number, branch in enumerate(self.net.branches):
            is_mine = classes == number
            if not is_mine.any():
                continue
            image = branch(tiles[is_mine])
            distance = l1_loss(image, target[is_mine])
            # As heavy as in the later stages: the optimiser's state goes on.
            losses[f"loss_classsr_branch{number}"] = self.weights.image * distance
        return losses

    def _classes(self, hints: BatchHints | None, per_image: int) -> Tensor:
        """(N,) classes of the tiles, as the data set has them."""
        classes = every(hints, "patch_class")
        most = len(self.net.branches) - 1
        if classes is None:
            raise ValueError(
                "ClassSR's stage `branches` needs the class of every patch and got none: make them "
                "with tools/data/psnr_classes.py, and put mmisr.ClassPatch into the pipeline"
            )
        if max(classes) > most:
            raise ValueError(
                f"ClassSR has {most + 1} branches, and a patch of class {max(classes)} came: the "
                "class list was made for another number of branches"
            )
        device = next(self.parameters()).device
        return torch.tensor(classes, device=device).repeat_interleave(per_image)

    def _shares(self, who: str, classes: Tensor) -> dict[str, Tensor]:
        """For the log: which share of the tiles is of each class."""
        flat = classes.flatten()
        shares = {}
        for number, name in enumerate(self._names):
            is_of_class = flat == number
            shares[f"{who}_{name}"] = is_of_class.float().mean()
        return shares

    @property
    def _names(self) -> tuple[str, ...]:
        return exit_names(len(self.net.branches))

    def _check_branches(self) -> None:
        tile = self._blank_tile()
        size = self.tiles.size
        scale = self.info.scale
        side = scale * size
        expected = (1, 3, side, side)
        for number, branch in enumerate(self.net.branches):
            shape = _shape_of(branch, tile)
            if shape == expected:
                continue
            kind = type(branch).__name__
            raise ValueError(
                f"ClassSR(scale={scale}): branch {number}, {kind}, must turn (1, 3, {size}, "
                f"{size}) into {expected}, got {shape}; all branches have the same `scale`"
            )


@torch.no_grad()
def _shape_of(branch: nn.Module, tile: Tensor) -> tuple[int, ...]:
    """Of what a branch makes of a tile."""
    with evaluating(branch):
        image = branch(tile)
    return tuple(image.shape)
