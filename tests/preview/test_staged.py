"""Images that lie on a server: a preview copies those of a few fields, into its own folder."""

from pathlib import Path

import pytest
from s3 import Server
from wellread.plan.dag import Plan
from wellread.preview import preview
from wellread.preview.costs import _staged_bytes

pytestmark = pytest.mark.dag
BUCKET = "cellpainting-gallery"


@pytest.fixture
def server(painted):
    rows = painted[1][["plate", "well", "site"]].rename(columns=lambda name: f"Metadata_{name.title()}")
    paths = {channel: painted[1][channel].map(Path) for channel in ("DNA", "RNA")}
    for channel, files in paths.items():
        rows[f"FileName_Orig{channel}"] = files.map(lambda path: path.name)
        rows[f"PathName_Orig{channel}"] = f"s3://{BUCKET}/images"
    objects = {f"images/{path.name}": path.read_bytes() for files in paths.values() for path in files}
    server = Server(objects | {"load_data.csv": rows.to_csv(index=False).encode()})
    yield server
    server.stop()


def test_a_few_fields_are_copied_and_looked_at(server, painted, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wells = painted[1][["plate", "well"]].drop_duplicates()
    wells.assign(treatment="x", control="").to_csv("wells.csv", index=False)
    gallery = {"path": f"s3://{BUCKET}/load_data.csv", "endpoint": server.endpoint}
    segment = {"otsu_watershed": {"nucleus": "DNA", "cell": "RNA"}}
    dataset = {"images": {"gallery": gallery}, "wells": "wells.csv", "channels": ["DNA", "RNA"], "segment": segment}
    dataset |= {"crops": {"size": 40}, "aggregate": {"min_cells": 1000}}
    config = {"device": "cpu", "datasets": {"d": dataset}, "models": {"m": {"encoder": {"mean_intensity": {}}}}}
    shown = preview.preview(config, "c.yaml", tmp_path / "samples", 1)
    assert not shown.failed, shown.findings
    (sample,) = shown.samples["d"]
    assert (len(sample.table("fields")), sample.usable) == (2, 2)
    assert len(server.asked) == 1 + 2 * 2
    assert not Path(Plan.of(config).made_images("d", "P1")).exists()
    assert shown.files["d"][0]["dtype"] == "uint16"
    assert shown.costs.disk > _staged_bytes(shown.samples["d"]) * 6
    assert "few_cells_in_wells" in {one.code for one in shown.findings}
