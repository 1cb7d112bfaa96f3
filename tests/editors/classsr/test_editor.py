"""ClassSR: what tiles take, how they are put together, what is trained."""

import pytest
import torch

from mmisr.ops.macs import count_macs
from mmisr.structures.hints import ImageHints


def picture(height=37, width=50, count=1):
    torch.manual_seed(3)
    coarse = torch.rand(count, 3, -(-height // 6), -(-width // 6))
    smooth = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
    return (smooth + 0.1 * torch.rand(count, 3, height, width)).clamp(0, 1)


@torch.no_grad()
def upscale(editor, lr, hints=None):
    return editor.upscale(lr, hints)


def test_a_tile_is_what_its_own_branch_makes_of_it(build):
    editor = build()
    lr = picture(16, 16)
    result = upscale(editor, lr)
    chosen = int(editor.net.classifier(lr).argmax())
    expected = editor.net.branches[chosen](lr).clamp(0, 1)
    torch.testing.assert_close(result.image, expected)
    assert (result.routing.exits == chosen).all()


def test_the_frame_is_what_a_loop_over_its_tiles_gives(build):
    """One tile after another, pasted with the published plain mean."""
    editor = build(official_protocol=True)
    lr = picture()
    result = upscale(editor, lr)
    assert len(result.routing.exits.unique()) > 1
    total = torch.zeros(1, 3, 74, 100)
    weight = torch.zeros(1, 1, 74, 100)
    tops, lefts = [0, 12, 21], [0, 12, 24, 34]
    for top in tops:
        for left in lefts:
            tile = lr[..., top : top + 16, left : left + 16]
            branch = editor.net.branches[int(editor.net.classifier(tile).argmax())]
            pixels = (branch(tile).detach().clamp(0, 1) * 255).round() / 255
            total[..., 2 * top : 2 * top + 32, 2 * left : 2 * left + 32] += pixels
            weight[..., 2 * top : 2 * top + 32, 2 * left : 2 * left + 32] += 1
    difference = (result.image - total / weight).abs()
    # A value half-way between two levels may be rounded either way in a batch.
    assert (difference > 1e-5).float().mean() < 1e-3
    assert difference.max() < 1.01 / 255


def test_tiles_are_blended_in_float_by_default(build):
    result = upscale(build(), picture())
    levels = result.image * 255
    assert not torch.allclose(levels, levels.round(), atol=1e-3)


def test_untiled_is_the_largest_branch_on_the_whole_frame(build):
    editor = build(router="untiled")
    lr = picture()
    result = upscale(editor, lr)
    torch.testing.assert_close(result.image, editor.net.branches[-1](lr).detach().clamp(0, 1))
    assert (result.routing.exits == 2).all()
    branch = count_macs(editor.net.branches[-1], lr)
    assert editor.count_macs(lr) == branch


@pytest.mark.parametrize("number", [0, 1, 2])
def test_fixed_takes_one_branch_and_asks_nobody(build, number):
    editor = build(router=f"fixed:{number}")
    lr = picture()
    assert (upscale(editor, lr).routing.exits == number).all()
    per_tile = count_macs(editor.net.branches[number], lr[..., :16, :16])
    assert editor.count_macs(lr) == 12 * per_tile


def test_macs_charge_overlap_and_class_module(build):
    editor = build()
    lr = picture()
    routing = upscale(editor, lr).routing
    classes = editor.tiles.to_tiles(routing.exits, (37, 50)).flatten().tolist()
    per_class = editor.patch_macs()
    assert editor.count_macs(lr) == sum(per_class[number] for number in classes)


def test_many_tiles_run_in_several_passes(build, monkeypatch):
    editor = build()
    lr = picture(count=3)
    whole = upscale(editor, lr).image
    monkeypatch.setattr("mmisr.editors.classsr.net.TILES_PER_PASS", 2)
    torch.testing.assert_close(upscale(editor, lr).image, whole, atol=1e-6, rtol=0)


def test_a_route_is_what_the_frame_takes(build):
    editor = build()
    lr = picture(count=2)
    with torch.no_grad():
        routing = editor.route(lr)
    assert torch.equal(routing.exits, upscale(editor, lr).routing.exits)
    assert tuple(routing.exits.shape) == (2, 4, 5)


def test_known_exits_are_kept(build):
    editor = build()
    lr = picture()
    exits = torch.randint(3, (4, 5))
    routing = upscale(editor, lr, [ImageHints(exits=exits)]).routing
    # A tile takes the deepest of its cells, so that what is wanted deep is.
    assert (routing.exits[0] >= exits).all()
    again = upscale(editor, lr, [ImageHints(exits=routing.exits[0])]).routing
    assert torch.equal(again.exits, routing.exits)


def test_small_images_are_padded_and_cropped(build):
    result = upscale(build(), picture(5, 9))
    assert tuple(result.image.shape) == (1, 3, 10, 18)
    assert tuple(result.routing.exits.shape) == (1, 1, 1)


def test_two_branches_have_names_of_their_own(build):
    two = build().net.branches[:2]
    branches = [{"type": "mmisr.ResidualSR", "channels": 4, "scale": 2, "units": 1}] * len(two)
    assert upscale(build(branches=branches), picture()).routing.exit_names == ("exit0", "exit1")


# What is trained.


def losses(editor, classes=(0, 2)):
    lr = picture(16, 16, count=len(classes))
    hr = picture(32, 32, count=len(classes))
    hints = [ImageHints(patch_class=number) for number in classes]
    found = editor.train().losses(lr, hr, hints)
    total = sum(value for key, value in found.items() if key.startswith("loss"))
    total.backward()
    return found


def with_gradient(editor):
    parts = {"classifier": editor.net.classifier}
    parts |= {f"branch{n}": branch for n, branch in enumerate(editor.net.branches)}
    return {
        name
        for name, part in parts.items()
        if any(p.grad is not None and p.grad.abs().sum() > 0 for p in part.parameters())
    }


def test_stage_branches_teaches_each_its_own_class(build):
    editor = build()
    editor.set_stage("branches")
    found = losses(editor)
    assert with_gradient(editor) == {"branch0", "branch2"}
    assert found["labels_easy"] == found["labels_hard"] == 0.5
    tile = picture(16, 16, count=2)[:1]
    target = picture(32, 32, count=2)[:1]
    alone = (editor.net.branches[0](tile) - target).abs().mean() * 1000
    torch.testing.assert_close(found["loss_classsr_branch0"], alone)


def test_stage_classifier_leaves_the_branches_alone(build):
    editor = build()
    editor.set_stage("classifier")
    losses(editor)
    assert with_gradient(editor) == {"classifier"}


def test_stage_joint_teaches_all(build):
    editor = build()
    with torch.no_grad():
        editor.net.classifier.last.weight.div_(300)  # undecided: all branches count
    editor.set_stage("joint")
    losses(editor)
    assert with_gradient(editor) == {"classifier", "branch0", "branch1", "branch2"}


def test_resting_batch_norms_keep_their_statistics(build):
    branches = [{"type": "mmisr.CARNM", "channels": width, "scale": 2} for width in (4, 8)]
    torch.manual_seed(0)
    from mmisr.registry import MODELS

    editor = MODELS.build(
        {"type": "mmisr.ClassSR", "scale": 2, "branches": branches, "tiles": {"size": 16}}
        | {"tiles": {"size": 16, "stride": 12}}
    )
    editor.set_stage("classifier")
    before = {key: value.clone() for key, value in editor.net.branches.state_dict().items()}
    losses(editor, classes=(0, 1))
    after = editor.net.branches.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())


def test_in_training_a_pair_sees_what_it_will_be_served(build):
    editor = build()
    lr = picture()
    served = upscale(editor, lr).image
    editor.train()
    trained = editor.upscale(lr).image
    torch.testing.assert_close(trained.detach().clamp(0, 1), served)
    trained.sum().backward()
    assert "classifier" not in with_gradient(editor)


def test_the_router_learns_given_exits(build):
    editor = build().train()
    lr = picture()
    exits = torch.zeros(1, 4, 5, dtype=torch.long)
    exits[0, 0, 0] = 2
    optimizer = torch.optim.Adam(editor.router_network.parameters(), lr=1e-3)
    first = None
    for _ in range(40):
        loss = editor.router_losses(lr, exits)["loss_classsr_class"]
        first = first or loss.item()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.5 * first


def test_whole_images_are_cut_for_the_losses(build):
    editor = build().train()
    found = editor.losses(picture(), picture(74, 100))
    assert torch.isfinite(found["loss_classsr_image"])


# Bad input.


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"branches": []}, "at least two networks, smallest first, got 0"),
        ({"scale": 4}, r"ClassSR\(scale=4\): branch 0, ResidualSR, must turn .* into .*64, 64"),
        ({"tiles": {"size": 16, "stride": 17}}, r"ClassSR\.tiles needs 1 <= stride <= size"),
        ({"tiles": {"size": 3, "stride": 3}}, r"ClassSR\.tiles\.size must be at least 4.*got 3"),
        ({"router": "fixed:3"}, "a branch k from 0 to 2, got 'fixed:3'"),
        ({"router": "fixed"}, "a branch k from 0 to 2, got 'fixed'"),
        ({"router": "edge:2"}, "router must be one of .* got 'edge:2'"),
        ({"router": {"type": "edge", "budget": {}}}, "a budget limits the router 'learned'"),
        (
            {"router": {"type": "learned", "budget": {"hard_share": 2}}},
            r"budget is dict\(hard_share=p\) with p in \[0, 1\]",
        ),
        ({"router": {"type": "random", "shares": (0.5, 0.5)}}, "shares must be 3 numbers"),
        ({"loss": {"even": -1.0}}, "weights must be at least 0"),
    ],
)
def test_bad_configs_are_named(build, changes, text):
    with pytest.raises(ValueError, match=text):
        build(**changes)


def test_unknown_arguments_of_a_router_are_named(build):
    with pytest.raises(TypeError, match=r"router 'edge' was given \['share'\]"):
        build(router={"type": "edge", "share": 0.5})


def test_branches_of_several_scales_are_refused(build):
    mixed = [
        {"type": "mmisr.ResidualSR", "channels": 4, "scale": 2, "units": 1},
        {"type": "mmisr.ResidualSR", "channels": 4, "scale": 4, "units": 1},
    ]
    with pytest.raises(ValueError, match=r"branch 1, ResidualSR.*have the same `scale`"):
        build(branches=mixed)


def test_stage_branches_without_classes_names_the_tool(build):
    editor = build()
    editor.set_stage("branches")
    with pytest.raises(ValueError, match=r"tools/data/psnr_classes\.py.*mmisr\.ClassPatch"):
        editor.losses(picture(16, 16), picture(32, 32))


def test_a_class_list_of_another_number_of_branches_is_refused(build):
    editor = build()
    editor.set_stage("branches")
    with pytest.raises(ValueError, match="3 branches, and a patch of class 3 came"):
        losses(editor, classes=(0, 3))


def test_no_hr_and_no_such_stage_are_named(build):
    editor = build()
    with pytest.raises(ValueError, match="ClassSR learns from HR images"):
        editor.losses(picture(16, 16), None)
    with pytest.raises(ValueError, match="ClassSR stage must be one of .* got 'all'"):
        editor.set_stage("all")
