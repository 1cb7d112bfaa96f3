"""PSNR by JPEG quality: figures against ones made by hand, the tool's function on real images."""

import json
from pathlib import Path

import pytest
import torch
from skimage import data

from mmisr.analysis.depth import Seen
from mmisr.analysis.jpeg_quality import Compression, psnr_by_quality
from mmisr.apis.jpeg_quality import jpeg_quality
from mmisr.degradation.recipes import Degradation
from mmisr.ops.jpeg import jpeg
from mmisr.ops.psnr import psnr_of_levels
from mmisr.registry import MODELS
from mmisr.structures.hints import ImageHints
from mmisr.structures.pixels import to_bytes

ROOT = Path(__file__).parents[2]
BICUBIC = str(ROOT / "configs/resample/bicubic-x4_tree-crowns.py")


@pytest.fixture(scope="module")
def images():
    photo = torch.from_numpy(data.astronaut()).permute(2, 0, 1).float() / 255
    seen = []
    for left in (100, 180, 260):
        hr = photo[None, :, 60:156, left : left + 128]
        seen.append(Seen(Degradation(4)(hr, [0]), hr, [ImageHints()]))
    return seen


def editors():
    return {
        mode: MODELS.build({"type": "mmisr.Resample", "scale": 4, "mode": mode}).eval()
        for mode in ("bicubic", "nearest")
    }


def test_figures_are_means_over_the_images(images):
    rows = psnr_by_quality(editors(), images, [Compression(10), Compression(90)], 200)
    assert [(row.compression, row.editor) for row in rows] == [
        ("10", "bicubic"),
        ("10", "nearest"),
        ("90", "bicubic"),
        ("90", "nearest"),
    ]
    bicubic = editors()["bicubic"]
    expected = []
    for seen in images:
        sr = bicubic.upscale(jpeg(seen.lr[0], 10)[None]).image
        expected.append(float(psnr_of_levels(to_bytes(sr), to_bytes(seen.hr), shave=4)))
    first, other, finer, _ = rows
    assert first.psnr == pytest.approx(sum(expected) / 3)
    assert min(expected) <= first.interval[0] <= first.psnr <= first.interval[1] <= max(expected)
    assert first.gain == 0
    assert first.gain_interval == (0, 0)
    assert other.gain == pytest.approx(other.psnr - first.psnr)
    assert finer.psnr > first.psnr + 0.5


def test_an_earlier_compression_has_blocks_of_its_own(images):
    lr = images[0].lr
    twice = Compression(20, before=40)
    assert twice.name == "40, then 20"
    assert twice(lr).shape == lr.shape
    same_blocks = jpeg(jpeg(lr[0], 40), 20)
    assert (twice(lr)[0] - same_blocks).abs().max() > 0.01
    once, again = psnr_by_quality(
        {"bicubic": editors()["bicubic"]}, images, [Compression(20), twice], 10
    )
    assert again.psnr < once.psnr


@pytest.mark.parametrize("quality", [0, 101])
def test_a_quality_that_there_is_not(quality):
    with pytest.raises(ValueError, match=rf"JPEG quality must be in 1\.\.100, got {quality}"):
        Compression(quality)
    with pytest.raises(ValueError, match=rf"got {quality}"):
        Compression(50, before=quality)


def test_an_editor_of_another_scale_is_named(images):
    double = {"x2": MODELS.build({"type": "mmisr.Resample", "scale": 2}).eval()}
    with pytest.raises(ValueError, match="'bicubic' makes .*its scale must be that of the data"):
        psnr_by_quality(double, images, [Compression(10)])


def test_on_real_images(tree_crowns, tmp_path, monkeypatch):
    """The config's own JPEG is left out: qualities are those that were asked for."""
    monkeypatch.chdir(ROOT)
    out = tmp_path / "quality.json"
    nearest = tmp_path / "nearest.py"
    nearest.write_text(f'_base_ = "{BICUBIC}"\nmodel = dict(mode="nearest")\n')
    rows = jpeg_quality(
        BICUBIC,
        others=[f"other={nearest}"],
        quality=[20],
        before=90,
        out=str(out),
        device="cpu",
        cfg_options={
            "test_dataloader.dataset.pipeline.3.jpeg_quality": (1, 1),
            "test_dataloader.dataset.indices": 2,
        },
    )
    assert [row.editor for row in rows] == ["bicubic", "other"] * 2
    assert [row.compression for row in rows] == ["20", "20", "90, then 20", "90, then 20"]
    assert 15 < rows[0].psnr < 40
    assert rows[1].gain < 0
    content = json.loads(out.read_text())
    assert content["meta"]["images"] == 2
    assert content["rows"][0]["psnr"] == rows[0].psnr
    indices = {"test_dataloader.dataset.indices": 2}
    plain = jpeg_quality(BICUBIC, quality=[20], out=str(out), device="cpu", cfg_options=indices)
    assert plain[0].psnr == rows[0].psnr


@pytest.mark.parametrize(
    ("others", "message"),
    [
        (
            ["bicubic.py"],
            r"--others takes NAME=CONFIG or NAME=CONFIG,CHECKPOINT, got 'bicubic\.py'",
        ),
        ([f"bicubic={BICUBIC}"], "every editor needs a name of its own, got 'bicubic' twice"),
    ],
)
def test_others_that_cannot_be_read(others, message):
    with pytest.raises(ValueError, match=message):
        jpeg_quality(BICUBIC, others=others, device="cpu")


@pytest.mark.parametrize("as_other", [False, True])
def test_random_weights_are_not_measured(as_other, monkeypatch):
    monkeypatch.chdir(ROOT)
    bare = "configs/plain/edsr_x4_tree-crowns.py"
    config, others = (BICUBIC, [f"edsr={bare}"]) if as_other else (bare, [])
    with pytest.raises(ValueError, match=r"names no weights \(checkpoint\)"):
        jpeg_quality(config, others=others, device="cpu")


def test_data_without_simulated_lr_is_named(tmp_path):
    native = tmp_path / "native.py"
    names = ("LoadImage", "NativeLR", "PackSRInputs")
    steps = [{"type": f"mmisr.{name}"} for name in names]
    native.write_text(
        f'_base_ = "{BICUBIC}"\ntest_dataloader = dict(dataset=dict(pipeline={steps}))\n'
    )
    with pytest.raises(
        ValueError, match=r"must make LR images from HR by mmisr\.SimulateLR.*Native"
    ):
        jpeg_quality(str(native), device="cpu")
