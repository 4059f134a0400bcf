"""Images of a public bucket in the workflow: they stay, or go when a run has ended well and there is a report."""

import shutil

import pandas as pd
import pytest
from flow import clone, snakemake, write_config
from s3 import Server

pytestmark = [pytest.mark.dag, pytest.mark.slow]
IMAGES = [f"cpg/images/r01c0{number}.tiff" for number in (1, 2)]


@pytest.fixture
def server():
    table = {"Metadata_Plate": "P1", "Metadata_Well": ["B02", "B03"], "Metadata_Site": 1}
    table |= {
        "FileName_OrigDNA": ["r01c01.tiff", "r01c02.tiff"],
        "PathName_OrigDNA": "s3://cellpainting-gallery/cpg/images",
    }
    objects = {"cpg/load_data.csv": pd.DataFrame(table).to_csv(index=False).encode()}
    server = Server(objects | dict.fromkeys(IMAGES, b"any"))
    yield server
    server.stop()


def test_copies_go_after_a_run_with_a_report_if_they_are_not_to_be_kept(tmp_path, server):
    folder = clone(tmp_path / "run")
    gallery = {"path": "s3://cellpainting-gallery/cpg/load_data.csv", "endpoint": server.endpoint, "keep": False}
    dataset = {"images": {"gallery": gallery}, "wells": "resources/demo/wells.csv", "channels": ["DNA"]}
    config = {"datasets": {"d": dataset}, "models": {"bright": {"encoder": {"mean_intensity": {}}}}}
    write_config(folder, config)
    staged, report = folder / "results" / "d" / "staged", folder / "results" / "reports" / "d.html"
    snakemake(folder, "--", "results/d/staged/P1")
    assert {path.relative_to(staged / "P1/cellpainting-gallery").as_posix() for path in staged.rglob("*.tiff")} == set(
        IMAGES
    )
    report.parent.mkdir()
    report.write_text("")
    snakemake(folder, "-n", "--", "results/d/staged/P1")
    assert (staged / "P1").is_dir()
    shutil.rmtree(staged)
    snakemake(folder, "--", "results/d/staged/P1")
    assert not staged.exists()
    assert sorted(server.asked) == sorted(["cpg/load_data.csv", *IMAGES, *IMAGES])
