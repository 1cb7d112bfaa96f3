"""Write a COCO data set as a detector would see it.

Super-resolved, interpolated, or as LR images.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from mmengine.config import Config
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from tqdm import tqdm

from mmisr.apis.checks import inner_dataset, inner_datasets, test_pipeline
from mmisr.apis.config_errors import names_config
from mmisr.apis.configs import read_config
from mmisr.apis.models import init_model
from mmisr.apis.processes import Place, gather, join_for_messages
from mmisr.datasets.coco_checks import first
from mmisr.export.coco import WrittenImage, scale_coco
from mmisr.export.folder import ANNOTATIONS, ExportError, ExportFolder, Record
from mmisr.export.source import ExportSource, open_source, settings_of
from mmisr.export.upscaler import build_upscaler
from mmisr.pipeline.sr_detector import SRDetector
from mmisr.pipeline.weights import check_named_weights
from mmisr.structures.pixels import to_bytes
from mmisr.version import __version__

ENDINGS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}
"""Pillow's name of a format by ending."""

DEFAULT_QUALITY = 95


@dataclass(frozen=True)
class ExportOptions:
    """What is written.

    Args:
        what: ``sr`` (the editor's output), ``bicubic`` (of the same size) or ``lr`` (the editor's
            input).
        split: Whose images: ``train``, ``val`` or ``test``; the transforms are those of the test
            pipeline throughout.
        image_format: ``png`` (lossless), ``jpg`` or ``webp``.
        quality: 1 to 100, for ``jpg`` and ``webp``; 95 by default.
        downsample: Shrink by this factor after upscaling, filtered (restore, then downsample); it
            divides the scale.

    Raises:
        ValueError: A value is not one of these.
    """

    what: Literal["sr", "bicubic", "lr"] = "sr"
    split: Literal["train", "val", "test"] = "test"
    image_format: Literal["png", "jpg", "webp"] = "png"
    quality: int | None = None
    downsample: int = 1

    def __post_init__(self) -> None:
        choices = {
            "what": ("sr", "bicubic", "lr"),
            "split": ("train", "val", "test"),
            "image_format": tuple(ENDINGS),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        if self.quality is not None and (
            self.image_format == "png" or not 1 <= self.quality <= 100
        ):
            raise ValueError(
                f"quality is 1 to 100, for jpg and webp, got {self.quality} for {self.image_format}"
            )
        if self.downsample < 1 or (self.what == "lr" and self.downsample > 1):
            raise ValueError(
                f"downsample must be a whole number from 1 on, and shrinks what was upscaled, got "
                f"{self.downsample} for "
                f"what={self.what!r}"
            )

    def encode(self, rgb: NDArray[np.uint8]) -> bytes:
        """An (H, W, 3) image as a file."""
        quality = {} if self.image_format == "png" else {"quality": self.quality or DEFAULT_QUALITY}
        if self.image_format == "jpg":
            quality["subsampling"] = 0  # half the colour would be lost at any quality
        buffer = io.BytesIO()
        Image.fromarray(rgb).save(buffer, ENDINGS[self.image_format], **quality)
        return buffer.getvalue()


@names_config
def export_sr(
    config: str | Path | Config,
    out_dir: str | Path,
    checkpoint: str | Path | None = None,
    options: ExportOptions | None = None,
    cfg_options: dict[str, Any] | None = None,
    device: str | None = None,
    launcher: str = "none",
) -> Path:
    """Write ``images/``, ``annotations.json`` and ``manifest.json``, a data set for any tool that reads COCO.

    Convention: boxes, areas, masks and keypoints are in the frame of the images written. Several processes share the
    images out and write the same bytes as one. A run that ended early, however it ended, is resumed by the same call.

    Args:
        config: A pair's, or an editor's.
        out_dir: Where to; new, empty, or begun with the same settings. All processes must see it.
        checkpoint: Weights of the whole model; None for those that the config itself names. For ``what='sr'``.
        options: What is written.
        cfg_options: Overrides of the config by dotted key.
        device: Where to upscale; a GPU where there is one by default, several processes on a machine take turns.
        launcher: ``none``, ``pytorch``, ``slurm`` or ``mpi``.

    Returns:
        The annotation file.

    Raises:
        ExportError: Images cannot be read or written, or the folder belongs to something else; what is done is kept.
        ValueError: The config cannot be exported.
        FileNotFoundError: Config, checkpoint or annotation file do not exist.
    """
    options = options or ExportOptions()
    place = join_for_messages(launcher)
    cfg = read_config(config, cfg_options=cfg_options)
    pipeline, where = test_pipeline(cfg), _device(device, place)
    source = open_source(
        inner_datasets(cfg, options.split), pipeline, options.split, f".{options.image_format}"
    )
    upscaler = build_upscaler(
        cfg, options.what, options.downsample, partial(_load, cfg, checkpoint, where), where
    )
    settings = settings_of(inner_dataset(cfg), pipeline, source, upscaler) | {
        "format": options.image_format,
        "quality": options.quality or (None if options.image_format == "png" else DEFAULT_QUALITY),
    }
    folder = ExportFolder(out_dir)
    _together(place, lambda: folder.begin(settings) if place.rank == 0 else None)
    missing: list[int] = []
    _together(place, lambda: missing.extend(_missing(folder, settings, source)))
    failures: list[str] = []
    share = place.share(missing)
    _together(
        place, lambda: failures.extend(_write(share, source, upscaler, options, folder, place))
    )
    failures = [line for lines in gather(failures, place) for line in lines]
    _together(
        place, lambda: _finish(folder, settings, source, failures) if place.rank == 0 else None
    )
    return folder.root / ANNOTATIONS


def _load(cfg: Config, checkpoint: str | Path | None, device: torch.device) -> nn.Module:
    """The model with its weights.

    Without a checkpoint the config must name those of the parts that will be used.
    """
    model = init_model(cfg, checkpoint, device)
    if checkpoint is None:
        detects = isinstance(model, SRDetector) and model.prior is not None
        check_named_weights(model, ("editor", "detector") if detects else ("editor",))
    return model


def _device(device: str | None, place: Place) -> torch.device:
    torch.backends.cudnn.benchmark = (
        False  # the fastest kernel of the moment may round differently from the last one
    )
    torch.backends.cudnn.deterministic = True
    if device is None and torch.cuda.is_available():
        return torch.device("cuda", place.local_rank % torch.cuda.device_count())
    return torch.device(device or "cpu")


def _missing(folder: ExportFolder, settings: dict[str, Any], source: ExportSource) -> list[int]:
    """Indices of the images that are still to be written; the same on every process."""
    manifest = folder.manifest()
    if manifest is None:
        raise ExportError(
            f"this process does not see {folder.root} as the main one left it: use a folder that "
            f"all share"
        )
    folder.check_settings(manifest, settings)
    return [i for i, name in enumerate(source.names) if name not in manifest.images]


def _write(
    share: Sequence[int],
    source: ExportSource,
    upscale: Callable[[dict], Tensor],
    options: ExportOptions,
    folder: ExportFolder,
    place: Place,
) -> list[str]:
    """Write images; returns what is wrong with those that cannot be read or encoded."""
    failures = []
    title = "export" if place.world_size == 1 else f"export, process 1 of {place.world_size}"
    for index in tqdm(share, desc=title, unit="image", disable=place.rank != 0):
        try:
            packed, source_hw = source.read(index)
        except (OSError, ValueError) as error:
            failures.append(_named(error, source.paths[index]))
            continue
        pixels = to_bytes(upscale(packed)).permute(1, 2, 0).cpu().numpy()
        try:
            content = options.encode(pixels)
        except (OSError, ValueError) as error:  # WebP ends at 16383 pixels, JPEG at 65500
            failures.append(_named(error, source.paths[index]))
            continue
        folder.add(source.names[index], content, source_hw, (pixels.shape[0], pixels.shape[1]))
    return failures


def _named(error: Exception, path: str) -> str:
    return str(error) if path in str(error) else f"{path}: {error}"


def _finish(
    folder: ExportFolder, settings: dict[str, Any], source: ExportSource, failures: list[str]
) -> None:
    if failures:
        raise ExportError(
            f"{len(failures)} of {len(source.names)} images cannot be exported: "
            f"{first(sorted(failures))}. The others are "
            f"kept in {folder.root}: mend these, or set unreadable='skip' in the dataset config, "
            f"and run the same command again"
        )

    def annotations(images: dict[str, Record]) -> dict[str, Any]:
        written = {
            img_id: WrittenImage(name, file_hw, images[name].source_hw, images[name].hw)
            for img_id, name, file_hw in zip(source.ids, source.names, source.file_hw, strict=True)
        }
        content = scale_coco(source.content, written)
        info = content.get("info")
        made = {"by": f"mmisr {__version__}, tools/export_sr.py", **settings}
        return {
            **content,
            "info": {**(info if isinstance(info, dict) else {}), "mmisr_export": made},
        }

    folder.finish(settings, source.names, annotations)


def _together(place: Place, work: Callable[[], object]) -> None:
    """Do a step on every process; where it fails on any, all end, and the main one says why."""
    error: Exception | None = None
    try:
        work()
    except (OSError, ValueError, RuntimeError) as caught:
        error = caught
    told = [
        text for text in gather(None if error is None else str(error), place) if text is not None
    ]
    if not told:
        return
    if place.rank == 0:
        raise error or ExportError("; ".join(sorted(set(told))))
    with suppress(RuntimeError):
        gather(None, place)  # ends with the main process, when that has had its say
    raise SystemExit(1)
