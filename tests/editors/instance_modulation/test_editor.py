"""The editor alone and in a pair: what it is told, what it learns, and what does not leak."""

import math

import pytest
import torch
from torch import distributed, nn

from mmisr.openmmlab.editor import MagicDataSample
from mmisr.openmmlab.stack import prepare
from mmisr.pipeline.strategy import in_phase
from mmisr.registry import MODELS
from mmisr.structures.hints import Found, ImageHints, nothing_found

prepare()

from mmengine.hub import get_config

SIZE = {"channels": 6, "groups": 2, "conditions": 5}
BOXES = [[10.0, 12.0, 50.0, 60.0], [70.0, 20.0, 120.0, 90.0]]
SOURCE_HW, LR_HW = (96, 132), (24, 33)
OWN_LOSSES = {"type": "TaskDriven", "pixel_weight": 0, "detection_weight": 0, "editor_weight": 1}


def build(**changes):
    torch.manual_seed(0)
    config = {"type": "mmisr.InstanceModulation", "scale": 4, "size": SIZE, "steps": 3}
    return awake(MODELS.build({**config, **changes}))


@torch.no_grad()
def awake(editor):
    """A modulation that has learned something, where there is one."""
    modulation = editor.net.modulation
    for weight in modulation.parameters() if modulation is not None else ():
        weight.add_(torch.randn_like(weight) * 0.3)
    return editor


def pair_with(detector_config, prior=None, **editor):
    look = None if prior is None else {"score_thr": 0.001, **prior}
    config = {"type": "mmisr.InstanceModulation", "scale": 4, "size": SIZE, "steps": 3}
    torch.manual_seed(0)
    pair = MODELS.build(
        {
            "type": "mmisr.SRDetector",
            "editor": {**config, **editor},
            "detector": detector_config,
            "strategy": OWN_LOSSES,
            "test_cfg": {"prior": look},
        }
    )
    awake(pair.editor)
    return pair


def resized(photo, hw):
    """(3, h, w) in [0, 1], as a file of 8 bits has it."""
    pixels = nn.functional.interpolate(photo[None].float(), hw, mode="area")[0]
    return pixels.round() / 255


@pytest.fixture
def lr(photo):
    return resized(photo, LR_HW)


@pytest.fixture
def hr(photo):
    return resized(photo, SOURCE_HW)


@pytest.fixture
def batch(lr, hr, sample_of):
    """What the data loader gives of one image."""
    sample = sample_of(SOURCE_HW, BOXES, hr=in_bytes(hr))
    return {"inputs": [in_bytes(lr)], "data_samples": [sample]}


def in_bytes(image):
    return (image * 255).round().byte()


def losses_of(pair, batch):
    data = pair.data_preprocessor(batch, True)
    with in_phase(pair, pair.strategy.phases[0]):
        return pair(**data, mode="loss")


def one(box, score=0.9):
    return Found(torch.tensor([box]), torch.tensor([score]), torch.tensor([0]))


def there(box):
    return ImageHints(found=one(box))


def runs_of(module):
    """Counts the passes of a module."""
    runs = []
    module.register_forward_hook(lambda *seen: runs.append(1))
    return runs


class TestAlone:
    def test_what_was_found_changes_the_image_there(self, lr):
        editor = build(steps=1).eval()
        with torch.no_grad():
            first = editor.upscale(lr[None], [there([2.0, 2, 6, 6])]).image
            other = editor.upscale(lr[None], [there([2.0, 2, 6, 6.5])]).image
        change = (first - other).abs().sum((0, 1))
        assert change[:64, :64].max() > 1e-4
        assert change[80:, 100:].max() == 0, "beyond what one step reaches"

    def test_without_a_look_nothing_was_found(self, lr):
        editor = build().eval()
        with torch.no_grad():
            images = [
                editor.upscale(lr[None], hints).image
                for hints in (None, [ImageHints()], [ImageHints(found=nothing_found(LR_HW))])
            ]
            some = editor.upscale(lr[None], [there([2.0, 2, 6, 6])]).image
        assert torch.equal(images[0], images[1])
        assert torch.equal(images[0], images[2])
        assert not torch.equal(images[0], some)

    def test_training_alone_learns_as_if_nothing_was_found(self, lr, hr):
        editor = build().train()
        sample = MagicDataSample(gt_img=hr[None])
        sample.set_metainfo({"img_id": [1], "boxes_lr": [torch.tensor(BOXES).numpy() / 4]})
        alone = editor.forward_train(lr[None], sample)
        told = editor.losses(lr[None], hr[None], [ImageHints(found=nothing_found(LR_HW))])
        assert alone.keys() == told.keys()
        assert all(torch.equal(alone[name], told[name]) for name in told)

    def test_every_step_has_its_loss_with_equal_weight(self, lr, hr):
        editor = build(prior="none").train()
        losses = editor.losses(lr[None], hr[None])
        images = editor.net.all_images(lr[None])
        names = [f"loss_instance_modulation_step{step}" for step in (1, 2, 3)]
        assert list(losses) == names
        for name, image in zip(names, images, strict=True):
            torch.testing.assert_close(losses[name], (image - hr).abs().mean())
        assert torch.equal(editor.upscale(lr[None]).image, images[-1])

    def test_losses_of_mmagic_and_of_ours_that_read_boxes(self, lr, hr):
        plain = build(prior="none", pixel_loss={"type": "mmagic.MSELoss"})
        loss = plain.losses(lr[None], hr[None])["loss_instance_modulation_step3"]
        image = plain.net(lr[None])
        torch.testing.assert_close(loss, (image - hr).square().mean())
        weighted = build(prior="none", pixel_loss={"type": "mmisr.PixelLoss", "box_weight": 5})
        hints = [ImageHints(boxes_lr=torch.tensor(BOXES) / 4, lr_hw=LR_HW)]
        seen = weighted.losses(lr[None], hr[None], hints)
        with torch.no_grad():
            expected = weighted.pixel_loss(weighted.net(lr[None]), hr[None], hints)
            unweighted = (weighted.net(lr[None]) - hr).abs().mean()
        torch.testing.assert_close(seen["loss_instance_modulation_step3"].detach(), expected)
        assert float(expected) != pytest.approx(float(unweighted))

    def test_without_prior_it_is_the_same_network_without_modulation(self, lr):
        plain, modulated = build(prior="none").eval(), build()
        assert plain.net.modulation is None
        state = modulated.net.state_dict()
        assert all(torch.equal(state[name], w) for name, w in plain.net.state_dict().items())
        hints = [there([2.0, 2, 6, 6])]
        assert torch.equal(plain.upscale(lr[None], hints).image, plain.upscale(lr[None]).image)

    def test_the_oracle_reads_what_is_annotated(self, lr):
        editor = build(prior="oracle").eval()
        boxes = torch.tensor([[2.0, 2, 6, 6]])
        annotated = ImageHints(boxes_lr=boxes, labels=torch.tensor([1]))
        found = build().eval()
        with torch.no_grad():
            ours = editor.upscale(lr[None], [annotated]).image
            same = found.upscale(lr[None], [ImageHints(found=one([2.0, 2, 6, 6], 1.0))]).image
        assert torch.equal(ours, same)
        with pytest.raises(ValueError, match="prior='oracle' reads annotated boxes and got none"):
            editor.upscale(lr[None], [there([2.0, 2, 6, 6])])

    @pytest.mark.parametrize(
        ("changes", "text"),
        [
            ({"prior": "gt"}, r"prior must be one of \('found', 'oracle', 'none'\), got 'gt'"),
            ({"need_masks": "yes"}, "need_masks must be bool, got 'yes'"),
            ({"size": "base"}, r"size must be one of \['nano', 'paper', 'small'\].*got 'base'"),
            ({"skip_above": 1.0}, "skip_above must be above 1, or None, got 1.0"),
            ({"steps": 0}, "steps must be a whole number of at least 1"),
        ],
    )
    def test_wrong_values_are_named(self, changes, text):
        with pytest.raises(ValueError, match=text):
            build(**changes)

    def test_unknown_keys_and_missing_hr_images_are_named(self, lr):
        with pytest.raises(TypeError, match="depth"):
            build(size={"depth": 3})
        with pytest.raises(ValueError, match="InstanceModulation learns from HR images"):
            build(prior="none").losses(lr[None], None)


class TestSkipping:
    def losses(self, editor, lr, hr):
        return editor.losses(lr[None], hr[None])

    def test_a_batch_whose_loss_jumps_moves_nothing(self, lr, hr):
        editor = build(prior="none", skip_above=3).train()
        plain = build(prior="none").train()
        first = self.losses(editor, lr, hr)
        expected = self.losses(plain, lr, hr)
        assert float(first.pop("batch_skipped")) == 0
        assert all(torch.equal(first[name], expected[name]) for name in expected)
        total = float(sum(first.values()).detach())
        assert float(editor.last_loss) == pytest.approx(total)
        far = self.losses(editor, lr, hr + 9)
        assert float(far["batch_skipped"]) == 1
        sum(value for name, value in far.items() if "loss" in name).backward()
        assert not any(weight.grad.any() for weight in editor.net.parameters())
        assert float(editor.last_loss) == pytest.approx(3 * total)

    def test_a_level_that_stays_up_is_soon_taken(self, lr, hr):
        editor = build(prior="none", skip_above=3).train()
        self.losses(editor, lr, hr)
        skipped = [float(self.losses(editor, lr, hr + 9)["batch_skipped"]) for _ in range(8)]
        assert skipped[0] == 1
        assert skipped[-1] == 0
        assert skipped == sorted(skipped, reverse=True)

    def test_the_last_loss_is_resumed_and_nan_is_not_it(self, lr, hr):
        editor = build(prior="none", skip_above=3).train()
        self.losses(editor, lr, hr)
        again = build(prior="none", skip_above=3)
        again.load_state_dict(editor.state_dict())
        assert torch.equal(again.last_loss, editor.last_loss)
        broken = self.losses(editor, lr, hr * math.nan)
        assert float(broken["batch_skipped"]) == 0
        assert broken["loss_instance_modulation_step1"].isnan(), "mmengine's hooks see it"
        assert editor.last_loss.isfinite()

    def test_processes_decide_alike(self, lr, hr, starting):
        """The first has an outlier, the second none; together they are above the limit."""

        def work():
            distributed.init_process_group("gloo")
            rank = distributed.get_rank()
            editor = build(prior="none", skip_above=3).train()
            first = self.losses(editor, lr, hr + 0.1 * rank)
            second = self.losses(editor, lr, hr + 9 * (1 - rank))
            known = [first["batch_skipped"], second["batch_skipped"], editor.last_loss]
            distributed.destroy_process_group()
            return [float(value) for value in known]

        results = [process.result() for process in starting(2, work)]
        assert results[0] == results[1]
        assert results[0][:2] == [0, 1]


class TestInAPair:
    def test_it_learns_beside_a_detector_that_only_looks(self, detector_config, batch):
        pair = pair_with(detector_config, prior={}).train()
        looks = runs_of(pair.detector.backbone)
        before = {name: value.clone() for name, value in pair.detector.state_dict().items()}
        losses = losses_of(pair, batch)
        assert list(losses) == [f"loss_instance_modulation_step{step}" for step in (1, 2, 3)]
        assert len(looks) == 1, "the first look, and no losses of the detector"
        sum(losses.values()).backward()
        for name, weight in pair.editor.named_parameters():
            assert weight.grad.any(), name
        assert not any(weight.requires_grad for weight in pair.detector.parameters())
        assert all(torch.equal(v, before[n]) for n, v in pair.detector.state_dict().items())

    def test_its_losses_are_told_what_was_found(self, detector_config, batch, lr, hr):
        pair = pair_with(detector_config, prior={}).train()
        losses = losses_of(pair, batch)
        (known,) = pair.hints([lr], batch["data_samples"])
        assert len(known.found.scores) > 5
        told = pair.editor.losses(lr[None], hr[None], [known])
        untold = pair.editor.losses(lr[None], hr[None], [ImageHints(found=nothing_found(LR_HW))])
        for name, value in losses.items():
            torch.testing.assert_close(value, told[name])
            assert abs(float(value - untold[name])) > 1e-5

    def test_training_without_a_look_is_refused_with_the_way_out(self, detector_config, batch):
        pair = pair_with(detector_config).train()
        with pytest.raises(ValueError, match=r"set test_cfg=dict\(prior=dict\(\)\)"):
            losses_of(pair, batch)

    def test_testing_without_a_look_sees_nothing(self, detector_config, lr, sample_of):
        pair = pair_with(detector_config).eval()
        (result,) = pair.upscale([lr], [sample_of(SOURCE_HW, BOXES)])
        with torch.no_grad():
            alone = pair.editor.upscale(lr[None]).image
        assert torch.equal(result.image, alone)

    @pytest.mark.parametrize(("prior", "leaks"), [("found", False), ("oracle", True)])
    def test_annotations_reach_the_image_by_the_oracle_alone(
        self, detector_config, lr, sample_of, prior, leaks
    ):
        pair = pair_with(detector_config, prior={}).eval()
        pair.editor.prior = prior
        moved = [[box[0] + 8, *box[1:]] for box in BOXES]
        with torch.no_grad():
            images = [
                pair.upscale([lr], [sample_of(SOURCE_HW, boxes)])[0].image
                for boxes in (BOXES, moved, [])
            ]
        assert torch.equal(images[0], images[1]) != leaks
        assert torch.equal(images[0], images[2]) != leaks

    def test_a_detector_without_masks_is_refused_where_they_are_needed(
        self, detector_config, lr, sample_of
    ):
        pair = pair_with(detector_config, prior={}, need_masks=True).eval()
        with pytest.raises(ValueError, match="instance maps by masks were asked.*prior='found'"):
            pair.upscale([lr], [sample_of(SOURCE_HW, BOXES)])

    def test_a_detector_with_masks_makes_maps_of_them(self, lr, sample_of):
        config = get_config("mmdet::mask_rcnn/mask-rcnn_r50_fpn_1x_coco.py").model
        config.backbone.update(depth=18, init_cfg=None)
        config.neck.in_channels = [64, 128, 256, 512]
        config.test_cfg.rpn.max_per_img = 20
        config.test_cfg.rcnn.score_thr = 0.0
        config.test_cfg.rcnn.max_per_img = 5
        pair = pair_with(config.to_dict(), prior={"score_thr": 0.0}, need_masks=True).eval()
        with torch.no_grad():  # random masks are of probabilities around the threshold
            (known,) = pair.hints([lr], [sample_of(SOURCE_HW, BOXES)])
            found = known.found
            assert tuple(found.masks_lr.shape) == (len(found.scores), *LR_HW)
            assert found.masks_lr.any()
            (result,) = pair.upscale([lr], [sample_of(SOURCE_HW, BOXES)])
            by_boxes = Found(found.boxes_lr, found.scores, found.labels)
            pair.editor.need_masks = False
            other = pair.editor.upscale(lr[None], [ImageHints(found=by_boxes)]).image
        assert not torch.equal(result.image, other)
