"""Several processes that train one model together, each on a part of every batch. With one, nothing here does anything.

The environment is torchrun's (RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR, MASTER_PORT), on one node or many.
"""

import os
from contextlib import contextmanager
from functools import partial
from itertools import takewhile

import torch
import torch.distributed as dist

BUCKET = 25 * 2**20  # bytes of gradients that are sent together, as by DistributedDataParallel


@contextmanager
def process_group(device: torch.device):
    """Context in which this process, which computes on `device`, is one of those that torchrun started, if it did."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1 or dist.is_initialized():
        yield
        return
    if device.type == "cuda":  # messages of NCCL leave from this device, and barriers wait for it
        dist.init_process_group("cpu:gloo,cuda:nccl", device_id=device)
    else:
        dist.init_process_group("gloo")
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


def any_process(*flags: bool) -> list[bool]:
    """Whether each of the `flags` is set in any process; the same answers in all."""
    return max_over_processes(torch.tensor(flags, dtype=torch.int)).bool().tolist()


def gather_rows(x):
    """The rows of all processes (processes * n, ...), in order of rank; gradients flow back to each."""
    return GatherRows.apply(x) if world_size() > 1 else x


def barrier():
    """Wait until all processes are here."""
    if world_size() > 1:
        dist.barrier()


class MeanGradients:
    """The gradients of a module as their mean over all processes, sent while the backward pass still goes on.

    With several processes gradients are views of a few flat buffers; one is sent once the last of `backwards` passes of
    a step has filled it, so nothing is copied. All processes send them in the same order. With one process nothing is.
    """

    def __init__(self, module, backwards=1):
        trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self.buckets = [Bucket(part, backwards) for part in buckets(trained[::-1])] if world_size() > 1 else []
        for bucket in self.buckets:  # in the order in which the backward pass fills them: outputs come first
            for parameter in bucket.parameters:
                parameter.register_post_accumulate_grad_hook(partial(self._filled, bucket))

    def start(self):
        """Begin a step whose gradients are zero; to be called after those of the optimiser were removed."""
        for bucket in self.buckets:
            bucket.start()

    def wait(self):
        """End a step: gradients are means from now on; parameters that were not used have none."""
        for bucket in self.buckets:
            bucket.send()
        for bucket in self.buckets:
            bucket.finish()

    def _filled(self, bucket, parameter):
        bucket.awaited[parameter] -= 1
        bucket.left -= 1
        for full in takewhile(lambda bucket: bucket.left == 0, self.buckets):
            full.send()


class Bucket:
    """A flat buffer of the gradients of some parameters, of one type and device; `backwards` passes add to each."""

    def __init__(self, parameters, backwards):
        self.parameters, self.backwards, self.message = parameters, backwards, None
        self.flat = torch.cat([parameter.detach().flatten() for parameter in parameters])
        self.views = self.flat.split([parameter.numel() for parameter in parameters])

    def start(self):
        """Make all gradients zero, and views of the buffer."""
        self.message, self.awaited = None, dict.fromkeys(self.parameters, self.backwards)
        self.left = self.backwards * len(self.parameters)
        self.flat.zero_()
        for parameter, view in zip(self.parameters, self.views, strict=True):
            parameter.grad = view.view_as(parameter)

    def send(self):
        """Begin to sum over processes, unless that has begun."""
        self.message = self.message or dist.all_reduce(self.flat, async_op=True)

    def finish(self):
        """Wait for the sums and make them means."""
        self.message.wait()
        self.flat /= world_size()
        for parameter in self.parameters:
            if self.awaited[parameter] == self.backwards:
                parameter.grad = None


def buckets(parameters):
    """Lists of successive parameters, each of at least BUCKET bytes but for the last."""
    found = [[]]
    for parameter in parameters:
        if sum(p.nbytes for p in found[-1]) >= BUCKET:
            found.append([])
        found[-1].append(parameter)
    return found


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
