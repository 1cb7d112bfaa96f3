"""A damaged last checkpoint costs what was trained since the one before it, and no more."""

import pytest
import torch

from mmisr.apis.checks import checkpoints
from mmisr.apis.checks.checkpoints import last_checkpoint
from mmisr.openmmlab.checkpoints import load_state, one_before


@pytest.fixture
def work(tmp_path):
    """Nine to eleven epochs, the last named as mmengine does."""
    for epoch in (9, 10, 11):
        torch.save(
            {"state_dict": {"a": torch.full((500,), float(epoch))}}, tmp_path / f"epoch_{epoch}.pth"
        )
    (tmp_path / "last_checkpoint").write_text(str(tmp_path / "epoch_11.pth"))
    return tmp_path


@pytest.fixture
def said(monkeypatch):
    """The warnings."""
    lines: list[str] = []
    monkeypatch.setattr(checkpoints, "print_log", lambda text, logger, level: lines.append(text))
    return lines


def test_a_whole_one_is_taken_quietly(work, said):
    assert last_checkpoint(str(work)) == str(work / "epoch_11.pth")
    assert not said


def test_a_run_that_saved_nothing(tmp_path):
    assert last_checkpoint(str(tmp_path)) is None


@pytest.mark.parametrize("left", [0, 100, 1500])
def test_the_one_before_a_damaged_one(work, said, left):
    path = work / "epoch_11.pth"
    path.write_bytes(path.read_bytes()[:left])
    assert last_checkpoint(str(work)) == str(work / "epoch_10.pth")
    (line,) = said
    assert line.startswith(f"checkpoint {path} cannot be read: ")
    assert line.endswith(f"resuming from {work / 'epoch_10.pth'}")


def test_two_damaged_ones(work, said):
    for epoch in (10, 11):
        (work / f"epoch_{epoch}.pth").write_bytes(b"")
    assert last_checkpoint(str(work)) == str(work / "epoch_9.pth")


def test_none_can_be_read(work):
    for epoch in (9, 10, 11):
        (work / f"epoch_{epoch}.pth").write_bytes(b"")
    with pytest.raises(ValueError, match=r"epoch_11\.pth cannot be read"):
        last_checkpoint(str(work))


@pytest.mark.parametrize("named", ["", "gone/epoch_12.pth"])
def test_a_name_that_leads_nowhere(work, said, named):
    """A full disk leaves the file of the name empty."""
    (work / "last_checkpoint").write_text(named)
    assert last_checkpoint(str(work)) == str(work / "epoch_11.pth")
    assert f"{named!r} in {work}/last_checkpoint, is not there; resuming from" in said[0]


def test_a_folder_that_was_moved(work, said):
    (work / "last_checkpoint").write_text("elsewhere/epoch_10.pth")
    assert last_checkpoint(str(work)) == str(work / "epoch_10.pth")


def test_no_checkpoint_at_all(tmp_path):
    (tmp_path / "last_checkpoint").write_text("gone/epoch_3.pth")
    with pytest.raises(FileNotFoundError, match="names 'gone/epoch_3.pth', which is not there"):
        last_checkpoint(str(tmp_path))


def test_every_door_names_the_one_before(work):
    (work / "epoch_11.pth").write_bytes(b"")
    with pytest.raises(
        ValueError,
        match=r"epoch_11\.pth cannot be read.*or take the one before it, .*epoch_10\.pth$",
    ):
        load_state(work / "epoch_11.pth")


@pytest.mark.parametrize(
    ("name", "before"), [("epoch_9.pth", None), ("epoch_11.pth", "epoch_10.pth"), ("a.pth", None)]
)
def test_which_one_is_before(work, name, before):
    found = one_before(work / name)
    assert (found and found.name) == before
