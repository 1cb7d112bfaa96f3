"""The model of a clip as a file: what comes back, what it weighs, what is refused."""

from dataclasses import asdict

import pytest
import torch

from mmisr.editors.stdo.editor import read_model


def test_what_is_written_comes_back(model, file):
    again = read_model(file)
    assert (again.clip, again.scale, again.grid) == (model.clip, model.scale, model.grid)
    assert (again.lr_hw, again.sizes) == (model.lr_hw, model.sizes)
    assert torch.equal(again.chunks, model.chunks)
    for before, after in zip(model.weights, again.weights, strict=True):
        assert before.keys() == after.keys()
        assert all(weight.dtype == torch.float16 for weight in after.values())
        assert all(torch.equal(before[name], after[name]) for name in before)


def test_bytes_are_those_of_half_precision(model):
    parameters = sum(weight.numel() for weight in model.weights[0].values())
    assert model.weight_bytes == 2 * 2 * parameters  # two networks, two bytes each
    assert model.chunk_bytes == 3  # 18 bits


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
    }
    for reason, content in broken.items():
        torch.save(content, file)
        with pytest.raises(ValueError, match=f"no model of a clip: .*{reason}"):
            read_model(file)
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ValueError, match="cannot be read"):
        read_model(file)
