"""Networks of mmagic's behind the common interface."""

import pytest
import torch

from mmisr.editors.plain.editor import PlainSR

EDSR = {"type": "mmagic.EDSRNet", "in_channels": 3, "out_channels": 3, "mid_channels": 8, "num_blocks": 1}


@pytest.mark.parametrize(
    ("generator", "scale", "multiple"),
    [
        ({**EDSR, "upscale_factor": 2}, 2, 1),
        ({**EDSR, "upscale_factor": 3}, 3, 1),
        (
            {
                "type": "mmagic.MSRResNet",
                "in_channels": 3,
                "out_channels": 3,
                "mid_channels": 8,
                "num_blocks": 1,
                "upscale_factor": 4,
            },
            4,
            1,
        ),
        (
            {
                "type": "mmagic.RRDBNet",
                "in_channels": 3,
                "out_channels": 3,
                "mid_channels": 8,
                "num_blocks": 1,
                "growth_channels": 4,
                "upscale_factor": 4,
            },
            4,
            1,
        ),
        (
            {
                "type": "mmagic.SwinIRNet",
                "upscale": 2,
                "in_chans": 3,
                "img_size": 16,
                "window_size": 8,
                "img_range": 1.0,
                "depths": [1],
                "embed_dim": 12,
                "num_heads": [2],
                "mlp_ratio": 2,
                "upsampler": "pixelshuffledirect",
            },
            2,
            8,
        ),
    ],
    ids=["EDSR x2", "EDSR x3", "SRResNet", "RRDB", "SwinIR"],
)
def test_output_size_is_exact_for_odd_inputs(generator, scale, multiple):
    editor = PlainSR(generator, scale, multiple).eval()
    with torch.no_grad():
        image = editor.upscale(torch.rand(1, 3, 19, 13)).image
    assert tuple(image.shape) == (1, 3, 19 * scale, 13 * scale)
    assert 0 <= image.min() <= image.max() <= 1


def test_wrong_scale_is_refused():
    with pytest.raises(ValueError, match=r"PlainSR\(scale=4\): EDSRNet must turn \(1, 3, 8, 8\) into \(1, 3, 32, 32\)"):
        PlainSR({**EDSR, "upscale_factor": 2}, 4)


@pytest.mark.parametrize("prefix", ["", "generator.", "generator_ema.", "editor.generator."])
def test_checkpoints_of_mmagic_and_ours_load(tmp_path, prefix):
    source = PlainSR({**EDSR, "upscale_factor": 2}, 2)
    path = tmp_path / "edsr.pth"
    torch.save({"state_dict": {f"{prefix}{k}": v for k, v in source.generator.state_dict().items()}}, path)
    loaded = PlainSR({**EDSR, "upscale_factor": 2}, 2, checkpoint=str(path))
    state = loaded.generator.state_dict()
    assert all(torch.equal(v, state[k]) for k, v in source.generator.state_dict().items())


def test_checkpoint_of_another_scale_is_refused(tmp_path):
    path = tmp_path / "x2.pth"
    torch.save(PlainSR({**EDSR, "upscale_factor": 2}, 2).generator.state_dict(), path)
    with pytest.raises(ValueError, match="x2.pth does not fit EDSRNet: another architecture, size or scale"):
        PlainSR({**EDSR, "upscale_factor": 3}, 3, checkpoint=str(path))
