"""Editor ``STDO``: every patch of a clip's frame takes the network that knows it by heart."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

from torch import Tensor, nn

from mmisr.editors.stdo.chunks import by_parts, patch_hw
from mmisr.editors.stdo.model_file import ClipModel, model_of
from mmisr.editors.stdo.thumbnails import LIMIT, difference, thumbnails_of
from mmisr.openmmlab.checkpoints import load_training
from mmisr.openmmlab.editor import PIXEL_LOSS, SREditor
from mmisr.ops.dispatch import each_by_its_own
from mmisr.ops.patches import patch_corners, split, stitch
from mmisr.registry import MODELS
from mmisr.structures.editor_info import EditorInfo
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import BatchHints, every
from mmisr.structures.sr_result import RoutingMap, SRResult

ROUTERS = ("chunks", "hardest")
PATCHES_PER_PASS = 64
"""More patches of a network run in several passes: their activations would not fit the caches."""

TILES = ("large", "small")
"""What the exits of the routing map are called: tiles that stay whole, and those that are split."""


@MODELS.register_module()
class STDO(SREditor):
    """Small networks, each overfitted to a share of the patches of one clip.

    Source: "Towards High-Quality and Efficient Video Super-Resolution via Spatial-Temporal Data
    Overfitting" (CVPR 2023), re-implemented from the specification. The compute of a frame is
    always the same where the networks are of one size. With two tile sizes (Dy-DCA, ECCV 2024) it
    grows with the tiles that are split, which the routing map shows.

    Convention: patches are pasted without overlap, each computed by itself, as in training; where
    the grid does not divide the frame, the last of a row or column overlaps the one before, and
    both count alike there. A frame that is not the one that was learned is a warning, once: LR
    clips may be compressed, so that no exact rule can refuse them
    (:mod:`mmisr.editors.stdo.thumbnails`).

    Args:
        checkpoint: The model of the clip, which ``tools/overfit_video.py`` makes.
        scale: Factor that is expected; None takes that of the model.
        clip: Hash of the clip that the frames are of, to see that the model was made for it; None
            trusts that it was.
        router: ``chunks`` is the method: frames of the clip at their own size, each with its
            number in ``ImageHints.frame_index``. ``hardest`` takes the network of the hardest
            patches for images of any kind, in one pass.

    Raises:
        FileNotFoundError: There is no such model.
        ValueError: It is no model of a clip, or one for another clip or scale; or no such router.
    """

    def __init__(
        self,
        checkpoint: str,
        scale: int | None = None,
        clip: str | None = None,
        router: str = "chunks",
    ) -> None:
        super().__init__(pixel_loss=PIXEL_LOSS)
        model = read_model(checkpoint)
        if scale is not None and scale != model.scale:
            raise ValueError(
                f"STDO: scale must be that of its model, {checkpoint}, which is {model.scale}, got "
                f"{scale}; leave it out, or overfit the clip at that scale"
            )
        if clip is not None:
            model.check_clip(clip)
        if router not in ROUTERS:
            raise ValueError(f"STDO.router must be one of {ROUTERS}, got {router!r}")
        self.networks = nn.ModuleList(model.networks())
        self.by_chunks = router == "chunks"
        self.model: ClipModel = model
        self.path = checkpoint
        self._has_warned = False
        adaptive = self.by_chunks and model.costs_differ
        self._info = EditorInfo("stdo", model.scale, adaptive=adaptive, method="stdo")

    @property
    def info(self) -> EditorInfo:
        """Scale and name."""
        return self._info

    @property
    def names_weights(self) -> bool:
        """Always: its networks come from its model."""
        return True

    def _upscale(self, lr: Tensor, hints: BatchHints | None) -> SRResult:
        if not self.by_chunks:
            hardest = self.networks[0]
            image = hardest(lr)
            return SRResult(image)
        hw = hw_of(lr)
        height, width = hw
        frames = self._frames(hw, hints)
        self._compare(lr, frames)
        chunks = self.model.chunks[frames].long().to(lr.device)
        size = patch_hw(hw, self.model.grid)
        patches = split(lr, size)
        at_once = PATCHES_PER_PASS // max(self.model.parts) ** 2
        enlarged = each_by_its_own(self._by_parts(), patches, chunks.flatten(), at_once)
        enlarged = enlarged.to(lr.dtype)
        scale = self.info.scale
        whole = (scale * height, scale * width)
        image = stitch(enlarged, whole)
        routing = self._routing(chunks, hw) if self.info.adaptive else None
        return SRResult(image, routing)

    def _by_parts(self) -> list[Callable[[Tensor], Tensor]]:
        """The networks, each with the parts that it takes a patch in."""
        enlarging: list[Callable[[Tensor], Tensor]] = []
        for net, parts in zip(self.networks, self.model.parts, strict=True):
            enlarge = partial(by_parts, net, parts=parts, scale=self.info.scale)
            enlarging.append(enlarge)
        return enlarging

    def _routing(self, chunks: Tensor, hw: tuple[int, int]) -> RoutingMap:
        """Which tiles are split, in the largest squares that they consist of.

        Args:
            chunks: (B, tiles) the network of each.
            hw: Height and width of the LR frame.
        """
        height, width = patch_hw(hw, self.model.grid)
        corners = patch_corners(hw, (height, width), (height, width))
        places = [place for corner in corners for place in corner]
        side = math.gcd(height, width, *places)
        deepest = len(self.networks) - 1
        exits = chunks.new_zeros(len(chunks), hw[0] // side, hw[1] // side)
        for (y, x), chunk in zip(corners, chunks.unbind(1), strict=True):
            rows = slice(y // side, (y + height) // side)
            columns = slice(x // side, (x + width) // side)
            exits[:, rows, columns] = (deepest - chunk)[:, None, None]
        return RoutingMap(exits, side, TILES)

    def _compare(self, lr: Tensor, frames: list[int]) -> None:
        """Warn, once, where a frame is not the one that the model learned from."""
        known = self.model
        if self._has_warned or not len(known.thumbnails):
            return
        played = thumbnails_of(lr)
        learned = known.thumbnails[frames].to(lr.device)
        levels = difference(played, learned)
        worst = int(levels.argmax())
        if levels[worst] <= LIMIT:
            return
        self._has_warned = True
        number = frames[worst]
        warnings.warn(
            f"STDO: LR frame {number} that is played is not the one that {self.path} learned from, "
            f"frame {number} of {known.name} (SHA-256 {known.clip[:12]}...): their thumbnails "
            f"differ by {levels[worst]:.0f} grey levels in the mean, and more than {LIMIT:.0f} is "
            "hardly compression; play the LR frames of that clip in order, or overfit this one "
            "(tools/overfit_video.py)",
            stacklevel=2,
        )

    def _frames(self, hw: tuple[int, int], hints: BatchHints | None) -> list[int]:
        """The numbers of frames in the clip, which the model knows."""
        known = self.model
        frames = every(hints, "frame_index")
        if frames is None:
            raise ValueError(
                "STDO needs the place of every frame in its clip, ImageHints.frame_index, and got "
                "none; for images of no clip, router='hardest' takes one network for all"
            )
        count = len(known.chunks)
        if not all(0 <= frame < count for frame in frames):
            raise ValueError(
                f"STDO's model knows frames 0 to {count - 1} of its clip, got {frames}; it was "
                "made for another clip"
            )
        if hw != known.lr_hw:
            raise ValueError(
                f"STDO's model knows frames of {known.lr_hw} LR pixels, got {hw}; give whole "
                "frames of the clip it was made for"
            )
        return frames


def read_model(path: str | Path) -> ClipModel:
    """Read the model of a clip.

    Args:
        path: A file that :meth:`ClipModel.write` wrote.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is something else, or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"model {path} does not exist; make it with tools/overfit_video.py CLIP --out {path}"
        )
    try:
        content = load_training(path)
    except ValueError as error:
        raise ValueError(
            f"model {path} cannot be read: {error}; make it with tools/overfit_video.py"
        ) from error
    return model_of(content, path)
