"""What an export makes of an image is what the pair makes of it, the first look included."""

import json

import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image

from mmisr.apis.export import export_sr
from mmisr.export.upscaler import build_upscaler
from mmisr.registry import MODELS
from tests.blobs import image_of

HW = (37, 61)
BLOBS = [(3, 4, 8, 9), (30, 2, 37, 8), (50, 33, 57, 37)]
EDITORS = [{"type": "mmisr.SFTGAN"}, {"type": "mmisr.InstanceModulation"}]
ROUTER = {"type": "mmisr.InstanceSR", "router": "detector_prior", "labels": {"easy_cover": 0.01}}
WINDOWS = {"margin": 4, "router": ROUTER}


def config_of(editor, windows=None, **prior):
    """A pair whose detector looks first."""
    model = {
        "type": "mmisr.SRDetector",
        "editor": {"scale": 4, **editor},
        "detector": {"type": "BlobDetector", "masks": True, "sure_area": 400},
        "test_cfg": {"windows": windows, "prior": {"score_thr": 0.0, **prior}},
    }
    return Config({"default_scope": "mmisr", "model": model})


def built(config):
    """The pair, its modulation awake."""
    torch.manual_seed(0)
    pair = MODELS.build(config.model).eval()
    with torch.no_grad():
        for name, weight in pair.editor.named_parameters():
            if "gamma" in name or "beta" in name:
                weight.add_(torch.randn_like(weight))
    return pair


def upscaler_of(config, pair):
    return build_upscaler(config, "sr", 1, lambda: pair, torch.device("cpu"))


def packed_of(sample_of, image=None):
    """A packed sample as a data set gives it, and as the pair's loader gathers it."""
    sample = sample_of(HW, np.array(BLOBS))
    sample.set_metainfo({"img_id": 1, "lr_shape": HW})
    return {"inputs": image_of(HW, BLOBS) if image is None else image, "data_samples": sample}


def seen_by(pair, packed):
    """The SR image that the pair's detector gets."""
    pair.test_cfg.__dict__["keep_sr"] = True
    batch = {key: [value] for key, value in packed.items()}
    with torch.no_grad():
        (sample,) = pair.test_step(batch)
    return sample.sr


@pytest.mark.parametrize("windows", [None, WINDOWS])
@pytest.mark.parametrize("editor", EDITORS)
def test_it_is_the_image_that_the_pair_sees(sample_of, editor, windows):
    config = config_of(editor, windows)
    pair = built(config)
    written = upscaler_of(config, pair)(packed_of(sample_of))
    assert torch.equal(written, seen_by(pair, packed_of(sample_of)))
    pair.prior = None
    if windows is None:
        blind = upscaler_of(config, pair)(packed_of(sample_of))
        assert (written - blind).abs().max() > 0.01, "what is found decides pixels"


def test_windows_show_what_the_whole_frame_does(sample_of):
    """A network whose convolutions see nothing beyond a pixel has only the map to go by."""
    editor = {"type": "mmisr.SFTGAN"}
    images = {}
    for windows in (None, {**WINDOWS, "margin": 8}):
        config = config_of(editor, windows)
        pair = built(config)
        for module in pair.editor.modules():
            if isinstance(module, torch.nn.Conv2d):
                alone = torch.zeros_like(module.weight)
                middle = tuple(side // 2 for side in module.kernel_size)
                alone[:, :, middle[0], middle[1]] = module.weight[:, :, middle[0], middle[1]]
                module.weight.data = alone
        images[windows is None] = upscaler_of(config, pair)(packed_of(sample_of))
    x1, y1, x2, y2 = (4 * side for side in BLOBS[1])
    whole = images[True][:, y1:y2, x1:x2]
    torch.testing.assert_close(images[False][:, y1:y2, x1:x2], whole, rtol=0, atol=1e-5)


def test_other_weights_of_who_looks_are_another_export(tmp_path):
    path = tmp_path / "first.pth"
    hashes = []
    for gain in (1.0, 2.0):
        torch.save({"state_dict": {"gain": torch.tensor(gain)}}, path)
        config = config_of(EDITORS[0], checkpoint=str(path))
        pair = built(config)
        hashes.append(upscaler_of(config, pair).weights_sha256)
    assert hashes[0] != hashes[1]


def test_other_weights_of_the_windows_router_are_another_export():
    config = config_of(EDITORS[0], WINDOWS)
    pair = built(config)
    before = upscaler_of(config, pair).weights_sha256
    with torch.no_grad():
        next(pair.search.own_router.parameters()).add_(1)
    assert upscaler_of(config, pair).weights_sha256 != before


def data_config(config, folder):
    """The same pair on one image of blobs, as LR that nobody reduced."""
    pixels = image_of(HW, BLOBS).permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(folder / "blobs.png")
    image = {"id": 1, "file_name": "blobs.png", "height": HW[0], "width": HW[1]}
    content = {"images": [image], "annotations": [], "categories": [{"id": 1, "name": "blob"}]}
    (folder / "all.json").write_text(json.dumps(content))
    pipeline = [
        {"type": "mmisr.LoadImage"},
        {"type": "mmdet.LoadAnnotations", "with_bbox": True},
        {"type": "mmisr.NativeLR"},
        {"type": "mmisr.PackSRDetInputs"},
    ]
    dataset = {
        "type": "mmisr.SRCocoDataset",
        "data_root": f"{folder}/",
        "ann_file": "all.json",
        "data_prefix": {"img": ""},
        "metainfo": {"classes": ("blob",)},
        "pipeline": pipeline,
    }
    return Config({**config.to_dict(), "test_dataloader": {"dataset": dataset}})


def test_the_tool_writes_what_the_first_look_makes(sample_of, tmp_path):
    config = config_of(EDITORS[0])
    pair = built(config)
    torch.save({"state_dict": pair.state_dict()}, tmp_path / "pair.pth")
    folder = tmp_path / "data"
    folder.mkdir()
    export_sr(data_config(config, folder), tmp_path / "out", tmp_path / "pair.pth", device="cpu")
    written = np.asarray(Image.open(tmp_path / "out/images/blobs.png"))
    pixels = seen_by(pair, packed_of(sample_of)) * 255
    assert np.array_equal(written, pixels.round().byte().permute(1, 2, 0).numpy())


def test_weights_are_asked_of_who_looks(tmp_path):
    editor = {**EDITORS[0], "checkpoint": str(tmp_path / "editor.pth")}
    torch.save(
        {"state_dict": built(config_of(EDITORS[0])).editor.state_dict()}, editor["checkpoint"]
    )
    first = tmp_path / "first.pth"
    torch.save({"state_dict": {"gain": torch.tensor(1.0)}}, first)
    folder = tmp_path / "data"
    folder.mkdir()
    with pytest.raises(ValueError, match=r"names no weights \(checkpoints.detector\)"):
        export_sr(data_config(config_of(editor), folder), tmp_path / "out", device="cpu")
    config = config_of(editor, checkpoint=str(first))
    export_sr(data_config(config, folder), tmp_path / "out", device="cpu")
