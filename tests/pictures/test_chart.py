"""Charts return what they show: the numbers of the answers, in the order in which they are drawn."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from wellread.measure import tidy
from wellread.pictures import chart
from wellread.runtime import table_files
from wellread.runtime.errors import InputError


def answer(folder, model, rows, task="near", correction="none", dataset="d"):
    path = folder / dataset / "tasks" / task / f"{model}_{correction}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    table_files.write(tidy.table(rows), path, "answers")
    return path


def drawn(path):
    """How many pixels of a picture are not white."""
    with Image.open(path) as picture:
        return (np.asarray(picture.convert("RGB")).min(axis=2) < 250).sum()


def f1(value, repeat=0):
    return tidy.row("macro_f1", value, 20, repeat=repeat)


@pytest.mark.dag
def test_bars_are_the_values_with_their_intervals(tmp_path):
    rows = [f1(0.6), tidy.row("macro_f1_low", 0.5, 20), tidy.row("macro_f1_high", 0.8, 20)]
    rows += [tidy.row("macro_f1_chance", 0.1, 20, repeat=i) for i in range(3)]
    paths = [answer(tmp_path, f"m{i}", rows) for i in range(10)]
    paths += [answer(tmp_path, "m0", [f1(0.2), f1(0.4, 1)], dataset="e")]
    table = chart.bars(paths, {"near": ["macro_f1"]}, tmp_path / "a.png")
    assert table["series"].tolist() == [*(f"m{i}" for i in range(10)), "m0"]
    assert table.loc[0, ["value", "low", "high", "chance"]].tolist() == pytest.approx([0.6, 0.5, 0.8, 0.1])
    assert table.iloc[-1][["value", "sd", "repeats"]].tolist() == pytest.approx([0.3, np.std([0.2, 0.4], ddof=1), 2])
    assert drawn(tmp_path / "a.png") > 5000


def test_corrections_are_named_where_there_are_several(tmp_path):
    paths = [answer(tmp_path, "m", [f1(0.6)], correction=name) for name in ("none", "harmony")]
    table = chart.bars(paths, {"near": ["macro_f1"]}, tmp_path / "a.png")
    assert table["series"].tolist() == ["m, none", "m, harmony"]


def test_curves_are_means_over_draws_by_share(tmp_path):
    def rows(*values):
        shares = [("1 %", 3), ("100 %", 300)]
        return [
            tidy.row("macro_f1_of_labels", value + (share == "100 %"), n, share, repeat)
            for share, n in shares
            for repeat, value in enumerate(values)
        ]

    paths = [answer(tmp_path, "m", rows(0.1, 0.3)), answer(tmp_path, "k", rows(0.0, 0.1))]
    table = chart.low_shot(paths, {"near": ["macro_f1"]}, tmp_path / "a.png")
    own = table[table["model"] == "m"]
    assert own["share"].tolist() == [1, 100]
    assert own["value"].tolist() == pytest.approx([0.2, 1.2])
    assert own["sd"].tolist() == pytest.approx([np.std([0.1, 0.3], ddof=1)] * 2)
    assert own["n"].tolist() == [3, 300]
    with pytest.raises(InputError, match="low_shot"):
        chart.low_shot([answer(tmp_path, "m", [f1(1)])], {"near": ["macro_f1"]}, tmp_path / "a.png")


def test_boxes_have_a_point_for_every_repeat(tmp_path):
    chance = [tidy.row("macro_f1_chance", value, 20, repeat=i) for i, value in enumerate((0.1, 0.2))]
    paths = [answer(tmp_path, name, [f1(0.1 * i, i) for i in range(5)] + chance) for name in ("a", "b")]
    table = chart.repeats(paths, {"near": ["macro_f1"]}, tmp_path / "a.png")
    assert table.groupby("model")["value"].apply(list).tolist() == [pytest.approx([0, 0.1, 0.2, 0.3, 0.4])] * 2
    assert table["chance"].tolist() == pytest.approx([0.15] * 10)


def test_a_metric_that_is_the_same_in_all_repeats_has_no_panel_of_its_own(tmp_path):
    def picture(name, *metrics):
        rows = [
            tidy.row(metric, value * i, 20, repeat=i) for metric, value in (("f1", 0.1), ("rate", 0)) for i in (1, 2)
        ]
        chart.repeats([answer(tmp_path, "m", rows)], {"near": list(metrics)}, tmp_path / name)
        return Image.open(tmp_path / name).size

    assert picture("a.png", "f1", "rate") == picture("b.png", "f1")
    assert picture("c.png", "rate")[1] > 100


def test_ranks_are_those_among_the_scores_of_others(tmp_path):
    pd.DataFrame({"score": [0.1, 0.5, 0.5, 0.9, "x"]}).to_csv(tmp_path / "scores.csv", index=False)
    paths = [answer(tmp_path, name, [f1(value)]) for name, value in (("a", 0.6), ("b", 0.05), ("c", 0.95))]
    how = {"scores": str(tmp_path / "scores.csv")}
    table = chart.leaderboard(paths, {"near": ["macro_f1"]}, tmp_path / "a.png", **how)
    assert table["rank"].tolist() == [2, 5, 1]
    with pytest.raises(InputError, match="f1"):
        chart.leaderboard(paths, {"near": ["macro_f1"]}, tmp_path / "a.png", **how, column="f1")


def test_what_could_not_be_decided_is_drawn_without_a_bar(tmp_path):
    paths = [answer(tmp_path, "a", [tidy.undecidable("macro_f1", "one class", 4)]), answer(tmp_path, "b", [f1(0.5)])]
    for one in (chart.bars, chart.repeats):
        table = one(paths, {"near": ["macro_f1"]}, tmp_path / "a.png")
        assert table["value"].notna().sum() == 1
