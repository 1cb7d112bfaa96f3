"""STDO in use: each patch by its network, whole frames, what is refused."""

import warnings
from dataclasses import replace

import pytest
import torch

from mmisr.editors.stdo.editor import STDO
from mmisr.structures.hints import ImageHints


def test_the_paste_is_the_evaluation_patch_by_patch(model, file):
    editor = STDO(str(file)).eval()
    networks = model.networks()
    frames = torch.rand(2, 3, 8, 12) * 0.2 + 0.4
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
    frame = torch.rand(1, 3, 8, 12) * 0.2 + 0.4
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


def test_tiles_take_the_network_of_their_size(tiled, tmp_path):
    path = tmp_path / "tiled.pth"
    tiled.write(path)
    editor = STDO(str(path)).eval()
    small, large = tiled.networks()
    frames = torch.rand(2, 3, 8, 12) * 0.2 + 0.4
    with torch.no_grad():
        result = editor.upscale(frames, [ImageHints(frame_index=n) for n in (2, 0)])
    assert editor.info.adaptive
    assert (result.routing.token_size, result.routing.exit_names) == (4, ("large", "small"))
    assert torch.equal(result.routing.exits.flatten(1), 1 - tiled.chunks[[2, 0]].long())
    for place, number in enumerate((2, 0)):
        for tile in range(6):
            y, x = 4 * (tile // 3), 4 * (tile % 3)
            lr = frames[place : place + 1, :, y : y + 4, x : x + 4]
            part = result.image[place, :, 2 * y : 2 * y + 8, 2 * x : 2 * x + 8]
            with torch.no_grad():
                if tiled.chunks[number, tile] == 1:
                    expected = large(lr)
                else:
                    rows = [small(row) for half in lr.split(2, 2) for row in half.split(2, 3)]
                    expected = torch.cat([torch.cat(rows[:2], 3), torch.cat(rows[2:], 3)], 2)
            torch.testing.assert_close(part, expected[0].clamp(0, 1), atol=1e-6, rtol=0)


def test_what_a_frame_costs_grows_with_the_tiles_that_are_split(tiled, tmp_path):
    tiled.chunks[0] = 1
    tiled.chunks[1] = 0
    tiled.write(tmp_path / "tiled.pth")
    editor = STDO(str(tmp_path / "tiled.pth")).eval()
    frame = torch.full((1, 3, 8, 12), 0.5)
    easy, hard = (editor.count_macs(frame, [ImageHints(frame_index=n)]) for n in (0, 1))
    assert hard > 1.2 * easy


def test_tiles_that_overlap_have_a_routing_map_too(tiled, tmp_path):
    other = replace(tiled, lr_hw=(8, 16), grid=(1, 6), chunks=torch.tensor([[0, 1, 1, 0, 0, 1]]))
    replace(other, thumbnails=tiled.thumbnails[:1]).write(tmp_path / "tiled.pth")
    editor = STDO(str(tmp_path / "tiled.pth")).eval()
    with torch.no_grad():
        result = editor.upscale(torch.rand(1, 3, 8, 16) * 0.2 + 0.4, [ImageHints(frame_index=0)])
    assert result.routing.token_size == 1
    tiles = result.routing.exits[0, 0].tolist()
    assert tiles == [1, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0]  # the last begins at 13


def test_a_frame_that_was_not_learned_is_a_warning_once(model, file):
    editor = STDO(str(file))
    grey = torch.full((2, 3, 8, 12), 0.5)
    hints = [ImageHints(frame_index=1), ImageHints(frame_index=2)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        editor.upscale(grey, hints)
        editor.upscale(grey + 11 / 255, hints)
    grey[1] = 0.6
    with pytest.warns(
        UserWarning, match=r"LR frame 2 .* frame 2 of clip\.mkv \(SHA-256 c{12}"
    ) as said:
        editor.upscale(grey, hints)
        editor.upscale(grey, hints)
    assert len(said) == 1
    assert "clip.pth learned from" in str(said[0].message)
    assert "differ by 25 grey levels" in str(said[0].message)


def test_another_clip_scale_or_router_is_refused(file):
    assert STDO(str(file), scale=2, clip="c" * 64).info.scale == 2
    with pytest.raises(ValueError, match=r"scale must be that of its model.*is 2, got 4"):
        STDO(str(file), scale=4)
    with pytest.raises(ValueError, match="made for another clip"):
        STDO(str(file), clip="d" * 64)
    with pytest.raises(ValueError, match=r"STDO\.router must be one of .*got 'best'"):
        STDO(str(file), router="best")
