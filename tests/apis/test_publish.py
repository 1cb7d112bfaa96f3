"""A checkpoint to hand on: which weights, under which names, in how many bits."""

import pytest
import torch

from mmisr.apis.publish import publish
from mmisr.openmmlab.checkpoints import load_state


@pytest.fixture
def run(tmp_path):
    state = {
        "editor.a": torch.tensor([0.1]),
        "detector.b": torch.tensor([3]),
        "strategy.teacher": torch.ones(1),
    }
    torch.save({"state_dict": state, "optimizer": {"lr": 1.0}}, tmp_path / "run.pth")
    return tmp_path / "run.pth"


@pytest.mark.parametrize(
    ("part", "names"),
    [(None, ["editor.a", "detector.b"]), ("editor", ["a"]), ("detector", ["b"])],
)
def test_weights_of_the_model_or_of_a_part(run, tmp_path, part, names):
    made = publish(run, tmp_path / "out.pth", part)
    assert list(load_state(made.path)) == names
    assert (made.num_tensors, made.num_bytes) == (len(names), made.path.stat().st_size)
    assert set(torch.load(made.path, weights_only=True)) == {"state_dict"}


def test_sixteen_bits_are_for_what_floats(run, tmp_path):
    state = load_state(publish(run, tmp_path / "out.pth", half=True).path)
    assert state["editor.a"].dtype == torch.float16
    assert state["detector.b"].dtype == torch.int64


def test_a_part_that_there_is_not(run, tmp_path):
    with pytest.raises(ValueError, match="no weights of the part 'neck'; its names begin with"):
        publish(run, tmp_path / "out.pth", "neck")
    assert not (tmp_path / "out.pth").exists()
