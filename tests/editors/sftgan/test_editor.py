"""SFTGAN as an editor: what its map is made of, alone and in a pair, and what it begins from."""

from dataclasses import replace

import pytest
import torch

from mmisr.editors.sftgan.conditions import background
from mmisr.registry import MODELS
from mmisr.structures.hints import Found, ImageHints

SMALL = {"channels": 6, "blocks": 2, "conditions": 4, "hidden": 5}
CARS = [torch.tensor([[2.0, 1, 6, 5]]), torch.tensor([[4.0, 3, 9, 7], [0.0, 0, 2, 2]])]


def editor(**changes):
    torch.manual_seed(0)
    config = {"type": "mmisr.SFTGAN", "scale": 2, "size": SMALL}
    built = MODELS.build(config | changes)
    with torch.no_grad():
        for weight in built.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return built


def seen(boxes) -> Found:
    return Found(boxes, torch.full((len(boxes),), 0.7), torch.zeros(len(boxes), dtype=torch.int64))


def hints():
    return [ImageHints(boxes, torch.zeros(len(boxes)).long(), found=seen(boxes)) for boxes in CARS]


def lr():
    return torch.rand(2, 3, 9, 12, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def image(built, given):
    return built.upscale(lr(), given).image


class TestWhatTheMapIsMadeOf:
    def test_annotations_do_not_reach_the_image(self):
        built = editor().eval()
        moved = [replace(known, boxes_lr=known.boxes_lr + 2) for known in hints()]
        gone = [replace(known, boxes_lr=None, labels=None) for known in hints()]
        assert torch.equal(image(built, hints()), image(built, moved))
        assert torch.equal(image(built, hints()), image(built, gone))

    def test_what_was_found_does(self):
        built = editor().eval()
        moved = [replace(known, found=seen(known.boxes_lr + 2)) for known in hints()]
        assert not torch.equal(image(built, hints()), image(built, moved))

    def test_the_oracle_leaks_and_says_so(self):
        built = editor(prior="oracle").eval()
        moved = [replace(known, boxes_lr=known.boxes_lr + 2) for known in hints()]
        assert not torch.equal(image(built, hints()), image(built, moved))
        assert built.info.name == "sftgan_oracle"
        assert editor(size="nano", prior="oracle").info.name == "sftgan_nano_oracle"
        assert editor(size="nano").info.name == "sftgan_nano"

    def test_nothing_found_is_the_generator_on_background(self):
        built = editor().eval()
        nobody = [replace(known, found=seen(torch.zeros(0, 4))) for known in hints()]
        expected = image(editor(prior="none").eval(), hints())
        assert torch.equal(image(built, nobody), expected)
        maps = built.maps(lr(), nobody)
        assert torch.equal(maps, background(1, (9, 12)).expand(2, -1, -1, -1))

    def test_an_image_does_not_depend_on_its_batch(self):
        built = editor().eval()
        both = image(built, hints())
        with torch.no_grad():
            second = built.upscale(lr()[1:], hints()[1:]).image
        torch.testing.assert_close(second, both[1:], atol=1e-6, rtol=0)

    def test_a_class_that_it_has_not_is_named(self):
        known = [ImageHints(found=Found(CARS[0], torch.ones(1), torch.tensor([3])))] * 2
        with pytest.raises(ValueError, match=r"SFTGAN\(num_classes=1\) has no class 3"):
            image(editor(), known)


class TestNobodyLooked:
    def test_in_training_it_is_an_error(self):
        without = [replace(known, found=None) for known in hints()]
        text = r"SFTGAN\(prior='found'\) got an image that has no `found`.*test_cfg=dict\(prior"
        for given in (without, None):
            with pytest.raises(ValueError, match=text):
                editor().train().losses(lr(), torch.rand(2, 3, 18, 24), given)
        text = r"SFTGAN\(prior='oracle'\).*no `boxes_lr and labels`.*LoadAnnotations"
        with pytest.raises(ValueError, match=text):
            editor(prior="oracle").train().losses(lr(), torch.rand(2, 3, 18, 24))

    def test_at_test_it_is_background_and_said_once(self, monkeypatch):
        said = []
        monkeypatch.setattr(
            "mmisr.editors.sftgan.editor.print_log", lambda text, **_: said.append(text)
        )
        built = editor().eval()
        assert torch.equal(image(built, None), image(editor(prior="none").eval(), None))
        image(built, [ImageHints()] * 2)
        assert len(said) == 1
        assert "its map is all background" in said[0]


class TestInAPair:
    def pair(self, detector_config, **changes):
        torch.manual_seed(0)
        config = {"type": "mmisr.SRDetector", "detector": detector_config}
        config["editor"] = {"type": "mmisr.SFTGAN", "scale": 4, "num_classes": 2, "size": SMALL}
        config["strategy"] = {"type": "Joint", "editor_weight": 1.0}
        return MODELS.build(config | changes)

    def test_the_first_look_is_the_map(self, detector_config, photo, sample_of):
        pair = self.pair(detector_config, test_cfg={"prior": {"score_thr": 0.001}}).eval()
        sample = sample_of((96, 132), [[10.0, 12.0, 50.0, 60.0]])
        small = torch.nn.functional.interpolate(photo[None] / 255, (24, 33), mode="area")[0]
        known = pair.hints([small], [sample])
        maps = pair.editor.maps(small[None], known)
        assert maps[:, 1:].sum() > 0
        with torch.no_grad():
            (result,) = pair.upscale([small], [sample])
            expected = pair.editor.net(small[None], maps).clamp(0, 1)
        assert torch.equal(result.image, expected)

    def test_annotations_do_not_reach_the_image(self, detector_config, photo, sample_of):
        pair = self.pair(detector_config, test_cfg={"prior": {"score_thr": 0.001}}).eval()
        small = torch.nn.functional.interpolate(photo[None] / 255, (24, 33), mode="area")[0]
        images = []
        for boxes in ([[10.0, 12.0, 50.0, 60.0]], [[60.0, 40.0, 90.0, 70.0]], []):
            with torch.no_grad():
                (result,) = pair.upscale([small], [sample_of((96, 132), boxes)])
            images.append(result.image)
        assert torch.equal(images[0], images[1])
        assert torch.equal(images[0], images[2])

    @pytest.mark.parametrize("prior", [None, {"score_thr": 0.001}])
    def test_training_needs_the_first_look(self, detector_config, photo, sample_of, prior):
        pair = self.pair(detector_config, test_cfg={"prior": prior}).train()
        sample = sample_of((96, 128), [[10.0, 12.0, 50.0, 60.0]], hr=photo[:, :96, :128].byte())
        small = torch.nn.functional.interpolate(photo[None] / 255, (24, 32), mode="area")[0]
        if prior is None:
            with pytest.raises(ValueError, match=r"no `found`.*test_cfg=dict\(prior=dict\(\)\)"):
                pair.loss([small], [sample])
            return
        losses = pair.loss([small], [sample])
        # The editor's own losses are told what was found, too.
        torch.testing.assert_close(losses["loss_pixel"], losses["loss_joint_pixel"])


class TestWhatItBeginsFrom:
    def plain(self, path):
        generator = {"type": "mmisr.SFTGenerator", "scale": 2, "maps": 0, "size": SMALL}
        torch.manual_seed(5)
        built = MODELS.build({"type": "mmisr.PlainSR", "scale": 2, "generator": generator})
        torch.save({"state_dict": built.state_dict()}, path)
        return built.eval()

    def test_srgans_generator_with_the_layers_at_rest(self, tmp_path):
        path = tmp_path / "plain.pth"
        plain = self.plain(path)
        config = {"type": "mmisr.SFTGAN", "scale": 2, "size": SMALL, "init_from": str(path)}
        built = MODELS.build(config).eval()
        assert torch.equal(image(built, hints()), image(plain, None))
        assert torch.equal(image(built, None), image(plain, None))

    def test_another_generator_is_refused(self, tmp_path):
        path = tmp_path / "other.pth"
        torch.save({"net.head.weight": torch.zeros(6, 3, 3, 3)}, path)
        with pytest.raises(ValueError, match="other.pth does not fit SFTGenerator"):
            editor(init_from=str(path))

    def test_a_checkpoint_of_its_own_is_loaded_whole(self, tmp_path):
        path = tmp_path / "own.pth"
        built = editor().eval()
        torch.save({"state_dict": built.state_dict()}, path)
        config = {"type": "mmisr.SFTGAN", "scale": 2, "size": SMALL, "checkpoint": str(path)}
        again = MODELS.build(config).eval()
        assert torch.equal(image(again, hints()), image(built, hints()))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"prior": "truth"}, r"SFTGAN.prior must be one of \('found', 'oracle', 'none'\).*'truth'"),
        ({"num_classes": 0}, "SFTGAN.num_classes must be at least 1, got 0"),
        ({"scale": 3}, r"SFTGAN.scale must be one of \(2, 4, 8\), got 3"),
    ],
)
def test_wrong_values_are_named(changes, text):
    with pytest.raises(ValueError, match=text):
        editor(**changes)
