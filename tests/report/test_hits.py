"""The list of hits as the page tells it: what is counted, and in which order it stands."""

import re

import pandas as pd
import pytest
from wellread.measure.hits import _strongest_first
from wellread.measure.three_tests import TESTS
from wellread.report import templates
from wellread.report.answer import answer
from wellread.report.hits import hits
from wellread.report.run import Run
from wellread.runtime import table_files

ENDS = ("", "_low", "_high", "_p", "_q", "_floor")
ROWS = [  # treatment, dose, control, tests that call it active, Mahalanobis distance
    ("a", 1, "", 3, 5.0), ("b", 1, "", 3, 9.0), ("b", 2, "", 0, 7.0), ("c", 1, "", 2, 8.0), ("c", 2, "", None, 4.0),
    ("known", 0, "positive", 3, 6.0),
]  # fmt: skip
CONFIG = {
    "seed": 0,
    "models": {"net": {"encoder": {"vit": {}}}},
    "corrections": {"none": []},
    "tasks": {},
    "hits": {},
    "datasets": {"d": {}},
}


def table() -> pd.DataFrame:
    found = pd.DataFrame(ROWS, columns=["treatment", "dose", "control", "active", "mahalanobis"])
    found = found.astype({"active": "Int64"}).assign(model="net", correction="none", wells=3, cells=9, distance=1.0)
    for i, test in enumerate(TESTS):
        numbers = {f"{test}{end}": 0.5 for end in ENDS if f"{test}{end}" not in found}
        found = found.assign(**numbers, **{f"{test}_active": (found["active"] > i).astype("boolean")})
        found.loc[found["active"].isna(), f"{test}_active"] = pd.NA
    return found.assign(reason="", nearest_1="", nearest_1_cosine=float("nan"), control=found.pop("control"))


@pytest.fixture
def run(tmp_path):
    table_files.write(_strongest_first(table()), tmp_path / "hits.parquet", "hits")
    return Run.from_inputs("d", {"hits": tmp_path / "hits.parquet"}, None, CONFIG)


def chapter(run, name: str, told: dict) -> str:
    rendered = templates.environment().get_template(f"chapters/{name}.html").render(run=run, c=told)
    return " ".join(re.sub("<[^>]*>", " ", rendered).split())


def test_treatments_are_counted_alike_everywhere_and_positive_controls_apart(run):
    """Of a, b, b and c, each at a dose, all tests call two active; of c at the other dose none decides."""
    listed, told = chapter(run, "hits", hits(run)), chapter(run, "answer", answer(run))
    assert "by all three 2 of 4 are active" in listed
    assert "mean average precision 3 of 4 are active" in listed
    assert "Positive controls are counted apart: 1 of 1 is active by all three." in listed
    assert (
        "3 of 4 treatments, each at a dose, differ from the negative controls by at least one of three tests, 2" in told
    )


def test_the_list_is_in_the_order_that_is_told(run):
    rows = hits(run)["rows"]
    assert [row["item"] for row in rows] == ["b @ 1", "known @ 0", "a @ 1", "c @ 1", "b @ 2", "c @ 2"]
    words = "begins with what most tests call active; of equals the larger Mahalanobis distance comes first"
    assert words in chapter(run, "hits", hits(run))
    keys = [(-row["n_active"] if row["n_active"] != "" else 1, -row["tests"][1][""]) for row in rows]
    assert keys == sorted(keys)


def test_of_a_test_that_decides_nothing_that_is_said(run):
    told = hits(run)
    told["tests"][0] |= {"active": 0, "decided": 0}
    assert "mean average precision none can be decided, Mahalanobis" in chapter(run, "hits", told)
