"""Which wells are controls: by the column control, or by the treatments that the config lists."""

import re
from difflib import get_close_matches

import pandas as pd

from wellread.runtime.errors import InputError

SHOWN = 3  # treatments that are named
KINDS = ("negative", "positive")
WORDS = {  # what people write for a kind of control, without case, blanks and marks
    "negative": "neg negctrl negcontrol negcon n vehicle veh ctrl control ctl untreated mock solvent dmso blank nt "
    "nontargeting scramble scrambled negativecontrol",
    "positive": "pos posctrl poscontrol poscon p positivecontrol reference posconcp poscondiverse",
    "negative or positive": "true yes y 1",
    "an empty cell": "trt treated treatment sample test compound cpd no false 0",
}


def meant(word: str) -> str:
    """The kind of control that a word may mean, "" if none comes to mind."""
    bare = re.sub("[^a-z0-9]", "", word.casefold())
    known = {other: kind for kind, words in WORDS.items() for other in words.split()}
    known |= {kind: kind for kind in KINDS}
    near = [bare] if bare in known else get_close_matches(bare, [word for word in known if len(word) > 3], 1, 0.8)
    return known[near[0]] if near else ""


def kinds(wells: pd.DataFrame, controls: dict, where: str) -> pd.Series:
    """The column control of a wells table (negative, positive or ""), with what `controls` lists: {kind: treatments}.

    InputError if a treatment is listed twice or is in no row, or if the column contradicts the list.
    """
    listed = {str(name).strip(): kind for kind in KINDS for name in controls.get(kind, [])}
    if not listed:
        return wells["control"]
    _refuse_names(controls, listed, set(wells["treatment"]), where)
    by_name = wells["treatment"].map(listed).fillna("").astype(str)
    against = (wells["control"] != "") & (wells["control"] != by_name)
    if against.any():
        row = against.idxmax()
        given, treatment = wells.loc[row, "control"], wells.loc[row, "treatment"]
        found = (
            f"{given!r} for {treatment!r}, which `controls` lists as {by_name[row] or 'neither'} ({against.sum()} rows)"
        )
        edit = "remove the column control, or the key controls, or make them agree"
        raise InputError(
            "the same controls in table and config", found, f"{where}, row {row + 2}, column control", edit
        )
    return by_name


def tell_partly(wells: pd.DataFrame, where: str, say) -> None:
    """Tell `say` of treatments (at a dose, where there are doses) that are negative controls in some wells only."""
    named = wells[wells["treatment"] != ""]
    doses = named["dose"].fillna(0) if "dose" in named else pd.Series(0, named.index)
    counts = (named["control"] == "negative").groupby([named["treatment"], doses]).agg(["sum", "size"])
    for (name, dose), row in counts[(counts["sum"] > 0) & (counts["sum"] < counts["size"])].head(SHOWN).iterrows():
        of, others = f"{name} at dose {dose:g}" if dose else name, row["size"] - row["sum"]
        words = f"{of} is a negative control in {row['sum']} of its wells and not in {others}"
        say(f"{where}: {words}; mark these, too, unless they are meant as treatments")


def _refuse_names(controls: dict, listed: dict, treatments: set, where: str) -> None:
    if both := [name for name in controls.get("negative", []) if name in controls.get("positive", [])]:
        raise InputError("treatments of one kind", f"{', '.join(both)} as both", "controls", "remove it from one list")
    if absent := [name for name in listed if name not in treatments]:
        lower = {name.casefold(): name for name in sorted(treatments)}
        near = [
            f"{name} -> {lower[n[0]]}" for name in absent if (n := get_close_matches(name.casefold(), lower, 1, 0.5))
        ]
        edit = f"did you mean {', '.join(near)}?" if near else "list treatments as the wells table spells them"
        found = f"no row of {where} has {', '.join(absent)}"
        raise InputError("controls that are treatments of the wells table", found, "controls", edit)
