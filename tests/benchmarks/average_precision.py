"""Mean average precision with its null distribution beside copairs: CPU seconds and peak memory, each in a process.

Both have one thread, as a job of `measure` has; of three runs each in turn the fastest counts.

    python tests/benchmarks/average_precision.py

Screens of 5,000 and 10,000 wells x 384 features: plates of 384 wells, 64 of them negative controls; every treatment in
one well of 4 plates, at the same position or not; 1,000 draws. wellread permutes for every treatment; copairs draws
random ranks once for all treatments. The whole measure also tests controls as if they were treatments and looks for
the smallest effect, for which copairs has nothing; "tests" is wellread without these two.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).parents[2]
CONTROLS, PLATE, COPIES, DIMENSIONS = 64, 384, 4, 384


def screen(wells: int, fixed: bool) -> tuple[pd.DataFrame, np.ndarray]:
    """Metadata and features (n, 384) of as many whole sets of 4 plates as have `wells` wells or more."""
    rng, rows = np.random.default_rng(0), []
    for group in range(-(-wells // (PLATE * COPIES))):
        names = ["DMSO"] * CONTROLS + [f"t{group}_{i}" for i in range(PLATE - CONTROLS)]
        for plate in range(COPIES):
            at = np.arange(PLATE) if fixed else rng.permutation(PLATE)
            use = np.where(np.arange(PLATE) < CONTROLS // 2, "fit", "evaluate")
            rows += [
                (f"p{group}_{plate}", f"A{at[i]:03d}", name, "negative" if i < CONTROLS else "",
                 use[i] if i < CONTROLS else "")
                for i, name in enumerate(names)
            ]  # fmt: skip
    meta = pd.DataFrame(rows, columns=["plate", "well", "treatment", "control", "control_use"])
    return meta.assign(batch="b", object_count=1)[:wells], rng.normal(size=(len(rows), DIMENSIONS))[:wells]


def ours(wells: int, fixed: bool):
    """A function without arguments that runs the measure."""
    sys.path[:0] = [str(ROOT / "workflow")]
    from wellread.measure.average_precision import average_precision
    from wellread.profiles import controls, tables

    meta, X = screen(wells, fixed)
    frame = tables.join(meta.rename(columns=tables.column), X)
    return lambda: average_precision(frame, 0, controls.swapped(frame))


def tests(wells: int, fixed: bool):
    """The same without groups of controls and what is asked of them."""
    run = ours(wells, fixed)
    from wellread.measure import average_precision

    average_precision.groups = lambda *given: ()
    average_precision.fake_results = lambda *given: []
    average_precision.smallest_effect = lambda *given: average_precision.row("smallest_effect", 0, 0)
    return run


def theirs(wells: int, fixed: bool):
    """The same question to copairs."""
    from copairs.map import average_precision, mean_average_precision

    meta, X = screen(wells, fixed)
    kept = (meta["control_use"] != "fit").to_numpy()
    meta, X = meta[kept].reset_index(drop=True), X[kept].astype(np.float32)
    control = meta["control"] == "negative"
    meta["id"] = np.where(control, meta["plate"] + meta["well"], meta["treatment"])

    def run():
        ap = average_precision(meta, X, ["id"], [], ["plate"], ["control", "id"], progress_bar=False)
        ap = ap[~control].dropna(subset="average_precision").reset_index(drop=True)
        with tempfile.TemporaryDirectory() as cache:
            options = {"null_size": 1000, "threshold": 0.05, "seed": 0, "cache_dir": cache, "progress_bar": False}
            mean_average_precision(ap, ["id"], **options)

    return run


STEPS = {"copairs": theirs, "wellread": ours, "tests": tests}


def measure(name: str, wells: int, fixed: bool) -> None:
    """Print CPU seconds and peak memory of one of them."""
    run, start = STEPS[name](wells, fixed), time.process_time()
    run()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{time.process_time() - start:.2f} {peak:.0f}")


def main() -> None:
    """All, in turn, for every screen."""
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    for wells in (5000, 10000):
        for fixed in (False, True):
            found = {}
            for name in list(STEPS) * 3:
                words = [sys.executable, __file__, name, str(wells), str(int(fixed))]
                own = subprocess.run(words, capture_output=True, text=True, check=True, env=env).stdout.split()
                found[name] = min(found.get(name, own), own, key=lambda pair: float(pair[0]))
            (a, a_mb), (b, b_mb), (c, _) = found.values()
            layout = "one layout" if fixed else "shuffled"
            print(f"{wells} wells, {layout}: copairs {a} s {a_mb} MiB, wellread {b} s {b_mb} MiB, tests {c} s: "
                  f"{float(a) / float(b):.2f} and {float(a) / float(c):.2f} times as fast", flush=True)  # fmt: skip


if __name__ == "__main__":
    measure(sys.argv[1], int(sys.argv[2]), bool(int(sys.argv[3]))) if sys.argv[1:] else main()
