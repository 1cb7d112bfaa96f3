"""Who says which branch a tile takes."""

import pytest
import torch

from mmisr.structures.hints import Found, ImageHints


def picture(count=1):
    torch.manual_seed(5)
    return torch.rand(count, 3, 40, 52)


def tiles_of(editor, lr, hints=None):
    with torch.no_grad():
        routing = editor.route(lr, hints)
    return editor.tiles.to_tiles(routing.exits, tuple(lr.shape[-2:]))


@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 1.0])
def test_a_budget_is_kept_and_takes_the_surest(build, share):
    editor = build(router={"type": "learned", "budget": {"hard_share": share}})
    lr = picture()
    chosen = tiles_of(editor, lr).flatten()
    assert int((chosen > 0).sum()) == round(share * len(chosen))
    logits = editor.net.classifier(editor.tiles.split(lr)).detach()
    margin = logits[:, 1:].amax(1) - logits[:, 0]
    if 0 < share < 1:
        assert margin[chosen > 0].min() >= margin[chosen == 0].max()
    deep = chosen > 0
    assert torch.equal(chosen[deep], logits[deep, 1:].argmax(1) + 1)


@pytest.mark.parametrize("name", ["edge", "random"])
def test_others_take_as_many_tiles_of_each_kind_as_the_class_module(build, name):
    editor = build(router=name)
    lr = picture(2)
    hints = [ImageHints(seed=1), ImageHints(seed=2)]
    chosen = tiles_of(editor, lr, hints).flatten(1)
    logits = editor.net.classifier(editor.tiles.split(lr)).detach()
    own = logits.argmax(1).view(2, -1)
    for number in range(3):
        assert torch.equal((chosen == number).sum(1), (own == number).sum(1))


@pytest.mark.parametrize("name", ["edge", "random"])
def test_given_shares_need_no_class_module(build, name):
    editor = build(router={"type": name, "shares": (0.5, 0.25, 0.25)})
    editor.net.classifier = None
    chosen = tiles_of(editor, picture()).flatten()
    assert chosen.bincount().tolist() == [6, 3, 3]


def test_edges_rank_by_the_mean_laplacian(build):
    lr = torch.full((1, 3, 28, 28), 0.5)
    lr[..., 14:, 14::2] = 1.0
    editor = build(router={"type": "edge", "shares": (0.75, 0.0, 0.25)})
    assert tiles_of(editor, lr).tolist() == [[[0, 0], [0, 2]]]


def test_random_depends_on_the_image_alone(build):
    editor = build(router={"type": "random", "shares": (0.5, 0.25, 0.25)})
    lr = picture(2)
    hints = [ImageHints(seed=1), ImageHints(seed=2)]
    both = tiles_of(editor, lr, hints)
    assert torch.equal(both[1:], tiles_of(editor, lr[1:], hints[1:]))


@pytest.mark.parametrize("name", ["oracle", "detector_prior"])
def test_boxes_make_their_tiles_hard(build, name):
    editor = build(router=name)
    lr = torch.rand(1, 3, 28, 28)
    boxes = torch.tensor([[17.0, 17.0, 20.0, 20.0]])
    found = Found(boxes, torch.ones(1), torch.zeros(1, dtype=torch.int64))
    known = {"oracle": {"boxes_lr": boxes}, "detector_prior": {"found": found}}
    assert tiles_of(editor, lr, [ImageHints(**known[name])]).tolist() == [[[0, 0], [0, 2]]]
    with pytest.raises(ValueError, match=f"router '{name}' needs boxes in the lr frame"):
        tiles_of(editor, lr, [ImageHints()])
