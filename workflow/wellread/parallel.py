"""Many independent items on several cores, results in order, memory flat."""

from collections import deque
from concurrent.futures import ProcessPoolExecutor


def ordered(function, items, workers: int):
    """Yield function(item) for every item, in order; at most workers + 2 results wait at any time."""
    if workers <= 1:
        yield from map(function, items)
        return
    with ProcessPoolExecutor(workers) as pool:
        waiting = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > workers + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
