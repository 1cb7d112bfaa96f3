"""The model of a clip as a file: what comes back, what it weighs, what is refused."""

import warnings
from dataclasses import asdict

import pytest
import torch

from mmisr.editors.stdo.editor import STDO, read_model
from mmisr.structures.hints import ImageHints


def test_what_is_written_comes_back(model, file):
    again = read_model(file)
    assert (again.clip, again.scale, again.grid) == (model.clip, model.scale, model.grid)
    assert (again.lr_hw, again.sizes) == (model.lr_hw, model.sizes)
    assert (again.parts, again.name) == (model.parts, "clip.mkv")
    assert torch.equal(again.thumbnails, model.thumbnails)
    assert torch.equal(again.chunks, model.chunks)
    for before, after in zip(model.weights, again.weights, strict=True):
        assert before.keys() == after.keys()
        assert all(weight.dtype == torch.float16 for weight in after.values())
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_bytes_are_those_of_half_precision(model):
    parameters = sum(weight.numel() for weight in model.weights[0].values())
    assert model.weight_bytes == 2 * 2 * parameters  # two networks, two bytes each
    assert model.chunk_bytes == 3  # 18 bits
    assert model.thumbnail_bytes == 48  # 16 a frame


def test_two_sizes_of_tiles_cost_a_bit_a_tile_and_other_weights(tiled):
    assert tiled.costs_differ
    assert tiled.chunk_bytes == 3
    counts = [sum(weight.numel() for weight in state.values()) for state in tiled.weights]
    assert counts[0] > counts[1]
    assert tiled.weight_bytes == 2 * sum(counts)


def test_a_file_of_before_tiles_is_read(model, file):
    """As it was written then: one size for all networks, no parts, no name, no thumbnails."""
    old = asdict(model)
    for key in ("parts", "name", "thumbnails"):
        del old[key]
    old["sizes"] = old["sizes"][0]
    torch.save(old, file)
    again = read_model(file)
    assert (again.sizes, again.parts) == (model.sizes, [1, 1])
    assert again.thumbnail_bytes == 0
    frame = torch.rand(1, 3, 8, 12)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        STDO(str(file)).upscale(frame, [ImageHints(frame_index=1)])
    torch.save({**old, "weights": 5}, file)
    with pytest.raises(ValueError, match="no model of a clip"):
        read_model(file)


def test_a_clip_of_another_hash_is_refused(model):
    model.check_clip("c" * 64)
    with pytest.raises(ValueError, match=r"made for another clip \(SHA-256 cccccccccccc.*dddd"):
        model.check_clip("d" * 64)


def test_weights_of_other_sizes_are_refused(model):
    model.weights[1]["head.weight"] = torch.zeros(5, 3, 3, 3).half()
    with pytest.raises(ValueError, match="of other sizes than"):
        model.networks()


def test_what_is_no_model_is_refused(model, file):
    with pytest.raises(FileNotFoundError, match=r"none\.pth does not exist; make it with"):
        read_model(file.with_name("none.pth"))
    broken = {
        r"it has the keys \['weights'\]": {"weights": [{}]},
        "do not name 2 networks for 2 x 3": {**asdict(model), "chunks": torch.full((3, 6), 2)},
        "do not name 2 networks for 2 x 2": {**asdict(model), "grid": (2, 2)},
        "its scale is no": {**asdict(model), "scale": "four"},
        "it has no networks": {**asdict(model), "weights": []},
        "does not say sizes and parts of each of its 2": {**asdict(model), "parts": [1]},
        "has no thumbnails of 3 frames": {**asdict(model), "thumbnails": torch.zeros(2, 16)},
    }
    for reason, content in broken.items():
        torch.save(content, file)
        with pytest.raises(ValueError, match=f"no model of a clip: .*{reason}"):
            read_model(file)
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ValueError, match="cannot be read"):
        read_model(file)
