"""The main doubt about an answer: the gravest of what alarms, intervals, baselines and tests say against it."""

from wellread.measure.tidy import UNDECIDABLE
from wellread.profiles.chains import steps_of
from wellread.report.ledger import alarms
from wellread.report.run import Run
from wellread.runtime.registry import chosen

GRAVE = ("collapse", "cell_count")  # alarms after which no other result is worth reading
NAMED = 2  # tasks of a sentence


def doubt(run: Run, rows: list[dict], active: dict | None) -> dict:
    """{kind, found, n}: the first kind of which there is anything, what is `found` of it, at most NAMED, and how much.

    In this order: "grave" alarms; "chance", headlines whose interval includes what chance gives; "baseline",
    differences from a baseline whose interval includes 0 or lies below, the smallest of every task; "undecidable"
    headlines; other alarms ("alarm"); "layout", most treatments keep their positions on all plates, which no
    correction takes out; "tests", no treatment active by all of them; "best", a baseline that has the highest value,
    too; "alone", nothing to compare with; or "none".
    `rows` and `active` are those of `answer`.
    """
    told, compared = run.once(alarms)["alarms"], [row for row in rows if row["less"]]
    doubts = {
        "grave": [alarm for alarm in told if alarm["code"] in GRAVE],
        "chance": [row for row in rows if _is_chance(run, row)],
        "baseline": [least for row in compared if (least := _not_above(row))],
        "undecidable": [row for row in rows if row["value"] and UNDECIDABLE in row["value"]],
        "alarm": [alarm for alarm in told if alarm["code"] not in GRAVE],
        "layout": _kept_positions(run),
        "tests": [active] if active and active["tests"] and not active["by_tests"][0][1] else [],
        "best": [best for row in compared if (best := _best(row))],
        "alone": [] if compared else [{}],
        "none": [{}],
    }
    kind, found = next((kind, found) for kind, found in doubts.items() if found)
    of = compared if kind in ("baseline", "best") else rows
    return {"kind": kind, "found": found[:NAMED], "n": len(found), "of": len(of)}


def _kept_positions(run: Run) -> list[dict]:
    """[{kept, several}]: of the treatments on several plates most have the same positions on all; or []."""
    wells = run.wells[run.wells["control"].fillna("").astype(str) == ""]
    steps = [pair for step in (steps_of(run.config, run.main[1]) if run.main[1] else []) for pair in step.items()]
    if any(name == "position" or options.get("of") == "positions" for name, options in steps) or wells.empty:
        return []
    positions = wells.groupby(["treatment", "plate"])["well"].agg(lambda own: " ".join(sorted(own)))
    of_treatment = positions.groupby("treatment")
    several = of_treatment.nunique()[of_treatment.size() > 1]
    kept = int((several == 1).sum())
    return [{"kept": kept, "several": len(several)}] if 2 * kept > len(several) else []


def _is_chance(run: Run, row: dict) -> bool:
    """Whether chance is known of a task's headline, and gives as much; not where chance is best (mixed batches)."""
    known = row["value"] and row["value"].get("chance")
    best = chosen("measure", run.config["tasks"][row["task"]]["measure"]).chance_is_best
    return bool(known and not best and not row["above"])


def _not_above(row: dict) -> dict | None:
    """The task and the comparison with the smallest difference, of those whose interval is not above 0.

    Nothing where all of these have the highest value, which is another doubt (`_best`).
    """
    less = [told for told in row["less"].values() if not told.low > 0]
    if all(told.best for told in less):
        return None
    return {"task": row["task"], "less": min(less, key=lambda told: told.difference)}


def _best(row: dict) -> dict | None:
    """The task and a comparison in which both have the highest value."""
    less = [told for told in row["less"].values() if told.best]
    return {"task": row["task"], "less": less[0]} if less else None
