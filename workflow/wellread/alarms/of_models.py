"""Alarms about training: signs of collapse, and of a run that became worse."""

from pathlib import Path

from wellread.alarms.alarm import Alarm
from wellread.runtime import table_files
from wellread.train.collapse import collapse_warnings

LAST = 0.1  # of the steps: the end of a run


def found(inputs: dict, how: dict, limits: dict) -> list[Alarm]:
    """The alarms of every model that was trained here."""
    return [alarm for path in map(Path, inputs.get("training", [])) for alarm in of_run(path, limits)]


def of_run(path: Path, limits: dict) -> list[Alarm]:
    """The alarms of one training run, of its table training.parquet."""
    table, model = table_files.read(path, "training"), f"model {path.parent.name}"
    edit = "fewer epochs, a lower `base_lr`, or more cells; see its curves under train"
    alarms = [
        Alarm("collapse", model, message, "none expected", edit)
        for message in collapse_warnings(table.iloc[-1].dropna().to_dict())
    ]
    rank, least = table["effective_rank"].dropna(), limits["rank_kept"]
    if least is not None and (kept := rank[-max(1, round(LAST * len(rank))) :].mean() / rank.max()) < least:
        words = f"at its end the effective rank of the embeddings is {kept:.0%} of its highest"
        alarms.append(Alarm("rank_kept", model, words, f"at least {least:.0%} expected", edit))
    if "agreement" in table and (most := limits["agreement_fall"]) is not None:
        alarms += _agreement_fell(table["agreement"].dropna(), most, model, edit)
    return alarms


def _agreement_fell(agreement, most: float, model: str, edit: str) -> list[Alarm]:
    """An alarm if the agreement of a well's cells, one number per epoch, fell by more than `most`."""
    last = agreement[-max(1, round(LAST * len(agreement))) :].mean()
    if not agreement.max() - last > most:
        return []
    words = f"at its end the agreement of a well's cells is {last:.2f}, it was {agreement.max():.2f}"
    return [Alarm("agreement_fall", model, words, f"a fall of at most {most:g} expected", edit)]
