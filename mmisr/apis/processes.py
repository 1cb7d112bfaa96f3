"""Join the processes of one run: errors that say how to start them, and gloo where there is no GPU."""

from __future__ import annotations

import os

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

    With GPUs mmengine joins the processes itself. Without, it would still ask for a CUDA device: here they are joined
    over gloo, and the model is wrapped for the CPU.

    Args:
        cfg: Config of the run; ``model_wrapper_cfg`` is set where there is no GPU.

    Raises:
        ValueError: The launcher is unknown or did not start this process, or this process has no GPU of its own.
    """
    launcher = cfg.get("launcher", "none")
    if launcher == "none":
        return
    if launcher not in RANKS:
        raise ValueError(f"--launcher must be none, {', '.join(RANKS)}, got {launcher!r}")
    absent = [name for name in RANKS[launcher] if name not in os.environ]
    if absent:
        raise ValueError(
            f"--launcher {launcher} needs the environment variables {absent}, which {STARTED_BY[launcher]} sets: start the "
            "run with it, or use --launcher none"
        )
    rank, world_size, local_rank = (int(os.environ[name]) for name in RANKS[launcher])
    if torch.cuda.is_available():
        _need_own_gpu(local_rank, torch.cuda.device_count())
    else:
        _join_over_gloo(cfg, rank, world_size, local_rank)


def _need_own_gpu(local_rank: int, gpus: int) -> None:
    if local_rank >= gpus:
        raise ValueError(
            f"process {local_rank} of this machine needs a GPU of its own, found {gpus}: start at most {gpus} here, or "
            "set CUDA_VISIBLE_DEVICES= to run on CPUs"
        )


def _join_over_gloo(cfg: Config, rank: int, world_size: int, local_rank: int) -> None:
    os.environ |= {"RANK": str(rank), "WORLD_SIZE": str(world_size), "LOCAL_RANK": str(local_rank)}
    os.environ.setdefault("MASTER_ADDR", "127.0.0.1")
    os.environ.setdefault("MASTER_PORT", "29500")
    if not distributed.is_initialized():
        distributed.init_process_group("gloo")
    cfg.model_wrapper_cfg = {
        "broadcast_buffers": False,
        "find_unused_parameters": cfg.get("find_unused_parameters", False),
        **(cfg.get("model_wrapper_cfg") or {}),
        "device_ids": None,
    }
