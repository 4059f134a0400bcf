"""A chosen chain is chosen without the compounds that it is reported on."""

import made_profiles
import numpy as np
import pandas as pd
import pytest
from wellread.measure.average_precision import average_precision
from wellread.measure.choose import averaged, choose, fold_of_units
from wellread.measure.nearest_class import nearest_class
from wellread.measure.nest import nest
from wellread.measure.retrieval import retrieval
from wellread.measure.tidy import row, table
from wellread.profiles import controls, tables
from wellread.profiles.looked_at import candidate
from wellread.runtime import table_files
from wellread.runtime.errors import InputError

pytestmark = pytest.mark.dag

NSC = {"nsc": "nsc_treatment", "nscb": "nscb_treatment"}
RULES = {"of": "treatment", "folds": 2, "split": "", "metric": "", "threshold": 0.05}


def planned(answers: dict, frames=None, **rules):
    """Choose by a measure that gives `answers` {correction: {unit: value}}, of the units that it is shown."""
    names = list(next(iter(answers.values())))
    wells = pd.DataFrame({"plate": "p", "well": names, "treatment": names, "control": ""})
    frames = frames or {
        name: (made_profiles.profiles(wells, np.full((len(names), 1), i)),) for i, name in enumerate(answers)
    }

    def measure(frame, seed):
        own = answers[list(answers)[int(tables.split(frame)[1][0, 0])]]
        shown = {unit: own[unit] for unit in tables.text_column(frame, "treatment")}
        return table([row("m_of", value, 1, unit) for unit, value in shown.items()])

    return choose(frames, measure, {"m": "m_of"}, 0, **RULES | rules)


def test_every_fold_is_reported_under_what_is_best_for_the_others():
    units = [f"c{i}" for i in range(8)]
    wells = pd.DataFrame({"plate": "p", "well": units, "treatment": units, "control": ""})
    fold = fold_of_units(made_profiles.profiles(wells, np.zeros((8, 1))), "treatment", 2, "", 0)
    answers = {own: {unit: float(fold[unit] == own) for unit in units} for own in ("0", "1")}
    found = planned(answers)
    picked = found[found["chosen"]].set_index("unit")["correction"]
    assert picked.to_dict() == {unit: {"0": "1", "1": "0"}[fold[unit]] for unit in units}
    told = {name: table([row("m_of", value, 1, unit) for unit, value in own.items()]) for name, own in answers.items()}
    nested = nest(found, told, {"m": "m_of"}, 0.05, 0)
    assert made_profiles.values(nested, "m")[""] == 0  # what looks best on its own half is worst on the other
    assert made_profiles.values(nested, "chosen") == {"0": 0.5, "1": 0.5}
    assert made_profiles.values(nested, "chosen_by") == {"fold 0: 1": 1, "fold 1: 0": 1}


@pytest.mark.slow
def test_a_choice_among_noise_is_reported_at_chance():
    rng, values = np.random.default_rng(0), []
    for _ in range(8):
        answers = {f"c{i}": {f"u{j}": float(rng.random() < 0.5) for j in range(20)} for i in range(10)}
        told = {name: table([row("m_of", v, 1, unit) for unit, v in own.items()]) for name, own in answers.items()}
        nested = made_profiles.values(nest(planned(answers), told, {"m": "m_of"}, 0.05, 0), "m")[""]
        values.append((nested, max(np.mean(list(own.values())) for own in answers.values())))
    nested, best = np.mean(values, axis=0)
    assert abs(nested - 0.5) < 0.1
    assert best > 0.6


def test_of_equals_the_first_is_chosen_and_without_values_none():
    same = planned({name: {f"u{i}": 1.0 for i in range(6)} for name in ("b", "a")})
    assert set(same.loc[same["chosen"], "correction"]) == {"b"}
    none = planned({name: {f"u{i}": 1.0 for i in range(6)} for name in ("b", "a")}, metric="another")
    assert not none["chosen"].any()
    nested = nest(none, {"b": table([]), "a": table([])}, {"m": "m_of"}, 0.05, 0)
    assert "no item" in made_profiles.undecided(nested, "m")


def compounds(**columns):
    names = [f"u{i}" for i in range(6)]
    wells = pd.DataFrame({"plate": "p", "well": names, "treatment": names, "control": ""} | columns)
    return made_profiles.profiles(wells, np.zeros((6, 1)))


def test_a_column_of_train_and_test_divides_compounds():
    meta = compounds(set=["train", "train", "test", "test", "validation", ""])
    assert fold_of_units(meta, "treatment", 2, "set", 0) == {"u0": "train", "u1": "train", "u2": "test", "u3": "test"}
    found = planned({"a": dict.fromkeys(map("u{}".format, range(6)), 1.0)}, {"a": (meta,)}, split="set")
    assert list(found["unit"]) == ["u2", "u3"]


def test_a_compound_that_chooses_and_is_reported_is_refused():
    meta = compounds(set=["train", "train", "test", "test", "train", "test"], treatment=list("aabbcc"))
    with pytest.raises(InputError, match="c in both"):
        fold_of_units(meta, "treatment", 2, "set", 0)
    with pytest.raises(InputError, match="two values of treatment"):
        fold_of_units(meta, "treatment", 3, "", 0)


def test_doses_of_a_compound_and_all_its_mechanisms_stay_together():
    wells = pd.DataFrame({"plate": "p", "well": list("abcdefgh"), "moa": ["x", "x|y", "y", "z", "z", "v", "w", "x"]})
    meta = made_profiles.profiles(wells.assign(treatment=list("aabbccdd"), control=""), np.zeros((8, 1)))
    assert set(fold_of_units(meta, "treatment", 2, "", 1)) == set("abcd")
    assert set(fold_of_units(meta, "moa", 2, "", 1)) == set("vwxyz")


def screen(effect):
    frame = made_profiles.screen(treatments=12, controls=12, effect=effect)
    frame["Metadata_moa"] = [f"m{int(name[1:]) % 4}" if name[0] == "t" else "" for name in frame["Metadata_treatment"]]
    return frame


@pytest.mark.parametrize(
    ("measure", "options", "items", "metric"),
    [
        (nearest_class, {"permutations": 0}, NSC, "nsc"),
        (retrieval, {"strictness": ["well"]}, {}, "recall_well"),
        (average_precision, {"null_size": 50}, {}, "fraction_below_threshold"),
    ],
)
def test_nested_values_of_measures_are_means_of_items_of_the_chosen(measure, options, items, metric):
    frames = {name: screen(effect) for name, effect in (("weak", 0.0), ("strong", 4.0))}
    rule = lambda frame, seed, *others: measure(frame, seed, *others, **options)  # noqa: E731
    pairs = {
        name: (frame, controls.swapped(frame))[: 1 + (measure is average_precision)] for name, frame in frames.items()
    }
    choices = choose(pairs, rule, items, 0, **RULES)
    own = {name: rule(pair[0], 0, *pair[1:]) for name, pair in pairs.items()}
    nested = nest(choices, own, items, 0.05, 0)
    if measure is not nearest_class:  # whose labels say nothing here
        assert made_profiles.values(nested, "chosen")["strong"] == 1
        assert made_profiles.values(nested, metric)[""] == averaged(own["strong"], items, 0.05)[metric].mean()
    assert made_profiles.values(nested, f"{metric}_low")[""] <= made_profiles.values(nested, metric)[""]
    if measure is average_precision:
        assert made_profiles.values(nested, "q_value") == pytest.approx(made_profiles.values(own["strong"], "q_value"))
        fraction = made_profiles.values(nested, "fraction_active")[""]
        assert fraction == made_profiles.values(own["strong"], "fraction_active")[""] > 0.5


def test_q_values_are_of_all_folds_together():
    choices = pd.DataFrame(
        [(u, f, c, 1.0, c == f) for u, f in zip("abcd", "xxyy", strict=True) for c in "xy"],
        columns=["unit", "fold", "correction", "value", "chosen"],
    )
    p = {"a": 0.01, "b": 0.02, "c": 0.03, "d": 0.5}
    answers = table([row(m, v, 3, item) for item, v in p.items() for m in ("p_value", "q_value")])
    nested = nest(choices, {"x": answers, "y": answers}, {}, 0.05, 0)
    assert made_profiles.values(nested, "q_value") == pytest.approx({"a": 0.04, "b": 0.04, "c": 0.04, "d": 0.5})
    assert made_profiles.values(nested, "fraction_active")[""] == 0.75
    assert made_profiles.values(nested, "fraction_below_threshold")[""] == 0.75


def test_a_candidate_is_read_from_the_folder_of_its_name(tmp_path):
    for name, value in (("a", 1), ("b", 2)):
        table_files.write(compounds().assign(emb_0000=value), _made(tmp_path / name) / "well.parquet", "profiles")
    paths = [tmp_path / name / "well.parquet" for name in "ab"]
    assert candidate("b", paths, None, [], {})[0]["emb_0000"].eq(2).all()
    first, second = candidate("a", paths, [], [], {})
    assert first["emb_0000"].eq(second["emb_0000"]).all()


def _made(folder):
    folder.mkdir()
    return folder
