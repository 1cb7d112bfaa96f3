"""The metric on samples of the pair and of an editor, made by hand and by the models themselves."""

import math

import pytest
import torch
from mmengine.evaluator import Evaluator

from mmisr.evaluation.functional.region_quality import region_quality
from mmisr.evaluation.metrics.region_quality import RegionQuality
from mmisr.openmmlab.editor import MagicDataSample
from mmisr.registry import METRICS, MODELS
from mmisr.structures.sr_result import RoutingMap

BOXES = [[4.0, 4.0, 20.0, 16.0]]
REGIONS = ("whole", "in_box", "out_box")


def pair_sample(seed=0, boxes=BOXES, **more):
    generator = torch.Generator().manual_seed(seed)
    return {
        "img_path": f"{seed}.png",
        "sr": torch.rand(3, 24, 28, generator=generator),
        "hr": torch.randint(0, 256, (3, 24, 28), generator=generator, dtype=torch.uint8),
        "gt_instances": {"bboxes": torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4)},
        **more,
    }


def evaluate(samples, **keys):
    metric = RegionQuality(**keys)
    for sample in samples:
        metric.process(None, [sample])
    return {
        name.removeprefix("region/"): value for name, value in metric.evaluate(len(samples)).items()
    }


def test_names_of_the_figures():
    expected = [f"{kind}_{region}" for kind in ("psnr", "ssim") for region in REGIONS]
    metric = METRICS.build({"type": "mmisr.RegionQuality", "prefix": "arm"})
    metric.process(None, [pair_sample()])
    names = [f"arm/{n}" for n in (*expected, *(f"images_{r}" for r in REGIONS), "exact")]
    assert list(metric.evaluate(1)) == names


def test_a_figure_is_the_mean_over_the_images_that_have_the_region():
    samples = [pair_sample(0), pair_sample(1, []), pair_sample(2, [[0, 0, 28, 24]])]
    found = evaluate(samples)
    each = [region_quality(s["sr"], s["hr"] / 255, s["gt_instances"]["bboxes"]) for s in samples]
    assert found["psnr_whole"] == pytest.approx(sum(e["psnr_whole"] for e in each) / 3, abs=1e-5)
    assert found["psnr_in_box"] == pytest.approx(
        (each[0]["psnr_in_box"] + each[2]["psnr_in_box"]) / 2, abs=1e-5
    )
    assert found["ssim_out_box"] == pytest.approx(
        (each[0]["ssim_out_box"] + each[1]["ssim_out_box"]) / 2, abs=1e-6
    )
    assert [found[f"images_{r}"] for r in REGIONS] == [3, 2, 2]
    assert found["exact"] == 0


def test_exact_images_are_left_out_and_counted():
    exact = pair_sample(3)
    exact["sr"] = exact["hr"].float() / 255
    found = evaluate([pair_sample(0), exact])
    assert found["psnr_whole"] == evaluate([pair_sample(0)])["psnr_whole"]
    assert (found["images_whole"], found["exact"]) == (2, 1)
    alone = evaluate([exact])
    assert (alone["psnr_whole"], alone["psnr_in_box"], alone["exact"]) == (math.inf, math.inf, 1)


def test_editor_samples_measure_as_the_pairs_do():
    sample = pair_sample(5)
    as_editor = {
        "output": {"pred_img": sample["sr"].double() * 255},
        "gt_img": sample["hr"],
        "boxes_source": sample["gt_instances"]["bboxes"].numpy(),
    }
    assert evaluate([as_editor], crop_border=2) == pytest.approx(
        evaluate([sample], crop_border=2), abs=1e-5
    )


def test_native_lr_has_tokens_but_no_quality():
    routing = RoutingMap(torch.tensor([[[0, 0], [1, 2]]]), token_size=8)
    sample = pair_sample(routing=routing)
    del sample["hr"]
    found = evaluate([sample])
    assert all(
        math.isnan(found[f"{kind}_{region}"]) for kind in ("psnr", "ssim") for region in REGIONS
    )
    assert [found[f"images_{r}"] for r in REGIONS] == [0, 0, 0]
    assert [found[f"tokens_{e}"] for e in ("easy", "moderate", "hard")] == [0.5, 0.25, 0.25]


def test_shares_are_means_over_images():
    maps = [RoutingMap(torch.tensor([[row]]), token_size=8) for row in ([0, 0, 0, 0], [2, 2, 2, 0])]
    found = evaluate([pair_sample(i, routing=m) for i, m in enumerate(maps)])
    assert [found[f"tokens_{e}"] for e in ("easy", "moderate", "hard")] == [0.625, 0, 0.375]


def test_no_samples():
    assert math.isnan(evaluate([])["psnr_whole"])


@pytest.mark.parametrize(
    ("sample", "text"),
    [
        (
            {**pair_sample(), "sr": None},
            r"sample of 0.png has no `sr`.*test_cfg=dict\(keep_sr=True\)",
        ),
        (
            {"output": {}, "gt_img": torch.zeros(3, 8, 8), "img_path": "a.png"},
            "needs output.pred_img.*a.png",
        ),
        (
            {"output": {"pred_img": torch.zeros(3, 8, 8)}, "gt_img": torch.zeros(3, 8, 8)},
            "mmisr.PackSRInputs",
        ),
    ],
)
def test_a_missing_key_is_named_with_the_way_out(sample, text):
    with pytest.raises(KeyError, match=text):
        evaluate([sample])


def test_constructor_errors():
    with pytest.raises(ValueError, match="crop_border must be >= 0, got -1"):
        RegionQuality(crop_border=-1)


def test_the_pair_brings_what_the_metric_reads(detector_config, photo, sample_of):
    """A real run, bicubic x2: the same figures as from the tensors alone."""
    config = {
        "type": "mmisr.SRDetector",
        "editor": {"type": "mmisr.Resample", "mode": "bicubic", "scale": 2},
        "detector": detector_config,
        "test_cfg": {"keep_sr": True},
    }
    pair = MODELS.build(config).eval()
    hr = photo[:, :64, :96]
    lr = (
        torch.nn.functional.interpolate(hr[None].float(), scale_factor=0.5, mode="area")[0]
        .round()
        .byte()
    )
    boxes = [[10.0, 12.0, 50.0, 60.0]]
    with torch.no_grad():
        samples = pair.test_step(
            {"inputs": [lr], "data_samples": [sample_of((64, 96), boxes, hr=hr)]}
        )
    evaluator = Evaluator(METRICS.build({"type": "mmisr.RegionQuality"}))
    evaluator.process(samples)
    found = evaluator.evaluate(1)
    expected = region_quality(samples[0].sr, hr.float() / 255, torch.tensor(boxes))
    assert 20 < found["region/psnr_in_box"] == pytest.approx(expected["psnr_in_box"], abs=1e-4)


def test_an_image_handed_through_is_exact(detector_config, sample_of):
    """The oracle arm: every 8-bit value must survive the pair's arithmetic."""
    config = {
        "type": "mmisr.SRDetector",
        "editor": {"type": "mmisr.Resample", "mode": "nearest", "scale": 1},
        "detector": detector_config,
        "test_cfg": {"keep_sr": True},
    }
    ramp = torch.arange(3 * 32 * 32).reshape(3, 32, 32).remainder(256).byte()
    with torch.no_grad():
        data = {
            "inputs": [ramp],
            "data_samples": [sample_of((32, 32), [[0.0, 0.0, 9.0, 9.0]], hr=ramp)],
        }
        samples = MODELS.build(config).eval().test_step(data)
    found = evaluate([samples[0].to_dict()])
    assert (found["psnr_whole"], found["ssim_whole"], found["exact"]) == (
        math.inf,
        pytest.approx(1),
        1,
    )


def test_an_editor_alone_brings_what_the_metric_reads(photo):
    """A real run through mmagic's base class, beside mmagic's own metric."""
    editor = MODELS.build({"type": "mmisr.Resample", "mode": "bicubic", "scale": 2}).eval()
    hr = photo[:, :64, :96]
    lr = (
        torch.nn.functional.interpolate(hr[None].float(), scale_factor=0.5, mode="area")[0]
        .round()
        .byte()
    )
    boxes = torch.tensor([[10.0, 12.0, 50.0, 60.0], [60.0, 5.0, 90.0, 40.0]])
    meta = {"img_id": 1, "img_path": "a.png", "source_shape": (64, 96), "lr_shape": (32, 48)}
    meta |= {"boxes_source": boxes.numpy(), "boxes_lr": boxes.numpy() / 2}
    meta |= {f"{key}_channel_order": "RGB" for key in ("gt", "img")}
    meta |= {f"{key}_color_type": "color" for key in ("gt", "img")}
    sample = MagicDataSample(metainfo=meta)
    sample.set_tensor_data({"gt_img": hr})
    with torch.no_grad():
        samples = editor.test_step({"inputs": lr[None], "data_samples": [sample]})
    evaluator = Evaluator(
        [METRICS.build({"type": f"mmisr.{name}"}) for name in ("RegionQuality", "MagicQuality")]
    )
    evaluator.process(samples)
    found = evaluator.evaluate(1)
    with torch.no_grad():
        sr = editor.upscale(lr[None].float() / 255).image[0]
    expected = region_quality(sr, hr.float() / 255, boxes)
    for region in REGIONS:
        assert found[f"region/psnr_{region}"] == pytest.approx(expected[f"psnr_{region}"], abs=1e-3)
    # mmagic's is on 8-bit pixels
    assert found["region/psnr_whole"] == pytest.approx(found["mmagic/PSNR"], abs=0.02)
    assert found["region/ssim_whole"] == pytest.approx(found["mmagic/SSIM"], abs=1e-3)
