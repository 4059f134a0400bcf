"""Measures, consensus and corrections of one small table, against what make_golden_values.py tells without our code."""

import json
from math import sqrt
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_profiles import values
from make_golden_values import OUT
from wellread.profiles import tables
from wellread.profiles.consensus import consensus
from wellread.profiles.correct import correct
from wellread.runtime.registry import functions

GOLDEN = json.loads(OUT.read_text())
DRAWN = {"p_value", "q_value", "active", "fraction_active", "threshold", "replicating", "replicating_low"}
DRAWN |= {"replicating_high", "matching", "matching_low", "matching_high", "label_map_low", "label_map_high"}
DRAWN |= {"smallest_detectable", "smallest_effect"}  # these depend on random draws and are looked at one by one
DRAWN |= {"p_floor", "fraction_by_position", "undecidable"}  # and these on the design
COUNTS = {"left_out", "replicating_chance", "matching_chance"}
OF_TREATMENTS = ("nearest_class", "matching")


@pytest.fixture
def profiles():
    meta = pd.DataFrame(GOLDEN["wells"]).assign(object_count=10)
    return tables.join(meta.rename(columns=tables.column), np.array(GOLDEN["X"]))


def measured(name, profiles):
    """The result of a measure with the options of its golden values, of wells or of treatments."""
    options, expected = GOLDEN["measures"][name]
    frame = consensus(profiles) if name in OF_TREATMENTS else profiles
    return functions("measure")[name](frame, 0, **options), expected


def by_name(found):
    """{metric or metric/item: value} of what was not permuted."""
    kept = found[~found["metric"].str.contains("chance")]
    return {f"{m}/{i}" if i else m: v for m, i, v in zip(kept["metric"], kept["item"], kept["value"], strict=True)}


def test_every_measure_has_golden_values_or_tests_of_its_own():
    others = set(functions("measure")) - set(GOLDEN["measures"])
    alone = {path.stem.removeprefix("test_") for path in Path(__file__).parent.glob("test_*.py")}
    assert others - alone == {"low_shot"}  # which is tested beside linear
    assert set(GOLDEN["measures"]) <= set(functions("measure"))


@pytest.mark.parametrize("name", GOLDEN["measures"])
def test_every_metric_of_a_measure(profiles, name):
    found, expected = measured(name, profiles)
    told = {key: v for key, v in by_name(found).items() if key.split("/")[0] not in DRAWN | COUNTS}
    wanted = {
        key: v for key, v in expected.items() if key.split("/")[0] not in DRAWN | {"threshold_low", "threshold_high"}
    }
    assert told == pytest.approx(wanted, rel=2e-5, abs=1e-6)


def test_p_values_are_those_of_all_arrangements_and_q_those_of_benjamini_and_hochberg(profiles):
    found, exact = measured("average_precision", profiles)
    p, n = values(found, "p_value"), GOLDEN["measures"]["average_precision"][0]["null_size"]
    for name, value in ((key.split("/")[1], v) for key, v in exact.items() if key.startswith("p_value/")):
        assert p[name] == pytest.approx(value, abs=4 * sqrt(value * (1 - value) / n) + 1 / n), name
    p = {name: p[name] for name in values(found, "q_value")}  # of one, too few wells for a q-value
    assert len(p) == 4
    ranked = sorted(p, key=p.get)
    q = {name: min(p[later] * len(p) / (rank + 1) for rank, later in enumerate(ranked) if p[later] >= p[name])
         for name in ranked}  # fmt: skip
    assert values(found, "q_value") == pytest.approx(q)
    assert values(found, "active") == {name: float(value < 0.05) for name, value in q.items()}
    assert values(found, "fraction_active")[""] == np.mean([value < 0.05 for value in q.values()])


def test_thresholds_of_replicating_are_near_that_of_all_groups(profiles):
    found, expected = measured("replicating", profiles)
    limits, own = values(found, "threshold"), values(found, "similarity")
    three = {name: limit for name, limit in limits.items() if name != "boost"}  # boost has four wells
    assert all(expected["threshold_low"] < limit < expected["threshold_high"] for limit in three.values())
    assert values(found, "replicating")[""] == np.mean([own[name] > limits[name] for name in own])


def test_thresholds_of_matching_lie_in_the_middle_of_all_pairs(profiles):
    found, expected = measured("matching", profiles)
    limits, own = values(found, "threshold"), values(found, "similarity")
    assert all(expected["threshold_low"] <= limit + 1e-6 for limit in limits.values())
    assert all(limit - 1e-6 <= expected["threshold_high"] for limit in limits.values())
    assert values(found, "matching")[""] == np.mean([own[name] > limits[name] for name in own])


@pytest.mark.parametrize("statistic", ["mean", "median"])
def test_consensus(profiles, statistic):
    found = consensus(profiles, statistic=statistic)
    wanted = GOLDEN["consensus"][statistic]
    for name, key in (("treatment", "treatment"), ("dose", "dose"), ("batch", "batch"), ("moa", "moa")):
        assert found[tables.column(name)].tolist() == [one[key] for one in wanted], name
    assert found[tables.column("replicates")].tolist() == [one["n"] for one in wanted]
    np.testing.assert_allclose(tables.split(found)[1], [one["X"] for one in wanted], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", GOLDEN["corrections"])
def test_every_correction(profiles, name):
    steps, wanted = GOLDEN["corrections"][name]
    np.testing.assert_allclose(tables.split(correct(profiles, steps, seed=0))[1], wanted, rtol=1e-4, atol=1e-5)


def test_every_correction_has_golden_values():
    steps = {name for steps, _ in GOLDEN["corrections"].values() for step in steps for name in step}
    assert steps == set(functions("correction")) - {"harmony", "position"}


def test_harmony_of_one_batch_is_the_principal_components(profiles):
    one = profiles.assign(Metadata_batch="b")
    found = correct(one, [{"harmony": {"components": 2}}], seed=0)
    np.testing.assert_allclose(tables.split(found)[1], GOLDEN["principal"], rtol=1e-4, atol=1e-5)
