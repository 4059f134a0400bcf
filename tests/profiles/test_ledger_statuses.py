"""Every status a field can have is lost at its own stage: no image at all, or an image that cannot be used."""

import made_run
import pandas as pd
import pytest
from wellread.profiles.ledger import build_ledger, check_ledger
from wellread.runtime import table_files

STAGES = {"missing": "images", "unreadable": "images", "shape": "fields", "blank": "fields", "incomplete": "fields"}
STAGES |= {"depth": "fields", "flagged": "fields"}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return made_run.write(tmp_path_factory.mktemp("run"), figures=False)


@pytest.mark.dag
@pytest.mark.parametrize("status", STAGES)
def test_a_field_is_lost_at_the_stage_of_its_status(run, tmp_path, status):
    fields = pd.read_parquet(run.plates["P1"]["fields"])
    fields.loc[:2, "status"] = status
    fields.loc[:2, "flags"] = "focus" if status == "flagged" else ""
    table_files.write(fields, tmp_path / "fields.parquet", "fields")
    plates = {"P1": run.plates["P1"] | {"fields": tmp_path / "fields.parquet"}}
    account = build_ledger(run.images, plates, run.wells, run.profiles)
    check_ledger(account)
    lost = account[account["reason"].str.startswith(status)]
    assert lost[["stage", "n"]].to_numpy().tolist() == [[STAGES[status], 3]]
    kept = account[account["reason"] == "kept"].set_index("stage")["n"]
    assert kept["images"] == 24 - 3 * (STAGES[status] == "images")
    assert kept["fields"] == 21
