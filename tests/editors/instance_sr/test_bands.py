"""Images too large for one pass run in bands that change nothing but the memory."""

import subprocess
import sys

import pytest
import torch

from mmisr.editors.instance_sr.encoder import Encoder
from mmisr.editors.instance_sr.engine.sparse import SparseDecoder
from mmisr.editors.instance_sr.execution import read_execution
from mmisr.registry import MODELS

SMALL = {"channels": 8, "blocks": (1, 2, 3)}


def random_map(rows, cols, share, seed=0):
    generator = torch.Generator().manual_seed(seed)
    deep = torch.rand(1, rows, cols, generator=generator) < share
    return torch.where(deep, torch.randint(1, 3, (1, rows, cols), generator=generator), 0)


@pytest.mark.parametrize("halo", [None, 2])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("partition", ["auto", "rectangles", "dense"])
@torch.no_grad()
def test_bands_are_the_whole(make_net, make_sparse, halo, share, partition):
    net = make_net(2)
    lr, exits = torch.rand(1, 3, 312, 80), random_map(39, 10, share)
    if share == 1:
        exits[:] = 2
    run = make_sparse(net.decoder, halo=halo, partition=partition, max_mpix_per_pass=1e-6)
    bands = list(run.bands(lr, exits))
    assert [(rows.start, rows.stop) for rows, _ in bands] == [(0, 256), (256, 512), (512, 624)]
    torch.testing.assert_close(
        torch.cat([b for _, b in bands], 2), run(lr, exits), rtol=0, atol=1e-5
    )


@pytest.mark.parametrize("token", [8, 16])
@pytest.mark.parametrize("rows", [256, 400, 520])
@torch.no_grad()
def test_the_encoder_in_bands_says_the_same(token, rows):
    torch.manual_seed(0)
    encoder, lr = Encoder(token).eval(), torch.rand(1, 3, rows - rows % token, 64)
    for banded, whole in zip(encoder.in_bands(lr, 1), encoder(lr), strict=True):
        torch.testing.assert_close(banded, whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("budget", [None, {"hard_share": 0.3}])
@torch.no_grad()
def test_the_editor_gives_the_same_image_whatever_runs_at_once(budget):
    torch.manual_seed(0)
    router = {"type": "learned", "budget": budget}
    editor = MODELS.build(
        {"type": "mmisr.InstanceSR", "size": SMALL, "router": router, "execution": {"halo": 2}}
    ).eval()
    lr = torch.rand(1, 3, 301, 77)
    whole = editor.upscale(lr)
    editor.execution = read_execution({"halo": 2, "max_mpix_per_pass": 0.001})
    parts = editor.upscale(lr)
    assert torch.equal(parts.routing.exits, whole.routing.exits)
    torch.testing.assert_close(parts.image, whole.image, rtol=0, atol=1e-4)
    streamed = list(editor.upscale_bands(lr))
    assert [rows.start for rows, _ in streamed] == [0, 512, 1024]
    image = torch.cat([band for _, band in streamed], 1)
    assert image.dtype == torch.uint8
    assert image.shape == (3, 1204, 308)
    assert (image.float() / 255 - whole.image[0]).abs().max() <= 0.5 / 255 + 1e-4


@torch.no_grad()
def test_a_gpu_out_of_memory_halves_the_bands(make_net, make_sparse, monkeypatch):
    net = make_net(2)
    lr, exits = torch.rand(1, 3, 400, 40), random_map(50, 5, 0.2)
    run = make_sparse(net.decoder, halo=2, max_mpix_per_pass=400 * 40 / 1e6)
    whole, compute = run(lr, exits), SparseDecoder._compute

    def small_gpu(self, cut, *rest):
        if cut.shape[-2] > 200:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return compute(self, cut, *rest)

    monkeypatch.setattr(SparseDecoder, "_compute", small_gpu)
    with pytest.warns(UserWarning, match="going on with bands of 128 LR rows"):
        bands = [band for _, band in run.bands(lr, exits)]
    torch.testing.assert_close(torch.cat(bands, 2), whole, rtol=0, atol=1e-5)


def test_fusion_and_bands_do_not_mix(make_net, make_sparse):
    net = make_net(2, fusion=True)
    run = make_sparse(net.decoder, halo=2)
    with pytest.raises(ValueError, match="needs size.fusion=False"):
        next(run.bands(torch.rand(1, 3, 16, 16), random_map(2, 2, 0.5)))


STREAMING = """
import resource, sys, torch
from mmisr.registry import MODELS

torch.manual_seed(0)
execution = dict(halo=2, max_mpix_per_pass=0.06)
editor = MODELS.build(dict(type="mmisr.InstanceSR", execution=execution)).eval()
for rows in (256, 1024):
    count = sum(band.numel() for _, band in editor.upscale_bands(torch.rand(1, 3, rows, 256)))
    print(count, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_the_height():
    """Peak resident memory of a process that streams an image, and then one of 4 times the rows."""
    command = [sys.executable, "-W", "ignore", "-c", STREAMING]
    out = subprocess.run(command, capture_output=True, text=True, check=True)
    (few, low), (many, high) = (map(int, line.split()) for line in out.stdout.splitlines())
    assert (few, many) == (3 * 16 * 256 * 256, 3 * 16 * 1024 * 256)
    assert high - low < 60_000, "kB; the whole image's features would take 100 MB more"
