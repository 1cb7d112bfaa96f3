"""Adversarial training as phases: what the discriminator sees, its classes, when it is lost."""

import logging

import pytest
import steps
import torch
from torch import nn
from torch.nn import functional as F

from mmisr.losses.pixel import PixelLoss
from mmisr.openmmlab.gan import GAN_TYPES
from mmisr.pipeline.strategy import in_phase
from mmisr.pipeline.training_batch import TrainingBatch
from mmisr.registry import MODELS, STRATEGIES
from mmisr.strategies.adversarial.collapse import Collapse, Watch
from mmisr.strategies.adversarial.discriminator import Discriminator, Settings
from mmisr.strategies.adversarial.patches import cut, label_of, window_of
from mmisr.strategies.adversarial.strategy import category_loss
from mmisr.structures.hints import ImageHints

pytestmark = pytest.mark.usefixtures("one_thread")
OWNER = "strategy Adversarial"
SMALL = {"patch": 32, "width": 4, "num_classes": 1, "norm": "group"}


def pair(**arguments):
    """The pair of steps.py, by other arguments of the strategy."""
    model = steps.pair("Adversarial")
    named = {"type": "Adversarial", "discriminator": SMALL, **arguments}
    torch.manual_seed(0)
    model.strategy = STRATEGIES.build(named)
    return model.train()


def seen_by(model, first=0, count=2) -> TrainingBatch:
    data = model.data_preprocessor(steps.batch(first, count), True)
    return TrainingBatch(model, data["inputs"], data["data_samples"], OWNER)


class TestDiscriminator:
    def test_convention_96_pixels_become_6_by_6_of_512_channels(self):
        network = Discriminator(Settings())
        assert network.realness[0].in_features == network.categories[0].in_features == 512 * 36
        convolutions = [m for m in network.features if isinstance(m, nn.Conv2d)]
        shapes = [(m.out_channels, m.kernel_size[0], m.stride[0]) for m in convolutions]
        assert shapes == [
            (64, 3, 1),
            (64, 4, 2),
            (128, 3, 1),
            (128, 4, 2),
            (256, 3, 1),
            (256, 4, 2),
            (512, 3, 1),
            (512, 4, 2),
        ]
        norms = [m for m in network.features if isinstance(m, nn.BatchNorm2d)]
        assert [m.num_features for m in norms] == [64, 128, 128, 256, 256, 512, 512]
        realness, categories = network(torch.rand(2, 3, 96, 96))
        assert realness.shape == (2, 1)
        assert categories.shape == (2, 8)

    def test_batch_norm_judges_alike_at_rest(self):
        """In the editor's phase it is in evaluation; it must say what it would in training."""
        network = Discriminator(Settings(patch=32, width=4))
        patches = torch.rand(3, 3, 32, 32)
        judged = network.train()(patches)
        for ours, theirs in zip(network.eval()(patches), judged, strict=True):
            torch.testing.assert_close(ours, theirs)
        assert not list(network.buffers())

    @pytest.mark.parametrize(
        ("fields", "text"),
        [
            ({"patch": 40}, "discriminator.patch must be a multiple of 16, got 40"),
            ({"num_classes": 0}, "num_classes of at least 1, got width=64, num_classes=0"),
            ({"norm": "layer"}, r"norm must be one of \['batch', 'group'\], got 'layer'"),
        ],
    )
    def test_wrong_settings_are_named(self, fields, text):
        with pytest.raises(ValueError, match=text):
            Settings(**fields)


class TestPatches:
    def test_sr_and_hr_are_cut_at_one_place(self):
        model = pair()
        batch = seen_by(model)
        patches = cut(batch, batch.hr_images(), 32)
        assert torch.equal(patches.sr, patches.hr)
        assert patches.sr.shape == (2, 3, 32, 32)

    def test_the_place_moves_with_the_iteration_and_the_image(self):
        assert window_of((64, 96), 32, 5) == window_of((64, 96), 32, 5)
        places = {window_of((64, 96), 32, seed) for seed in range(20)}
        assert len(places) > 10
        assert {w.top for w in places} <= set(range(33))
        assert {w.left for w in places} <= set(range(65))

    def test_the_label_is_that_of_the_largest_object_within(self):
        boxes = torch.tensor([[0.0, 0, 4, 4], [5.0, 0, 8, 3], [6.0, 4, 8, 6]])
        known = ImageHints(boxes, torch.tensor([4, 0, 2]), lr_hw=(8, 8))
        window = window_of((16, 16), 16, 0)
        assert label_of(known, (16, 16), window) == 5
        # x 8 to 16, y 4 to 12: of the first box nothing, of the second 6 x 2, of the third 4 x 4.
        half = type(window)(4, 8, 8)
        assert label_of(known, (16, 16), half) == 3

    @pytest.mark.parametrize(
        "known",
        [
            ImageHints(lr_hw=(8, 8)),
            ImageHints(torch.zeros(0, 4), torch.zeros(0).long(), lr_hw=(8, 8)),
            ImageHints(torch.tensor([[6.0, 6, 8, 8]]), torch.tensor([0]), lr_hw=(8, 8)),
        ],
    )
    def test_without_an_object_it_is_background(self, known):
        window = type(window_of((16, 16), 16, 0))(0, 0, 8)
        assert label_of(known, (16, 16), window) == 0

    def test_an_image_smaller_than_the_patch_is_named(self):
        model = pair(discriminator=SMALL | {"patch": 96})
        text = r"patches of 96 pixels, and an SR image has 64 x 96.*discriminator=dict\(patch"
        with pytest.raises(ValueError, match=text):
            model.train_step(steps.batch(0, 2), steps.optimizers(model))


class TestClasses:
    def test_background_is_left_out(self):
        logits = torch.randn(4, 3, requires_grad=True)
        labels = torch.tensor([0, 2, 0, 1])
        loss = category_loss(logits, labels)
        expected = F.cross_entropy(logits[[1, 3]], labels[[1, 3]])
        torch.testing.assert_close(loss, expected)
        loss.backward()
        assert logits.grad[[0, 2]].abs().max() == 0

    def test_background_alone_is_0_and_a_number(self):
        logits = torch.randn(2, 3, requires_grad=True)
        loss = category_loss(logits, torch.zeros(2).long())
        assert loss == 0
        loss.backward()
        assert logits.grad.abs().max() == 0

    def test_a_class_that_it_has_not_is_named(self):
        model = pair()
        batch = seen_by(model)
        for sample in batch.samples:
            sample.gt_instances.labels += 1
        with pytest.raises(ValueError, match=r"of class 1, and discriminator.num_classes=1 \(cla"):
            model.strategy.generate(batch)


class TestLosses:
    def test_of_the_editor(self):
        model = pair(pixel_weight=2.0, gan_weight=0.5, category_weight=0.25)
        batch = seen_by(model)
        losses = model.strategy.generate(batch)
        images = batch.fixed_images()
        patches = cut(batch, images, 32)
        realness, categories = model.strategy.discriminator(patches.sr)
        expected = {
            "loss_adversarial_pixel": 2 * batch.pixel_loss(PixelLoss(), images),
            "loss_adversarial_gan": 0.5 * F.softplus(-realness).mean(),
            "loss_adversarial_category": 0.25 * F.cross_entropy(categories, patches.labels),
        }
        assert set(losses) == set(expected)
        for name, value in expected.items():
            torch.testing.assert_close(losses[name], value)

    def test_of_the_discriminator(self):
        model = pair()
        batch = seen_by(model)
        losses = model.strategy.discriminate(batch)
        patches = cut(batch, batch.fixed_images(), 32)
        real, _ = model.strategy.discriminator(patches.hr)
        fake, categories = model.strategy.discriminator(patches.sr)
        torch.testing.assert_close(losses["loss_adversarial_real"], F.softplus(-real).mean())
        torch.testing.assert_close(losses["loss_adversarial_fake"], F.softplus(fake).mean())
        torch.testing.assert_close(
            losses["loss_adversarial_category_fake"], F.cross_entropy(categories, patches.labels)
        )
        assert losses["realness_of_hr"] == real.mean()

    def test_sftgan_s_own_have_no_pixels(self):
        losses = pair().strategy.generate(seen_by(pair()))
        assert set(losses) == {"loss_adversarial_gan", "loss_adversarial_category"}

    def test_without_classes_neither_part_learns_them(self):
        model = pair(category_weight=0.0)
        batch = seen_by(model)
        names = {*model.strategy.generate(batch), *model.strategy.discriminate(batch)}
        assert not [name for name in names if "category" in name]

    @pytest.mark.parametrize("gan_type", GAN_TYPES)
    def test_every_kind_takes_a_step(self, gan_type):
        model = pair(gan_type=gan_type)
        logs = model.train_step(steps.batch(0, 2), steps.optimizers(model))
        assert torch.isfinite(logs["loss"])

    def test_the_perceptual_loss_reads_its_file_before_training(self, tmp_path):
        config = {
            "type": "mmisr.PerceptualLoss",
            "network": {"type": "mmisr.VGG", "depth": 16, "last": "relu1_1"},
            "checkpoint": str(tmp_path / "vgg.pth"),
            "taps": ["relu1_1"],
        }
        model = pair(perceptual=config)
        with pytest.raises(FileNotFoundError, match="PerceptualLoss.checkpoint must be the file"):
            model.init_weights()
        torch.save(MODELS.build(config["network"]).state_dict(), config["checkpoint"])
        model.init_weights()
        logs = model.train_step(steps.batch(0, 2), steps.optimizers(model))
        assert logs["generator/loss_adversarial_perceptual"] > 0
        assert not [name for name in model.state_dict() if "conv1_1" in name]


class TestPhases:
    def test_the_discriminator_sees_the_images_from_before_the_editor_s_step(self):
        """And the editor makes them once an iteration."""
        model = pair()
        made = []
        upscale = model.editor.upscale

        def counted(*args):
            result = upscale(*args)
            made.append(result.image.detach().clone())
            return result

        model.editor.upscale = counted
        sent = []
        forward = model.strategy.discriminator.forward
        model.strategy.discriminator.forward = lambda p: sent.append(p.detach()) or forward(p)
        model.train_step(steps.batch(0, 2), steps.optimizers(model))
        assert len(made) == 1
        of_editor, _, of_fake = sent
        assert torch.equal(of_editor, of_fake)

    def test_the_editor_s_gradient_comes_through_the_discriminator(self):
        model = pair(category_weight=0.0)
        phase = model.strategy.phases[0]
        with in_phase(model, phase):
            losses = phase.losses(seen_by(model))
            losses["loss_adversarial_gan"].backward()
        assert any(p.grad.abs().sum() > 0 for p in model.editor.parameters())
        assert all(p.grad is None for p in model.strategy.parameters())
        assert all(p.grad is None for p in model.detector.parameters())

    def test_the_detector_rests_for_good(self):
        model = steps.pair("Adversarial")
        assert not any(p.requires_grad for p in model.detector.parameters())


class TestCollapse:
    @pytest.fixture
    def said(self, monkeypatch):
        lines = []
        monkeypatch.setattr(
            "mmisr.strategies.adversarial.collapse.print_log",
            lambda text, level, **_: lines.append((text, level)),
        )
        return lines

    def test_it_is_said_once_after_so_many_in_a_row(self, said):
        watch = Watch(Collapse(loss=0.1, steps=3))
        for loss in (0.0, 0.05, 0.2, 0.0, 0.0):
            watch.see(loss)
        assert said == []
        for _ in range(5):
            watch.see(0.0)
        ((text, level),) = said
        assert level == logging.WARNING
        assert "discriminator has collapsed: its loss was below 0.1 for 3 iterations" in text

    def test_in_training(self, said):
        model = pair(collapse={"loss": 100.0, "steps": 2})
        wrappers = steps.optimizers(model)
        for step in range(3):
            model.train_step(steps.batch(step, 2), wrappers)
        assert len(said) == 1

    def test_wrong_values_are_named(self):
        with pytest.raises(ValueError, match="needs loss >= 0 and steps >= 1.*steps=0"):
            Collapse(steps=0)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"gan_weight": -1.0}, f"{OWNER}: gan_weight must be >= 0, got -1.0"),
        ({"gan_type": "wgan"}, f"{OWNER}: gan_type must be one of .*'vanilla'.* got 'wgan'"),
        ({"pixel_weight": "much"}, f"{OWNER}.pixel_weight must be float, got 'much'"),
    ],
)
def test_wrong_arguments_are_named(arguments, text):
    with pytest.raises(ValueError, match=text):
        pair(**arguments)
