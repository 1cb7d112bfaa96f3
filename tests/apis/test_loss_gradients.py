"""The gradient of each term of a loss, against one computed at hand."""

from pathlib import Path

import numpy as np
import pytest
import torch

from mmisr.apis.configs import read_config
from mmisr.apis.loss_gradients import loss_gradients
from mmisr.openmmlab.samples import hints_of
from mmisr.ops.resample import resize
from mmisr.registry import DATASETS, MODELS

ROOT = Path(__file__).parents[2]
EDITOR = "configs/plain/edsr_x4_tree-crowns.py"


@pytest.fixture
def options(tree_crowns, tmp_path, monkeypatch) -> dict:
    """The editor of the tree crowns with SROBB's loss; a network of random weights."""
    monkeypatch.chdir(ROOT)
    network = {"type": "mmisr.VGG", "depth": 16, "last": "relu1_2"}
    torch.manual_seed(0)
    torch.save(MODELS.build(network).state_dict(), tmp_path / "vgg.pth")
    loss = {
        "type": "mmisr.SROBBLoss",
        "network": network,
        "checkpoint": str(tmp_path / "vgg.pth"),
        "terms": {"boundary": {"tap": "relu1_2", "weight": 0.5}},
    }
    return {
        "model.pixel_loss": loss,
        "model.generator.mid_channels": 4,
        "model.generator.num_blocks": 1,
        "train_dataloader.dataset.data_root": f"{tree_crowns}/",
    }


def test_one_sample_by_hand(options):
    rows = {row.term: row for row in loss_gradients(EDITOR, count=1, cfg_options=options)}
    cfg = read_config(EDITOR, cfg_options=options)
    np.random.seed(0)
    packed = DATASETS.build(cfg.train_dataloader.dataset)[0]
    lr = packed["inputs"][None] / 255
    hr = packed["data_samples"].gt_img[None] / 255
    sr = resize(lr, tuple(hr.shape[-2:]), "bicubic").requires_grad_()
    gap = ((sr - hr) ** 2).mean()
    gap.backward()
    assert rows["loss_srobb_pixel"].value == pytest.approx(float(gap.detach()))
    assert rows["loss_srobb_pixel"].gradient == pytest.approx(float(sr.grad.norm()))
    loss = MODELS.build(cfg.model.pixel_loss)
    sr.grad = None
    hints = [hints_of(packed["data_samples"], tuple(lr.shape[-2:]))]
    loss.terms(sr, hr, hints)["loss_srobb_boundary"].backward()
    assert rows["loss_srobb_boundary"].gradient == pytest.approx(float(sr.grad.norm()))


def test_with_a_checkpoint_the_editor_makes_the_image(options, tmp_path):
    cfg = read_config(EDITOR, cfg_options=options)
    torch.manual_seed(0)
    editor = MODELS.build(cfg.model)
    torch.save({"state_dict": editor.state_dict()}, tmp_path / "editor.pth")
    checkpoint = str(tmp_path / "editor.pth")
    of_editor = loss_gradients(EDITOR, checkpoint, count=2, cfg_options=options)
    of_bicubic = loss_gradients(EDITOR, count=2, cfg_options=options)
    assert [row.term for row in of_editor] == ["loss_srobb_pixel", "loss_srobb_boundary"]
    assert of_editor[0].value > 2 * of_bicubic[0].value  # it is not trained


def test_a_loss_of_others_has_no_terms(options):
    with pytest.raises(ValueError, match="with a loss of ours as its pixel_loss, got PlainSR with"):
        loss_gradients(
            EDITOR, cfg_options={**options, "model.pixel_loss": {"type": "mmagic.L1Loss"}}
        )
