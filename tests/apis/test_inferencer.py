"""What an inferencer reads, finds, writes and refuses.

Real weights on real aerial images, in their own frame.
"""

import functools
import http.server
import json
import threading
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData
from PIL import Image
from pycocotools.coco import COCO

from mmisr.apis import inferencer
from mmisr.apis.inferencer import SRDetInferencer
from mmisr.datasets.inputs import Video
from mmisr.datasets.packing import PackSRDetInputs
from mmisr.degradation.transform import SimulateLR
from mmisr.openmmlab.detector import DetDataSample
from mmisr.openmmlab.inferencer import DetInferencer
from mmisr.pipeline.hints import PriorPass
from mmisr.pipeline.previous_frame import PreviousFrame
from mmisr.pipeline.slices import Slicer, Slices

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "configs/instance_sr/instance-sr-nano-x4_gfl_mobilenet-v2_frozen_tree-crowns.py"
DATA = ROOT / "data/tree_crowns"
H, W = 72, 80


@pytest.fixture(scope="module")
def infer():
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)  # the config names its checkpoints from there
        yield SRDetInferencer(CONFIG, device="cpu", show_progress=False)


@pytest.fixture(autouse=True)
def back_to_learned(request):
    yield
    if "infer" in request.fixturenames:
        model = request.getfixturevalue("infer")
        model.model.editor.route_by("learned")
        model.model.prior = model.router = None


@pytest.fixture(scope="module")
def hr_trees():
    """A crop of a validation image, (288, 320, 3) BGR, and its annotated boxes."""
    truth = json.loads((DATA / "val.json").read_text())
    info = truth["images"][4]
    boxes = np.array(
        [a["bbox"] for a in truth["annotations"] if a["image_id"] == info["id"]], dtype=float
    )
    boxes[:, 2:] += boxes[:, :2]
    inside = boxes[(boxes[:, 2] < 4 * W) & (boxes[:, 3] < 4 * H)]
    return cv2.imread(str(DATA / "val" / info["file_name"]))[: 4 * H, : 4 * W], inside


@pytest.fixture(scope="module")
def trees(hr_trees):
    """The same in LR, (72, 80, 3) BGR, as the config simulates it."""
    return SimulateLR(scale=4, recipe="matlab_bicubic", seed=0)(packable(hr_trees[0]))["lr"]


def packable(hr):
    return {"img": hr, "img_id": 1, "img_path": None, "img_shape": hr.shape[:2]}


@pytest.fixture
def folder(tmp_path, trees):
    """Three images, two of which share a stem, beside a text file."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, pixels in (("a.png", trees), ("a.BMP", trees[:, ::-1]), ("b.png", trees[:64, :64])):
        cv2.imwrite(str(photos / name), pixels)
    (photos / "notes.txt").write_text("not an image")
    return photos


def movie(path, pixels, frames, code="MJPG"):
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter.fourcc(*code), 10.0, (pixels.shape[1], pixels.shape[0])
    )
    for k in range(frames):
        writer.write(np.roll(pixels, k, axis=1))
    writer.release()
    return path


def iou(a, b):
    low, high = (
        np.maximum(a[:, None, :2], b[None, :, :2]),
        np.minimum(a[:, None, 2:], b[None, :, 2:]),
    )
    inter = (high - low).clip(0).prod(-1)
    return inter / (
        (a[:, 2:] - a[:, :2]).prod(-1)[:, None] + (b[:, 2:] - b[:, :2]).prod(-1)[None] - inter
    )


def test_boxes_are_those_of_the_config_in_the_frame_of_the_image(infer, trees, hr_trees):
    """The config's own pipeline makes this LR image and answers in the HR frame, 4x as large."""
    result = infer(trees)
    found = result["predictions"][0]
    assert isinstance(infer, DetInferencer)
    assert set(found) == {"bboxes", "scores", "labels"}
    assert result["visualization"] == []
    hr, truth = hr_trees
    packed = PackSRDetInputs()(SimulateLR(scale=4, recipe="matlab_bicubic", seed=0)(packable(hr)))
    batch = {"inputs": [packed["inputs"]], "data_samples": [packed["data_samples"]]}
    with torch.no_grad():
        expected = infer.model.test_step(batch)[0].pred_instances
    np.testing.assert_allclose(np.array(found["bboxes"]) * 4, expected.bboxes.numpy(), atol=1e-3)
    np.testing.assert_allclose(found["scores"], expected.scores.numpy(), atol=1e-6)
    strong = np.array(found["bboxes"])[np.array(found["scores"]) >= 0.3]
    assert (iou(strong, truth / 4).max(0) > 0.5).sum() >= 4
    assert (iou(strong, truth).max(0) > 0.5).sum() == 0


def test_arrays_files_and_batches_give_the_same(infer, trees, folder):
    array = infer(trees)["predictions"][0]
    file = infer(str(folder / "a.png"))["predictions"][0]
    batch = infer([folder / "a.png", trees, str(folder / "b.png")], batch_size=3)["predictions"]
    assert file == array
    for other in (batch[0], batch[1]):
        np.testing.assert_allclose(other["bboxes"][:20], array["bboxes"][:20], atol=0.05)
        np.testing.assert_allclose(other["scores"][:20], array["scores"][:20], atol=1e-3)
    assert np.array(batch[2]["bboxes"]).max() <= 64


def test_a_folder_and_what_is_written(infer, folder, tmp_path):
    out = tmp_path / "out"
    result = infer(str(folder), batch_size=2, out_dir=str(out), save_sr=True, return_vis=True)
    names = {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()}
    stems = ["a", "a_2", "b"]
    expected = (
        {f"vis/{s}.jpg" for s in stems}
        | {f"preds/{s}.json" for s in stems}
        | {f"sr/{s}.png" for s in stems}
    )
    assert names == expected | {"results.bbox.json", "images.json"}
    assert json.loads((out / "preds/b.json").read_text()) == result["predictions"][2]
    assert [v.shape for v in result["visualization"]] == [(12 * H, 12 * W, 3)] * 2 + [
        (1024, 1024, 3)
    ]
    assert cv2.imread(str(out / "vis/b.jpg")).shape == (1024, 1024, 3)
    sr = np.asarray(Image.open(out / "sr/b.png")).astype(int)
    assert sr.shape == (256, 256, 3)
    lr = np.asarray(Image.open(folder / "b.png")).astype(int)
    assert (
        abs(sr.reshape(64, 4, 64, 4, 3).mean((1, 3)) - lr).mean() < 6
    )  # the same picture, in the same channel order
    truth = COCO(str(out / "images.json"))
    found = truth.loadRes(str(out / "results.bbox.json"))
    assert [truth.imgs[k]["file_name"] for k in (1, 2, 3)] == ["a.BMP", "a.png", "b.png"]
    best = max(found.imgToAnns[3], key=lambda a: a["score"])
    assert best["category_id"] == 1
    x1, y1, x2, y2 = result["predictions"][2]["bboxes"][0]
    np.testing.assert_allclose(best["bbox"], [x1, y1, x2 - x1, y2 - y1])


def test_options_of_mmdets_inferencer(infer, trees, tmp_path, capsys):
    out = tmp_path / "out"
    result = infer(
        trees, out_dir=str(out), no_save_vis=True, return_datasamples=True, print_result=True
    )
    assert not (out / "vis").exists()
    assert result["predictions"][0].pred_instances.scores.max() > 0.3
    assert "predictions" in capsys.readouterr().out
    plain = infer(trees, return_vis=True, draw_pred=False, draw_on="lr")["visualization"][0]
    assert (plain == trees[..., ::-1]).all()
    options = {"return_vis": True, "draw_on": "lr"}
    drawn, none = (
        infer(trees, **options, pred_score_thr=t)["visualization"][0] for t in (0.3, 0.999)
    )
    assert (drawn != plain).any()
    assert (none == plain).all()
    infer(trees, out_dir=str(tmp_path / "no"), no_save_pred=True)
    assert {p.suffix for p in (tmp_path / "no").rglob("*.*")} == {".jpg"}
    with pytest.raises(ValueError, match="unknown argument"):
        infer(trees, no_such_option=1)


def test_pictures_show_sr_large_enough_to_see(infer, trees, monkeypatch):
    def pictures(**options):
        return infer(trees, return_vis=True, return_datasamples=True, **options)

    plain, drawn = (pictures(draw_pred=p)["visualization"][0].astype(int) for p in (False, True))
    found = infer(trees, return_datasamples=True, save_sr=False)["predictions"][0]
    assert "sr" not in pictures()["predictions"][0]  # it was for the picture alone
    assert plain.shape == (12 * H, 12 * W, 3)
    assert abs(plain.reshape(H, 12, W, 12, 3).mean((1, 3)) - trees[..., ::-1]).mean() < 6
    blurred = cv2.resize(trees[..., ::-1], (12 * W, 12 * H), interpolation=cv2.INTER_CUBIC)
    assert abs(np.diff(plain, axis=1)).mean() > abs(np.diff(blurred.astype(int), axis=1)).mean()
    changed = (plain != drawn).any(-1)
    for x1, y1, x2, y2 in (
        found.pred_instances[found.pred_instances.scores >= 0.3].bboxes.numpy() * 12
    ):
        sides = changed[round(y1) : round(y2), round(x1)], changed[round(y1), round(x1) : round(x2)]
        assert all(
            side.mean() > 0.95 for side in sides
        )  # boxes are drawn in the pixels of the picture
    infer.model.test_cfg = replace(infer.model.test_cfg, keep_sr=True)
    assert "sr" in pictures()["predictions"][0]
    infer.model.test_cfg = replace(infer.model.test_cfg, keep_sr=False)
    monkeypatch.setattr(inferencer, "LARGEST_PICTURE", 300)
    assert pictures()["visualization"][0].shape == (H, W, 3)
    with pytest.raises(ValueError, match=r"draw_on must be one of \('sr', 'lr'\), got 'hr'"):
        infer(trees, draw_on="hr")


@pytest.fixture
def tested_on(infer, tmp_path):
    """Makes the config's test data one of given images and categories."""
    dataset = infer.model.cfg.test_dataloader.dataset
    before = dict(dataset)

    def use(listed, categories=((7, "tree"), (3, "car")), **more):
        content = {"annotations": [], "categories": [{"id": i, "name": n} for i, n in categories]}
        content["images"] = [
            {"id": i, "file_name": n, "width": 320, "height": 288} for i, n in listed
        ]
        (tmp_path / "known.json").write_text(json.dumps({**content, **more}))
        dataset.update(
            data_root=str(tmp_path), ann_file="known.json", data_prefix={"img": "photos"}
        )

    yield use
    dataset.update(before)


def ids_written(infer, folder, out):
    infer(str(folder), out_dir=str(out), no_save_vis=True)
    truth = COCO(str(out / "images.json"))
    found = truth.loadRes(str(out / "results.bbox.json"))
    assert {a["image_id"] for a in found.anns.values()} == set(truth.imgs)
    names = {i["file_name"]: i["id"] for i in truth.imgs.values()}
    return names, truth.cats, {a["category_id"] for a in found.anns.values()}


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        ([(40, "a.png"), (20, "b.png")], {"a.BMP": 41, "a.png": 40, "b.png": 20}),
        (
            [(40, "a.png"), (20, "other/b.jpg")],
            {"a.BMP": 41, "a.png": 40, "b.png": 20},
        ),  # SR of another format
        (
            [(40, "x/b.png"), (20, "y/b.png"), (9, "a.BMP")],
            {"a.BMP": 9, "a.png": 41, "b.png": 42},
        ),  # which b?
        ([(40, "c.png")], {"a.BMP": 1, "a.png": 2, "b.png": 3}),
        ([("k", "b.png")], {"a.BMP": 1, "a.png": 2, "b.png": "k"}),
    ],
)
def test_ids_are_those_of_the_data_set(infer, folder, tmp_path, tested_on, images, expected):
    tested_on(images)
    names, categories, used = ids_written(infer, folder, tmp_path / "out")
    assert names == expected
    assert {k: c["name"] for k, c in categories.items()} == {7: "tree"}
    assert used == {7}


def test_ids_of_another_data_set_are_left_alone(infer, folder, tmp_path, tested_on):
    for content, text in (
        ({"categories": [{"id": 7, "name": "bush"}]}, "no category 'tree'"),
        ({"images": 3}, "images"),
    ):
        tested_on([(40, "a.png")], **content)
        with pytest.warns(
            UserWarning, match=rf"results count their ids from 1, because .*known.json.*{text}"
        ):
            names, categories, used = ids_written(infer, folder, tmp_path / "out")
        assert names == {"a.BMP": 1, "a.png": 2, "b.png": 3}
        assert used == set(categories) == {1}


@pytest.mark.parametrize("length", [247, 251])
def test_names_as_long_as_a_file_system_takes(infer, trees, tmp_path, length):
    """Results end in longer endings than images, and have temporary names.

    Neither may be too long.
    """
    photos, out = tmp_path / "photos", tmp_path / "out"
    photos.mkdir()
    for first in "abc":
        cv2.imwrite(str(photos / "x.png"), trees)
        (photos / "x.png").rename(photos / f"{first}{'n' * (length - 1)}.png")
    infer(str(photos), out_dir=str(out), save_sr=True)
    assert [len(list((out / kind).iterdir())) for kind in ("vis", "preds", "sr")] == [3, 3, 3]
    assert {p.name[0] for p in (out / "sr").iterdir()} == set("abc")
    assert len(json.loads((out / "images.json").read_text())["images"]) == 3


def test_the_limit_on_pixels_is_the_config_s(infer, folder):
    loader = infer.model.cfg.test_dataloader.dataset.pipeline[0]
    assert infer.max_pixels == 8192 * 8192
    loader["max_pixels"] = 64 * 64
    try:
        infer._init_pipeline(infer.model.cfg)
        with pytest.raises(
            ValueError, match=r"a.png must have at most max_pixels=4096 pixels, found 80x72=5760"
        ):
            infer(folder / "a.png")
        infer(folder / "b.png")
    finally:
        del loader["max_pixels"]
        infer._init_pipeline(infer.model.cfg)


@pytest.fixture
def server(folder):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        threading.Thread(target=found.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{found.server_port}"
        found.shutdown()


def test_addresses(infer, server, folder, tmp_path):
    result = infer(f"{server}/b.png?size=1", out_dir=str(tmp_path / "out"))
    assert result["predictions"] == infer(folder / "b.png")["predictions"]
    assert (tmp_path / "out/vis/b.jpg").is_file()
    with pytest.raises(
        ValueError, match=r"gone.png cannot be fetched: HTTP Error 404.*check the address"
    ):
        infer(f"{server}/gone.png")
    with pytest.raises(ValueError, match=r"notes.txt is no image that Pillow can read"):
        infer(f"{server}/notes.txt")


def test_a_video(infer, trees, tmp_path):
    path, out = movie(tmp_path / "flight.mp4", trees, 5, "mp4v"), tmp_path / "out"
    result = infer(path, batch_size=2, out_dir=str(out), draw_on="lr")
    assert len(result["predictions"]) == 5
    assert json.loads((out / "preds/flight.json").read_text()) == result["predictions"]
    written = Video(str(out / "vis/flight.mp4"))
    assert (len(written), written.fps) == (5, 10.0)
    before, after = (list(v)[2].pixels.astype(int) for v in (Video(str(path)), written))
    assert before.shape == after.shape
    strong = abs(before - after).max(-1) > 60
    assert 0 < strong.mean() < 0.3  # boxes alone
    assert [i["file_name"] for i in json.loads((out / "images.json").read_text())["images"]][
        4
    ] == "flight_000004"
    assert not list(out.rglob("*unfinished*"))


def test_a_video_routed_by_the_frame_before(infer, trees, tmp_path, monkeypatch):
    infer.route_by("detector_prior")
    asked = []
    find = PreviousFrame.find
    monkeypatch.setattr(
        PreviousFrame, "find", lambda self, *a: [asked.append(len(self.last)), find(self, *a)][1]
    )
    path = movie(tmp_path / "flight.avi", trees, 3)
    frames = infer(path, batch_size=3, return_datasamples=True)["predictions"]
    assert asked == [0, 1, 1]  # the first frame had a detector pass, the others the boxes before
    assert [len(f.pred_instances) > 0 for f in frames] == [True] * 3
    assert not isinstance(infer.model.prior, PreviousFrame)
    infer(trees)  # an image has a pass of its own


def test_a_video_in_slices_looks_at_each_slice(infer, trees, tmp_path, monkeypatch):
    """The boxes of the frame before are in no slice's frame."""
    infer.route_by("detector_prior")
    pair = infer.model
    monkeypatch.setattr(pair, "slicer", Slicer(Slices(), pair.detector))
    looked_at = []
    find = PriorPass.find

    def noting(self, lr, *rest):
        looked_at.extend([type(self)] * len(lr))
        return find(self, lr, *rest)

    monkeypatch.setattr(PriorPass, "find", noting)
    path = movie(tmp_path / "flight.avi", trees, 2)
    frames = infer(path, batch_size=2, return_datasamples=True)["predictions"]
    assert looked_at == [PriorPass] * 4 * 2
    assert [len(f.pred_instances) > 0 for f in frames] == [True] * 2


@pytest.fixture
def cut(tmp_path, trees):
    """A video whose second half is missing, behind a header that promises it."""
    whole = movie(tmp_path / "whole.avi", trees, 20).read_bytes()
    path = tmp_path / "cut.avi"
    path.write_bytes(whole[: len(whole) // 4])
    return path


def test_a_video_that_ends_early(infer, cut, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(
        ValueError, match=r"cut.avi ends after \d of the 20 frames .* truncated.*frames are kept"
    ):
        infer(cut, out_dir=str(out), no_save_vis=True)
    assert 1 <= len(json.loads((out / "preds/cut.json").read_text())) < 19


def write(path, content):
    path.write_bytes(content)
    return path


BAD = {
    "missing": (
        lambda p, f: p / "nowhere.png",
        FileNotFoundError,
        r"nowhere.png does not exist; give an image",
    ),
    "empty folder": (lambda p, f: p, ValueError, r"holds no image \(0 files"),
    "empty list": (lambda p, f: [], ValueError, "at least one image, got an empty list"),
    "ending": (
        lambda p, f: f / "notes.txt",
        ValueError,
        r"notes.txt must end in one of .jpg.*got '.txt'",
    ),
    "no image": (
        lambda p, f: write(p / "x.png", b"hello"),
        ValueError,
        r"x.png is no image that Pillow can read",
    ),
    "truncated": (
        lambda p, f: write(p / "x.png", (f / "a.png").read_bytes()[:3000]),
        ValueError,
        r"x.png cannot be decoded: .*truncated",
    ),
    "one of many": (
        lambda p, f: [f / "a.png", write(p / "x.png", b"")],
        ValueError,
        "x.png is no image",
    ),
    "no video": (
        lambda p, f: write(p / "x.mp4", b"hello"),
        ValueError,
        r"x.mp4 is no video that OpenCV can read \(5 b",
    ),
    "video in a list": (
        lambda p, f: [write(p / "x.mp4", b"")],
        ValueError,
        "a list of inputs holds images alone",
    ),
    "grey array": (
        lambda p, f: np.zeros((9, 9), np.uint8),
        TypeError,
        r"must be a \(H, W, 3\) uint8 BGR",
    ),
    "float array": (
        lambda p, f: np.zeros((9, 9, 3)),
        TypeError,
        "got float64|found float64|uint8 BGR",
    ),
    "number": (lambda p, f: 3, TypeError, "an input must be a path, an address, or .* got int"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_inputs(infer, folder, tmp_path, case):
    make, kind, text = BAD[case]
    empty = tmp_path / "bad"
    empty.mkdir()
    with pytest.raises(kind, match=text):
        infer(make(empty, folder), out_dir=str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_options_that_need_more(infer, trees, tmp_path):
    with pytest.raises(ValueError, match="needs out_dir="):
        infer(trees, save_sr=True)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        infer(trees, batch_size=0)
    with pytest.raises(ValueError, match="return_vis would hold all 2 frames"):
        infer(movie(tmp_path / "x.avi", trees, 2), return_vis=True)


def test_budget_and_router(infer, trees, tmp_path):
    def shares():
        found = infer(
            trees, return_datasamples=True, save_sr=True, out_dir=str(tmp_path), no_save_vis=True
        )
        return found["predictions"][0].routing.shares()[0]

    infer.route_by("learned", {"hard_share": 0.1})
    assert shares()[1:].sum() == pytest.approx(0.1, abs=0.006)
    infer.route_by("all-hard")
    assert shares()[2] == 1
    infer.route_by(budget={"target_macs": 1e12})
    assert shares()[1:].sum() == 1
    infer.route_by(budget={"target_ms": 30.0})
    assert infer.model.editor.router.budget.target_ms == 30


def test_wrong_models(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(FileNotFoundError, match="config nowhere.py does not exist"):
        SRDetInferencer("nowhere.py")
    editor = "configs/instance_sr/instance-sr-nano-x4_tree-crowns.py"
    with pytest.raises(ValueError, match=r"needs the config of a pair .* got one of InstanceSR"):
        SRDetInferencer(editor, device="cpu")
    with pytest.raises(FileNotFoundError, match="checkpoint gone.pth does not exist"):
        SRDetInferencer(CONFIG, "gone.pth", device="cpu")
    detector = Config.fromfile("configs/detectors/gfl_mobilenet-v2_hr_tree-crowns.py")
    with pytest.raises(
        ValueError, match=r"names no weights \(checkpoints\.detector\): give the file"
    ):
        SRDetInferencer(detector, device="cpu")
    detector.model.checkpoints = {"detector": "checkpoints/gfl_mobilenet-v2_hr_tree-crowns.pth"}
    with pytest.raises(ValueError, match=r"'identity' does not|'.*' does not: leave them out"):
        SRDetInferencer(detector, device="cpu", router="learned")


def test_routers_that_images_cannot_feed(infer):
    with pytest.raises(ValueError, match="router 'oracle' needs annotated boxes"):
        infer.route_by("oracle")
    with pytest.raises(ValueError, match="limits the router 'learned'"):
        infer.route_by("edge", {"hard_share": 0.5})


def test_a_prediction_as_lists_leaves_the_sample_its_masks():
    runs = [{"size": [4, 4], "counts": b"04L0"}]
    found = InstanceData(
        bboxes=torch.zeros(1, 4), scores=torch.ones(1), labels=torch.zeros(1).long(), masks=runs
    )
    sample = DetDataSample(metainfo={"img_id": 1, "img_path": "a.png"})
    sample.pred_instances = found
    plain = DetInferencer.__new__(DetInferencer)
    for _ in range(2):
        assert plain.pred2dict(sample)["masks"] == [{"size": [4, 4], "counts": "04L0"}]
    assert sample.pred_instances.masks is runs
