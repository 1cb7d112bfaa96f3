"""The one interface of every SR editor.

A ``BaseEditModel`` of mmagic's that also serves inside the pair.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from mmisr.openmmlab.stack import prepare
from mmisr.structures.frames import hw_of

prepare()

from mmagic.models.base_models.base_edit_model import BaseEditModel
from mmagic.structures import DataSample as MagicDataSample
from mmengine.model import BaseModel

from mmisr.openmmlab.checkpoints import load_state
from mmisr.openmmlab.loading import load_into
from mmisr.openmmlab.samples import hints_from
from mmisr.ops.macs import count_macs
from mmisr.ops.timing import NULL_TIMER, Timer
from mmisr.registry import MODELS
from mmisr.structures.checks import check_image_batch
from mmisr.structures.editor_info import EditorInfo
from mmisr.structures.hints import BatchHints, ImageHints
from mmisr.structures.sr_result import RoutingMap, SRResult

__all__ = ["PIXEL_LOSS", "MagicDataSample", "SREditor", "routed_by"]

UNIT_RANGE = {
    "type": "mmagic.DataPreprocessor",
    "mean": [0.0, 0.0, 0.0],
    "std": [255.0, 255.0, 255.0],
}
"""mmagic's own preprocessor, set so that the network sees RGB in [0, 1]."""

PIXEL_LOSS = {"type": "mmisr.PixelLoss", "distance": "l1"}
"""What an editor that brings no loss of its own is trained with."""


class SREditor(BaseEditModel):
    """Base class of the editors: LR image in, SR image out.

    A room implements ``info`` and ``_upscale``; padding, cropping and clamping happen here, once,
    for all of them.

    Convention: images are (B, 3, H, W) RGB in [0, 1]. The output is exactly ``scale`` times the
    input, whatever multiple the network needs. It is clamped once, at the end, in evaluation; in
    training it is left unclamped so that gradients reach values outside the range.

    Args:
        generator: Config of the network, built by the registry; None where a room builds its own or
            has none.
        pixel_loss: Config of the loss of stand-alone training; None for editors with losses of
            their own or no weights.
        data_preprocessor: Config for stand-alone use; mmagic's own with RGB in [0, 1] unless given.
        train_cfg: Settings of training, as in mmagic.
        test_cfg: Settings of testing, as in mmagic.
        init_cfg: Initialisation of the weights, as in mmengine.
    """

    router: Any = None
    """What :meth:`route_by` sets, in rooms that route tokens."""

    checkpoint: str | None = None
    """Weights that :meth:`_load` reads; None for none."""

    timer: Timer = NULL_TIMER
    """Timer of the stages of :meth:`upscale`, in rooms that have stages."""

    def __init__(
        self,
        generator: dict | None = None,
        pixel_loss: dict | None = None,
        data_preprocessor: dict | None = None,
        train_cfg: dict | None = None,
        test_cfg: dict | None = None,
        init_cfg: dict | None = None,
    ) -> None:
        # BaseEditModel's own constructor insists on a generator and a pixel loss; resamplers have
        # neither.
        BaseModel.__init__(
            self, data_preprocessor=data_preprocessor or UNIT_RANGE, init_cfg=init_cfg
        )
        self.train_cfg = train_cfg
        self.test_cfg = test_cfg
        if generator is not None:
            self.generator = MODELS.build(generator)
        if pixel_loss is not None:
            self.pixel_loss = MODELS.build(pixel_loss)
        self._macs_by_shape: dict[tuple[Any, ...], float] = {}

    @property
    @abstractmethod
    def info(self) -> EditorInfo:
        """Scale, size rules and nature of this editor."""

    @property
    def names_weights(self) -> bool:
        """Whether the config names the weights; editors of several parts override this."""
        return self.checkpoint is not None

    def init_weights(self) -> None:
        """Initialise, then load the checkpoint that the config names."""
        super().init_weights()
        self._load()

    def _load(self) -> None:
        """Load :attr:`checkpoint`, of this editor alone or of a pair.

        Rooms with weights call it at the end of their constructors too.
        """
        if self.checkpoint is not None:
            state = load_state(self.checkpoint)
            load_into(self, state, self.checkpoint, ("editor.",))

    @abstractmethod
    def _upscale(self, lr: Tensor, hints: BatchHints | None) -> SRResult:
        """Upscale a batch whose size already obeys ``info``; (B, 3, h, w) to (B, 3, s*h, s*w)."""

    def route_by(self, router: str | dict[str, Any], budget: dict[str, Any] | None = None) -> None:
        """Change who decides how deep each token goes; the weights stay.

        Rooms whose ``info`` has routers override this.

        Args:
            router: As the room's constructor takes it.
            budget: What an image may cost, put into the router's dict as ``budget``; None for what
                stands there.

        Raises:
            ValueError: This editor routes nothing.
        """
        raise ValueError(
            f"{self.info.name!r} routes no tokens, so router={router!r} and budget={budget!r} do "
            f"not apply"
        )

    def route(self, lr: Tensor, hints: BatchHints | None = None, prices: Any = None) -> RoutingMap:
        """Choose the exits of the tokens without super-resolving anything.

        Rooms whose ``info`` has routers override :meth:`_route`.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1].
            hints: One record per image.
            prices: What routing maps cost, for a router with a budget
                (:class:`mmisr.editors.instance_sr.budget.Prices`); None where no budget holds.

        Returns:
            The map, of the tokens that the images have.

        Raises:
            ValueError: This editor routes nothing.
        """
        lr = check_image_batch(lr)
        self._check_hints(lr, hints)
        routing = self._route(self._pad(lr), hints, prices)
        return routing.cropped(hw_of(lr))

    def _route(self, lr: Tensor, hints: BatchHints | None, prices: Any) -> RoutingMap:
        """Route a batch whose size already obeys ``info``."""
        raise ValueError(f"{self.info.name!r} routes no tokens")

    def prior_map(self, known: ImageHints, hw: tuple[int, int]) -> Tensor | None:
        """What the prior says of one image, for parts of it to keep to.

        Editors override this whose map says more of a pixel than which objects cover it: an object
        that a window cuts, or that lies beyond it, would be another one there. All others make
        their map of what a part shows of the objects (``ImageHints.found``).

        Args:
            known: Of the image.
            hw: Its height and width in LR pixels.

        Returns:
            (C, h, w), what ``ImageHints.prior_map`` of a part is cut out of; None where parts need
            none.
        """
        return None

    @property
    def router_network(self) -> nn.Module | None:
        """What :meth:`router_losses` trains; None where no router learns."""
        return None

    def router_losses(
        self, lr: Tensor, exits: Tensor, hints: BatchHints | None = None
    ) -> dict[str, Tensor]:
        """What an editor's own router is trained with, where the right exits are given.

        Rooms with a :attr:`router_network` override this; nothing else gets a gradient.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1].
            exits: (B, rows, cols) int64, the exit that each token should leave by.
            hints: One record per image.

        Raises:
            ValueError: No router learns here.
        """
        raise ValueError(f"{self.info.name!r} has no router that learns")

    def upscale(self, lr: Tensor, hints: BatchHints | None = None) -> SRResult:
        """Upscale a batch of any size.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1].
            hints: Routing hints for the same images, in the same order.

        Returns:
            The result; its image is exactly (B, 3, s*h, s*w).

        Raises:
            ValueError: ``lr`` has the wrong shape, or hints for another number of images came.
            TypeError: ``lr`` is not floating point.
        """
        lr = check_image_batch(lr)
        self._check_hints(lr, hints)
        height, width = hw_of(lr)
        result = self._upscale(self._pad(lr), hints)
        scale = self.info.scale
        rows = result.image[..., : scale * height, :]
        image = rows[..., : scale * width]
        if not self.training:
            image = image.clamp(0, 1)
        routing = result.routing
        if routing is not None:
            routing = routing.cropped((height, width))
        return SRResult(image, routing, result.aux)

    def count_macs(self, lr: Tensor, hints: BatchHints | None = None) -> float:
        """Multiply-accumulates of :meth:`upscale` on these pixels, by any route that they take.

        Counted by :func:`mmisr.ops.macs.count_macs` on a run: what an adaptive editor skips is not
        charged, what its routing adds is, and no editor needs a formula of its own. Where ``info``
        says that the compute does not depend on the image, one run per shape serves all.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1]; of one image for the cost per image.
            hints: One record per image, as for :meth:`upscale`.

        Returns:
            MACs of the whole batch, padding to ``info.multiple_of`` included.

        Raises:
            ValueError: As :meth:`upscale`.
            TypeError: As :meth:`upscale`.
        """
        if self.info.adaptive:
            return count_macs(self.upscale, lr, hints)
        known = self._macs_by_shape
        key = (tuple(lr.shape), self.training, hints is None)
        if key not in known:
            known[key] = count_macs(self.upscale, lr, hints)
        return known[key]

    @staticmethod
    def _check_hints(lr: Tensor, hints: BatchHints | None) -> None:
        if hints is not None and len(hints) != len(lr):
            raise ValueError(
                f"hints must have one entry per image: {len(lr)} images, {len(hints)} entries"
            )

    def _pad(self, lr: Tensor) -> Tensor:
        """Pad bottom and right, by repeating the border, to a size that ``info`` allows."""
        return self._padded(lr, 1)

    def _pad_target(self, hr: Tensor) -> Tensor:
        """Pad HR as :meth:`_pad` does its LR image, for losses that see all that a room makes."""
        return self._padded(hr, self.info.scale)

    def _padded(self, image: Tensor, scale: int) -> Tensor:
        height, width = hw_of(image)
        tall = scale * self._allowed(height // scale)
        wide = scale * self._allowed(width // scale)
        if (tall, wide) == (height, width):
            return image
        padding = (0, wide - width, 0, tall - height)
        return F.pad(image, padding, mode="replicate")

    def _allowed(self, side: int) -> int:
        """The next side that is a multiple and at least the minimum that ``info`` states."""
        multiple = self.info.multiple_of
        least = max(side, self.info.min_size)
        return math.ceil(least / multiple) * multiple

    def forward_tensor(self, inputs: Tensor, data_samples: Any = None, **kwargs: Any) -> Tensor:
        """The SR image alone, as mmagic's callers expect it."""
        return self.upscale(inputs, hints_from(data_samples, hw_of(inputs))).image

    def forward_inference(
        self, inputs: Tensor, data_samples: Any = None, **kwargs: Any
    ) -> MagicDataSample:
        """As in mmagic; for the metrics, samples get an adaptive editor's routing maps too."""
        hints = hints_from(data_samples, hw_of(inputs))
        result = self.upscale(inputs, hints)
        routing = result.routing
        if data_samples is not None and routing is not None:
            maps = [routing.image(index).cpu() for index in range(len(inputs))]
            data_samples.set_metainfo({"routing": maps})
        pixels = self.data_preprocessor.destruct(result.image, data_samples)
        return MagicDataSample(pred_img=pixels.cpu())

    def forward_train(
        self, inputs: Tensor, data_samples: Any = None, **kwargs: Any
    ) -> dict[str, Tensor]:
        """As in mmagic: the losses against ``data_samples.gt_img``."""
        hints = hints_from(data_samples, hw_of(inputs))
        return self.losses(inputs, getattr(data_samples, "gt_img", None), hints)

    def losses(
        self, lr: Tensor, hr: Tensor | None, hints: BatchHints | None = None
    ) -> dict[str, Tensor]:
        """This editor's own losses, in training alone and in a pair.

        Rooms with terms of their own override this.

        Args:
            lr: (B, 3, h, w) RGB in [0, 1].
            hr: (B, 3, s*h, s*w) RGB in [0, 1].
            hints: One record per image.

        Returns:
            Losses by name, and what is only logged.

        Raises:
            ValueError: The editor was built without a pixel loss.
        """
        self._need_pixel_loss()
        sr = self.upscale(lr, hints).image
        return self.pixel_terms(sr, hr, hints)

    def pixel_terms(
        self, sr: Tensor, hr: Tensor | None, hints: BatchHints | None = None
    ) -> dict[str, Tensor]:
        """What the pixel loss makes of an image, by name.

        Args:
            sr: (B, 3, H, W) RGB, not clamped.
            hr: (B, 3, H, W) RGB in [0, 1].
            hints: One record per image.
        """
        if getattr(self.pixel_loss, "takes_hints", False):
            terms: dict[str, Tensor] = self.pixel_loss.terms(sr, hr, hints)
            return terms
        return {"loss_pixel": self.pixel_loss(sr, hr)}

    def _need_pixel_loss(self) -> None:
        if not hasattr(self, "pixel_loss"):
            raise ValueError(
                f"{type(self).__name__} ({self.info.name}) cannot be trained alone: it was built "
                f"without `pixel_loss`; "
                "give one in the config, e.g. pixel_loss=dict(type='mmisr.PixelLoss')"
            )


@contextmanager
def routed_by(editor: SREditor, router: str | dict[str, Any]) -> Iterator[None]:
    """Within, an editor routes by another router.

    Args:
        editor: One whose ``info`` has routers.
        router: As :meth:`SREditor.route_by` takes it.
    """
    own = editor.router
    editor.route_by(router)
    try:
        yield
    finally:
        editor.router = own
