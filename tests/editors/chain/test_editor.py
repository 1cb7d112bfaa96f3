"""A chain of editors: one after another, its factor, its weights, its hints."""

import pytest
import torch

from mmisr.pipeline.weights import check_named_weights
from mmisr.registry import MODELS
from mmisr.structures.hints import ImageHints

SIZE = {"channels": 4, "growth": 2, "blocks": 1}
STEP1 = {"type": "mmisr.CAJNN", "scale": 1, "size": SIZE}
STEP2 = {"type": "mmisr.CAJNN", "scale": 4, "size": SIZE}
DOUBLE = {"type": "mmisr.Resample", "scale": 2, "mode": "bicubic"}


def chain(*editors, **keys):
    torch.manual_seed(0)
    return MODELS.build({"type": "mmisr.EditorChain", "editors": list(editors), **keys})


@torch.no_grad()
def loud(editor):
    for parameter in editor.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.1)
    return editor


def test_it_is_one_editor_after_another():
    editor = loud(chain(STEP1, STEP2, scale=4)).eval()
    lr = torch.rand(2, 3, 9, 7)
    with torch.no_grad():
        between = editor.editors[0].upscale(lr).image
        expected = editor.editors[1].upscale(between).image
        assert torch.equal(editor.upscale(lr).image, expected)
    assert (editor.info.name, editor.info.scale) == ("cajnn+cajnn", 4)


def test_factors_multiply():
    editor = chain(DOUBLE, DOUBLE, DOUBLE, scale=8).eval()
    assert editor.upscale(torch.rand(1, 3, 3, 5)).image.shape == (1, 3, 24, 40)
    assert not editor.info.trainable


def test_every_editor_reads_its_own_weights(tmp_path):
    first, second = (loud(MODELS.build(config)) for config in (STEP1, STEP2))
    torch.save(first.state_dict(), tmp_path / "first.pth")
    torch.save(second.state_dict(), tmp_path / "second.pth")
    editor = chain(
        {**STEP1, "checkpoint": str(tmp_path / "first.pth")},
        {**STEP2, "checkpoint": str(tmp_path / "second.pth")},
        scale=4,
    )
    editor.init_weights()
    for read, written in zip(editor.editors, (first, second), strict=True):
        for name, value in written.state_dict().items():
            assert torch.equal(value, read.state_dict()[name])


def test_weights_are_named_by_the_chain_or_by_every_editor(tmp_path):
    """Else a comparison would measure what was initialised."""
    part = MODELS.build(STEP1)
    torch.save(part.state_dict(), tmp_path / "first.pth")
    first = {**STEP1, "checkpoint": str(tmp_path / "first.pth")}
    with pytest.raises(ValueError, match="names no weights"):
        check_named_weights(chain(first, STEP2, scale=4))
    check_named_weights(chain(first, DOUBLE, scale=2))
    whole = chain(STEP1, STEP2, scale=4)
    torch.save(whole.state_dict(), tmp_path / "chain.pth")
    check_named_weights(chain(STEP1, STEP2, scale=4, checkpoint=str(tmp_path / "chain.pth")))


def test_all_of_it_learns():
    editor = chain(STEP1, STEP2, scale=4).train()
    losses = editor.losses(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 32, 32))
    losses["loss_pixel"].backward()
    assert all(p.grad is not None and p.grad.any() for p in editor.parameters())


def test_hints_are_for_the_frame_that_they_are_of():
    """The second x2 reads an image that the boxes are not of."""
    editor = chain(DOUBLE, DOUBLE, scale=4).eval()
    given = []
    for part in editor.editors:
        run = part.upscale
        part.upscale = lambda lr, hints, run=run: (given.append(hints), run(lr, hints))[1]
    hints = [ImageHints(boxes_lr=torch.zeros(0, 4))]
    editor.upscale(torch.rand(1, 3, 4, 4), hints)
    assert given[0] is hints
    assert given[1] is None


@pytest.mark.parametrize(
    ("editors", "scale", "message"),
    [
        ([STEP2], 4, r"EditorChain\.editors needs at least two, got 1"),
        ([STEP1, STEP2], 2, r"EditorChain\.scale must be the product.*\[1, 4\], 4, got 2"),
        (
            [STEP1, {"type": "mmisr.InstanceSR", "scale": 4}],
            4,
            r"EditorChain\.editors\[1\] routes tokens \('instance_sr_nano'\)",
        ),
    ],
)
def test_bad_chains_are_named(editors, scale, message):
    with pytest.raises(ValueError, match=message):
        chain(*editors, scale=scale)
