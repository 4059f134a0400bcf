"""Captions of training curves are true of the curves."""

import numpy as np
import pandas as pd
import pytest
from wellread.report import svg
from wellread.report.models import rise

FALLS, RISES = np.linspace(5, 1, 20), np.linspace(1, 5, 20)
VALLEY = np.r_[np.linspace(6, 2, 10), np.linspace(2, 4, 10)]


def table(**columns) -> pd.DataFrame:
    return pd.DataFrame({"step": np.arange(20) * 10, **columns})


@pytest.mark.parametrize(
    ("name", "columns", "words"),
    [
        ("loss", {"loss": FALLS}, ""),
        ("gradient", {"gradient": RISES}, ""),  # no loss
        ("koleo", {"koleo": RISES, "entropy": RISES, "global": FALLS}, "for no reason"),
        ("paint", {"paint": VALLEY}, "It rose from 2.17 to 3.67, for no reason"),
        ("global", {"global": VALLEY, "entropy": RISES / 10}, "to 3.67, while the entropy of the teacher rose from"),
        ("global", {"global": VALLEY, "entropy": FALLS / 10}, "for no reason"),
        ("loss", {"loss": VALLEY, "entropy": RISES / 10}, "for no reason"),  # without a teacher
        ("loss", {"loss": VALLEY, "ibot": VALLEY, "entropy": RISES / 10}, "became less certain"),
    ],
)  # fmt: skip
def test_a_loss_that_rises_is_explained_or_flagged(name, columns, words):
    told = rise(name, table(**columns))
    assert (words in told) if words else told == ""


def test_a_little_noise_at_the_end_is_no_rise():
    assert rise("loss", table(loss=np.r_[FALLS[:-4], 1.6, 1.5, 1.6, 1.7])) == ""


def test_a_curve_has_axes_with_first_and_last_step_and_extremes():
    drawn = svg.curve([0, 50, 1200], [3.0, 9.5, 4.25])
    for words in (">0<", ">1,200<", ">step<", ">9.5<", ">3<", ">4.25<"):
        assert words in drawn
    assert drawn.count('class="axis-line"') == 1
    x = [float(point.split(",")[0]) for point in drawn.split('points="')[1].split('"')[0].split()]
    assert (x[1] - x[0]) / (x[2] - x[0]) == pytest.approx(50 / 1200, abs=1e-3)
