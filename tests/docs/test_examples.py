"""The examples that the pages show are the files that run here, on real trees."""

import contextlib
import io
import json
import runpy
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import Evaluator
from mmengine.logging import MessageHub
from PIL import Image

from mmisr.apis.compare import compare
from mmisr.apis.configs import read_config
from mmisr.apis.test import test as run_test
from mmisr.apis.train import train
from mmisr.pipeline.weights import check_named_weights
from mmisr.registry import DATASETS, MODELS, STRATEGIES

ROOT = Path(__file__).parents[2]
SIDE = 128
ALONE = {"num_workers": 0, "persistent_workers": False}


@pytest.fixture(scope="module")
def trees(tmp_path_factory, cut_outs) -> str:
    """Four small images of each half, as a data root."""
    folder = tmp_path_factory.mktemp("data") / "trees"
    cut_outs(folder, SIDE, 4)
    return f"{folder}/"


def batch_of(cfg, side: str, count: int) -> dict:
    dataset = DATASETS.build(cfg[f"{side}_dataloader"].dataset)
    return pseudo_collate([dataset[i] for i in range(count)])


def quick(dataset: str, root: str) -> dict:
    """Overrides of a short run in this process, without validation."""
    return {
        f"{dataset}.data_root": root,
        "train_dataloader.num_workers": 0,
        "train_dataloader.persistent_workers": False,
        **dict.fromkeys(("val_dataloader", "val_cfg", "val_evaluator")),
    }


def scalars(work: Path) -> list[dict]:
    """What a run logged, by step."""
    text = next(work.glob("*/vis_data/scalars.json")).read_text()
    return [json.loads(line) for line in text.splitlines()]


def weights(path: Path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=False)["state_dict"]


@pytest.mark.parametrize("example", ["unsharp"], indirect=True)
class TestUnsharp:
    """docs/howto/add_an_editor.md."""

    def test_without_an_amount_it_is_bicubic(self, example):
        read_config(example / "unsharp_pair.py")
        lr = torch.rand(2, 3, 13, 7)
        plain = MODELS.build({"type": "mmisr.Resample", "scale": 4}).eval().upscale(lr).image
        editor = MODELS.build({"type": "Unsharp", "scale": 4, "amount": 0}).eval()
        assert torch.equal(editor.upscale(lr).image, plain)
        sharp = MODELS.build({"type": "Unsharp", "scale": 4, "amount": 1}).eval().upscale(lr).image
        assert sharp.std() > plain.std()

    def test_it_learns_an_amount_that_beats_bicubic(self, example, trees, tmp_path):
        data = {
            "train_dataloader.dataset.data_root": trees,
            "val_dataloader.dataset.data_root": trees,
        }
        options = {
            **quick("train_dataloader.dataset", trees),
            "train_dataloader.batch_size": 4,
            "train_cfg": {"_delete_": True, "type": "IterBasedTrainLoop", "max_iters": 20},
            "default_hooks.checkpoint.interval": 20,
        }
        train(example / "unsharp_alone.py", str(tmp_path), cfg_options=options)
        amount = weights(tmp_path / "iter_20.pth")["amount"]
        assert 0.2 < amount < 2

        batch = batch_of(read_config(example / "unsharp_alone.py", cfg_options=data), "val", 4)
        lr = torch.stack(batch["inputs"]).float() / 255
        hr = torch.stack([s.gt_img for s in batch["data_samples"]]).float() / 255

        def error(amount: float) -> float:
            editor = MODELS.build({"type": "Unsharp", "scale": 4, "amount": amount}).eval()
            with torch.no_grad():
                return (editor.upscale(lr).image - hr).square().mean().item()

        assert error(float(amount)) < 0.995 * error(0)

    def test_the_pair_finds_trees(self, example, trees, tmp_path):
        cfg = read_config(
            example / "unsharp_pair.py", cfg_options={"test_dataloader.dataset.data_root": trees}
        )
        trained = tmp_path / "iter_100.pth"
        torch.save({"state_dict": {"amount": torch.tensor(0.8)}}, trained)
        cfg.model.checkpoints.editor = str(trained)
        pair = MODELS.build(cfg.model).eval()
        check_named_weights(pair)
        batch = batch_of(cfg, "test", 1)
        with torch.no_grad():
            found = pair.test_step(batch)[0].pred_instances
        assert found.scores.max() > 0.3
        assert found.bboxes.max() > SIDE / 4, "these look like boxes in the LR frame"
        assert 0 <= found.bboxes.min() <= found.bboxes.max() <= SIDE


@pytest.mark.parametrize("example", ["pixel_first"], indirect=True)
class TestPixelFirst:
    """docs/howto/add_a_strategy.md."""

    def test_the_detector_waits(self, example, trees, tmp_path):
        """One iteration on pixels, one on both, as the Runner counts them.

        A resumed run is past the first two.
        """
        options = {
            **quick("train_dataloader.dataset.dataset", trees),
            "train_dataloader.dataset.times": 1,
            "train_dataloader.batch_size": 2,
            "train_cfg": {"_delete_": True, "type": "EpochBasedTrainLoop", "max_epochs": 1},
            "param_scheduler": None,
            "default_hooks.logger.interval": 1,
            "model.strategy.pixel_iters": 1,
        }
        config, first_run, second_run = (
            example / "pixel_first_pair.py",
            tmp_path / "one",
            tmp_path / "two",
        )
        train(config, str(first_run), cfg_options=options)
        first, second = scalars(first_run)
        assert "loss_pixel_first_pixel" in first
        assert "loss_bbox" not in first
        assert {"loss_pixel_first_pixel", "loss_cls", "loss_bbox"} <= set(second)

        longer = {**options, "train_cfg.max_epochs": 2, "model.strategy.pixel_iters": 2}
        train(config, str(second_run), resume=str(first_run / "epoch_1.pth"), cfg_options=longer)
        name = "detector.bbox_head.gfl_cls.weight"
        before, after = (
            weights(first_run / "epoch_1.pth")[name],
            weights(second_run / "epoch_2.pth")[name],
        )
        assert not torch.equal(before, after), "the resumed run counts its iterations from 0"

    def test_only_the_editor_moves_meanwhile(self, example, trees):
        options = {"train_dataloader.dataset.dataset.data_root": trees}
        cfg = read_config(example / "pixel_first_pair.py", cfg_options=options)
        model = MODELS.build(cfg.model).train()
        batch = model.data_preprocessor(batch_of(cfg, "train", 2), True)
        MessageHub.get_current_instance().update_info("iter", 0)  # as a Runner does
        losses = model(**batch, mode="loss")
        assert list(losses) == ["loss_pixel_first_pixel"]
        losses["loss_pixel_first_pixel"].backward()
        assert all(p.grad is None for p in model.detector.parameters())
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.editor.parameters())

    def test_what_it_cannot_do_it_says(self, example, trees):
        options = {"train_dataloader.dataset.dataset.data_root": trees}
        cfg = read_config(example / "pixel_first_pair.py", cfg_options=options)
        with pytest.raises(ValueError, match="PixelFirst needs numbers >= 0, got -1 and 1"):
            STRATEGIES.build({"type": "PixelFirst", "pixel_iters": -1})
        batch = batch_of(cfg, "train", 1)
        del batch["data_samples"][0].hr
        with pytest.raises(ValueError, match=r"PixelFirst needs the HR image, .*mmisr\.SimulateLR"):
            model = MODELS.build(cfg.model).train()
            model(**model.data_preprocessor(batch, True), mode="loss")


@pytest.fixture(scope="module")
def drone(tmp_path_factory, tree_crowns) -> Path:
    """Real pictures as the archives of VisDrone hold them, converted by the tool."""
    root = tmp_path_factory.mktemp("drone")
    for split in ("train", "val"):
        folder = root / f"VisDrone2019-DET-{split}"
        (folder / "images").mkdir(parents=True)
        (folder / "annotations").mkdir()
        for number, path in enumerate(sorted((tree_crowns / split).glob("*.png"))[:2]):
            picture = Image.open(path).convert("RGB").crop((0, 0, 120, 88))
            picture.save(folder / "images" / f"{number}_v.jpg", quality=95)
        # A pedestrian and a van; something else; a region that does not count; a box without area,
        # as the benchmark has some.
        (folder / "annotations" / "0_v.txt").write_text(
            "10,12,20,16,1,1,0,0,\n50,30,14,24,1,5,0,1\n80,4,10,10,1,11,0,0\n"
            "70,50,40,30,0,0,0,0\n5,5,0,3,1,4,0,0\n"
        )
        (folder / "annotations" / "1_v.txt").write_text("30,40,25,20,1,1,0,0\n\n")
    program = str(ROOT / "tools" / "data" / "to_coco.py")
    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said):
        patch.setattr(sys, "argv", [program, "visdrone", str(root), "--out", str(root)])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(program, run_name="__main__")
    assert ended.value.code == 1, "two images are not the published 548"
    lines = said.getvalue().splitlines()
    assert any("val: 2 images, 4 boxes" in a and "DIFFERS from: 548" in a for a in lines)
    assert "  dropped: 1 x category 11, others" in lines
    return root


@pytest.mark.parametrize("example", ["visdrone"], indirect=True)
class TestVisDrone:
    """docs/howto/add_a_data_set.md: from the archive to AP."""

    def config(self, example: Path, drone: Path):
        inner = {"train": "dataset.dataset", "val": "dataset", "test": "dataset"}
        options = {f"{s}_dataloader.{place}.data_root": f"{drone}/" for s, place in inner.items()}
        cfg = read_config(example / "visdrone_pair.py", cfg_options=options)
        cfg.model.detector.backbone.init_cfg = (
            None  # ImageNet's weights, which this test does without
        )
        return cfg

    def test_boxes_arrive_as_written(self, example, drone):
        dataset = DATASETS.build(self.config(example, drone).test_dataloader.dataset)
        assert len(dataset) == 2
        sample = dataset[0]["data_samples"]
        assert sample.gt_instances.bboxes.tolist() == [[10, 12, 30, 28], [50, 30, 64, 54]]
        assert [dataset.metainfo["classes"][i] for i in sample.gt_instances.labels] == [
            "pedestrian",
            "van",
        ]
        assert sample.ignored_instances.bboxes.tolist() == [[70, 50, 110, 80]]
        assert not dataset.wrong_boxes, "the tool left them out"
        assert tuple(dataset[0]["inputs"].shape) == (3, 22, 30)

    @pytest.mark.parametrize(("place", "ap"), [((75, 55, 85, 65), 1.0), ((5, 70, 15, 80), 0.5)])
    def test_what_is_found_in_an_ignored_region_costs_nothing(self, example, drone, place, ap):
        """A pedestrian of the best score on the region, or on the grass beside it."""
        cfg = self.config(example, drone)
        dataset = DATASETS.build(cfg.test_dataloader.dataset)
        batch = pseudo_collate([dataset[0]])
        sample = batch["data_samples"][0]
        found = sample.gt_instances.clone()
        found.scores = torch.full((len(found),), 0.8)
        extra = found[:1]
        extra.bboxes, extra.scores = torch.tensor([place], dtype=torch.float32), torch.tensor([0.9])
        sample.pred_instances = type(found).cat([found, extra])
        evaluator = Evaluator([{**cfg.test_evaluator, "classwise": True}])
        evaluator.dataset_meta = dataset.metainfo
        evaluator.process([sample], batch)
        assert evaluator.evaluate(1)["bbox/AP_class_pedestrian"] == pytest.approx(ap, abs=1e-6)

    def test_the_pair_takes_a_step_and_predicts(self, example, drone):
        cfg = self.config(example, drone)
        model = MODELS.build(cfg.model)
        batch = model.data_preprocessor(batch_of(cfg, "train", 2), True)
        losses = model.train()(**batch, mode="loss")
        assert all(
            torch.as_tensor(v).isfinite().all() for values in losses.values() for v in values
        )
        with torch.no_grad():
            found = model.eval().test_step(batch_of(cfg, "test", 1))[0].pred_instances
        assert np.isin(found.labels.numpy(), range(10)).all()
        assert found.bboxes.min() >= 0
        assert (found.bboxes <= torch.tensor([120.0, 88.0, 120.0, 88.0])).all()


@pytest.mark.parametrize("example", ["native_lr"], indirect=True)
class TestNativeLR:
    """docs/howto/native_lr.md."""

    def test_the_file_is_lr_and_boxes_are_in_it(self, example, trees):
        options = {f"{side}_dataloader.dataset.data_root": trees for side in ("train", "test")}
        cfg = read_config(example / "native_pair.py", cfg_options=options)
        batch = batch_of(cfg, "test", 1)
        sample = batch["data_samples"][0]
        assert tuple(batch["inputs"][0].shape) == (3, SIDE, SIDE)
        assert "hr" not in sample
        assert tuple(sample.lr_shape) == tuple(sample.source_shape) == (SIDE, SIDE)
        model = MODELS.build(cfg.model)
        with torch.no_grad():
            found = model.eval().test_step(batch)[0].pred_instances.bboxes
        assert len(found)
        assert 0 <= found.min() <= found.max() <= SIDE
        training = model.data_preprocessor(batch_of(cfg, "train", 2), True)
        losses = model.train()(**training, mode="loss")
        assert all(
            torch.as_tensor(v).isfinite().all() for values in losses.values() for v in values
        )

    def test_training_draws_afresh_and_testing_does_not(self, example, trees):
        options = {f"{side}_dataloader.dataset.data_root": trees for side in ("train", "val")}
        cfg = read_config(example / "native_editor.py", cfg_options=options)
        data = {}
        for side in ("train", "val"):
            steps = [
                step
                for step in cfg[f"{side}_dataloader"].dataset.pipeline
                if "Random" not in step.type
            ]
            dataset = DATASETS.build({**cfg[f"{side}_dataloader"].dataset, "pipeline": steps})
            data[side] = [dataset[0]["inputs"] for _ in range(2)]
        assert torch.equal(*data["val"])
        assert not torch.equal(*data["train"])


@pytest.fixture
def project(tmp_path, cut_outs, monkeypatch) -> Path:
    """A folder in which the tutorial's reader stands.

    The four configs, small data, the published weights.
    """
    shutil.copytree(ROOT / "docs" / "examples" / "tutorial", tmp_path / "my_project")
    cut_outs(tmp_path / "data" / "tree_crowns", SIDE, 2)
    (tmp_path / "checkpoints").symlink_to(ROOT / "checkpoints")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_tutorial(project):
    """Its steps, one after the other, each on what the one before left; few iterations."""
    alone = {
        f"{side}_dataloader.{key}": value
        for side in ("train", "val", "test")
        for key, value in ALONE.items()
    }
    before = run_test("my_project/my_bicubic.py", None, "bicubic", cfg_options=alone)
    assert before["bbox/AP50"] > 0

    few = {"train_cfg.max_iters": 1, "train_cfg.val_interval": 1, "train_dataloader.batch_size": 2}
    few |= {"default_hooks.checkpoint.interval": 1}
    train("my_project/my_editor.py", cfg_options={**alone, **few})
    Path("work_dirs/my_editor/iter_1.pth").rename("work_dirs/my_editor/iter_100.pth")

    found = compare(
        "my_project/my_pair.py",
        ["bicubic", "instance_sr"],
        "compared",
        replicates=20,
        cfg_options=alone,
    )
    assert pytest.approx(before["bbox/AP50"], abs=1e-6) == found.arms["bicubic"].AP50
    assert found.arms["instance_sr"].psnr["in_box"] > found.arms["bicubic"].psnr["in_box"]

    short = {
        "train_cfg.max_epochs": 1,
        "train_cfg.val_interval": 1,
        "train_dataloader.batch_size": 2,
    }
    train("my_project/my_pair.py", cfg_options={**alone, **short})
    start, end = (
        weights(Path(p))
        for p in ("work_dirs/my_editor/iter_100.pth", "work_dirs/my_pair/epoch_1.pth")
    )
    moved = {name for name, value in start.items() if not torch.equal(value, end[f"editor.{name}"])}
    assert moved, "Joint left the editor as it was"
    after = run_test(
        "my_project/my_pair.py", "work_dirs/my_pair/epoch_1.pth", "pair", cfg_options=alone
    )
    assert after["bbox/count"] == before["bbox/count"] > 0
