"""The steps of an export, shared out among processes: begin, write the images, finish."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from tqdm import tqdm

from mmisr.datasets.coco_checks import first
from mmisr.export.coco import WrittenImage, scale_coco
from mmisr.export.folder import ExportError, ExportFolder, Record
from mmisr.export.options import ExportOptions
from mmisr.export.source import ExportSource
from mmisr.openmmlab.processes import Process, gather
from mmisr.structures.pixels import to_bytes
from mmisr.version import __version__


@dataclass(frozen=True)
class ExportRun:
    """One process of an export.

    Args:
        folder: The folder that is written.
        settings: Everything that decides the bytes of the images.
        source: The images that are read.
        upscale: From a packed sample to the image: (3, H, W) RGB in [0, 1].
        options: What is written, and how.
        process: Where this process stands among those of the run.
    """

    folder: ExportFolder
    settings: dict[str, Any]
    source: ExportSource
    upscale: Callable[[dict], Tensor]
    options: ExportOptions
    process: Process

    def __call__(self) -> None:
        """Export what is not there yet; every process comes back when all are done.

        Raises:
            ExportError: Images cannot be read or written, or the folder belongs to something else;
                what is done is kept.
            SystemExit: Another process failed, and the main one says why.
        """
        is_main = self.process.rank == 0
        with self.folder:
            together(self.process, lambda: self.folder.begin(self.settings) if is_main else None)
            missing = together(self.process, self.missing)
            failures = together(self.process, lambda: self.write(self.process.share(missing)))
            told = [line for lines in gather(failures, self.process) for line in lines]
            together(self.process, lambda: self.finish(told) if is_main else None)

    def missing(self) -> list[int]:
        """Indices of the images that are still to be written; the same on every process.

        Raises:
            ExportError: The folder is not the one that the main process has begun.
        """
        manifest = self.folder.manifest()
        if manifest is None:
            raise ExportError(
                f"this process does not see {self.folder.root} as the main one left it: use a "
                "folder that all share"
            )
        self.folder.check_settings(manifest, self.settings)
        names = enumerate(self.source.names)
        return [index for index, name in names if name not in manifest.images]

    def write(self, indices: Sequence[int]) -> list[str]:
        """Write images.

        Args:
            indices: Indices of the images in the source.

        Returns:
            What is wrong with those that cannot be read or encoded, a line per image.
        """
        failures = []
        title = "export"
        if self.process.world_size > 1:
            title = f"export, process 1 of {self.process.world_size}"
        for index in tqdm(indices, desc=title, unit="image", disable=self.process.rank != 0):
            try:
                packed, source_hw = self.source.read(index)
            except (OSError, ValueError) as error:
                failures.append(_with_path(error, self.source.paths[index]))
                continue
            # Outside of any `try`: an error of the network is no fault of one image.
            pixels = to_bytes(self.upscale(packed)).permute(1, 2, 0).cpu().numpy()
            try:
                content = self.options.encode(pixels)
            except (OSError, ValueError) as error:  # WebP ends at 16383 pixels, JPEG at 65500
                failures.append(_with_path(error, self.source.paths[index]))
                continue
            height, width = pixels.shape[:2]
            self.folder.add(self.source.names[index], content, source_hw, (height, width))
        return failures

    def finish(self, failures: Sequence[str]) -> None:
        """Write the annotation file and complete the manifest, on the main process.

        Args:
            failures: What is wrong with images that could not be exported.

        Raises:
            ExportError: There are failures, or an image is missing.
        """
        if failures:
            raise ExportError(
                f"{len(failures)} of {len(self.source.names)} images cannot be exported: "
                f"{first(sorted(failures))}. The others are kept in {self.folder.root}: mend "
                "these, or set unreadable='skip' in the dataset config, and run the same command "
                "again"
            )
        self.folder.finish(self.settings, self.source.names, self.annotations)

    def annotations(self, records: dict[str, Record]) -> dict[str, Any]:
        """The content of the annotation file.

        Args:
            records: The images written, by name.
        """
        source = self.source
        written = {}
        for image_id, name, file_hw in zip(source.ids, source.names, source.file_hw, strict=True):
            record = records[name]
            written[image_id] = WrittenImage(name, file_hw, record.source_hw, record.hw)
        content = scale_coco(source.content, written)
        info = content.get("info")
        made = {"by": f"mmisr {__version__}, tools/export_sr.py", **self.settings}
        content["info"] = {**(info if isinstance(info, dict) else {}), "mmisr_export": made}
        return content


def together(process: Process, step: Callable[[], Any]) -> Any:
    """Do a step on every process; where it fails on any, all end, and the main one says why.

    Args:
        process: Where this process stands.
        step: The step, with what this process has to do for it.

    Returns:
        What the step returned here.

    Raises:
        ExportError: The step failed on another process than the main one.
        SystemExit: It failed, and this is not the main process.
    """
    error: Exception | None = None
    result: Any = None
    try:
        result = step()
    except (OSError, ValueError, RuntimeError) as caught:
        error = caught
    texts = gather(None if error is None else str(error), process)
    told = sorted({text for text in texts if text is not None})
    if not told:
        return result
    if process.rank == 0:
        raise error or ExportError("; ".join(told))
    with suppress(RuntimeError):
        gather(None, process)  # ends with the main process, when that has had its say
    raise SystemExit(1)


def _with_path(error: Exception, path: str) -> str:
    text = str(error)
    return text if path in text else f"{path}: {text}"
