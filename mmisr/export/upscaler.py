"""What an export does to a packed sample: super-resolve it, interpolate it, or leave it LR."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn

from mmisr.openmmlab.editor import SREditor
from mmisr.openmmlab.samples import hints_of
from mmisr.pipeline.handoff import Resize
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.registry import MODELS
from mmisr.structures.frames import hw_of
from mmisr.structures.pixels import to_unit


@dataclass(frozen=True)
class Upscaler:
    """From a packed sample to the image to be written.

    Args:
        what: ``sr``, ``bicubic`` or ``lr``.
        upscale: From packed data to (3, H, W) RGB in [0, 1].
        config: Of the model, as far as it decides the pixels.
        downsample: Factor by which the result is shrunk.
        device: Where it runs.
        weights_sha256: Of the weights that decide the pixels; None where there are none.
    """

    what: str
    upscale: Callable[[dict], Tensor]
    config: Any
    downsample: int
    device: torch.device
    weights_sha256: str | None = None

    def __call__(self, packed: dict) -> Tensor:
        """The image: (3, H, W) RGB in [0, 1]."""
        with torch.no_grad():
            image = self.upscale(packed)
            if self.downsample > 1:  # as the pair's handoff does it, so that both see one image
                image = Resize(factor=1 / self.downsample, antialias=True)(image)
        return image.clamp(0, 1)

    def settings(self) -> dict[str, Any]:
        """What decides the pixels."""
        return {
            "what": self.what,
            "downsample": self.downsample,
            "device": self.device.type,
            "weights_sha256": self.weights_sha256,
        }


def build_upscaler(
    cfg: Config, what: str, downsample: int, load: Callable[[], nn.Module], device: torch.device
) -> Upscaler:
    """Build what the config describes.

    Args:
        cfg: Config of a pair or an editor.
        what: ``sr``, ``bicubic`` or ``lr``.
        downsample: Shrink the result by this factor.
        load: Builds the model with its weights, for ``sr``.
        device: Where to run.

    Raises:
        ValueError: The config is of neither, routes by milliseconds, or its scale is no multiple of
            ``downsample``.
    """
    editor = _editor_config(cfg)
    if what == "lr":
        return Upscaler(what, lambda packed: _lr(packed, device), None, 1, device)
    if what == "bicubic":
        scale = editor.get("scale") or MODELS.build(editor).info.scale
        config = {"type": "mmisr.Resample", "scale": scale, "mode": "bicubic"}
        model: Any = MODELS.build(config).to(device).eval()
        _check_divides(downsample, scale)
        return Upscaler(
            what,
            lambda packed: model.upscale(_lr(packed, device)[None]).image[0],
            config,
            downsample,
            device,
        )
    _refuse_the_clock(editor)
    model = load()
    pair = isinstance(model, SRDetector)
    _check_divides(downsample, (model.editor if pair else model).info.scale)
    weighty = model.editor if pair and model.prior is None else model
    config = dict(cfg.model) if weighty is model else dict(editor)
    upscale = _by_pair(model) if pair else _by_editor(model, device)
    return Upscaler(what, upscale, config, downsample, device, _weights_sha256(weighty))


def _editor_config(cfg: Config) -> dict:
    kind = MODELS.get(cfg.model["type"]) if "model" in cfg else None
    if isinstance(kind, type) and issubclass(kind, SRDetector):
        return cfg.model.editor
    if isinstance(kind, type) and issubclass(kind, SREditor):
        return cfg.model
    found = cfg.model["type"] if "model" in cfg else "none"
    raise ValueError(
        f"an export needs the config of a pair (mmisr.SRDetector) or of an SR editor, "
        f"{cfg.filename} has the model {found}"
    )


def _refuse_the_clock(editor: dict) -> None:
    run, router = editor.get("execution") or {}, editor.get("router")
    budget = (router.get("budget") if isinstance(router, dict) else None) or run.get("budget") or {}
    if run.get("costs") == "measured" or budget.get("target_ms") is not None:
        raise ValueError(
            "an export must give the same pixels in every run, and this editor decides by measured "
            "milliseconds: use "
            "router=dict(type='learned', budget=dict(hard_share=...)) or target_macs, and "
            "execution=dict(costs='default')"
        )


def _check_divides(downsample: int, scale: int) -> None:
    if scale % downsample:
        raise ValueError(f"--downsample must divide the editor's scale, {scale}, got {downsample}")


def _lr(packed: dict, device: torch.device) -> Tensor:
    return to_unit(packed["inputs"].to(device))


def _by_pair(pair: SRDetector) -> Callable[[dict], Tensor]:
    def upscale(packed: dict) -> Tensor:
        data = pair.data_preprocessor(pseudo_collate([packed]))
        return pair.upscale(data["inputs"], data["data_samples"])[0].image[0]

    return upscale


def _by_editor(editor: Any, device: torch.device) -> Callable[[dict], Tensor]:
    def upscale(packed: dict) -> Tensor:
        lr = _lr(packed, device)
        hints = hints_of(packed["data_samples"], hw_of(lr))
        return editor.upscale(lr[None], [hints]).image[0]

    return upscale


def _weights_sha256(model: nn.Module) -> str | None:
    state = model.state_dict()
    digest = hashlib.sha256()
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(state[name].detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest() if state else None
