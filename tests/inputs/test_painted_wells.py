"""The wells table of a painted dataset is that of its layout: other numbers of wells, seeds and mechanisms differ."""

import pytest
from wellread.inputs import user_tables
from wellread.inputs.painted_wells import LAYOUTS, check
from wellread.plan.settings import fill, schema
from wellread.runtime.errors import InputError


def images(source, **options):
    """The section of a config with its defaults."""
    return fill({source: dict(options)}, schema()["$defs"]["images"])


def table(source, **options):
    return user_tables.check(LAYOUTS[source](**options), "wells", "layout")


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("painted", {"wells": 24}),
        ("painted", {"seed": 1}),
        ("painted", {"mechanisms": "light"}),
        ("painted_atlas", {"wells": 58}),
        ("painted_atlas", {"seed": 1}),
    ],
)
def test_a_table_of_another_layout_is_refused_and_that_of_its_own_is_not(source, options):
    check(images(source, **options), table(source, **options), "datasets.d")
    with pytest.raises(InputError) as refused:
        check(images(source, **options), table(source), "datasets.d")
    ((key, value),) = options.items()
    for words in ("datasets.d.wells", f"{key}: {value}", f"{key}={value!r}", "painted otherwise"):
        assert words in str(refused.value)


def test_plates_fields_and_wells_without_a_row_change_no_layout():
    check(images("painted", plates=1, fields=3, size=200), table("painted"), "datasets.d")
    check(images("painted_atlas", plates=6), table("painted_atlas").iloc[::2], "datasets.d")
    check({"pattern": {}}, table("painted"), "datasets.d")
