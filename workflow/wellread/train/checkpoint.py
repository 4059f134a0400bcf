"""Checkpoints: a training run that is stopped at any moment and started again ends as if it had not been."""

import json
import logging
import os
import pickle
import shutil
import signal
import threading
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import torch

from wellread.runtime.files import whole
from wellread.train import distributed

log = logging.getLogger("wellread")
SAVING = ("checkpoint_every", "checkpoint_minutes", "snapshot_epochs", "keep_last", "extend")  # options, of `fit`
COST = 0.05  # share of the time that may go into writing checkpoints that are due by the clock
LENGTH = "fit.epochs"  # name of the one setting that may differ where a training is extended
NAMED = 5  # differences in a warning, at most


class Checkpoint:
    """All that the next step depends on, in the file `path`, and beside it in `snapshots/` the states that are kept.

    `key`: settings, data and code that the weights depend on, a tree of dicts; a file of another key is set aside with
    a warning that names the difference. `checkpoint_every`, `checkpoint_minutes`: steps and minutes between saved
    states. `snapshot_epochs`: epochs between states that are kept for good; 0: none. `keep_last`: the last state stays
    when training has ended. `extend`: a state of fewer epochs, and else of this key, is not set aside but gone on from.
    """

    def __init__(
        self, path, key: dict, *,
        checkpoint_every=500, checkpoint_minutes=2.0, snapshot_epochs=0, keep_last=True, extend=False,
    ):  # fmt: skip
        self.path, self.key, self.extended = Path(path), json.loads(json.dumps(key)), []
        self.every, self.seconds, self.snapshot_epochs = checkpoint_every, 60 * checkpoint_minutes, snapshot_epochs
        self.keep_last, self.extend = keep_last, extend
        self.next = time.monotonic() + self.seconds

    def restore(self, **stateful):
        """Load the saved state into `stateful` (modules, optimiser) by name, in place.

        Returns the next step and the rows logged so far: 0 and none if there is no checkpoint of this key.
        """
        saved = self._read()
        if saved is None:
            return 0, []
        for name, item in stateful.items():
            item.load_state_dict(saved[name])
        log.info("going on from step %d of %s", saved["step"], self.path)
        return saved["step"], saved["rows"]

    def due(self, step: int, epoch: int) -> bool:
        """Whether the state before `step` is to be saved; `epoch`: steps per epoch."""
        late = time.monotonic() > self.next
        return late or step % self.every == 0 or self._is_snapshot(step, epoch)

    def save(self, step: int, epoch: int, rows: list[dict], **stateful):
        """Write the state of `stateful` (modules, optimiser), the next `step` and the rows logged so far.

        To be called in all processes, of which the first writes.
        """
        start = time.monotonic()
        if distributed.rank() == 0:
            states = {name: item.state_dict() for name, item in stateful.items()}
            facts = {"key": self.key, "step": step, "rows": rows, "extended": self.extended}
            with whole(self.path) as part, open(part, "wb") as file:  # an open file: its name is not written into it
                torch.save(facts | states, file)
            if self._is_snapshot(step, epoch):
                keep(self.path, self.path.parent / "snapshots" / f"epoch-{step // epoch:05}.pt")
        distributed.barrier()
        now = time.monotonic()
        self.next = now + max(self.seconds, (now - start) / COST)

    def close(self):
        """End: the last state is deleted unless it is to stay."""
        if not self.keep_last:
            self.path.unlink(missing_ok=True)

    def _is_snapshot(self, step, epoch):
        return self.snapshot_epochs > 0 and step % (self.snapshot_epochs * epoch) == 0

    def _read(self):
        """What was saved, if it is of this key, or of a shorter training and is to be gone on from."""
        try:
            saved = torch.load(self.path, map_location="cpu", weights_only=True, mmap=True)
            other = difference(saved["key"], self.key)
        except FileNotFoundError:
            return None
        except (RuntimeError, ValueError, TypeError, OSError, EOFError, KeyError, pickle.UnpicklingError) as error:
            return self._set_aside(f"it cannot be read ({type(error).__name__})")
        longer = other.keys() == {LENGTH} and other[LENGTH][0] < other[LENGTH][1]
        if other and not (longer and self.extend):
            named = "; ".join(f"{name}: {was} -> {now}" for name, (was, now) in list(other.items())[:NAMED])
            more = f" and {len(other) - NAMED} more" if len(other) > NAMED else ""
            return self._set_aside(named + more + ("; `extend: true` goes on from it" if longer else ""))
        self.extended = saved["extended"]
        return self._extended(saved, *other[LENGTH]) if other else saved

    def _extended(self, saved, was, now):
        """The saved state, noting from which step on the schedules are those of the longer training."""
        what = "a training of %d epochs becomes one of %d, whose schedules hold from step %d on"
        log.warning(what + ": its weights are not those of %d epochs at once", was, now, saved["step"], now)
        self.extended = [*self.extended, saved["step"]]
        return saved

    def _set_aside(self, reason):
        """Rename the file, once for all processes, and say why."""
        if distributed.rank() == 0:
            name = next(path for n in count(1) if not (path := self.path.with_suffix(f".{n}.pt")).exists())
            self.path.rename(name)
            log.warning("training starts anew; %s is now %s, since %s", self.path, name.name, reason)


def difference(was: dict, now: dict, name="") -> dict:
    """What differs between two trees of dicts: {dotted name: (old value, new value)}; None for what is not there."""
    found = {}
    for key in dict.fromkeys([*dict(was), *now]):
        pair, inner = (was.get(key), now.get(key)), f"{name}.{key}".lstrip(".")
        if all(isinstance(value, dict) for value in pair):
            found |= difference(*pair, inner)
        elif pair[0] != pair[1]:
            found[inner] = pair
    return found


def keep(file: Path, name: Path):
    """Give a file, which is only ever replaced as a whole, a second name; a copy where a disk has no such links."""
    name.parent.mkdir(exist_ok=True)
    with whole(name) as part:
        try:
            os.link(file, part)
        except OSError:
            shutil.copyfile(file, part)


def stamps(files) -> dict:
    """Number and name of files: size and modification time, by which it is noticed that they were made again."""
    stats = [(file, Path(file).stat()) for file in files]
    return {f"{i} {file}": [stat.st_size, stat.st_mtime_ns] for i, (file, stat) in enumerate(stats)}


@contextmanager
def stop_request():
    """Yield an event that SIGTERM sets, so that a loop can save and end; a scheduler sends it before it kills."""
    stop = threading.Event()
    previous = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, previous)
