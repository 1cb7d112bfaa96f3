"""Phases: true under several processes, with an optimiser per part, over a kill.

What rests does not move.
"""

import copy
from pathlib import Path

import pytest
import steps
import torch
from mmengine.model import MMDistributedDataParallel
from mmengine.optim import OptimWrapper, build_optim_wrapper
from torch import distributed, nn

from mmisr.apis.publish import publish
from mmisr.openmmlab.checkpoints import load_state
from mmisr.openmmlab.loading import load_into
from mmisr.pipeline.strategy import Phase, in_phase

HERE = Path(__file__).parent

EVERY = steps.strategies()
pytestmark = pytest.mark.usefixtures("one_thread")


def state_of(module: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in module.state_dict().items()}


def changed(before: dict, module: nn.Module) -> list[str]:
    return [
        name for name, value in module.state_dict().items() if not torch.equal(value, before[name])
    ]


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory, starting) -> dict:
    """The weights of every strategy after two steps in two processes."""
    out = tmp_path_factory.mktemp("two") / "weights.pth"
    for process in starting(2, lambda: steps.main(str(out))):
        process.result()
    return torch.load(out, weights_only=True)


@pytest.mark.parametrize("strategy", EVERY)
class TestEveryStrategy:
    def test_two_processes_learn_what_one_with_the_double_batch_learns(
        self, strategy, two_processes
    ):
        model = steps.pair(strategy)
        start = state_of(model)
        wrappers = steps.optimizers(model)
        for step in range(2):
            model.train_step(steps.batch(4 * step, 4), wrappers)
        assert changed(start, model)
        theirs = two_processes[strategy]
        apart = {
            name: float((value - theirs[name]).abs().max())
            for name, value in model.state_dict().items()
        }
        assert max(apart.values()) < 1e-5, sorted(apart.items(), key=lambda item: -item[1])[:3]

    def test_accumulation_of_two_equals_the_double_batch(self, strategy):
        """Exactly twice the same images.

        Detectors divide by the objects of a batch, not by its images.
        """
        whole, halves = steps.pair(strategy), steps.pair(strategy)
        one, two = steps.batch(0, 2), steps.batch(0, 2)
        double = {key: one[key] + two[key] for key in one}
        whole.train_step(double, steps.optimizers(whole))
        wrappers = steps.optimizers(halves, accumulative_counts=2)
        wrappers.initialize_count_status(halves, 0, 2)
        before = state_of(halves)
        halves.train_step(steps.batch(0, 2), wrappers)
        assert changed(before, halves) == []
        halves.train_step(steps.batch(0, 2), wrappers)
        # A later phase saw the parts of the first before their accumulation was full: no double
        # batch does.
        learned = tuple(f"{part}." for part in whole.strategy.phases[0].learns)
        both = zip(whole.state_dict().items(), halves.state_dict().values(), strict=True)
        apart = {
            name: float((a - b).abs().max()) for (name, a), b in both if name.startswith(learned)
        }
        assert max(apart.values()) < 1e-6, sorted(apart.items(), key=lambda item: -item[1])[:3]

    def test_a_part_at_rest_does_not_move_in_a_phase(self, strategy):
        """Bit-identical: weights, batch-norm statistics, and what a later phase takes over."""
        model = steps.pair(strategy)
        wrappers, data = steps.optimizers(model), steps.batch(0, 2)
        for phase in model.strategy.phases:
            before = {name: state_of(part) for name, part in model.parts().items()}
            modes = {name: module.training for name, module in model.named_modules()}
            with in_phase(model, phase):
                total, _ = model.parse_losses(
                    model(**model.data_preprocessor(data, True), mode="loss")
                )
                for name in phase.learns:
                    wrappers[name].update_params(total) if name == phase.learns[-1] else None
            for name, part in model.parts().items():
                if name not in phase.learns:
                    assert changed(before[name], part) == [], (phase.name, name)
            assert {name: module.training for name, module in model.named_modules()} == modes

    def test_its_checkpoint_serves_in_a_pair_with_another_strategy(self, strategy, tmp_path):
        model = steps.pair(strategy)
        saved, published = tmp_path / "run.pth", tmp_path / "published.pth"
        torch.save({"state_dict": model.state_dict()}, saved)
        publish(saved, published)
        assert not [
            name for name in load_state(published) if not name.startswith(("editor.", "detector."))
        ]
        for file in (saved, published):
            other = steps.pair("Frozen", steps.editor_of(strategy))
            with torch.no_grad():
                for weight in other.parameters():
                    weight.add_(1)
            load_into(other, load_state(file), file)
            assert not changed({**other.state_dict(), **state_of_parts(model)}, other)
            assert other.load_state_dict(load_state(file), strict=True).unexpected_keys == []


def state_of_parts(model: nn.Module) -> dict[str, torch.Tensor]:
    return {
        name: value
        for name, value in model.state_dict().items()
        if name.startswith(("editor.", "detector."))
    }


class TestWhatAStrategyOwns:
    def test_its_networks_learn_and_are_saved_with_the_run(self):
        model = steps.pair("TwoPhases")
        before = state_of(model.strategy)
        assert set(before) == {
            f"branch.{n}"
            for n in nn.Sequential(nn.Conv2d(3, 4, 3), nn.GroupNorm(2, 4)).state_dict()
        }
        model.train_step(steps.batch(0, 2), steps.optimizers(model))
        assert "branch.0.weight" in changed(before, model.strategy)

    def test_a_teacher_is_nowhere_but_follows_the_model(self):
        model = steps.pair("TwoPhases")
        teacher = model.strategy.teacher
        before = copy.deepcopy(teacher.state_dict())
        assert not [name for name in model.state_dict() if "teacher" in name]
        assert not {id(p) for p in teacher.parameters()} & {id(p) for p in model.parameters()}
        model.train()
        for _ in range(2):
            model.train_step(steps.batch(0, 2), steps.optimizers(model))
        assert not any(module.training for module in teacher.modules())
        assert changed(before, teacher) == []
        assert all(p.grad is None for p in teacher.parameters())
        model.double()
        assert {p.dtype for p in teacher.parameters()} == {torch.float64}
        assert copy.deepcopy(model).strategy.teacher[0].weight.dtype == torch.float64

    def test_gradients_pass_through_a_part_that_rests(self):
        model = steps.pair("TwoPhases")
        restore = model.strategy.phases[0]
        with in_phase(model, restore):
            losses = model(**model.data_preprocessor(steps.batch(0, 2), True), mode="loss")
            sum(v for n, v in losses.items() if n.startswith("task_loss")).backward()
        assert any(p.grad.abs().sum() > 0 for p in model.editor.parameters())
        assert all(p.grad is None for p in model.detector.parameters())


class TestLogs:
    def test_losses_stand_under_their_phase_and_add_up(self):
        model = steps.pair("TwoPhases")
        logs = model.train_step(steps.batch(0, 2), steps.optimizers(model))
        assert {"restore/loss_two_phases_pixel", "restore/task_loss_cls", "detect/loss_cls"} <= set(
            logs
        )
        assert float(logs["loss"]) == pytest.approx(
            float(logs["restore/loss"]) + float(logs["detect/loss"])
        )

    def test_one_phase_logs_as_mmdet_does(self):
        model = steps.pair("Joint")
        logs = model.train_step(steps.batch(0, 2), steps.optimizers(model))
        assert {"loss", "loss_cls", "loss_bbox", "loss_joint_pixel"} <= set(logs)


class TestOptimizers:
    @pytest.mark.parametrize(
        ("strategy", "config", "text"),
        [
            (
                "Frozen",
                {"editor": {}, "detector": {}},
                "has an optimiser for editor, and no phase of the strategy",
            ),
            (
                "Joint",
                {"detector": {}},
                "teaches detector, editor, and optim_wrapper has no entry for editor",
            ),
            (
                "Joint",
                {"editor": {}, "detector": {}, "head": {}},
                "entries editor, detector, strategy, got head too",
            ),
            (
                "Joint",
                {"editor": {"accumulative_counts": 2}, "detector": {}},
                r"editor, detector learn in one phase.*same accumulative_counts"
                r".*'editor': 2, 'detector': 1",
            ),
        ],
    )
    def test_entries_that_do_not_fit_are_named(self, strategy, config, text):
        entries = {
            name: {"type": "OptimWrapper", **copy.deepcopy(steps.SGD), **own}
            for name, own in config.items()
        }
        with pytest.raises(ValueError, match=text):
            build_optim_wrapper(
                steps.pair(strategy),
                {"constructor": "mmisr.PartOptimWrapperConstructor", **entries},
            )

    def test_paramwise_belongs_into_an_entry(self):
        with pytest.raises(ValueError, match="put it into the part's entry"):
            build_optim_wrapper(
                steps.pair("Frozen"),
                {
                    "constructor": "mmisr.PartOptimWrapperConstructor",
                    "paramwise_cfg": {"norm_decay_mult": 0},
                    "detector": copy.deepcopy(steps.SGD),
                },
            )

    def test_a_model_without_phases_is_named(self):
        with pytest.raises(TypeError, match="is for a pair .SRDetector., not for Linear"):
            build_optim_wrapper(
                nn.Linear(1, 1), {"constructor": "mmisr.PartOptimWrapperConstructor"}
            )

    def test_one_optimiser_serves_several_phases_but_does_not_accumulate_over_them(self):
        model = steps.pair("TwoPhases")
        before = {name: state_of(part) for name, part in model.parts().items()}
        sgd = torch.optim.SGD(model.parameters(), lr=0.01)
        model.train_step(steps.batch(0, 2), OptimWrapper(sgd))
        assert all(changed(before[name], part) for name, part in model.parts().items())
        with pytest.raises(
            ValueError, match="would mix the gradients of 2 phases; give each part its own"
        ):
            model.train_step(steps.batch(0, 2), OptimWrapper(sgd, accumulative_counts=2))

    def test_parts_that_learn_together_share_one_scale(self, monkeypatch):
        """Mixed precision: one backward pass has one scale.

        Every optimiser unscales by it before it changes.
        """
        from mmengine.optim.optimizer import amp_optimizer_wrapper as amp

        monkeypatch.setattr(amp, "is_cuda_available", lambda: True)
        scaler = torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=1)
        monkeypatch.setattr(
            amp, "GradScaler", lambda *a, **k: torch.amp.GradScaler("cpu", init_scale=64.0)
        )
        plain, scaled = steps.pair("Joint"), steps.pair("Joint")
        entries = {
            name: {**copy.deepcopy(steps.SGD), "type": "AmpOptimWrapper"}
            for name in ("editor", "detector")
        }
        wrappers = build_optim_wrapper(
            scaled, {"constructor": "mmisr.PartOptimWrapperConstructor", **entries}
        )
        assert wrappers["editor"].loss_scaler is wrappers["detector"].loss_scaler
        for wrapper in wrappers.optim_wrappers.values():
            wrapper.loss_scaler, wrapper.cast_dtype = scaler, torch.bfloat16
        monkeypatch.setattr("mmengine.runner.amp.get_device", lambda: "cpu")
        monkeypatch.setattr(
            torch,
            "autocast",
            lambda *a, **k: torch.amp.autocast_mode.autocast("cpu", enabled=False),
        )
        others = steps.optimizers(plain)
        for _ in range(3):  # the scale doubles after every step
            plain.train_step(steps.batch(0, 2), others)
            scaled.train_step(steps.batch(0, 2), wrappers)
        assert scaler.get_scale() == 8192.0
        assert wrappers.state_dict()["editor"]["loss_scaler"]["scale"] == 8192.0
        apart = [
            float((a - b).abs().max())
            for a, b in zip(plain.parameters(), scaled.parameters(), strict=True)
        ]
        assert max(apart) < 1e-6


class TestWrongUse:
    def test_a_wrapper_that_knows_no_phases_is_refused(self, free_port):
        """mmengine's own would train the losses of no phase, without a word."""
        model = steps.pair("TwoPhases")
        distributed.init_process_group(
            "gloo", init_method=f"tcp://127.0.0.1:{free_port()}", rank=0, world_size=1
        )
        try:
            wrapped = MMDistributedDataParallel(model, find_unused_parameters=True)
            wrapper = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.01))
            with pytest.raises(
                RuntimeError, match="TwoPhases has 2 phases.*model_wrapper_cfg=dict"
            ):
                wrapped.train_step(steps.batch(0, 2), wrapper)
        finally:
            distributed.destroy_process_group()

    @pytest.mark.parametrize("learns", [(), ("head",)])
    def test_a_phase_must_teach_something_that_there_is(self, learns):
        with pytest.raises(
            ValueError, match="phase 'x' must teach some of editor, detector, strategy"
        ):
            Phase("x", learns, lambda *_: {})
