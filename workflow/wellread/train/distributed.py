"""Several processes that train one model together, each on its share of every batch; alone, nothing here does anything.

The environment is torchrun's (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT), on one node or many.
"""

import os
from contextlib import contextmanager

import torch
import torch.distributed as dist


@contextmanager
def joined():
    """Be one of the processes that torchrun started, if it did."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1 or dist.is_initialized():
        yield
        return
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield
    finally:
        dist.destroy_process_group()


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def size() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def total(x):
    """The sum of `x` over all processes, in place; no gradient flows."""
    if size() > 1:
        dist.all_reduce(x)
    return x


def largest(x):
    """The largest `x` of all processes, element by element, in place; no gradient flows."""
    if size() > 1:
        dist.all_reduce(x, dist.ReduceOp.MAX)
    return x


def any_of(flag: bool) -> bool:
    """Whether any process says so; all hear the same."""
    return flag if size() == 1 else bool(largest(torch.tensor(int(flag))))


def gather(x):
    """The rows of all processes (size * n, ...), in order; gradients find their way back to each."""
    return Gather.apply(x) if size() > 1 else x


def wait():
    """Go on when all are here."""
    if size() > 1:
        dist.barrier()


@torch.no_grad()
def average_gradients(module):
    """Give every process the mean gradient, in one message."""
    if size() == 1:
        return
    gradients = [p.grad for p in module.parameters() if p.grad is not None]
    flat = total(torch.cat([g.flatten() for g in gradients])) / size()
    for gradient, mean in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


class Gather(torch.autograd.Function):
    """Each process owns rows; a loss over all of them tells every owner its gradient, from all processes."""

    @staticmethod
    def forward(_context, x):
        out = x.new_empty(size() * len(x), *x.shape[1:])
        dist.all_gather_into_tensor(out, x.contiguous())
        return out

    @staticmethod
    def backward(_context, gradient):
        return total(gradient.contiguous()).chunk(size())[rank()]
