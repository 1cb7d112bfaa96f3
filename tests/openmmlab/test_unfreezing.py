"""Weights that wait: by the iteration alone, in phases, over a kill, in two processes."""

import copy
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch import nn
from torch.optim import Adam

sys.path.insert(0, str(Path(__file__).parents[1] / "strategies"))

import steps

from mmisr.openmmlab.distributed import PhasedDistributedDataParallel
from mmisr.openmmlab.stack import prepare
from mmisr.openmmlab.unfreezing import UnfreezeHook
from mmisr.registry import HOOKS, MODELS

prepare()
pytestmark = pytest.mark.usefixtures("one_thread")

AT = 2
EDITOR = {
    "type": "mmisr.SFTGAN",
    "scale": 2,
    "size": {"channels": 4, "blocks": 1, "conditions": 3, "hidden": 3},
    "prior": "oracle",
}
EARLY = ("conditions", "sft")
ADAM = {
    "constructor": "mmisr.PartOptimWrapperConstructor",
    "editor": {
        "optimizer": {"type": "Adam", "lr": 1e-3},
        "paramwise_cfg": {"custom_keys": {"sft": {"lr_mult": 5.0}, "conditions": {"lr_mult": 5.0}}},
    },
    "strategy": {"optimizer": {"type": "Adam", "lr": 1e-3}},
}


def gate(**changes) -> UnfreezeHook:
    arguments = {"at": AT, "from_start": EARLY, "part": "editor"}
    return HOOKS.build({"type": "mmisr.UnfreezeHook", **arguments, **changes})


def gan():
    return steps.pair("Adversarial", EDITOR)


def run(model, wrappers, hook, iterations, outer=None, first=0, stride=2):
    """Iterations as a Runner would make them; what moved in each."""
    moved = []
    trained = outer or model
    for iteration in iterations:
        runner = SimpleNamespace(model=trained, iter=iteration)
        hook.before_train_iter(runner, iteration)
        before = copy.deepcopy(model.editor.state_dict())
        trained.train_step(steps.batch(first + stride * iteration, 2), wrappers)
        after = model.editor.state_dict()
        names = {name for name, value in after.items() if not torch.equal(value, before[name])}
        moved.append(names)
    return moved


def is_early(name: str) -> bool:
    return any(key in name for key in EARLY)


def test_what_waits_does_not_move_before_its_iteration():
    model = gan()
    moved = run(model, build_optim_wrapper(model, ADAM), gate(), range(4))
    for names in moved[:AT]:
        assert names
        assert all(map(is_early, names))
    for names in moved[AT:]:
        assert "net.head.weight" in names
        assert any(map(is_early, names))


def test_no_optimiser_has_a_state_of_what_waits():
    """Adam's moments begin with the first step, as where another optimiser was stepped later."""
    model = gan()
    wrappers = build_optim_wrapper(model, ADAM)
    hook = gate()
    run(model, wrappers, hook, range(AT))
    optimizer = wrappers["editor"].optimizer
    names = {id(weight): name for name, weight in model.editor.named_parameters()}
    assert {is_early(names[id(weight)]) for weight in optimizer.state} == {True}
    run(model, wrappers, hook, [AT])
    head = model.editor.net.head.weight
    assert optimizer.state[head]["step"] == 1
    rates = {group["lr"] for group in optimizer.param_groups}
    assert rates == {1e-3, 5e-3}


@pytest.mark.parametrize("stop", [1, AT, 3])
def test_a_resumed_run_goes_on_bit_for_bit(stop):
    whole = gan()
    run(whole, build_optim_wrapper(whole, ADAM), gate(), range(4))
    first = gan()
    wrappers = build_optim_wrapper(first, ADAM)
    run(first, wrappers, gate(), range(stop))
    saved = copy.deepcopy([first.state_dict(), wrappers.state_dict()])
    second = gan()
    again = build_optim_wrapper(second, ADAM)
    second.load_state_dict(saved[0])
    again.load_state_dict(saved[1])
    run(second, again, gate(), range(stop, 4))
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


def trained_apart(out: str) -> None:
    """Three iterations as one of two processes."""
    torch.distributed.init_process_group("gloo")
    rank = torch.distributed.get_rank()
    model = gan()
    wrapped = PhasedDistributedDataParallel(model, broadcast_buffers=False)
    wrappers = build_optim_wrapper(wrapped, ADAM)
    run(model, wrappers, gate(), range(3), wrapped, first=2 * rank, stride=4)
    if rank == 0:
        torch.save(model.state_dict(), out)
    torch.distributed.destroy_process_group()


def test_in_two_processes(tmp_path, starting):
    out = tmp_path / "weights.pth"
    for process in starting(2, lambda: trained_apart(str(out))):
        process.result()
    theirs = torch.load(out, weights_only=True)
    model = gan()
    wrappers = build_optim_wrapper(model, ADAM)
    hook = gate()
    for iteration in range(3):
        hook.before_train_iter(SimpleNamespace(model=model, iter=iteration), iteration)
        model.train_step(steps.batch(4 * iteration, 4), wrappers)
    for name, value in model.editor.state_dict().items():
        # Adam's first steps are as large where a gradient is all but 0.
        torch.testing.assert_close(value, theirs[f"editor.{name}"], atol=2e-3, rtol=0)
    fresh = gan().editor.state_dict()
    assert not torch.equal(theirs["editor.net.head.weight"], fresh["net.head.weight"])


def test_an_editor_alone():
    torch.manual_seed(0)
    model = MODELS.build(EDITOR)
    hook = gate(part=None)
    hook.before_train_iter(SimpleNamespace(model=model, iter=0), 0)
    learns = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert learns
    assert all(map(is_early, learns))
    hook.before_train_iter(SimpleNamespace(model=model, iter=AT), AT)
    assert all(weight.requires_grad for weight in model.parameters())


def test_what_was_frozen_stays_so():
    model = nn.ModuleDict({"early": nn.Linear(1, 1), "late": nn.Linear(1, 1)})
    model["late"].bias.requires_grad_(False)
    hook = UnfreezeHook(1, ["early"])
    hook.before_train_iter(SimpleNamespace(model=model, iter=0), 0)
    hook.before_train_iter(SimpleNamespace(model=model, iter=1), 1)
    assert not model["late"].bias.requires_grad
    assert model["late"].weight.requires_grad
    assert Adam(model.parameters())


def test_after_training_nothing_waits():
    model = gan()
    hook = gate()
    hook.before_train_iter(SimpleNamespace(model=model, iter=0), 0)
    hook.after_train(SimpleNamespace(model=model))
    assert all(weight.requires_grad for weight in model.editor.parameters())


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"at": -1}, r"needs at >= 0 and names in from_start, got at=-1"),
        ({"from_start": ()}, r"needs at >= 0 and names in from_start.*from_start=\[\]"),
    ],
)
def test_wrong_arguments_are_named(changes, text):
    with pytest.raises(ValueError, match=text):
        gate(**changes)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"part": "generator"}, "UnfreezeHook.part='generator' is no part of SRDetector"),
        ({"from_start": ["sfft"]}, r"from_start=\['sfft'\] names no weight of SFTGAN"),
    ],
)
def test_what_the_model_has_not_is_named(changes, text):
    hook = gate(**changes)
    with pytest.raises(ValueError, match=text):
        hook.before_train_iter(SimpleNamespace(model=gan(), iter=0), 0)
