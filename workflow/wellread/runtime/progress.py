"""Progress of long steps: a bar on a terminal, plain lines with rate and time left in a log."""

import logging
import sys
import time

from tqdm import tqdm

log = logging.getLogger("wellread")


def progress(items, what: str, total: int | None = None, unit: str = "it", every: float = 10.0):
    """Iterate over `items`, showing rate and time left; to the log at most one line every `every` seconds."""
    total = len(items) if total is None and hasattr(items, "__len__") else total
    start = last = time.monotonic()
    bar = tqdm(items, desc=what, total=total, unit=unit, disable=not sys.stderr.isatty(), leave=False)
    for done, item in enumerate(bar, start=1):
        yield item
        now = time.monotonic()
        if now - last >= every or done == total:
            last = now
            log.info("%s", _line(what, done, total, now - start, unit))


def _line(what: str, done: int, total: int | None, seconds: float, unit: str) -> str:
    rate = done / max(seconds, 1e-9)
    left = f", {(total - done) / rate:.0f} s left" if total else ""
    return f"{what}: {done}{f'/{total}' if total else ''} {unit}, {rate:.3g} {unit}/s{left}"
