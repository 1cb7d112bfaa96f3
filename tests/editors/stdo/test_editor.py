"""STDO in use: each patch by its network, whole frames, what is refused."""

import pytest
import torch

from mmisr.editors.stdo.editor import STDO
from mmisr.structures.hints import ImageHints


def test_the_paste_is_the_evaluation_patch_by_patch(model, file):
    editor = STDO(str(file)).eval()
    networks = model.networks()
    frames = torch.rand(2, 3, 8, 12)
    with torch.no_grad():
        image = editor.upscale(frames, [ImageHints(frame_index=n) for n in (2, 0)]).image
    assert len(model.chunks[[2, 0]].unique()) == 2
    for place, number in enumerate((2, 0)):
        for patch in range(6):
            row, col = divmod(patch, 3)
            lr = frames[place : place + 1, :, 4 * row : 4 * row + 4, 4 * col : 4 * col + 4]
            net = networks[model.chunks[number, patch]]
            with torch.no_grad():
                expected = net(lr).clamp(0, 1)[0]
            part = image[place, :, 8 * row : 8 * row + 8, 8 * col : 8 * col + 8]
            torch.testing.assert_close(part, expected, atol=1e-6, rtol=0)


def test_mixed_precision_changes_little(file):
    editor = STDO(str(file)).eval()
    frame = torch.rand(1, 3, 8, 12)
    hints = [ImageHints(frame_index=1)]
    with torch.no_grad():
        expected = editor.upscale(frame, hints).image
        with torch.autocast("cpu", torch.bfloat16):
            image = editor.upscale(frame, hints).image
    torch.testing.assert_close(image.float(), expected, atol=0.05, rtol=0)


def test_hardest_takes_the_first_network_for_images_of_any_size(model, file):
    editor = STDO(str(file), router="hardest").eval()
    lr = torch.rand(1, 3, 5, 7)
    with torch.no_grad():
        expected = model.networks()[0](lr).clamp(0, 1)
        assert torch.equal(editor.upscale(lr).image, expected)


@pytest.mark.parametrize(
    ("hints", "hw", "message"),
    [
        (None, (8, 12), r"ImageHints\.frame_index, and got none; .*router='hardest'"),
        ([ImageHints()], (8, 12), "frame_index, and got none"),
        ([ImageHints(frame_index=3)], (8, 12), r"frames 0 to 2 of its clip, got \[3\]"),
        ([ImageHints(frame_index=0)], (8, 16), r"frames of \(8, 12\) LR pixels, got \(8, 16\)"),
    ],
)
def test_a_frame_that_the_model_does_not_know_is_one_error(file, hints, hw, message):
    with pytest.raises(ValueError, match=message):
        STDO(str(file)).upscale(torch.rand(1, 3, *hw), hints)


def test_another_clip_scale_or_router_is_refused(file):
    assert STDO(str(file), scale=2, clip="c" * 64).info.scale == 2
    with pytest.raises(ValueError, match=r"scale must be that of its model.*is 2, got 4"):
        STDO(str(file), scale=4)
    with pytest.raises(ValueError, match="made for another clip"):
        STDO(str(file), clip="d" * 64)
    with pytest.raises(ValueError, match=r"STDO\.router must be one of .*got 'best'"):
        STDO(str(file), router="best")
