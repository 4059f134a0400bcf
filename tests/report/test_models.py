"""Captions of training curves are true of the curves, and what was chosen from a grid is told."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from made_profiles import screen
from wellread.profiles.correct import correct as corrected
from wellread.report import svg
from wellread.report.models import correct, rise, train
from wellread.report.templates import environment as page_environment
from wellread.runtime import table_files

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


def test_what_was_chosen_from_a_grid_is_told(tmp_path):
    paths = {"training": {}, "model": {}}
    for model, grid in {"one": {}, "best": {"grid": {"chosen": {"fit.base_lr": 0.004}, "of": 6}}}.items():
        paths["training"][model], paths["model"][model] = (tmp_path / f"{model}.{kind}" for kind in paths)
        frame = table(loss=FALLS, feature_sd=0.5, effective_rank=9.0)
        table_files.write(frame, paths["training"][model], "training")
        paths["model"][model].write_text(json.dumps({"encoder": {}} | grid))
    run = SimpleNamespace(
        by_folder=paths.get, config={"models": {"one": {}, "best": {}, "best/grid/base_lr=0.004": {}}}
    )
    one, best = train(run)["models"]
    assert one["grid"] is None
    assert best["grid"] == {"chosen": {"fit.base_lr": 0.004}, "of": 6}
    page = page_environment().get_template("chapters/train.html").render(c={"models": [one, best]})
    assert page.count("combinations of settings") == 1
    assert "Of 6 combinations" in page
    assert "<code>fit.base_lr</code> 0.004." in page


def test_a_little_noise_at_the_end_is_no_rise():
    assert rise("loss", table(loss=np.r_[FALLS[:-4], 1.6, 1.5, 1.6, 1.7])) == ""


def test_a_curve_has_axes_with_first_and_last_step_and_extremes():
    drawn = svg.curve([0, 50, 1200], [3.0, 9.5, 4.25])
    for words in (">0<", ">1,200<", ">step<", ">9.5<", ">3<", ">4.25<"):
        assert words in drawn
    assert drawn.count('class="axis-line"') == 1
    x = [float(point.split(",")[0]) for point in drawn.split('points="')[1].split('"')[0].split()]
    assert (x[1] - x[0]) / (x[2] - x[0]) == pytest.approx(50 / 1200, abs=1e-3)


def test_controls_scatter_as_far_as_those_fitted_on_unless_few_were_sphered(tmp_path):
    chains, spreads = {"none": [], "sphering": [{"sphering": {}}]}, {"none": [], "sphering": []}
    for seed in range(40):
        table = screen(seed, plates=1, controls=8, D=64)  # four of a half
        paths = {}
        for chain, steps in chains.items():
            paths["tiny", chain] = tmp_path / f"{chain}.parquet"
            table_files.write(corrected(table, steps, seed=0), paths["tiny", chain], "profiles")
        run = SimpleNamespace(config={"corrections": chains}, profiles=lambda paths=paths: paths)
        for row in correct(run)["rows"]:
            spreads[row["correction"]].append(row["spread"])
    assert np.median(spreads["none"]) == pytest.approx(1, abs=0.1)
    assert np.median(spreads["sphering"]) > 5
