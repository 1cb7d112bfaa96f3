"""What ``tools/test.py`` writes beside its metrics, and what it refuses."""

import pickle
from pathlib import Path

import pytest
import torch
from PIL import Image

from mmisr.apis.models import init_model
from mmisr.apis.test import Pictures, test

EDITOR = """
_base_ = ["./pair.py"]
model = dict(_delete_=True, type="mmisr.Resample", scale=2, mode="bicubic")
test_pipeline = _base_.test_pipeline[:-1] + [dict(type="mmisr.PackSRInputs")]
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_evaluator = dict(_delete_=True, type="mmisr.RegionQuality")
"""


@pytest.fixture
def pair(tiny_config, tmp_path) -> tuple[Path, Path]:
    config, checkpoint = tiny_config("pair"), tmp_path / "pair.pth"
    torch.manual_seed(0)
    torch.save({"state_dict": init_model(config).state_dict()}, checkpoint)
    return config, checkpoint


@pytest.fixture
def editor(pair, tmp_path) -> tuple[Path, Path]:
    config, checkpoint = tmp_path / "editor.py", tmp_path / "editor.pth"
    config.write_text(EDITOR)
    torch.save({"state_dict": {"unused": torch.zeros(1)}}, checkpoint)
    return config, checkpoint


def test_predictions_and_pictures(pair, tmp_path):
    out, work = tmp_path / "found.pkl", tmp_path / "work"
    metrics = test(*pair, str(work), str(out), Pictures(show_dir="pictures"))
    assert metrics["bbox/count"] == 24
    found = pickle.loads(out.read_bytes())
    assert [Path(f["img_path"]).name for f in found] == [f"{n}.png" for n in range(8)]
    assert found[0]["pred_instances"]["bboxes"].shape[1] == 4
    assert not {"hr", "sr"} & set(found[0]), "pixels do not belong into a dump of boxes"
    pictures = sorted(work.glob("*/pictures/*.png"))
    assert len(pictures) == 8
    assert all(Image.open(p).size[0] > 60 for p in pictures)


def test_the_checkpoint_counts(pair, tmp_path):
    """The weights tested are those given, not those the model begins with."""
    config, checkpoint = pair
    scores = []
    for factor in (1.0, 1.0, 1.2):
        state = torch.load(checkpoint, weights_only=True)["state_dict"]
        changed = {k: v * factor if "multi_level_conv_obj" in k else v for k, v in state.items()}
        assert (factor == 1.0) == all(torch.equal(v, state[k]) for k, v in changed.items())
        torch.save({"state_dict": changed}, tmp_path / "used.pth")
        test(config, tmp_path / "used.pth", str(tmp_path / "work"), str(tmp_path / "found.pkl"))
        found = pickle.loads((tmp_path / "found.pkl").read_bytes())
        scores.append(torch.cat([f["pred_instances"]["scores"] for f in found]))
    assert torch.equal(scores[0], scores[1])
    assert not torch.equal(scores[0], scores[2])


def test_augmentation_uses_both_views(pair, tmp_path):
    plain, flipped = tmp_path / "plain.pkl", tmp_path / "tta.pkl"
    test(*pair, str(tmp_path / "one"), str(plain))
    metrics = test(*pair, str(tmp_path / "two"), str(flipped), tta=True)
    assert metrics["bbox/count"] == 24, "ground truth is that of the unflipped view, once"
    one, two = (pickle.loads(p.read_bytes()) for p in (plain, flipped))
    assert any(
        len(a["pred_instances"]["scores"]) != len(b["pred_instances"]["scores"])
        for a, b in zip(one, two, strict=True)
    )


def test_an_editor_saves_its_images(editor, tmp_path):
    config, checkpoint = editor
    torch.save({"state_dict": {"x": torch.zeros(1)}}, checkpoint)
    with pytest.raises(ValueError, match="editor.pth does not fit Resample.*1 unknown: x"):
        test(config, checkpoint, str(tmp_path / "work"), pictures=Pictures(show_dir="images"))


@pytest.mark.parametrize(
    ("keys", "error", "text"),
    [
        ({"out": "found.json"}, ValueError, "--out must end in .pkl or .pickle, got 'found.json'"),
        ({"checkpoint": "nowhere.pth"}, FileNotFoundError, "checkpoint nowhere.pth does not exist"),
        (
            {"cfg_options": {"model.detector.bbox_head.feat_channels": 16}},
            ValueError,
            "does not fit SRDetector",
        ),
        ({"cfg_options": {"test_dataloader": None}}, ValueError, "has no test_dataloader.dataset"),
    ],
)
def test_errors_say_what_to_do(pair, tmp_path, keys, error, text):
    with pytest.raises(error, match=text):
        test(
            **{"config": pair[0], "checkpoint": pair[1], "work_dir": str(tmp_path / "work"), **keys}
        )


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"tta": True}, "--tta merges boxes, and this config's model is an editor alone"),
        (
            {"pictures": Pictures(show=True)},
            "--show draws boxes, and this config's model is an editor alone",
        ),
    ],
)
def test_an_editor_alone_has_no_boxes(editor, tmp_path, keys, text):
    with pytest.raises(ValueError, match=text):
        test(*editor, str(tmp_path / "work"), **keys)


def test_a_resize_of_the_detectors_own_config_is_named_once(pair, tmp_path, detector_config):
    """As a user writes it: the pair inherits a plain config, and says nothing of the size."""
    config, checkpoint = pair
    own = tmp_path / "own.py"
    own.write_text(
        f"model = {detector_config!r}\n"
        'test_pipeline = [dict(type="LoadImageFromFile"), dict(type="Resize", scale=(448, 320)), '
        'dict(type="PackDetInputs")]\n'
        "test_dataloader = dict(dataset=dict(pipeline=test_pipeline))\n"
    )
    text = config.read_text().replace("_base_ = [", f"_base_ = [{str(own)!r}, ")
    config.write_text(text.replace("model = dict(", "model = dict(_delete_=True,"))
    for number in range(2):
        # mmengine keeps one log for runs of a name that begin in the same second.
        name = {"experiment_name": f"run{number}"}
        test(config, checkpoint, str(tmp_path / f"work{number}"), cfg_options=name)
    logs = [next((tmp_path / f"work{number}").glob("*/*.log")).read_text() for number in range(2)]
    line = f"own test pipeline ({own}) resizes images (scale=(448, 320)), and the pair does not"
    assert [log.count(line) for log in logs] == [1, 0]
