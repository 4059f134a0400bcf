"""EC50: within its interval in 95 of 100 curves, the least-squares fit of scipy, and never a number that is none."""

import numpy as np
import pandas as pd
import pytest
from made_profiles import profiles, values
from scipy.optimize import curve_fit, least_squares
from scipy.stats import binom
from wellread.measure import dose_curve, ec50
from wellread.measure.dose_response import _distance_of_controls, dose_response
from wellread.profiles import tables

pytestmark = pytest.mark.dag

DOSES = 10.0 ** np.arange(-2, 2, 0.5)


def effect(x, log_ec50, slope):
    with np.errstate(divide="ignore"):
        return 1 / (1 + (10.0**log_ec50 / x) ** slope)


def distances(seed, middle, noise=1.0, height=20.0, slope=1.5, D=30):
    """Doses and distances of two wells at each dose, then eight controls that count as two."""
    rng = np.random.default_rng(seed)
    x = np.concatenate([np.repeat(DOSES, 2), np.zeros(8)])
    X = rng.normal(size=(len(x), D)) * noise
    X[:, 0] += height * effect(x, np.log10(middle), slope)
    return x, np.linalg.norm(X, axis=1), np.where(x > 0, 1, 0.25)


@pytest.mark.slow
def test_the_ec50_lies_within_its_interval_in_95_of_100_curves():
    """With 95 % there are 88 or fewer of 100 with a probability of 0.4 %."""
    covered = 0
    for seed in range(100):
        rng = np.random.default_rng([1, seed])
        middle, slope = 10 ** rng.uniform(-1.5, 0.5), rng.uniform(0.8, 2.5)
        middle_found, low, high = ec50.fit(*distances(seed, middle, noise=0.5, slope=slope))
        assert low < middle_found < high
        covered += low <= middle <= high
    assert binom.cdf(88, 100, 0.95) < 0.005
    assert covered > 88


def test_the_curve_is_that_of_scipy_and_the_interval_that_of_its_profile():
    x, y, count = distances(5, 1.0)
    found, low, high = ec50.fit(x, y, count)
    means = np.array([(y[x == dose] ** 2).mean() for dose in x])
    half = (y[x == 0] ** 2).mean() / 2
    variance = np.maximum(means - half, half) / count
    model = lambda x, floor, height, log_ec50, slope: floor + height * effect(x, log_ec50, slope) ** 2  # noqa: E731
    best, _ = curve_fit(model, x, y**2, (30, 400, 0, 1.5), sigma=np.sqrt(variance))
    assert np.log10(found) == pytest.approx(best[2], abs=2e-3)

    def smallest(log_ec50):
        fixed = lambda x, floor, height, slope: model(x, floor, height, log_ec50, slope)  # noqa: E731
        at, _ = curve_fit(fixed, x, y**2, best[[0, 1, 3]], sigma=np.sqrt(variance))
        return ((y**2 - fixed(x, *at)) ** 2 / variance).sum()

    freedom = count.sum() - 4
    limit = smallest(best[2]) * (1 + 4.600 / freedom)  # F(1, 14) at 95 %
    assert freedom == 14
    for end in (low, high):
        assert smallest(np.log10(end)) == pytest.approx(limit, rel=0.015)


def test_the_band_ends_where_the_best_curve_through_it_is_as_much_worse_as_the_interval_allows():
    x, y, count = distances(5, 1.0)
    found = ec50.fit(x, y, count)
    weight, at, freedom = np.sqrt(ec50.Curve.of(x, y, count).w), np.array([0.02, 0.6, 20.0]), count.sum() - 4

    def smallest(through, value):
        def residuals(own):
            shape, there = (effect(doses, own[0], np.exp(own[1])) ** 2 for doses in (x, through))
            return weight * (y**2 - value - own[2] * (shape - there))

        starts = [(log_ec50, np.log(slope), 400.0) for log_ec50 in (-0.2, 0.0, 0.2) for slope in (1.0, 2.0)]
        return min(2 * least_squares(residuals, start, x_scale=(0.1, 0.1, 100)).cost for start in starts)

    best, low, high = dose_curve.band(x, y, count, found, at)
    least = ec50.Curve.of(x, y, count).profile(np.log10(found[:1]))[0]
    for place, *ends in zip(at, low, high, strict=True):
        for end in ends:
            assert smallest(place, end**2) == pytest.approx(least * (1 + 4.600 / freedom), rel=0.015)
    middle = [smallest(*pair) for pair in zip(at, best**2, strict=True)]
    np.testing.assert_allclose(middle, least, rtol=1e-3)


@pytest.mark.parametrize(
    ("middle", "height", "why"),
    [(60.0, 40.0, "not_reached"), (1e-4, 20.0, "below_doses"), (1.0, 0.0, "flat"), (25.0, 20.0, "not_reached")],
)
def test_a_curve_without_its_middle_in_the_doses_has_no_ec50(middle, height, why):
    found = [ec50.fit(*distances(seed, middle, height=height)) for seed in range(20)]
    assert found.count(why) >= 18, found


def test_an_interval_that_ends_outside_the_doses_is_told():
    """The doses are 0.01 to 31.6; with little noise the intervals of 31 and 0.0098 are narrow and end outside."""
    found = [ec50.fit(*distances(seed, 31.0, noise=0.02)) for seed in range(10)]
    assert found.count("not_reached") >= 7
    low = [ec50.fit(*distances(seed, 0.0098, noise=0.02)) for seed in range(10)]
    assert low.count("below_doses") >= 7


def test_a_control_is_compared_with_the_mean_of_the_others():
    meta, X = tables.split(plate(0, [1.0]))
    found = _distance_of_controls(meta, X)
    use = np.flatnonzero(meta["Metadata_control_use"] == "evaluate")
    by_hand = [np.linalg.norm(X[i] - X[use[use != i]].mean(axis=0)) for i in use]
    np.testing.assert_allclose(found[use], by_hand)
    assert np.isnan(np.delete(found, use)).all()


def test_three_doses_are_too_few():
    x, y, count = distances(0, 1.0)
    few = np.isin(x, [0, *DOSES[:3]])
    assert ec50.fit(x[few], y[few], count[few]) == "few_doses"


def test_units_of_the_dose_and_of_the_distance_do_not_matter():
    x, y, count = distances(2, 1.0)
    np.testing.assert_allclose(np.array(ec50.fit(1000 * x, 50 * y, count)) / 1000, ec50.fit(x, y, count), rtol=0.01)


def plate(seed, middles, height=8.0, D=6):
    """A plate of 12 controls and of dose series with these middles, 2 wells each; None: no effect."""
    rng = np.random.default_rng(seed)
    rows = [("DMSO", "negative", np.nan, 0.0)] * 12
    for i, middle in enumerate(middles):
        heights = height * effect(DOSES, np.log10(middle), 1.5) if middle else 0 * DOSES
        rows += [(f"t{i}", "", x, height) for x, height in zip(DOSES, heights, strict=True) for _ in range(2)]
    wells = pd.DataFrame(rows, columns=["treatment", "control", "dose", "height"])
    X = rng.normal(size=(len(wells), D)) * 0.3 + wells["height"].to_numpy()[:, None] * np.ones(D)
    wells = wells.assign(plate="p", well=[f"A{i:03d}" for i in range(len(wells))], batch="b")
    return profiles(wells.drop(columns="height"), X, seed)


def test_doses_of_profiles_have_an_ec50_or_a_reason():
    answer = dose_response(plate(0, [0.3, 3.0, None, 100.0]), 0)
    low, middle, high = (values(answer, f"ec50{end}") for end in ("_low", "", "_high"))
    assert set(middle) == {"t0", "t1"}
    assert middle == pytest.approx({"t0": 0.3, "t1": 3.0}, rel=0.1)
    assert low["t0"] < 0.3 < high["t0"] < low["t1"] < 3 < high["t1"]
    for metric in dose_curve.DRAWN:
        assert set(values(answer, metric)) == {"t0", "t1"}
    drawn = answer[answer["item"].eq("t0") & answer["metric"].isin(dose_curve.DRAWN)]
    wells = drawn.pivot(index="repeat", columns="metric", values="value")
    assert (wells["curve_low"] <= wells["curve"]).equals(wells["curve"].notna())
    assert wells["well_dose"].count() == 2 * len(DOSES)
    assert np.interp(wells["well_dose"], wells["curve_dose"], wells["curve"]) == pytest.approx(
        wells["well_distance"].to_numpy(), rel=0.4, nan_ok=True
    )
    assert set(values(answer, "ec50_flat")) == {"t2"}
    assert set(values(answer, "ec50_not_reached")) == {"t3"}
    assert values(answer, "fraction_with_ec50") == {"": 0.5}
    assert values(answer, "left_out")[ec50.REASONS["flat"]] == 1
    assert np.isfinite(answer["value"]).all()


def test_fields_of_a_well_count_as_one():
    frame = plate(1, [1.0])
    twice = pd.concat([frame.assign(Metadata_Site=site) for site in ("1", "2")], ignore_index=True)
    one, two = (dose_response(table, 0) for table in (frame, twice))
    for metric in ("ec50_low", "ec50", "ec50_high"):
        assert values(two, metric)["t0"] == pytest.approx(values(one, metric)["t0"], rel=0.05)
