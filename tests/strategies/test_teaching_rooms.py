"""The rooms that teach SR and detector for each other: what each term is, and whom it moves."""

import copy

import pytest
import steps
import torch
from torch.nn import functional as F

from mmisr.apis.publish import publish
from mmisr.openmmlab.checkpoints import load_state
from mmisr.openmmlab.detector import build_detector
from mmisr.openmmlab.heads import dense_outputs, recorded
from mmisr.pipeline.branch import hr_targets
from mmisr.pipeline.branch_layers import merged
from mmisr.pipeline.strategy import Progress, check_finite, in_phase, ramp
from mmisr.pipeline.training_batch import TrainingBatch, task_image
from mmisr.registry import MODELS, STRATEGIES
from mmisr.strategies.aeris.decoder import ARRD
from mmisr.strategies.aeris.strategy import canvas_of
from mmisr.strategies.hr_distill.teaching import Terms, ask, compare
from mmisr.structures.sr_result import RoutingMap, SRResult

fixtures = steps.fixtures
pytestmark = pytest.mark.usefixtures("one_thread")


def losses_of(model, phase: int = 0, batch: dict | None = None) -> dict:
    data = model.data_preprocessor(batch or steps.batch(0, 2), True)
    with in_phase(model, model.strategy.phases[phase]):
        return model(**data, mode="loss")


def seen_by(model) -> TrainingBatch:
    """What the phases of a pair see of two images."""
    data = model.data_preprocessor(steps.batch(0, 2), True)
    return TrainingBatch(model, data["inputs"], data["data_samples"])


def gradient(model, losses: dict, name: str) -> float:
    """Sum of the absolute gradient of losses on a part."""
    model.zero_grad()
    total, _ = model.parse_losses(losses)
    total.backward(retain_graph=True)
    parts = model.parts()[name].parameters()
    return sum(float(p.grad.abs().sum()) for p in parts if p.grad is not None)


def pair_with(strategy: str, **arguments):
    named = {"type": strategy, **arguments}
    config = {
        "type": "mmisr.SRDetector",
        "editor": steps.EDITOR,
        "detector": fixtures.small_detector(),
        "strategy": named,
    }
    return MODELS.build(config).train()


class TestTaskDriven:
    def test_the_detection_loss_grows_with_the_run(self):
        model = steps.pair("TaskDriven")
        model.strategy.ramp_until = 0.5
        values = []
        for done in (0, 25, 50, 100):
            model.strategy.progress = Progress(done, 100)
            values.append(float(losses_of(model)["loss_cls"]))
        assert values[0] == 0
        assert values[1] == pytest.approx(values[2] / 2)
        assert values[3] == pytest.approx(values[2])

    def test_the_task_alone_needs_no_hr_image(self):
        model = steps.pair("TaskDriven")
        model.strategy.pixel_weight = model.strategy.feature_weight = 0.0
        batch = steps.batch(0, 2)
        for sample in batch["data_samples"]:
            del sample.hr
        assert gradient(model, losses_of(model, batch=batch), "editor") > 0

    def test_pixels_alone_do_not_run_the_detector(self):
        torch.manual_seed(0)
        whole = losses_of(pair_with("TaskDriven"))
        torch.manual_seed(0)
        model = pair_with("TaskDriven", detection_weight=0.0)
        model.detector.forward = model.detector.loss = None
        losses = losses_of(model)
        assert set(losses) == {"loss_task_driven_pixel"}
        torch.testing.assert_close(
            losses["loss_task_driven_pixel"], whole["loss_task_driven_pixel"]
        )

    def test_features_equal_the_hr_images_where_sr_is_hr(self):
        model = steps.pair("TaskDriven")
        seen = seen_by(model)
        losses = model.strategy._with_features(seen, seen.hr_images(), 1.0)
        assert float(losses["loss_task_driven_feature"]) == pytest.approx(0, abs=1e-6)

    def test_a_tap_that_the_detector_lacks_is_named(self):
        with pytest.raises(ValueError, match="has no module 'neck.no_such' to tap"):
            pair_with("TaskDriven", feature_weight=1.0, taps=["neck.no_such"])

    def test_the_editors_own_losses_alone_ask_the_detector_nothing(self):
        weights = {"pixel_weight": 0.0, "detection_weight": 0.0}
        model = pair_with("TaskDriven", **weights, editor_weight=2.0)
        passes = []
        model.detector.backbone.register_forward_hook(lambda *seen: passes.append(1))
        losses = losses_of(model)
        seen = seen_by(model)
        own = seen.editor_losses()
        assert set(losses) == set(own) == {"loss_pixel"}
        assert float(losses["loss_pixel"]) == pytest.approx(2 * float(own["loss_pixel"]))
        assert not passes
        assert gradient(model, losses, "editor") > 0

    def test_losses_of_the_detector_without_weight_are_not_computed(self):
        weights = {"pixel_weight": 0.0, "feature_weight": 1.0}
        model = pair_with("TaskDriven", **weights, detection_weight=0.0)
        heads = []
        model.detector.bbox_head.register_forward_hook(lambda *seen: heads.append(1))
        losses = losses_of(model)
        assert set(losses) == {"loss_task_driven_feature"}
        assert not heads
        assert gradient(model, losses, "editor") > 0
        model.strategy.detection_weight = 1.0
        with_detection = losses_of(model)
        distance = with_detection["loss_task_driven_feature"]
        torch.testing.assert_close(losses["loss_task_driven_feature"], distance)
        assert "loss_cls" in with_detection

    def test_all_weights_add_up(self):
        model = pair_with("TaskDriven", editor_weight=0.5)
        losses = losses_of(model)
        assert {"loss_cls", "loss_task_driven_pixel", "loss_pixel"} <= set(losses)

    def test_no_weight_at_all_is_refused(self):
        with pytest.raises(ValueError, match="needs one of pixel_weight, .* above 0, got 0 for"):
            pair_with("TaskDriven", pixel_weight=0.0, detection_weight=0.0)


class TestSR4IR:
    def test_both_phases_have_their_terms(self):
        model = steps.pair("SR4IR")
        restore, detect = losses_of(model, 0), losses_of(model, 1)
        assert set(restore) == {"loss_sr4ir_pixel", "loss_sr4ir_feature"}
        assert {"sr_loss_cls", "hr_loss_cls", "mix_loss_cls"} <= set(detect)

    def test_tdp_waits_for_its_share_of_the_run(self):
        model = steps.pair("SR4IR")
        model.strategy.feature_from = 0.2
        model.strategy.progress = Progress(19, 100)
        assert "loss_sr4ir_feature" not in losses_of(model, 0)
        model.strategy.progress = Progress(20, 100)
        assert "loss_sr4ir_feature" in losses_of(model, 0)

    def test_the_mix_of_an_image_does_not_depend_on_its_batch(self):
        model = steps.pair("SR4IR")
        seen = seen_by(model)
        hr = seen.hr_images()
        zeros = [torch.zeros_like(image) for image in hr]
        together = seen.patch_mixes(zeros, hr)
        second = TrainingBatch(model, seen.lr[1:], seen.samples[1:])
        alone = second.patch_mixes(zeros[1:], hr[1:])
        assert torch.equal(together[1], alone[0])
        assert 0 < float((together[0] == 0).float().mean()) < 1
        model.strategy.progress = Progress(1, 10)
        assert not torch.equal(together[1], seen.patch_mixes(zeros, hr)[1])

    def test_parts_can_be_switched_off(self):
        model = pair_with("SR4IR", versions=["sr"], feature_weight=0.0, feature_from=0.0)
        assert set(losses_of(model, 0)) == {"loss_sr4ir_pixel"}
        assert all(name.startswith("sr_") for name in losses_of(model, 1))

    def test_without_alternation_both_parts_learn_in_one_phase(self):
        model = pair_with("SR4IR", alternate=False, feature_from=0.0)
        assert [phase.learns for phase in model.strategy.phases] == [("editor", "detector")]
        losses = losses_of(model)
        assert {"sr_loss_cls", "loss_sr4ir_pixel", "loss_sr4ir_feature"} <= set(losses)
        assert gradient(model, {"loss": losses["sr_loss_cls"]}, "editor") > 0

    @pytest.mark.parametrize(
        ("arguments", "text"),
        [
            ({"versions": ["hr"]}, "versions must be 'sr' and"),
            ({"versions": ["sr", "lr"]}, "versions must be 'sr' and"),
            ({"mix_grid": 0}, "mix_grid must be at least 1"),
            ({"feature_weight": -1.0}, "feature_weight must be >= 0, got -1.0"),
        ],
    )
    def test_wrong_values_are_named(self, arguments, text):
        with pytest.raises(ValueError, match=text):
            STRATEGIES.build({"type": "SR4IR", **arguments})


class TestHRDistill:
    def test_a_student_equal_to_its_teacher_on_hr_has_nothing_to_learn(self):
        model = steps.pair("HRDistill").eval()
        model.strategy.start(model)
        model.detector.load_state_dict(model.strategy.teacher.state_dict())
        data = steps.batch(0, 2)
        samples = data["data_samples"]
        hr = TrainingBatch(model, data["inputs"], samples).hr_images()
        batch = model.detector_batch(hr, samples)
        lesson = ask(model.strategy.teacher, batch.inputs, batch.samples, Terms())
        with torch.no_grad(), recorded(model.detector) as recording:
            model.detector.loss(batch.inputs, batch.samples)
        losses = compare(model.detector, recording, lesson, batch.samples, Terms())
        assert set(losses) == {f"loss_hr_distill_{x}" for x in ("feature", "score", "box")}
        assert max(float(value) for value in losses.values()) < 1e-5

    def test_the_teacher_does_not_move(self):
        model = steps.pair("HRDistill")
        model.strategy.start(model)
        before = copy.deepcopy(model.strategy.teacher.state_dict())
        wrappers = steps.optimizers(model)
        for step in range(2):
            model.train_step(steps.batch(2 * step, 2), wrappers)
        after = model.strategy.teacher.state_dict()
        assert all(torch.equal(value, after[name]) for name, value in before.items())

    def test_the_teacher_is_asked_once_for_both_phases(self, monkeypatch):
        model = steps.pair("HRDistill")
        model.strategy.start(model)
        asked = []
        forward = model.strategy.teacher.extract_feat
        monkeypatch.setattr(
            model.strategy.teacher, "extract_feat", lambda x: asked.append(1) or forward(x)
        )
        model.train_step(steps.batch(0, 2), steps.optimizers(model))
        assert len(asked) == 1
        assert model.strategy._last is None

    def test_the_editor_rests_between_and_at_the_end(self, monkeypatch):
        model = steps.pair("HRDistill")
        wrappers = steps.optimizers(model)
        ran = {}
        for done in (0, 1, 2, 90):
            monkeypatch.setattr(Progress, "of_run", classmethod(lambda cls, d=done: cls(d, 100)))
            logs = model.train_step(steps.batch(0, 2), wrappers)
            ran[done] = "restore/loss" in logs
        assert ran == {0: True, 1: False, 2: True, 90: False}

    def test_the_terms_grow_with_the_run(self):
        model = steps.pair("HRDistill")
        model.strategy.ramp_until = 0.5
        values = []
        for done in (0, 25, 50):
            model.strategy.progress = Progress(done, 100)
            values.append(float(losses_of(model, 1)["loss_hr_distill_score"]))
        assert values[0] == 0
        assert values[1] == pytest.approx(values[2] / 2)

    def test_weights_of_0_leave_the_detectors_own_losses(self):
        model = steps.pair("HRDistill")
        model.strategy.terms = Terms(feature=0.0, score=0.0, box=0.0)
        assert not [name for name in losses_of(model, 1) if "distill" in name]

    def test_with_consistency_each_version_counts_a_third(self):
        model = steps.pair("HRDistill")
        alone = losses_of(model, 1)
        model.strategy.hr_consistency = True
        losses = losses_of(model, 1)
        assert {"hr_loss_cls", "mix_loss_cls", "loss_hr_distill_score"} <= set(losses)
        assert float(losses["loss_cls"]) == pytest.approx(float(alone["loss_cls"]) / 3, rel=1e-5)
        assert torch.equal(losses["loss_hr_distill_score"], alone["loss_hr_distill_score"])

    def test_a_head_that_cannot_be_crossed_is_named(self):
        with pytest.raises(ValueError, match="cross_head needs a dense head with cls_convs"):
            pair_with("HRDistill", terms={"cross_head": True})

    def test_no_teacher_is_an_error(self):
        model = pair_with("HRDistill")
        with pytest.raises(ValueError, match="strategy HRDistill needs a teacher: teacher=FILE"):
            losses_of(model)

    def test_a_pair_that_is_only_tested_needs_no_teacher(self):
        model = pair_with("HRDistill", teacher="nowhere.pth").eval()
        assert "pred_instances" in model.test_step(steps.batch(0, 1))[0]
        with pytest.raises(FileNotFoundError, match=r"nowhere\.pth"):
            model.init_weights()

    def test_a_teacher_of_another_class_count_is_named(self, tmp_path):
        config = fixtures.small_detector()
        config["bbox_head"]["num_classes"] = 5
        path = tmp_path / "other.pth"
        torch.save({"state_dict": build_detector(config).state_dict()}, path)
        with pytest.raises(ValueError, match=r"other\.pth does not fit"):
            losses_of(pair_with("HRDistill", teacher=str(path)))

    def test_levels_of_a_dense_head_are_joined_in_the_order_of_its_scores(self):
        model = steps.pair("HRDistill").eval()
        with torch.no_grad(), recorded(model.detector) as recording:
            model.detector.bbox_head(model.detector.extract_feat(torch.rand(2, 3, 64, 96)))
        outputs = dense_outputs(model.detector, recording)
        scores = recording.head[0]
        assert recording.input_hw == (64, 96)
        assert outputs.scores.shape[:2] == outputs.boxes.shape[:2]
        first = scores[0].permute(0, 2, 3, 1).flatten(1, 2)
        assert torch.equal(outputs.scores[:, : first.shape[1]], first)


class TestTaskImage:
    def test_gradients_reach_deep_tokens_alone(self):
        image = torch.rand(1, 3, 8, 8, requires_grad=True)
        exits = torch.tensor([[[0, 1], [2, 0]]])
        result = SRResult(image, RoutingMap(exits, token_size=2))
        seen = task_image(result, scale=2)
        assert torch.equal(seen, image[0])
        seen.sum().backward()
        expected = (exits[0] > 0).repeat_interleave(4, 0).repeat_interleave(4, 1).float()
        assert torch.equal(image.grad[0], expected.expand(3, 8, 8))

    def test_an_editor_that_routes_nothing_learns_everywhere(self):
        image = torch.rand(1, 3, 8, 8, requires_grad=True)
        task_image(SRResult(image), scale=2).sum().backward()
        assert image.grad.min() == 1


class TestAuxBranch:
    def test_its_gradient_reaches_the_detector_unless_it_is_cut(self):
        for detach in (False, True):
            model = pair_with("AuxBranch", detach=detach)
            term = {"loss": losses_of(model)["loss_aux_branch_pixel"]}
            assert gradient(model, term, "strategy") > 0
            assert (gradient(model, term, "detector") > 0) is not detach

    def test_it_can_learn_the_image(self):
        torch.manual_seed(0)
        model = pair_with("AuxBranch", weight=1.0, taps=["backbone.0"])
        optimiser = torch.optim.Adam(model.strategy.parameters(), lr=3e-3)
        values = []
        for _ in range(30):
            loss = losses_of(model)["loss_aux_branch_pixel"]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            values.append(float(loss))
        assert values[-1] < 0.6 * values[0]

    def test_predictions_and_files_have_no_branch(self, tmp_path):
        model = pair_with("AuxBranch").eval()
        plain = pair_with("Frozen").eval()
        state = model.state_dict()
        assert any(name.startswith("strategy.decoder") for name in state)
        assert plain.load_state_dict(state, strict=True).unexpected_keys == []
        batch = steps.batch(0, 2)
        for one in (model, plain):
            one.ran = [x.pred_instances for x in one.test_step(copy.deepcopy(batch))]
        for a, b in zip(model.ran, plain.ran, strict=True):
            assert torch.equal(a.bboxes, b.bboxes)
            assert torch.equal(a.scores, b.scores)

    def test_padding_is_no_target(self):
        model = pair_with("AuxBranch")
        targets, valid = hr_targets(seen_by(model), (80, 128))
        assert targets.shape == (2, 3, 80, 128)
        assert valid.sum() == 2 * 64 * 96
        assert float((targets * (1 - valid)).abs().sum()) == 0

    def test_taps_in_the_wrong_order_are_named(self):
        with pytest.raises(ValueError, match="the first tap must be the finest"):
            pair_with("AuxBranch", taps=["pyramid.1", "pyramid.0"])

    def test_taps_in_the_head_are_named(self):
        with pytest.raises(ValueError, match="taps must lie in the backbone or the neck, 'bbox_h"):
            pair_with("AuxBranch", taps=["bbox_head.multi_level_cls_convs.0"])


class TestAeris:
    def test_the_detector_learns_on_views_and_from_the_branch_unless_it_is_cut(self):
        for detach in (False, True):
            model = pair_with("Aeris", detach=detach)
            losses = losses_of(model)
            assert {"loss_cls", "loss_bbox", "loss_aeris_pixel"} <= set(losses)
            term = {"loss": losses["loss_aeris_pixel"]}
            assert gradient(model, term, "strategy") > 0
            assert (gradient(model, term, "detector") > 0) is not detach

    def test_weight_0_is_degraded_data_alone(self):
        model = pair_with("Aeris", weight=0.0)
        assert not list(model.strategy.parameters())
        assert [phase.learns for phase in model.strategy.phases] == [("detector",)]
        torch.manual_seed(0)  # a branch of its own would draw its weights too
        branched = pair_with("Aeris")
        branched.load_state_dict(model.state_dict(), strict=False)
        bare, whole = losses_of(model), losses_of(branched)
        assert set(whole) - set(bare) == {"loss_aeris_pixel"}
        assert float(bare["loss_cls"]) == pytest.approx(float(whole["loss_cls"]))

    def test_views_of_a_batch_have_one_size_and_boxes_follow_and_come_back(self):
        model = pair_with("Aeris")
        seen = seen_by(model)
        seen_hw = set()
        for iteration in range(30):
            model.strategy.progress = Progress(iteration, 100)
            images = model.strategy.degraded(seen)
            (hw,) = {tuple(image.shape[-2:]) for image in images}
            seen_hw.add(hw)
            (view,) = seen.versions(images)
            for ours, known, frame in zip(
                view.samples, seen.samples, view.source_to_det, strict=True
            ):
                boxes = ours.gt_instances.bboxes
                scale = torch.tensor([hw[1] / 96, hw[0] / 64] * 2)
                assert torch.allclose(boxes, known.gt_instances.bboxes * scale)
                back = frame.inverse().boxes(boxes)
                assert torch.allclose(back, known.gt_instances.bboxes, atol=1e-4)
        assert seen_hw == {(21, 32), (43, 64), (64, 96)}

    def test_a_view_depends_on_image_and_iteration_and_not_on_the_batch(self):
        model = pair_with("Aeris")
        seen = seen_by(model)
        together = model.strategy.degraded(seen)
        alone = model.strategy.degraded(TrainingBatch(model, seen.lr[1:], seen.samples[1:]))
        assert torch.equal(together[1], alone[0])
        model.strategy.progress = Progress(1, 10)
        later = model.strategy.degraded(seen)
        assert later[1].shape != together[1].shape or not torch.equal(later[1], together[1])

    def test_the_branch_restores_the_clean_image_at_its_own_size(self):
        """A padded input is enlarged whole, so that its images lie where their targets do."""
        model = pair_with("Aeris", views={"scale": (2, 2), "multiple": 1})
        seen = seen_by(model)
        (view,) = seen.versions(model.strategy.degraded(seen))
        assert view.inputs.shape[-2:] == (32, 64)  # 32 x 48 and padding
        canvas, sizes = canvas_of(seen, view, (32, 64))
        assert (canvas, sizes) == ((64, 128), [(64, 96)] * 2)
        targets, valid = hr_targets(seen, canvas, sizes)
        assert torch.equal(targets[..., :96], torch.stack(seen.hr_images()))
        assert valid.sum() == 2 * 64 * 96

    def test_the_decoder_is_arrd(self):
        """48 channels, a bilinear skip and what two units of 48-16-48 find, shuffled by 4."""
        torch.manual_seed(0)
        decoder = ARRD([8, 12])
        taps = [torch.rand(2, 8, 6, 10), torch.rand(2, 12, 3, 5)]
        image = decoder(taps, (52, 84))
        assert image.shape == (2, 3, 52, 84)
        image.sum().backward()
        assert all(p.grad.abs().sum() > 0 for p in decoder.parameters())
        shapes = [tuple(p.shape[:2]) for p in decoder.body.parameters() if p.ndim == 4]
        assert shapes == [(16, 48), (48, 16)] * 2
        wide = decoder.widen(merged(decoder.laterals, taps))
        assert wide.shape == (2, 48, 6, 10)
        both = wide + decoder.body(wide)  # bilinear interpolation is linear
        enlarged = F.interpolate(both, (13, 21), mode="bilinear")
        assert torch.allclose(F.pixel_shuffle(enlarged, 4), image, atol=1e-5)

    def test_the_branch_is_asked_for_what_its_features_cover(self, monkeypatch):
        """Also where the first tap covers more than the detector's input has."""
        model = pair_with("Aeris", views={"scale": (2, 2), "multiple": 1})
        seen = seen_by(model)
        (view,) = seen.versions(model.strategy.degraded(seen))
        asked = []
        decoder = model.strategy.decoder.forward

        def ask(taps, hw):
            asked.append(hw)
            return decoder(taps, hw)

        monkeypatch.setattr(model.strategy.decoder, "forward", ask)
        depth = model.strategy.decoder.laterals[0].in_channels
        stride = model.strategy.stride
        cells = [(32 // stride, 64 // stride), (32 // stride + 1, 64 // stride)]
        for height, width in cells:
            model.strategy._gap(seen, view, [torch.zeros(2, depth, height, width)])
        assert asked == [(64, 128), (64 + 2 * stride, 128)]

    def test_sizes_that_the_shuffle_cannot_make_are_off_by_less_than_a_pixel(self):
        model = pair_with("Aeris", views={"scale": (3, 3), "multiple": 1})
        seen = seen_by(model)
        (view,) = seen.versions(model.strategy.degraded(seen))
        covered = (40, 32)
        canvas, sizes = canvas_of(seen, view, covered)
        assert [side % 4 for side in canvas] == [0, 0]
        for axis, shown in enumerate((21, 32)):
            exact = shown * canvas[axis] / covered[axis]
            assert {abs(hw[axis] - exact) <= 0.5 for hw in sizes} == {True}
        assert sizes[0] == pytest.approx((64, 96), abs=2)

    def test_views_may_keep_the_size(self):
        model = pair_with("Aeris", views={"mode": "nb", "scale": [6, 10], "multiple": 4})
        seen = seen_by(model)
        images = model.strategy.degraded(seen)
        for image, hr in zip(images, seen.hr_images(), strict=True):
            assert image.shape == hr.shape
            assert 0 < float((image - hr).abs().mean()) < 0.4
        assert float(losses_of(model)["loss_aeris_pixel"]) > 0

    def test_it_can_learn_the_image(self):
        torch.manual_seed(0)
        model = pair_with("Aeris", weight=1.0, taps=["backbone.0", "pyramid.0"])
        optimiser = torch.optim.Adam(model.strategy.parameters(), lr=3e-3)
        values = []
        for _ in range(40):
            loss = losses_of(model)["loss_aeris_pixel"]
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            values.append(float(loss.detach()))
        assert values[-1] < 0.6 * values[0]

    def test_predictions_and_files_have_no_branch(self, tmp_path):
        model = pair_with("Aeris").eval()
        plain = pair_with("Frozen").eval()
        state = model.state_dict()
        assert any(name.startswith("strategy.decoder") for name in state)
        saved, published = tmp_path / "run.pth", tmp_path / "published.pth"
        torch.save({"state_dict": state}, saved)
        publish(saved, published)
        files = load_state(published)
        assert {name.split(".")[0] for name in files} == {"editor", "detector"}
        assert plain.load_state_dict(files, strict=True).unexpected_keys == []
        batch = steps.batch(0, 2)
        ours = model.test_step(copy.deepcopy(batch))
        theirs = plain.test_step(copy.deepcopy(batch))
        for a, b in zip(ours, theirs, strict=True):
            assert len(a.pred_instances.bboxes)
            assert torch.equal(a.pred_instances.bboxes, b.pred_instances.bboxes)
            assert torch.equal(a.pred_instances.scores, b.pred_instances.scores)

    @pytest.mark.parametrize("weight", [0.0, 0.4])
    def test_no_hr_image_is_an_error(self, weight):
        batch = steps.batch(0, 2)
        for sample in batch["data_samples"]:
            del sample.hr
        with pytest.raises(ValueError, match="strategy Aeris needs the HR image"):
            losses_of(pair_with("Aeris", weight=weight), batch=batch)

    @pytest.mark.parametrize(
        ("arguments", "error", "text"),
        [
            ({"weight": -1.0}, ValueError, "strategy Aeris: weight must be >= 0, got -1.0"),
            ({"taps": []}, ValueError, r"needs taps and channels >= 1, got taps=\(\)"),
            ({"channels": 0}, ValueError, "channels=0"),
            ({"detach": "no"}, ValueError, "strategy Aeris.detach must be bool"),
            ({"views": {"sigma": 1}}, TypeError, "sigma"),
            ({"views": {"scale": (0.5, 2)}}, ValueError, "views.scale must be"),
        ],
    )
    def test_wrong_values_are_named(self, arguments, error, text):
        with pytest.raises(error, match=text):
            STRATEGIES.build({"type": "Aeris", **arguments})


class TestProgress:
    def test_ramp(self):
        assert [ramp(x, 0.0) for x in (0.0, 1.0)] == [1, 1]
        assert [ramp(x, 0.2) for x in (0.0, 0.1, 0.2, 0.9)] == pytest.approx([0, 0.5, 1, 1])

    def test_a_run_of_unknown_length_is_at_its_start(self):
        assert Progress(7, 0).share == 0
        assert Progress(5, 10).share == 0.5

    def test_a_loss_that_is_no_number_stops_before_weights_move(self):
        model = steps.pair("SR4IR")
        before = {name: value.clone() for name, value in model.state_dict().items()}
        model.strategy.feature_weight = float("nan")
        with pytest.raises(
            FloatingPointError, match=r"iteration 0, phase 'restore'.*loss_sr4ir_feature=nan"
        ):
            model.train_step(steps.batch(0, 2), steps.optimizers(model))
        assert all(torch.equal(v, model.state_dict()[n]) for n, v in before.items())

    def test_finite_losses_pass(self):
        check_finite({"loss": torch.tensor(1.0)}, "x", 0)
