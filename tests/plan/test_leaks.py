"""Corrections by a column that a task measures are refused, or mark its results."""

import pytest
from wellread.measure.tidy import marked, row, table
from wellread.plan import settings
from wellread.plan.leaks import marks
from wellread.runtime.errors import InputError


def config(step, measure, level="well"):
    source = {"table": {"path": "images.csv"}}
    return {
        "datasets": {"d": {"images": source, "wells": "wells.csv", "channels": ["DNA"]}},
        "models": {"m": {"encoder": {"random": {}}}},
        "corrections": {"none": [], "c": [{"sphering": {}}, step]},
        "tasks": {"t": {"measure": measure, "level": level}},
    }


CASES = [
    ({"harmony": {"by": "cell_line"}}, {"knn": {"label": "cell_line"}}, "cell_line"),
    ({"standardize": {"by": "moa"}}, {"nearest_class": {}}, "moa"),
    ({"coral": {"by": "treatment"}}, {"average_precision": {}}, "treatment"),
    ({"tvn": {"by": "treatment"}}, {"replicating": {"sameby": ["dose", "treatment"]}}, "treatment"),
    ({"mad_robustize": {}}, {"knn": {"label": "plate"}}, "plate"),
    ({"harmony": {"by": "treatment"}}, {"dose_response": {}}, "treatment"),
]


@pytest.mark.parametrize(("step", "measure", "column"), CASES)
def test_a_correction_by_what_a_task_measures_is_refused_unless_it_says_so(step, measure, column):
    ((name, options),) = step.items()
    with pytest.raises(InputError, match=rf"(?s)no correction by {column}.*corrections.c.1.{name}.by.*despite: true"):
        settings.load(config(step, measure))
    filled = settings.load(config({name: options | {"despite": True}}, measure))
    assert marks(filled["corrections"]["c"], filled["tasks"]["t"]["measure"]) == [["corrected_for_label", column]]
    assert marks(filled["corrections"]["none"], filled["tasks"]["t"]["measure"]) == []


@pytest.mark.parametrize(
    "measure", [{"knn": {"label": "moa"}}, {"mixing": {"label": "moa", "batch": "cell_line"}}, {"assay_quality": {}}]
)
def test_other_columns_of_a_task_do_not_matter(measure):
    filled = settings.load(config({"harmony": {"by": "cell_line"}}, measure))
    assert marks(filled["corrections"]["c"], filled["tasks"]["t"]["measure"]) == []


def test_saying_so_runs_nothing_again():
    said, unsaid = (
        config({"harmony": {"by": "moa", "despite": value}}, {"assay_quality": {}}) for value in (True, False)
    )
    said, unsaid = (settings.that_change_results(settings.load(one))["corrections"] for one in (said, unsaid))
    assert said == unsaid


def test_results_carry_the_mark():
    answers = table([row("accuracy", 1, 9)])
    assert marked(answers, [["corrected_for_label", "moa"]]).iloc[-1].tolist() == [
        "corrected_for_label",
        "moa",
        0,
        1.0,
        1,
    ]
    assert marked(answers, []) is answers
