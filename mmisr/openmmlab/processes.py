"""Join the processes of one run, over gloo where there is no GPU; errors say how to start them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from mmengine.config import Config
from torch import distributed

RANKS = {
    "pytorch": ("RANK", "WORLD_SIZE", "LOCAL_RANK"),
    "slurm": ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
    "mpi": ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
}
"""Where each launcher puts rank, number of processes and rank on the machine."""

STARTED_BY = {
    "pytorch": "tools/dist_train.sh or tools/dist_test.sh (torchrun)",
    "slurm": "tools/slurm_train.sh or tools/slurm_test.sh (srun)",
    "mpi": "mpirun",
}


def join_processes(cfg: Config) -> None:
    """Prepare a run of several processes; nothing happens with ``cfg.launcher == 'none'``.

    The model is wrapped for training in phases, unless the config names a wrapper. With GPUs
    mmengine joins the processes itself. Without, it would still ask for a CUDA device: here they
    are joined over gloo, and the model is wrapped for the CPU.

    Args:
        cfg: Config of the run; ``model_wrapper_cfg`` is completed.

    Raises:
        ValueError: The launcher is unknown or did not start this process, or this process has no
            GPU of its own.
    """
    launcher = cfg.get("launcher", "none")
    if launcher == "none":
        return
    process = _process(launcher)
    cfg.model_wrapper_cfg = {
        "type": "mmisr.PhasedDistributedDataParallel",
        "broadcast_buffers": False,
        "find_unused_parameters": cfg.get("find_unused_parameters", False),
        **(cfg.get("model_wrapper_cfg") or {}),
    }
    # A wrapper that the config names stays: ours only fills in what it leaves open.
    if torch.cuda.is_available():
        _need_own_gpu(process.local_rank, torch.cuda.device_count())
    else:
        _join_over_gloo(process)
        cfg.model_wrapper_cfg["device_ids"] = None


@dataclass(frozen=True)
class Process:
    """Where a process stands among those of its run.

    Args:
        rank: Its number among all of them.
        world_size: The number of processes.
        local_rank: Its number on this machine.
    """

    rank: int = 0
    world_size: int = 1
    local_rank: int = 0

    def share(self, items: list[Any]) -> list[Any]:
        """The items of a list that are this process's to do."""
        return items[self.rank :: self.world_size]


PATIENCE = timedelta(days=7)
"""How long processes that only exchange messages wait for the slowest.

One that dies is noticed at once.
"""


def join_for_messages(launcher: str) -> Process:
    """Join processes that share out work and exchange messages, but no tensors.

    Over gloo, with GPUs or without.

    Raises:
        ValueError: The launcher is unknown or did not start this process.
    """
    if launcher == "none":
        return Process()
    process = _process(launcher)
    _join_over_gloo(process, PATIENCE)
    return process


def gather(message: Any, process: Process) -> list[Any]:
    """What every process has to say, in order of ranks; waits for all of them."""
    if process.world_size == 1:
        return [message]
    messages = [None] * process.world_size
    distributed.all_gather_object(messages, message)
    return messages


def _process(launcher: str) -> Process:
    if launcher not in RANKS:
        raise ValueError(f"--launcher must be none, {', '.join(RANKS)}, got {launcher!r}")
    absent = [name for name in RANKS[launcher] if name not in os.environ]
    if absent:
        raise ValueError(
            f"--launcher {launcher} needs the environment variables {absent}, which "
            f"{STARTED_BY[launcher]} sets: start the run with it, or use --launcher none"
        )
    rank, world_size, local_rank = (int(os.environ[name]) for name in RANKS[launcher])
    return Process(rank, world_size, local_rank)


def _need_own_gpu(local_rank: int, gpus: int) -> None:
    if local_rank >= gpus:
        raise ValueError(
            f"process {local_rank} of this machine needs a GPU of its own, found {gpus}: start at "
            f"most {gpus} here, or set CUDA_VISIBLE_DEVICES= to run on CPUs"
        )


def _join_over_gloo(process: Process, timeout: timedelta | None = None) -> None:
    names = {
        "RANK": process.rank,
        "WORLD_SIZE": process.world_size,
        "LOCAL_RANK": process.local_rank,
    }
    # torchrun sets these itself; slurm and MPI have names of their own.
    os.environ |= {name: str(value) for name, value in names.items()}
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29500")
    if not distributed.is_initialized():
        distributed.init_process_group("gloo", timeout=timeout)
