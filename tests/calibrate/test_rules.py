"""Where rules of quality begin: at how many values, at which limit, on which scale."""

import numpy as np
import pandas as pd
import pytest
from wellread.calibrate.flags import broken_rules, robust_z


def spread(n):
    """n positive values, the first far from all others."""
    return pd.Series([1e6, *np.linspace(100, 200, n - 1)])


def test_twelve_values_have_scores_and_eleven_have_none():
    assert robust_z(spread(12)).iloc[0] > 10
    assert robust_z(spread(11)).eq(0).all()
    assert robust_z(pd.concat([spread(11), pd.Series([np.nan] * 5)])).fillna(0).eq(0).all()  # NaN is no value


def test_eccentricities_are_judged_as_they_are():
    values = pd.Series(np.linspace(0.1, 0.9, 17), name="eccentricity")
    deviation = values - 0.5
    np.testing.assert_allclose(robust_z(values), deviation / (1.4826 * deviation.abs().median()))
    assert abs(robust_z(values.rename("area")).iloc[0]) > 1.5 * robust_z(values.rename("area")).iloc[-1]  # a logarithm


def test_a_value_at_a_limit_breaks_nothing():
    table = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0]})
    assert broken_rules(table, {"a": {"range": [2, 3]}}).tolist() == ["a", "", "", "a"]
    assert broken_rules(table, {"a": {"range": [2, None]}}).tolist() == ["a", "", "", ""]


def test_a_score_at_a_limit_breaks_nothing():
    values = pd.Series(np.arange(-10.0, 11) * 10, name="signed")  # median 0, so no logarithm
    limit = float(robust_z(values).max())
    table = values.to_frame()
    assert broken_rules(table, {"signed": {"z": [-limit, limit]}}).eq("").all()
    found = broken_rules(table, {"signed": {"z": [-limit + 1e-6, limit - 1e-6]}})
    assert found[found != ""].index.tolist() == [0, 20]


def test_a_rule_of_z_and_range_is_broken_by_either():
    table = pd.DataFrame({"a": [*np.linspace(99, 101, 20), 150.0, 100.5]})
    z = broken_rules(table, {"a": {"z": [-4, 4]}})
    assert z.tolist() == [""] * 20 + ["a", ""]
    both = broken_rules(table, {"a": {"z": [-4, 4], "range": [100, None]}})
    assert both.tolist() == ["a"] * 10 + [""] * 10 + ["a", ""]


@pytest.mark.parametrize("constant", [5.0, 0.3])
def test_one_value_that_differs_from_equal_ones_is_judged_by_the_least_spread(constant):
    values = pd.Series([constant] * 20 + [2 * constant], name="x")
    whole = constant == 5.0  # of whole numbers the spread is 1 at least
    expected = np.log(2) / max(0.05, 1 / constant if whole else 0)
    assert robust_z(values).iloc[-1] == pytest.approx(expected)


def test_one_value_beside_zeros_is_judged_by_the_mean_deviation():
    """Median and MAD are 0: 1.2533 times the mean absolute deviation estimates the deviation of a normal law."""
    assert robust_z(pd.Series([0.0] * 20 + [0.5])).iloc[-1] == pytest.approx(21 / 1.2533)
