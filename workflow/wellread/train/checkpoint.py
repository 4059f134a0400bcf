"""Checkpoints: a training run that is stopped at any moment and started again ends as if it had not been."""

import hashlib
import json
import logging
import signal
import threading
from contextlib import contextmanager
from pathlib import Path

import torch

from wellread.runtime.files import whole

log = logging.getLogger("wellread")


class Checkpoint:
    """All that the next step depends on, in a file; one of other settings, data or code (another `key`) is ignored."""

    def __init__(self, path, key: str):
        self.path, self.key = Path(path), key

    def restore(self, **stateful):
        """Load the saved state into `stateful` (modules, optimiser) by name, in place.

        Returns the next step and the rows logged so far: 0 and none if there is no checkpoint.
        """
        if not self.path.exists():
            return 0, []
        saved = torch.load(self.path, map_location="cpu", weights_only=True)
        if saved["key"] != self.key:
            log.info("ignoring %s: its settings, data or code differ", self.path)
            return 0, []
        for name, item in stateful.items():
            item.load_state_dict(saved[name])
        log.info("going on from step %d of %s", saved["step"], self.path)
        return saved["step"], saved["rows"]

    def save(self, step: int, rows: list[dict], **stateful):
        """Write the state of `stateful` (modules, optimiser), the next `step` and the rows logged so far."""
        states = {name: item.state_dict() for name, item in stateful.items()}
        with whole(self.path) as file:
            torch.save({"key": self.key, "step": step, "rows": rows, **states}, file)

    def remove(self):
        """Delete the file, if it is there."""
        self.path.unlink(missing_ok=True)


def settings_hash(settings: dict, files) -> str:
    """SHA-256 of settings and of the size and modification time of files, in hexadecimal."""
    stats = [(Path(file).stat().st_size, Path(file).stat().st_mtime_ns) for file in files]
    return hashlib.sha256(json.dumps([settings, stats], sort_keys=True).encode()).hexdigest()


@contextmanager
def stop_request():
    """Yield an event that SIGTERM sets, so that a loop can save and end; a scheduler sends it before it kills."""
    stop = threading.Event()
    previous = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        yield stop
    finally:
        signal.signal(signal.SIGTERM, previous)
