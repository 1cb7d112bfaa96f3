"""What an export does to a packed sample: super-resolve it, interpolate it, or leave it LR."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
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
        what: What is written: ``sr``, ``bicubic`` or ``lr``.
        upscale: From packed data to (3, H, W) RGB in [0, 1].
        config: Config of the model, as far as it decides the pixels.
        downsample: Factor by which the result is shrunk.
        device: The device that it runs on.
        weights_sha256: The hash of the weights that decide the pixels; None where there are none.
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
            if self.downsample > 1:
                # As the pair's handoff does it, so that both see one image.
                shrink = Resize(factor=1 / self.downsample, antialias=True)
                image = shrink(image)
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
        what: What is written: ``sr``, ``bicubic`` or ``lr``.
        downsample: Factor by which the result is shrunk.
        load: Builds the model with its weights, for ``sr``.
        device: The device to run on.

    Raises:
        ValueError: The config is of neither, routes by milliseconds, or its scale is no multiple of
            ``downsample``.
    """
    editor = _editor_config(cfg)
    if what == "lr":
        return Upscaler(what, partial(_lr, device=device), None, 1, device)
    if what == "bicubic":
        return _bicubic(editor, downsample, device)
    _refuse_the_clock(editor)
    _refuse_timed_windows(cfg.model)
    model: Any = load()
    # Without a first detector pass, the editor alone decides the pixels.
    decides = [model]
    config = dict(cfg.model)
    if isinstance(model, SRDetector):
        scale = model.editor.info.scale
        upscale = _by_pair(model)
        decides += model.first_networks
        if model.prior is None and not model.search.follows_image:
            decides = [model.editor]
            config = dict(editor)
    else:
        scale = model.info.scale
        upscale = _by_editor(model, device)
    _check_divides(downsample, scale)
    return Upscaler(
        what=what,
        upscale=upscale,
        config=config,
        downsample=downsample,
        device=device,
        weights_sha256=_weights_sha256(decides),
    )


def _bicubic(editor: dict, downsample: int, device: torch.device) -> Upscaler:
    scale = editor.get("scale") or MODELS.build(editor).info.scale
    _check_divides(downsample, scale)
    config = {"type": "mmisr.Resample", "scale": scale, "mode": "bicubic"}
    resample = MODELS.build(config).to(device).eval()

    def upscale(packed: dict) -> Tensor:
        lr = _lr(packed, device)
        return resample.upscale(lr[None]).image[0]

    return Upscaler("bicubic", upscale, config, downsample, device)


def _editor_config(cfg: Config) -> dict:
    if "model" not in cfg:
        raise _no_editor(cfg, "none")
    name = cfg.model["type"]
    kind = MODELS.get(name)
    if not isinstance(kind, type):
        raise _no_editor(cfg, name)
    if issubclass(kind, SRDetector):
        return cfg.model.editor
    if issubclass(kind, SREditor):
        return cfg.model
    raise _no_editor(cfg, name)


def _no_editor(cfg: Config, name: str) -> ValueError:
    return ValueError(
        "an export needs the config of a pair (mmisr.SRDetector) or of an SR editor, "
        f"{cfg.filename} has the model {name}"
    )


def _refuse_the_clock(editor: dict) -> None:
    execution = editor.get("execution") or {}
    router = editor.get("router")
    of_router = router.get("budget") if isinstance(router, dict) else None
    budget = of_router or execution.get("budget") or {}
    if execution.get("costs") == "measured" or budget.get("target_ms") is not None:
        raise ValueError(
            "an export must give the same pixels in every run, and this editor decides by measured "
            "milliseconds: use "
            "router=dict(type='learned', budget=dict(hard_share=...)) or target_macs, and "
            "execution=dict(costs='default')"
        )


def _refuse_timed_windows(model: dict) -> None:
    test_cfg = model.get("test_cfg") or {}
    windows = test_cfg.get("windows") or {}
    if windows.get("costs") == "measured":
        raise ValueError(
            "an export must give the same pixels in every run, and test_cfg.windows of this pair "
            "decides by measured milliseconds: set windows.costs='default'"
        )


def _check_divides(downsample: int, scale: int) -> None:
    if scale % downsample:
        raise ValueError(f"--downsample must divide the editor's scale, {scale}, got {downsample}")


def _lr(packed: dict, device: torch.device) -> Tensor:
    return to_unit(packed["inputs"].to(device))


def _by_pair(pair: SRDetector) -> Callable[[dict], Tensor]:
    def upscale(packed: dict) -> Tensor:
        batch = pseudo_collate([packed])
        data = pair.data_preprocessor(batch)
        views = pair.search.upscale(pair, data["inputs"], data["data_samples"])
        return views.image(0)

    return upscale


def _by_editor(editor: Any, device: torch.device) -> Callable[[dict], Tensor]:
    def upscale(packed: dict) -> Tensor:
        lr = _lr(packed, device)
        sample = packed["data_samples"]
        hints = hints_of(sample, hw_of(lr))
        result = editor.upscale(lr[None], [hints])
        return result.image[0]

    return upscale


def _weights_sha256(networks: Sequence[nn.Module]) -> str | None:
    states = [network.state_dict() for network in networks]
    if not any(states):
        return None
    digest = hashlib.sha256()
    for state in states:
        for name in sorted(state):
            weight = state[name].detach().cpu()
            digest.update(name.encode())
            digest.update(weight.contiguous().numpy().tobytes())
    return digest.hexdigest()
