"""The editor: sizes, patches, routing maps, stages, and what a run remembers."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from skimage import data
from torch.nn import functional as F

from mmisr.analysis.comparison.named_arms import named_arms
from mmisr.apis.pareto import measured_arms
from mmisr.openmmlab.editor import routed_by
from mmisr.registry import HOOKS, MODELS
from mmisr.structures.hints import ImageHints

SMALL = {
    "type": "mmisr.PathRestore",
    "size": {"channels": 8, "blocks": 3, "paths": 2},
    "tiling": {"size": 21, "stride": 17, "per_pass": 5},
}


def build(**keys):
    torch.manual_seed(0)
    return MODELS.build({**SMALL, **keys})


def undecided(editor):
    """Lets the pathfinder of fresh weights decide differently from patch to patch."""
    torch.manual_seed(1)
    with torch.no_grad():
        for parameter in editor.pathfinder.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
        editor.pathfinder.decide.bias.zero_()
    return editor


@pytest.fixture(scope="module")
def photo():
    pixels = torch.from_numpy(data.astronaut()).permute(2, 0, 1).float() / 255
    return pixels[None, :, 60:157, 150:281]


@pytest.mark.parametrize("scale", [1, 4])
@pytest.mark.parametrize("hw", [(97, 131), (5, 9), (21, 22), (40, 17)])
def test_any_size_comes_out_at_its_factor(scale, hw):
    editor = undecided(build(scale=scale)).eval()
    lr = torch.rand(2, 3, *hw)
    with torch.no_grad():
        result = editor.upscale(lr)
    assert tuple(result.image.shape) == (2, 3, hw[0] * scale, hw[1] * scale)
    assert result.routing.token_size == 17
    assert tuple(result.routing.exits.shape) == (2, -(-hw[0] // 17), -(-hw[1] // 17))
    assert result.routing.exit_names == ("steps_0", "steps_1", "steps_2", "steps_3")


def test_an_image_smaller_than_a_patch_is_padded_and_cropped_back(photo):
    editor = build().eval()
    small = photo[..., :10, :12]
    padded = F.pad(small, (0, 9, 0, 11), mode="replicate")
    with torch.no_grad():
        whole = editor.upscale(padded).image
        torch.testing.assert_close(editor.upscale(small).image, whole[..., :10, :12])


@pytest.mark.parametrize("per_pass", [1, 2, 64])
def test_the_batching_changes_nothing(photo, per_pass):
    """One patch per pass is one patch after the other."""
    editor = undecided(build()).eval()
    other = undecided(build(tiling={**SMALL["tiling"], "per_pass": per_pass})).eval()
    lr = torch.cat([photo, photo.flip(-1)])
    with torch.no_grad():
        one, two = editor.upscale(lr), other.upscale(lr)
    torch.testing.assert_close(one.image, two.image)
    assert torch.equal(one.routing.exits, two.routing.exits)
    assert len(one.routing.exits.unique()) > 1


def test_the_choice_is_the_same_each_time(photo):
    editor = undecided(build()).eval()
    with torch.no_grad():
        results = [editor.upscale(photo) for _ in range(2)]
    assert torch.equal(results[0].image, results[1].image)
    assert torch.equal(results[0].aux["path_lengths"], results[1].aux["path_lengths"])


def test_every_path_at_once_is_the_network_on_the_whole_image(photo):
    editor = build().eval()
    routes = torch.ones(1, 3, dtype=torch.long)
    with torch.no_grad():
        expected = editor.net(photo, lambda block, x: routes[:, block]).clamp(0, 1)
        with routed_by(editor, "all-paths"):
            whole = editor.upscale(photo)
        with routed_by(editor, "fixed:1"):
            patches = editor.upscale(photo)
    torch.testing.assert_close(whole.image, expected)
    assert (whole.routing.exits == 3).all()
    assert (patches.routing.exits == 3).all()
    assert (whole.image - patches.image).abs().max() > 1e-4, "patches see less around them"


def test_macs_are_those_of_the_run(photo):
    """By hand: 56 patches of 21 x 21, an end at each side, two or four convolutions a block."""
    editor = build().eval()
    pixels = 56 * 21 * 21
    ends, conv = 2 * 3 * 8 * 9, 8 * 8 * 9
    assert editor.tiling.count((97, 131)) == 6 * 8 == 48
    pixels = 48 * 21 * 21
    with routed_by(editor, "fixed:0"):
        assert editor.count_macs(photo) == pixels * (ends + 3 * 2 * conv)
    with routed_by(editor, "fixed:1"):
        assert editor.count_macs(photo) == pixels * (ends + 3 * 4 * conv)
    with routed_by(editor, "all-paths"):
        assert editor.count_macs(photo) == 97 * 131 * (ends + 3 * 4 * conv)
    undecided(editor)
    with torch.no_grad():
        steps = int(editor.upscale(photo).aux["path_lengths"].sum())
    assert 0 < steps < 3 * 48
    finder = 48 * 3 * (6 * 6 * 25 * 8 * 4 + 2 * 2 * 25 * 4 * 24 + 96 * 32 + 32 * 2)
    network = pixels * (ends + 3 * 2 * conv) + steps * 21 * 21 * 2 * conv
    counted = editor.count_macs(photo)
    # What the LSTM cell costs is counted or not, by the version of PyTorch.
    assert network + finder <= counted <= network + finder + 48 * 3 * 2 * 4 * 32 * 32


def test_a_budget_is_honoured_and_set_from_outside(photo):
    editor = undecided(build(tiling={**SMALL["tiling"], "per_pass": 64})).eval()
    editor.route_by("policy", {"hard_share": 0.25})
    with torch.no_grad():
        lengths = editor.upscale(photo).aux["path_lengths"]
    assert int(lengths.sum()) == 36
    with pytest.raises(ValueError, match="a budget limits the router 'policy'"):
        editor.route_by("random:0.1", {"hard_share": 0.25})
    with pytest.raises(ValueError, match="a path from 0 to 1, got 2"):
        editor.route_by("fixed:2")


def test_random_routes_are_the_images_own(photo):
    editor = build(router="random:0.5").eval()
    lr = torch.cat([photo, photo])
    with torch.no_grad():
        both = editor.upscale(lr, [ImageHints(seed=1), ImageHints(seed=2)])
        second = editor.upscale(photo, [ImageHints(seed=2)])
    assert not torch.equal(both.routing.exits[0], both.routing.exits[1])
    assert torch.equal(both.routing.exits[1:], second.routing.exits)


def test_there_is_no_map_before_the_run(photo):
    with pytest.raises(ValueError, match=r"decides while it computes.*InstanceRouter"):
        build().eval().route(photo)


def batch(count=3, side=21, scale=1):
    torch.manual_seed(5)
    hr = torch.rand(count, 3, side * scale, side * scale)
    lr = F.avg_pool2d(hr, scale)
    return (lr + 0.1 * torch.randn_like(lr)).clamp(0, 1), hr


def total(losses):
    return sum(value for name, value in losses.items() if "loss" in name)


def gradients(editor, terms):
    editor.zero_grad()
    lr, hr = batch()
    torch.manual_seed(7)
    losses = editor.losses(lr, hr)
    sum(losses[f"loss_path_restore_{term}"] for term in terms).backward()
    return {n for n, p in editor.named_parameters() if p.grad is not None and p.grad.any()}


def test_stage_one_gives_the_pathfinder_no_gradient():
    editor = undecided(build(stage="paths")).train()
    moved = gradients(editor, ("rec", "intermediate"))
    assert moved
    assert not [name for name in moved if name.startswith("pathfinder.")]
    assert all(p.grad is None for p in editor.pathfinder.parameters())


def test_the_gradients_of_stage_two_are_disjoint():
    """So that one Adam over both equals two."""
    editor = undecided(build(stage="policy")).train()
    of_pixels = gradients(editor, ("rec",))
    of_rewards = gradients(editor, ("policy", "entropy"))
    assert of_pixels
    assert of_rewards
    assert all(name.startswith("net.") for name in of_pixels)
    assert all(name.startswith("pathfinder.") for name in of_rewards)


def test_one_optimiser_over_both_equals_two():
    lr, hr = batch()

    def trained(groups):
        editor = undecided(build(stage="policy")).train()
        optimizers = [torch.optim.Adam(group) for group in groups(editor)]
        torch.manual_seed(9)
        for _ in range(3):
            loss = total(editor.losses(lr, hr))
            for optimizer in optimizers:
                optimizer.zero_grad()
            loss.backward()
            for optimizer in optimizers:
                optimizer.step()
        return editor.state_dict()

    def one(editor):
        own = {"params": list(editor.net.parameters()), "lr": 1e-3}
        return [[own, {"params": list(editor.pathfinder.parameters()), "lr": 5e-4}]]

    def two(editor):
        return [[group] for group in one(editor)[0]]

    first, second = trained(one), trained(two)
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_the_pathfinder_has_a_rate_of_its_own():
    """In the optimiser that is built before the first stage, which does not teach it."""
    config = {
        "optimizer": {"type": "Adam", "lr": 1e-3},
        "paramwise_cfg": {"custom_keys": {"pathfinder": {"lr_mult": 0.5}}},
    }
    editor = build(stage="paths")
    optimizer = build_optim_wrapper(editor, config).optimizer
    rate = {id(p): group["lr"] for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in editor.named_parameters():
        assert rate[id(parameter)] == (5e-4 if name.startswith("pathfinder") else 1e-3)


def test_both_stages_learn():
    editor = build(stage="paths").train()
    lr, hr = batch()
    optimizer = torch.optim.Adam(editor.parameters(), 2e-3)
    psnr = []
    for step in range(60):
        if step == 40:
            editor.set_stage("policy")
        losses = editor.losses(lr, hr)
        optimizer.zero_grad()
        total(losses).backward()
        optimizer.step()
        psnr.append(float(losses["psnr_sr"]))
    assert sum(psnr[35:40]) > sum(psnr[:5]) + 5
    assert sum(psnr[-5:]) > sum(psnr[35:40])


def test_a_high_price_ends_in_short_paths_and_its_ascent_leads_out_of_them():
    lr, hr = batch(8)

    def shares(eta):
        policy = {"rollouts": 4, "cost": 1e3, "eta": eta}
        editor = build(stage="policy", policy=policy).train()
        optimizer = torch.optim.Adam(editor.pathfinder.parameters(), 5e-3)
        seen = []
        for _ in range(60):
            losses = editor.losses(lr, hr)
            optimizer.zero_grad()
            total(losses).backward()
            optimizer.step()
            seen.append(float(losses["step_share"]))
        return editor, sum(seen[-10:]) / 10

    dear, share = shares(0.0)
    assert share < 0.1
    assert float(dear.policy.cost) == 1e3
    falling, _ = shares(0.1)
    assert float(falling.policy.cost) < 500


def test_a_resumed_run_goes_on_exactly(tmp_path):
    lr, hr = batch()

    def steps(editor, optimizer, count, seed):
        torch.manual_seed(seed)
        for _ in range(count):
            optimizer.zero_grad()
            total(editor.losses(lr, hr)).backward()
            optimizer.step()

    def start(stage="policy"):
        editor = build(stage=stage, policy={"eta": 0.05}).train()
        return editor, torch.optim.Adam(editor.parameters(), 1e-3)

    editor, optimizer = start("paths")
    steps(editor, optimizer, 2, 1)
    editor.set_stage("policy")
    steps(editor, optimizer, 3, 2)
    content = {"model": editor.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(content, tmp_path / "run.pth")
    steps(editor, optimizer, 3, 3)
    resumed, other = start()
    saved = torch.load(tmp_path / "run.pth", weights_only=True)
    resumed.load_state_dict(saved["model"])
    other.load_state_dict(saved["optimizer"])
    before = {n: b.clone() for n, b in resumed.policy.named_buffers()}
    assert set(before) == {"cost", "baselines", "spread", "rest_loss"}
    assert all((value != 0).all() for value in before.values())
    steps(resumed, other, 3, 3)
    for name, value in editor.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    moved = ("cost", "baselines", "spread")
    assert all(not torch.equal(before[n], getattr(resumed.policy, n)) for n in moved)


def test_images_larger_than_a_patch_are_cut_for_training():
    editor = build(stage="policy", scale=4).train()
    lr, hr = batch(2, 40, 4)
    losses = editor.losses(lr, hr)
    total(losses).backward()
    assert all(torch.isfinite(value).all() for value in losses.values())
    small = editor.losses(lr[..., :10, :12], hr[..., :40, :48])
    assert torch.isfinite(total(small))


def test_it_needs_hr():
    with pytest.raises(ValueError, match="PathRestore learns from HR images"):
        build().losses(batch()[0], None)


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"size": "huge"}, r"PathRestore\.size must be one of \['nano', 'paper'\].*got 'huge'"),
        ({"size": {"paths": 1}}, r"paths must be at least 2.*got 1; a chain without a choice"),
        ({"stage": "both"}, r"PathRestore\.stage must be one of .*got 'both'"),
        ({"intermediate": -0.1}, r"PathRestore\.intermediate must be >= 0, got -0\.1"),
        ({"policy": {"target": 2.0}}, r"PathRestore\.policy\.target is out of range, got 2\.0"),
        ({"tiling": {"stride": 99}}, r"PathRestore\.tiling needs 1 <= stride <= size"),
        ({"router": "fixed:5"}, r"a path from 0 to 1, got 5"),
        ({"scale": 5}, r"PathRestore\.scale must be one of"),
    ],
    ids=str,
)
def test_bad_values_are_named(keys, text):
    with pytest.raises(ValueError, match=text):
        build(**keys)


@pytest.mark.parametrize("key", ["size", "policy", "tiling"])
def test_unknown_keys_fail_by_name(key):
    with pytest.raises(TypeError, match="no_such_key"):
        build(**{key: {"no_such_key": 1}})


def test_weights_of_another_size_are_refused(tmp_path):
    torch.save(build().state_dict(), tmp_path / "small.pth")
    file = str(tmp_path / "small.pth")
    again = build(checkpoint=file)
    assert all(torch.equal(v, build().state_dict()[n]) for n, v in again.state_dict().items())
    with pytest.raises(ValueError, match="does not fit PathRestore: another architecture, size"):
        build(size="nano", checkpoint=file)


def test_the_stage_is_told_by_the_hook():
    editor = build()
    hook = HOOKS.build({"type": "mmisr.StageHook", "stages": {"paths": 0, "policy": 2}})
    seen = []
    for iteration in range(4):
        hook.before_train_iter(SimpleNamespace(model=editor, iter=iteration), 0)
        seen.append(editor.stage)
    assert seen == ["paths", "paths", "policy", "policy"]


def test_it_is_an_arm_of_every_comparison(photo):
    """Each arm of compare and pareto builds, runs, and costs what its name says."""
    config = {**SMALL, "scale": 2}
    arms = {m.arm.name: m.arm for m in measured_arms(config, (0.25,))}
    assert set(arms) == {
        "bicubic",
        "block_1_only",
        "path_restore_all_hard",
        "path_restore",
        "policy_250",
        "random_250",
    }
    assert {"path_restore", "path_restore_all_hard", "hr"} <= set(named_arms(config))
    steps = {}
    for name, arm in arms.items():
        editor = MODELS.build(arm.editor).eval()
        with torch.no_grad():
            result = editor.upscale(photo, [ImageHints(seed=0)])
        if name != "bicubic":
            lengths = result.aux["path_lengths"].float()
            steps[name] = float(lengths.mean()) / 3
    assert (steps["block_1_only"], steps["path_restore_all_hard"]) == (0, 1)
    assert steps["policy_250"] == pytest.approx(0.25, abs=0.03)  # rounded in each pass
    assert steps["random_250"] == pytest.approx(0.25, abs=0.15)
