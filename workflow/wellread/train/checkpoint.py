"""A long job that may be stopped at any moment and, run again, ends as if it had not been."""

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
    """One file with all that the next step depends on; one of other settings or data (another `key`) is ignored."""

    def __init__(self, path, key: str):
        self.path, self.key = Path(path), key

    def restore(self, **parts):
        """Load the saved state into `parts` (modules, optimiser); the next step and the rows logged so far."""
        if not self.path.exists():
            return 0, []
        saved = torch.load(self.path, map_location="cpu", weights_only=True)
        if saved["key"] != self.key:
            log.info("ignoring %s: its settings, data or code differ", self.path)
            return 0, []
        for name, part in parts.items():
            part.load_state_dict(saved[name])
        log.info("going on from step %d of %s", saved["step"], self.path)
        return saved["step"], saved["rows"]

    def save(self, step: int, rows: list[dict], **parts):
        """Remember that `step` comes next."""
        states = {name: part.state_dict() for name, part in parts.items()}
        with whole(self.path) as part:
            torch.save({"key": self.key, "step": step, "rows": rows, **states}, part)

    def remove(self):
        self.path.unlink(missing_ok=True)


def identity(settings: dict, files) -> str:
    """Hash of settings and of the size and modification time of files."""
    stats = [(Path(file).stat().st_size, Path(file).stat().st_mtime_ns) for file in files]
    return hashlib.sha256(json.dumps([settings, stats], sort_keys=True).encode()).hexdigest()


@contextmanager
def stop_request():
    """Yield an event that SIGTERM sets, so that a loop can save and leave; a scheduler sends it before it kills."""
    asked = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda *_: asked.set())
    try:
        yield asked
    finally:
        signal.signal(signal.SIGTERM, before)
