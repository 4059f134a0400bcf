"""The ladder: paired differences, their intervals, and what they say of the number of cells."""

import made_profiles
import made_screens
import numpy as np
import pandas as pd
import pytest
from wellread.measure import compare
from wellread.measure.compare import CHANCE, paired_difference, verdict
from wellread.measure.tidy import row, table
from wellread.profiles.consensus import consensus
from wellread.runtime import table_files
from wellread.runtime.registry import choices

pytestmark = pytest.mark.dag


def series(values):
    return pd.Series(values, dtype=float)


def test_a_difference_is_of_the_items_that_both_have():
    found = paired_difference(series({"a": 1, "b": 0, "c": 5}), series({"b": 1, "a": 0.5, "d": 7}), 0)
    assert found[:3] == (0.5, 0.75, -0.25)
    assert np.isnan(found[3:5]).all()  # of two compounds
    assert found[5:] == (2, 2)
    assert paired_difference(series({"a": 1}), series({"b": 1}), 0) == ()


@pytest.mark.parametrize("doses", [1, 4])
def test_intervals_are_those_of_resampled_compounds_whose_doses_stay_together(doses):
    rng = np.random.default_rng(0)
    effects = np.repeat(rng.normal(size=12), doses) + rng.normal(size=12 * doses) * 0.1
    items = [f"c{i // doses} @ {i % doses}" for i in range(len(effects))]
    _, _, difference, low, high, n, compounds = paired_difference(
        series(dict(zip(items, effects, strict=True))), series(dict.fromkeys(items, 0)), 0
    )
    draws = [effects.reshape(12, doses)[rng.integers(0, 12, 12)].mean() for _ in range(4000)]
    assert difference == pytest.approx(effects.mean())
    np.testing.assert_allclose([low, high], np.quantile(draws, [0.025, 0.975]), atol=0.06)
    assert (n, compounds) == (12 * doses, 12)


def test_every_pair_and_shuffled_labels_are_in_the_ladder(tmp_path):
    rng, paths = np.random.default_rng(0), []
    for model, level in {"net": 1, "count": 0.5, "chance": 0}.items():
        values = {f"t{i}": level + rng.normal() * 0.1 for i in range(8)}
        rows = [row("nsc_treatment", value, 1, item) for item, value in values.items()]
        rows += [row("nsc_treatment", 99, 0, "of nothing"), row("nsc", level, 8)]
        rows += [row("nsc_chance", value, 8, "", i) for i, value in enumerate([0.1, 0.3])]
        paths.append(tmp_path / "moa" / f"{model}_a_b.parquet")
        table_files.write(table(rows), paths[-1], "answers")
    found = compare.compare(paths, ["count", "chance"], {"moa": {"nsc": "nsc_treatment"}}, seed=0)
    pairs = [("net", "count"), ("net", "chance"), ("net", CHANCE), ("count", "chance"), ("count", CHANCE)]
    pairs += [("chance", "count"), ("chance", CHANCE)]
    assert list(zip(found["model"], found["baseline"], strict=True)) == pairs
    assert set(found["correction"]) == {"a_b"}
    by_pair = found.set_index(["model", "baseline"])
    assert by_pair.loc[("net", "count"), "difference"] == pytest.approx(0.5, abs=0.15)
    assert by_pair.loc[("net", CHANCE), "baseline_value"] == pytest.approx(0.2)
    assert (found["low"] < found["difference"]).all()
    assert (found["difference"] < found["high"]).all()


TRAINED = {"linear": {"iterations": 20, "permutations": 0}, "moa_mlp": {"folds": 2, "repeats": 2, "permutations": 0}}


@pytest.mark.parametrize("name", [name for name, one in choices("measure").items() if one.items])
def test_what_measures_declare_as_items_has_the_metric_as_its_mean(name):
    frame = made_profiles.screen(treatments=36 if name in TRAINED else 12, effect=0.5)
    frame["Metadata_dose"] = frame["Metadata_Plate"].str[1:].astype(float)
    if name == "nearest_class":
        frame = consensus(frame, by=["treatment"])
    if name in ("nearest_class", "own_head", *TRAINED):
        of = {treatment: f"m{i % 6}" for i, treatment in enumerate(frame["Metadata_treatment"].unique())}
        frame["Metadata_moa"] = frame["Metadata_treatment"].map(of)
    if name == "own_head":  # scores of the six classes
        frame = frame.drop(columns=[c for c in frame if c.startswith("emb_")][6:])
        frame["Metadata_set"] = np.where(frame["Metadata_treatment"].isin(list(of)[:6]), "train", "test")
    answers = choices("measure")[name].load()(frame, 0, **TRAINED.get(name, {}))
    compared = 0
    for metric, of_items in choices("measure")[name].items.items():
        items = answers[(answers["metric"] == of_items) & (answers["item"] != "") & (answers["n"] > 0)]
        overall = answers[(answers["metric"] == metric) & (answers["item"] == "")]
        if len(overall):
            assert items["value"].mean() == pytest.approx(overall["value"].mean()), metric
            compared += len(items)
    assert compared > 5


def rungs(*rows):
    """A ladder of (correction, model, baseline, low)."""
    return pd.DataFrame(rows, columns=["correction", "model", "baseline", "low"]).assign(compounds=9)


EXPLAINED = ("none", "count", CHANCE, 0.2)
VERDICTS = {
    "explained by cell count": rungs(("none", "net", "count", -0.1), EXPLAINED),
    "beyond cell count: net": rungs(("none", "net", "count", 0.1), ("none", "net", CHANCE, 0.1), EXPLAINED),
    "no model exceeds cell count, and cell count does not exceed shuffled labels": rungs(
        ("none", "net", "count", 0.1), ("none", "net", CHANCE, -0.1), ("none", "count", CHANCE, 0)
    ),
    "undecidable: 9 compounds, 5 are needed": rungs(("none", "net", "count", np.nan), EXPLAINED),
    "": rungs(("none", "intensities", "count", 0.1), EXPLAINED),
}


@pytest.mark.parametrize("words", VERDICTS)
def test_verdicts(words):
    assert verdict(VERDICTS[words], "count", ["count", "intensities"]) == words


def test_what_baselines_exceed_is_not_beyond_cell_count():
    rows = rungs(
        ("none", "net", "count", -1), ("none", "untrained", "count", 1), ("none", "untrained", CHANCE, 1), EXPLAINED
    )
    assert verdict(rows, "count", ["count", "untrained"]) == "explained by cell count"


def verdicts(folder, seeds, **effects):
    for seed in seeds:
        paths = made_screens.answers(folder / str(seed), seed, **effects)
        yield verdict(compare.compare(paths, ["count"], made_screens.ITEMS, seed=0), "count", ["count"])


COUNT_ONLY, SHAPES = {"count": 3.0, "shape": 0.0}, {"count": 0.0, "shape": 0.6}  # nsc of 0.6 and 0.7


@pytest.mark.slow
def test_a_screen_of_numbers_of_cells_is_called_so_and_one_of_shapes_is_not(tmp_path):
    assert set(verdicts(tmp_path / "count", range(4), **COUNT_ONLY)) == {"explained by cell count"}
    assert set(verdicts(tmp_path / "shape", range(4), **SHAPES)) == {"beyond cell count: net"}


@pytest.mark.slow
def test_a_hundred_screens(tmp_path):
    counts = list(verdicts(tmp_path / "count", range(100), **COUNT_ONLY))
    assert counts.count("explained by cell count") >= 95
    shapes = list(verdicts(tmp_path / "shape", range(100), **SHAPES))
    assert shapes.count("explained by cell count") <= 5
    assert shapes.count("beyond cell count: net") >= 95
