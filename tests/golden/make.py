"""Write ``data/*.json``: what independent programs make of small inputs that anybody can rebuild.

Run once, by hand, with the versions that the files name; nothing here imports code of ours but the
door, which mmagic needs: ``python tests/golden/make.py``.
"""

import contextlib
import io
import json
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from scipy import ndimage

from mmisr.openmmlab.stack import prepare

prepare()

from mmagic.datasets.transforms.matlab_like_resize import MATLABLikeResize

DATA = Path(__file__).with_name("data")
PILLOW = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
SIZES = ((8, 11), (13, 9), (30, 33))
"""Heights and widths that the image of 24x22 is resized to: smaller, odd, larger."""


def pattern(height: int, width: int) -> np.ndarray:
    """(height, width, 3) uint8: edges, slopes and single pixels, without a file."""
    rows, columns, channels = np.mgrid[0:height, 0:width, 0:3]
    return ((7 * rows + 13 * columns + 29 * channels + rows * columns) % 256).astype(np.uint8)


def write(name: str, made_by: str, packages: tuple[str, ...], **content: object) -> None:
    """One file: where its numbers are from, with versions, and the numbers."""
    versions = {package: version(package) for package in packages}
    lines = [f'"made_by": {json.dumps(made_by)}', f'"versions": {json.dumps(versions)}']
    for key, value in content.items():
        if isinstance(value, dict):
            rows = [f"  {json.dumps(inner)}: {json.dumps(v)}" for inner, v in value.items()]
            lines.append(f"{json.dumps(key)}: {{\n" + ",\n".join(rows) + "\n }")
        else:
            lines.append(f"{json.dumps(key)}: {json.dumps(value)}")
    text = "{\n " + ",\n ".join(lines) + "\n}\n"
    (DATA / f"{name}.json").write_text(text, encoding="utf-8")


def resampled() -> None:
    """One channel in float32, as Pillow's mode F resizes it."""
    image = Image.fromarray(pattern(24, 22)[..., 0].astype(np.float32))
    results = {}
    for mode, kernel in PILLOW.items():
        for height, width in SIZES:
            pixels = np.asarray(image.resize((width, height), kernel), dtype=float)
            results[f"{mode} {height}x{width}"] = pixels.round(4).tolist()
    write("pillow_resize", "PIL.Image.resize, mode F", ("pillow",), results=results)


def degraded() -> None:
    """The steps of an LR recipe, each by the program it is named after."""
    image = pattern(16, 24)
    results = {}
    for scale in (2, 4):
        factor = {"fx": 1 / scale, "fy": 1 / scale}
        area = cv2.resize(image, None, **factor, interpolation=cv2.INTER_AREA)
        # OpenCV's cubic has a = -0.75 and no antialiasing, as torch's has.
        cubic = cv2.resize(image.astype(float), None, **factor, interpolation=cv2.INTER_CUBIC)
        resize = MATLABLikeResize(keys=["img"], scale=1 / scale)
        matlab = resize.transform({"img": image / 255})["img"]
        results[f"cv2_area x{scale}"] = area.tolist()
        results[f"torch_bicubic_noaa x{scale}"] = np.rint(cubic.clip(0, 255)).tolist()
        results[f"matlab_bicubic x{scale}"] = np.floor(matlab.clip(0, 1) * 255 + 0.5).tolist()
    blurred = [
        ndimage.gaussian_filter(image[..., k].astype(float), 1.5, radius=5, mode="nearest")
        for k in range(3)
    ]
    results["blur 1.5"] = np.stack(blurred, axis=2).round(4).tolist()
    for quality in (30, 90):
        _, file = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        results[f"jpeg {quality}"] = cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1].tolist()
    packages = ("opencv-python-headless", "mmagic", "scipy")
    made_by = "cv2.resize, mmagic's MATLABLikeResize, scipy's gaussian_filter, cv2.imencode"
    write("lr_recipes", made_by, packages, results=results)


def scene() -> tuple[list[dict], list[dict]]:
    """Two classes in three images: exact, shifted, doubled, false and missed boxes, and a crowd."""
    truth, found = [], []
    boxes = [
        # image, class, x, y, width, height, crowd
        (1, 1, 10, 10, 20, 20, 0),
        (1, 1, 60, 10, 40, 30, 0),
        (1, 2, 100, 100, 120, 110, 0),
        (2, 1, 5, 5, 8, 8, 0),
        (2, 1, 50, 50, 100, 100, 1),
        (2, 2, 30, 200, 50, 50, 0),
        (3, 2, 10, 10, 25, 25, 0),
    ]
    for number, (image, label, x, y, w, h, crowd) in enumerate(boxes, 1):
        key = {"id": number, "image_id": image, "category_id": label}
        truth.append({**key, "bbox": [x, y, w, h], "area": w * h, "iscrowd": crowd})
    detections = [
        # image, class, x, y, width, height, score
        (1, 1, 10, 10, 20, 20, 0.95),
        (1, 1, 12, 11, 20, 20, 0.60),
        (1, 1, 64, 12, 40, 30, 0.80),
        (1, 2, 105, 110, 120, 110, 0.70),
        (2, 1, 5, 6, 8, 8, 0.50),
        (2, 1, 60, 60, 30, 30, 0.90),
        (2, 1, 200, 10, 20, 20, 0.85),
        (2, 2, 30, 202, 50, 44, 0.40),
        (3, 1, 10, 10, 25, 25, 0.30),
        (3, 2, 14, 14, 25, 25, 0.65),
    ]
    for number, (image, label, x, y, w, h, score) in enumerate(detections, 1):
        key = {"id": number, "image_id": image, "category_id": label}
        found.append({**key, "bbox": [x, y, w, h], "area": w * h, "iscrowd": 0, "score": score})
    return truth, found


def scored() -> None:
    """COCO's twelve figures, as pycocotools prints them."""
    truth, found = scene()
    images = [{"id": number} for number in (1, 2, 3)]
    categories = [{"id": 1, "name": "one"}, {"id": 2, "name": "two"}]
    sides = []
    with contextlib.redirect_stdout(io.StringIO()):
        for annotations in (truth, found):
            coco = COCO()
            coco.dataset = {"images": images, "categories": categories, "annotations": annotations}
            coco.createIndex()
            sides.append(coco)
        evaluator = COCOeval(*sides, "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    content = {"annotations": truth, "detections": found, "stats": evaluator.stats.tolist()}
    write("coco_scene", "pycocotools' COCOeval.summarize", ("pycocotools",), **content)


def main() -> None:
    DATA.mkdir(exist_ok=True)
    resampled()
    degraded()
    scored()


if __name__ == "__main__":
    main()
