"""One process or many: torchrun sets RANK, WORLD_SIZE and LOCAL_RANK; DistributedDataParallel averages gradients."""

import contextlib
import os
from collections.abc import Iterator

import torch
import torch.distributed as dist

from .errors import UserError


class World:
    """This process's place. Every rank draws the order of the images, their mirroring and the noise of the whole batch
    and keeps its own slice, so the result does not depend on the number of processes. What each of them draws for
    itself differs with that number: the noise before the teacher's encoder, DiffAugment, dropout. Batch norm sees
    `batch_gpu` images, where that is set, and else those of one process."""

    def __init__(self, rank=0, size=1, device="cpu") -> None:
        self.rank, self.size, self.device = rank, size, torch.device(device)

    @property
    def first(self) -> bool:
        return self.rank == 0

    def part(self, batch) -> slice:
        if batch % self.size:
            raise UserError(f"a batch of {batch} does not divide over {self.size} processes")
        share = batch // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def wrap(self, module) -> torch.nn.Module:
        if self.size == 1:
            return module
        ids = [self.device.index] if self.device.type == "cuda" else None
        return torch.nn.parallel.DistributedDataParallel(module, device_ids=ids, broadcast_buffers=False)

    def agree(self, value) -> bool:
        """Rank 0's truth value, everywhere."""
        if self.size == 1:
            return bool(value)
        t = torch.tensor([float(value)], device=self.device)
        dist.broadcast(t, 0)
        return bool(t.item())

    def value_of_first(self, value) -> float:
        if self.size == 1:
            return value
        t = torch.tensor([float(value)], dtype=torch.float32, device=self.device)
        dist.broadcast(t, 0)
        return t.item()

    def mean(self, value) -> float:
        if self.size == 1:
            return value
        t = torch.as_tensor(
            value, dtype=torch.float64 if self.device.type == "cpu" else torch.float32, device=self.device
        ).clone()
        dist.all_reduce(t)
        return t.item() / self.size

    def barrier(self) -> None:
        if self.size > 1:
            dist.barrier()


class _Sum(torch.autograd.Function):
    """Its own gradient, of any order."""

    @staticmethod
    def forward(_, x) -> torch.Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_, dy) -> torch.Tensor:
        return _Sum.apply(dy)


def processes() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def sum_over_processes(x) -> torch.Tensor:
    """The sum of all processes' tensors; gradients of what each makes of it reach all of them."""
    return _Sum.apply(x) if processes() > 1 else x


@contextlib.contextmanager
def world(device="auto") -> Iterator[World]:
    size, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        if not torch.cuda.is_available():
            raise UserError("no CUDA device is available; use --device cpu")
        device = f"cuda:{os.environ.get('LOCAL_RANK', 0)}"
        torch.cuda.set_device(device)
    if size > 1:
        dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield World(rank, size, device)
    finally:
        if size > 1:
            dist.destroy_process_group()
