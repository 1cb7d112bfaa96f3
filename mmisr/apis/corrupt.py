"""What ``tools/corrupt.py`` does: a corrupted copy of a COCO data set."""

from __future__ import annotations

from pathlib import Path

from mmisr.degradation.corruptions import CORRUPTIONS, SEVERITIES, corruption
from mmisr.export.corrupted import CorruptedCopy
from mmisr.export.folder import ANNOTATIONS, ExportFolder

__all__ = ["CORRUPTIONS", "SEVERITIES", "corrupt", "corruption_table"]


def corrupt(
    ann_file: str | Path,
    img_dir: str | Path,
    name: str,
    severity: int,
    out: str | Path,
    seed: int = 0,
) -> Path:
    """Write ``images/`` (PNG), ``annotations.json`` and ``manifest.json``.

    Boxes stay as they are. The pixels are those that ``mmisr.CorruptLR`` gives an image that is LR
    already. A run that ended early is resumed by the same call; the originals are only read.

    Args:
        ann_file: The COCO file.
        img_dir: Folder of its images.
        name: Name of the corruption.
        severity: 1 to 5.
        out: The folder: new, empty, or begun with the same settings.
        seed: What the corruption is drawn by, with the image's id.

    Returns:
        The annotation file written.

    Raises:
        ExportError: The folder belongs to something else or cannot be written.
        FileNotFoundError: There is no annotation file.
        ValueError: There is no such corruption or severity, the annotation file is none, or an
            image cannot be used.
        ImportError: What the corruption needs is not installed.
    """
    if severity not in SEVERITIES:
        raise ValueError(f"severity must be a whole number from 1 to 5, got {severity!r}")
    pipeline = corruption(name, severity)
    ann_path = Path(ann_file)
    img_path = Path(img_dir)
    if not ann_path.is_file():
        raise FileNotFoundError(f"annotation file {ann_path} does not exist; give a COCO file")
    copy = CorruptedCopy(ann_path, img_path, pipeline, seed)
    folder = ExportFolder(out)
    copy.write(folder)
    return folder.root / ANNOTATIONS


def corruption_table() -> str:
    """The corruptions and their values, a line each, for a terminal."""
    lines = []
    for name, kind in CORRUPTIONS.items():
        texts = [f"{value:g}" for value in kind.values]
        values = ", ".join(texts)
        unit = kind.unit
        line = f"{name:16}{values} ({unit})"
        lines.append(line)
    return "\n".join(lines)
