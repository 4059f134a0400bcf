"""Tables of results: values are those of the answers, drops are from one correction, and they are printed alike."""

import re
from html import unescape

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp
from wellread.measure.published import disagreements
from wellread.measure.tabulate import as_html, as_latex, tabulate, wide
from wellread.measure.tidy import row, table, undecidable
from wellread.runtime import table_files


@pytest.fixture
def answers(tmp_path):
    """Two models and corrections on a dataset `d_1`: a task of repeats, one with an interval, undecidable once."""
    paths = []
    for model, correction, values in (("m", "none", (0.2, 0.3, 0.4)), ("m", "b_c", (0.6,)), ("r", "none", (0.1, 0.1))):
        rows = [row("micro_ap", value, 50, "", repeat) for repeat, value in enumerate(values)]
        rows += [row("chance_micro_ap", 0.05, 50), row("micro_ap", 9.0, 3, "an item")]
        paths.append(written(tmp_path, "moa", model, correction, rows))
        rows = [row("accuracy", 0.5, 20), row("accuracy_low", 0.4, 20), row("accuracy_high", 0.7, 20)]
        rows = [undecidable("accuracy", "one moa", 7)] if model == "r" else rows
        paths.append(written(tmp_path, "50%_near", model, correction, rows))
    return paths


def written(folder, task, model, correction, rows):
    path = folder / "d_1" / "tasks" / task / f"{model}_{correction}.parquet"
    table_files.write(table(rows), path, "answers")
    return path


METRICS = {"moa": ["micro_ap"], "50%_near": ["accuracy"]}


def test_values_are_means_over_repeats_with_what_belongs_to_them(answers):
    found = tabulate(answers, METRICS).set_index(["task", "model", "correction"])
    assert set(found["dataset"]) == {"d_1"}
    one = found.loc["moa", "m", "none"]
    assert (one["repeats"], one["n"]) == (3, 50)
    np.testing.assert_allclose(one[["value", "sd", "chance"]].astype(float), [0.3, 0.1, 0.05])
    near = found.loc["50%_near", "m", "b_c"]
    assert (near["value"], near["low"], near["high"], near["repeats"]) == (0.5, 0.4, 0.7, 1)
    assert found["drop"].isna().all()
    undecided = found.loc["50%_near", "r", "none"]
    assert np.isnan(undecided["value"])
    assert (undecided["note"], undecided["n"]) == ("one moa", 7)


def test_a_drop_is_from_the_value_of_the_same_model_with_that_correction(answers):
    found = tabulate(answers, METRICS, drop_from="b_c").set_index(["task", "model", "correction"])["drop"]
    assert found["moa", "m", "none"] == pytest.approx(50)  # from .6 to .3
    assert found["50%_near", "m", "none"] == 0
    assert found[:, "r"].isna().all()  # which has no such value
    assert found[:, :, "b_c"].isna().all()


def test_it_is_printed_with_intervals_or_deviations_and_escaped(answers):
    found = tabulate(answers, METRICS, drop_from="b_c")
    cells = wide(found)
    assert cells.loc[("m", "none"), ("d_1", "moa", "micro_ap")] == "0.30 ± 0.10 (-50 %)"
    assert cells.loc[("m", "b_c"), ("d_1", "50%_near", "accuracy")] == "0.50 [0.40, 0.70]"
    assert cells.loc[("m", "none"), ("d_1", "50%_near", "accuracy")] == "0.50 [0.40, 0.70]"  # as much as with b_c
    assert cells.loc[("r", "none"), ("d_1", "50%_near", "accuracy")] == "-"
    latex = as_latex(found)
    assert r"0.30 $\pm$ 0.10 (-50 \%)" in latex
    assert r"50\%\_near" in latex
    printed = re.findall("<td>(.*?)</td>", as_html(found))
    assert [unescape(cell) for cell in printed] == cells.to_numpy().ravel().tolist()


PUBLISHED = [
    {"model": "m", "task": "50%_near", "value": 0.3, "sd": 0.01, "of": "X-net", "source": "A 2020, Table 1"},
    {"model": "m", "task": "moa", "correction": "none", "value": 0.1, "of": "X-net", "source": "A 2020, Table 2"},
    {"model": "r", "task": "moa", "value": 0.4, "of": "Y-net", "source": "A 2020, Table 2"},
]


def test_published_values_stand_in_columns_of_their_own_beside_ours(answers):
    plain, found = tabulate(answers, METRICS), tabulate(answers, METRICS, published=PUBLISHED)
    assert found["value"].equals(plain["value"])
    one = found.set_index(["task", "model", "correction"])
    assert one.loc[("moa", "m", "none"), "published"] == 0.1
    assert np.isnan(one.loc[("moa", "m", "b_c"), "published"])
    assert one.loc[("50%_near", "m", "b_c"), "published_of"] == "X-net"
    cells = wide(found)
    assert cells.loc[("m", "none"), ("d_1", "moa", "micro_ap (published)")] == "0.1 (X-net)"
    assert cells.loc[("m", "b_c"), ("d_1", "50%_near", "accuracy (published)")] == "0.3 ± 0.01 (X-net)"
    assert (
        cells.loc[("m", "none"), ("d_1", "moa", "micro_ap")]
        == wide(plain).loc[("m", "none"), ("d_1", "moa", "micro_ap")]
    )
    assert "<p>Published: A 2020, Table 2.</p>" in as_html(found)


def test_another_order_of_models_than_the_published_one_is_said():
    base = {"dataset": "d", "task": "t", "metric": "f1", "correction": "none", "published_of": "X"}
    rows = [("a", 0.5, 0.4, 0.6, 0.9), ("b", 0.55, 0.45, 0.65, 0.2), ("c", 0.9, 0.8, 0.95, 0.1)]
    told = pd.DataFrame(
        [base | dict(zip(("model", "value", "low", "high", "published"), row, strict=True)) for row in rows]
    )
    found = disagreements(told)
    assert len(found) == 3
    assert "f1 of a 0.5 is not above that of b 0.55, which its intervals leave open" in found[0]
    assert "of a 0.5 is not above that of c 0.9, against the published order" in found[1]
    assert not disagreements(told.assign(published=told["value"]))


def test_models_together_are_a_row_with_the_interval_of_student(tmp_path):
    values, metrics = {"a": 0.5, "b": 0.6, "c": 0.85, "other": 0.1}, {"moa": ["micro_ap"]}
    paths = [written(tmp_path, "moa", m, "none", [row("micro_ap", v, 9)]) for m, v in values.items()]
    paths.append(written(tmp_path, "moa", "d", "none", [undecidable("micro_ap", "none", 9)]))
    found = tabulate(paths, metrics, together={"seeds": ["a", "b", "c", "d"]}).set_index("model")
    assert set(found.index) == {"other", "seeds"}
    own, kept = found.loc["seeds"], [0.5, 0.6, 0.85]
    interval = ttest_1samp(kept, 0).confidence_interval(0.95)
    np.testing.assert_allclose(own[["value", "sd"]].astype(float), [np.mean(kept), np.std(kept, ddof=1)])
    np.testing.assert_allclose(own[["low", "high"]].astype(float), list(interval))
    assert (own["repeats"], own["n"]) == (3, 9)
    assert found.loc["other", "value"] == 0.1
