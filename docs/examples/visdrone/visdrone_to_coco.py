"""Turn the text files of VisDrone-DET into one COCO file.

A line of a text file is one box: left, top, width, height, score, category, truncation, occlusion.
Where the score is 0, the benchmark does not count what is found: such a line becomes a crowd region
of every class.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from PIL import Image

CLASSES = (
    "pedestrian", "people", "bicycle", "car", "van",
    "truck", "tricycle", "awning-tricycle", "bus", "motor",
)  # fmt: skip
"""Categories 1 to 10; 0 is an ignored region, 11 is something else."""


def boxes_of(line: str) -> list[dict[str, Any]]:
    """The COCO annotations of one line, without their ids.

    Args:
        line: Eight whole numbers, comma-separated; some files end their lines with a comma.

    Returns:
        One annotation; or one crowd region a class, where the line is not counted.
    """
    x, y, w, h, score, category = (int(value) for value in line.rstrip(",\r\n ").split(",")[:6])
    counted = score > 0 and 1 <= category <= len(CLASSES)
    box = {"bbox": [x, y, w, h], "area": w * h, "iscrowd": int(not counted)}
    return [
        {**box, "category_id": c} for c in ([category] if counted else range(1, len(CLASSES) + 1))
    ]


def convert(root: Path) -> dict[str, Any]:
    """Read a split.

    Args:
        root: Folder with ``images/*.jpg`` and ``annotations/*.txt`` of the same names.

    Returns:
        The content of a COCO file; images in the order of their names.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for path in sorted((root / "images").glob("*.jpg")):
        with Image.open(path) as image:
            width, height = image.size
        images.append(
            {"id": len(images) + 1, "file_name": path.name, "width": width, "height": height}
        )
        for line in (root / "annotations" / f"{path.stem}.txt").read_text().splitlines():
            for box in boxes_of(line) if line.strip() else ():
                annotations.append({**box, "id": len(annotations) + 1, "image_id": len(images)})
    categories = [{"id": number, "name": name} for number, name in enumerate(CLASSES, 1)]
    return {"images": images, "annotations": annotations, "categories": categories}


def main() -> None:
    """Convert the splits that are named."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "splits", nargs="+", type=Path, help="folders with images/ and annotations/"
    )
    for root in parser.parse_args().splits:
        content = convert(root)
        (root / "coco.json").write_text(json.dumps(content))
        print(
            f"{root / 'coco.json'}: {len(content['images'])} images, {len(content['annotations'])} "
            f"boxes"
        )


if __name__ == "__main__":
    main()
