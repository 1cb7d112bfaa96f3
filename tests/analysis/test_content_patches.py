"""Patches: where they lie, always the same, and what is refused."""

import pytest
import torch

from mmisr.analysis.content_patches import choose_patches


def image(height: int, width: int, seed: int):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


def test_they_are_cut_where_they_say_and_do_not_overlap():
    images = {"a.png": image(33, 50, 0), "b.png": image(16, 16, 1)}
    patches = choose_patches(images.items(), 16, 7)
    places = [(patch.image, patch.top, patch.left) for patch in patches]
    assert len(set(places)) == 7
    assert {(top % 16, left % 16) for _, top, left in places} == {(0, 0)}
    assert ("b.png", 0, 0) in places
    for patch in patches:
        rows = images[patch.image][:, patch.top : patch.top + 16]
        assert torch.equal(patch.pixels, rows[:, :, patch.left : patch.left + 16])
    again = choose_patches(images.items(), 16, 3)
    once_more = choose_patches(images.items(), 16, 3)
    assert [(p.image, p.top, p.left) for p in again] == [
        (p.image, p.top, p.left) for p in once_more
    ]


def test_images_beyond_enough_are_not_read():
    read = []

    def images():
        for index in range(9):
            read.append(index)
            yield f"{index}.png", image(32, 40, index)

    assert len(choose_patches(images(), 8, 2)) == 2
    assert read == [0, 1]  # 20 patches each; the second is fetched, and left alone


def test_what_is_constant_is_never_taken():
    half = image(16, 48, 0)
    half[:, :, :16] = 0.5
    patches = choose_patches([("half.png", half)], 16, 2)
    assert [patch.left for patch in patches] == [16, 32]
    with pytest.raises(ValueError, match=r"hold 2 \(1 more are constant"):
        choose_patches([("half.png", half)], 16, 3)
    with pytest.raises(ValueError, match=r"hold 0 \(3 more are constant"):
        choose_patches([("black.png", torch.zeros(3, 16, 48))], 16, 2)


def test_too_few_are_named_with_the_largest_image():
    images = [("a.png", image(20, 40, 0)), ("b.png", image(30, 31, 1))]
    with pytest.raises(ValueError, match=r"4 patches of 32x32 .* hold 0 .*has 31x30 pixels"):
        choose_patches(images, 32, 4)


@pytest.mark.parametrize(("side", "count"), [(7, 4), (16, 1)])
def test_one_content_is_none(side, count):
    with pytest.raises(ValueError, match=rf"got side={side} and {count} patches"):
        choose_patches([], side, count)
