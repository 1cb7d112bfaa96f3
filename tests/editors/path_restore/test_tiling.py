"""Patches of images: ramps, borders, passes, and the map of tokens."""

import pytest
import torch

from mmisr.editors.path_restore.tiling import Patches


@pytest.mark.parametrize("hw", [(63, 63), (97, 131), (64, 240), (116, 116)])
@pytest.mark.parametrize("scale", [1, 4])
def test_stitching_what_was_split_gives_the_image(hw, scale):
    """So the weights of the ramps sum to one everywhere, after division."""
    tiling = Patches()
    image = torch.rand(2, 3, hw[0] * scale, hw[1] * scale).double()
    patches = tiling.split(image, scale)
    assert len(patches) == 2 * tiling.count(hw)
    torch.testing.assert_close(tiling.stitch(patches, hw, scale), image)
    ones = torch.ones_like(patches)
    torch.testing.assert_close(tiling.stitch(ones, hw, scale), torch.ones_like(image))


def test_an_overlap_moves_smoothly_from_one_patch_to_the_next():
    tiling = Patches()
    patches = torch.zeros(2, 1, 63, 63)
    patches[1] = 1
    image = tiling.stitch(patches, (63, 116))[0, 0, 30]
    assert (image[:53] == 0).all()
    assert (image[63:] == 1).all()
    steps = image[52:64].diff()
    assert (steps > 0).all()
    assert float(steps.max()) < 0.2


@pytest.mark.parametrize(
    ("images", "per_image", "expected"),
    [
        (3, 2, [(0, 4, 2), (4, 6, 1)]),
        (2, 4, [(0, 4, 1), (4, 8, 1)]),
        (2, 7, [(0, 5, 1), (5, 7, 1), (7, 12, 1), (12, 14, 1)]),
        (1, 1, [(0, 1, 1)]),
    ],
)
def test_a_pass_holds_whole_images_or_parts_of_one(images, per_image, expected):
    per_pass = 4 if per_image < 5 else 5
    tiling = Patches(per_pass=per_pass)
    passes = [(p.start, p.stop, n) for p, n in tiling.passes(images, per_image)]
    assert passes == expected


def test_tokens_have_the_value_of_the_patch_that_weighs_most_there():
    tiling = Patches(size=9, stride=6)
    # Patches begin at 0, 6 and 8 along 17 pixels; tokens of 6 have their centres at 3, 9 and 15.
    values = torch.arange(3)[None]
    assert tiling.on_tokens(values, (9, 17)).tolist() == [[[0, 1, 2], [0, 1, 2]]]
    two_rows = torch.arange(6)[None]
    assert tiling.on_tokens(two_rows, (12, 17)).tolist() == [[[0, 1, 2], [3, 4, 5]]]


@pytest.mark.parametrize("hw", [(63, 63), (64, 200), (97, 131), (300, 117)])
def test_there_is_a_token_for_every_part_of_the_image(hw):
    tiling = Patches()
    values = torch.arange(tiling.count(hw))[None]
    grid = tiling.on_tokens(values, hw)
    assert tuple(grid.shape) == (1, -(-hw[0] // 53), -(-hw[1] // 53))
    assert grid[0, 0, 0] == 0
    assert grid[0, -1, -1] == values.max()


@pytest.mark.parametrize("wrong", [{"stride": 64}, {"stride": 0}, {"size": 20}], ids=str)
def test_steps_that_leave_gaps_are_refused(wrong):
    with pytest.raises(ValueError, match=r"PathRestore\.tiling needs 1 <= stride <= size"):
        Patches(**wrong)


def test_a_pass_of_nothing_is_refused():
    with pytest.raises(
        ValueError, match=r"PathRestore\.tiling\.per_pass must be at least 1, got 0"
    ):
        Patches(per_pass=0)


def test_words_for_numbers_are_named():
    with pytest.raises(ValueError, match=r"PathRestore\.tiling\.size must be int"):
        Patches(size="large")
