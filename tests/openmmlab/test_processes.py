"""Processes of one run: who each is, its share of the work, and what is said where one is not."""

import pytest

from mmisr.openmmlab.processes import Process, gather, join_for_messages


@pytest.mark.parametrize(
    ("rank", "world_size", "share"),
    [(0, 1, [0, 1, 2, 3, 4]), (0, 2, [0, 2, 4]), (1, 2, [1, 3]), (5, 6, [])],
)
def test_every_item_is_one_process_s(rank, world_size, share):
    assert Process(rank, world_size).share(list(range(5))) == share


def test_one_process_hears_itself():
    assert join_for_messages("none") == Process(0, 1, 0)
    assert gather("done", Process()) == ["done"]


@pytest.mark.parametrize(
    ("launcher", "message"),
    [
        ("ssh", "--launcher must be none, pytorch, slurm, mpi, got 'ssh'"),
        ("pytorch", r"needs the environment variables \['RANK', .*torchrun"),
        ("slurm", r"needs the environment variables \['SLURM_PROCID', .*srun"),
    ],
)
def test_a_launcher_that_did_not_start_this(launcher, message, monkeypatch):
    for name in ("RANK", "SLURM_PROCID"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match=message):
        join_for_messages(launcher)
