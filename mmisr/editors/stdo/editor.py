"""Editor ``STDO``: every patch of a clip's frame takes the network that knows it by heart."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor, nn

from mmisr.editors.stdo.chunks import patch_hw
from mmisr.editors.stdo.model_file import ClipModel, model_of
from mmisr.openmmlab.checkpoints import load_training
from mmisr.openmmlab.editor import PIXEL_LOSS, SREditor
from mmisr.ops.dispatch import each_by_its_own
from mmisr.ops.patches import split, stitch
from mmisr.registry import MODELS
from mmisr.structures.editor_info import EditorInfo
from mmisr.structures.frames import hw_of
from mmisr.structures.hints import BatchHints, every
from mmisr.structures.sr_result import SRResult

ROUTERS = ("chunks", "hardest")
PATCHES_PER_PASS = 64
"""More patches of a network run in several passes: their activations would not fit the caches."""


@MODELS.register_module()
class STDO(SREditor):
    """Small networks, each overfitted to a share of the patches of one clip.

    Source: "Towards High-Quality and Efficient Video Super-Resolution via Spatial-Temporal Data
    Overfitting" (CVPR 2023), re-implemented from the specification. The compute of a frame is
    always the same: the networks are of one size, and a patch takes one of them.

    Convention: patches are pasted without overlap, each computed by itself, as in training; where
    the grid does not divide the frame, the last of a row or column overlaps the one before, and
    both count alike there.

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
        self._info = EditorInfo("stdo", model.scale, method="stdo")

    @property
    def info(self) -> EditorInfo:
        """Scale and name."""
        return self._info

    def _upscale(self, lr: Tensor, hints: BatchHints | None) -> SRResult:
        if not self.by_chunks:
            hardest = self.networks[0]
            image = hardest(lr)
            return SRResult(image)
        hw = hw_of(lr)
        height, width = hw
        chunks = self._chunks(hw, hints)
        chunks = chunks.to(lr.device)
        size = patch_hw(hw, self.model.grid)
        patches = split(lr, size)
        enlarged = each_by_its_own(self.networks, patches, chunks, PATCHES_PER_PASS)
        enlarged = enlarged.to(lr.dtype)
        scale = self.info.scale
        whole = (scale * height, scale * width)
        image = stitch(enlarged, whole)
        return SRResult(image)

    def _chunks(self, hw: tuple[int, int], hints: BatchHints | None) -> Tensor:
        """(B * patches,) the networks of the patches of frames."""
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
        return known.chunks[frames].flatten()


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
