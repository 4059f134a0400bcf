"""The profiles that a task or figure looks at: of one dataset or of several, and those that fit its conditions."""

from pathlib import Path

import pandas as pd

from wellread.profiles import controls
from wellread.profiles.pool_datasets import pool_datasets
from wellread.profiles.subset import subset
from wellread.runtime import table_files


def looked_at(paths, datasets: list[str], where: dict) -> tuple[pd.DataFrame, dict[str, int]]:
    """The rows of profile tables that fit `where`, and how many do not by reason, as `subset` returns them.

    `paths` are the files of the `datasets` that are pooled, or without these the one file of the only dataset.
    """
    frames = [table_files.read(path, "profiles") for path in paths]
    together = pool_datasets(dict(zip(datasets, frames, strict=True))) if datasets else frames[0]
    return subset(together, where)


def crossed(profiles: pd.DataFrame, paths, datasets: list[str], where: dict) -> pd.DataFrame:
    """The same rows corrected on the other half of the controls, from files as `looked_at` takes them.

    Without any, nothing is corrected, and the halves of the controls only change their use.
    """
    return looked_at(paths, datasets, where)[0] if paths else controls.swapped(profiles)


def candidate(correction: str, paths, crossed_paths, datasets: list[str], where: dict) -> tuple[pd.DataFrame, ...]:
    """What a measure takes of one of several corrections, whose files, with those of others, are in folders so called.

    Its profiles, and with `crossed_paths`, which may be none for it, those corrected on the other half of the controls.
    """
    own = [path for path in paths if Path(path).parent.name == correction]
    profiles = looked_at(own, datasets, where)[0]
    if crossed_paths is None:
        return (profiles,)
    others = [path for path in crossed_paths if Path(path).parent.name == correction]
    return profiles, crossed(profiles, others, datasets, where)
