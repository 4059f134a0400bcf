"""Several processes that train one model together, each on a part of every batch. With one, nothing here does anything.

The environment is torchrun's (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT), on one node or many.
"""

import os
from contextlib import contextmanager

import torch
import torch.distributed as dist


@contextmanager
def process_group():
    """Context in which this process is one of those that torchrun started, if it did."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1 or dist.is_initialized():
        yield
        return
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """Number of this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """Number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def sum_over_processes(x):
    """The sum of `x` over all processes, in place; no gradient flows."""
    if world_size() > 1:
        dist.all_reduce(x)
    return x


def max_over_processes(x):
    """The elementwise maximum of `x` over all processes, in place; no gradient flows."""
    if world_size() > 1:
        dist.all_reduce(x, dist.ReduceOp.MAX)
    return x


def any_process(flag: bool) -> bool:
    """Whether `flag` is set in any process; the same answer in all."""
    return flag if world_size() == 1 else bool(max_over_processes(torch.tensor(int(flag))))


def gather_rows(x):
    """The rows of all processes (processes * n, ...), in order of rank; gradients flow back to each."""
    return GatherRows.apply(x) if world_size() > 1 else x


def barrier():
    """Wait until all processes are here."""
    if world_size() > 1:
        dist.barrier()


@torch.no_grad()
def average_gradients(module):
    """Replace the gradients in every process by their mean over processes, with one message."""
    if world_size() == 1:
        return
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    mean = sum_over_processes(torch.cat([g.flatten() for g in gradients])) / world_size()
    for gradient, values in zip(gradients, mean.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(values.view_as(gradient))


class GatherRows(torch.autograd.Function):
    """all_gather whose backward pass gives each process the sum of all processes' gradients of its own rows."""

    @staticmethod
    def forward(_context, x):
        out = x.new_empty(world_size() * len(x), *x.shape[1:])
        dist.all_gather_into_tensor(out, x.contiguous())
        return out

    @staticmethod
    def backward(_context, gradient):
        return sum_over_processes(gradient.contiguous()).chunk(world_size())[rank()]
