"""Plates of a real S3 server, moto's, which is killed, restarted and stays away while the workflow copies from it.

Its dependencies do not go with ours: MOTO_PYTHON may name a Python that has moto[server]; else one is made.
"""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
from flow import clone, planned, replace, snakemake, write_config
from wellread.inputs.bucket import Bucket
from wellread.inputs.stage import stage
from wellread.painted import layout
from wellread.painted.paint import paint

pytestmark = [pytest.mark.system, pytest.mark.slow]
NAME, PAINTED = "cellpainting-gallery", {"wells": 12, "fields": 1, "size": 160, "cells": 7.0}
UPLOAD = """
import boto3, json, sys
objects = json.load(sys.stdin)
keys = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}
s3 = boto3.client("s3", endpoint_url=sys.argv[1], region_name="us-east-1", **keys)
s3.create_bucket(Bucket=sys.argv[2], ACL="public-read")
for key, path in objects.items():
    s3.put_object(Bucket=sys.argv[2], Key=key, Body=open(path, "rb").read(), ACL="public-read")
"""


class Moto:
    """A server of moto's on a port of its own, whose objects are the files {key: path}; it forgets them when killed."""

    def __init__(self, python, objects):
        self.python, self.objects, self.process = Path(python), objects, None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self.port}"

    def start(self):
        words = [self.python, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(1800):
            with socket.socket() as call:
                if not call.connect_ex(("127.0.0.1", self.port)):
                    break
            time.sleep(0.1)
        words = [self.python, "-c", UPLOAD, self.endpoint, NAME]
        subprocess.run(words, input=json.dumps(self.objects), text=True, check=True, timeout=600)

    def kill(self):
        self.process.kill()
        self.process.wait()


@pytest.fixture(scope="module")
def moto_python(tmp_path_factory):
    if "MOTO_PYTHON" in os.environ:
        return os.environ["MOTO_PYTHON"]
    folder = tmp_path_factory.mktemp("moto")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--no-compile", "moto[server]"]
    if subprocess.run(install, capture_output=True).returncode:
        pytest.skip("moto cannot be installed")
    return python


@pytest.fixture
def served(moto_python):
    """A function that serves the files {key: path}; the server ends with the test."""
    servers = []

    def serve(objects):
        servers.append(Moto(moto_python, objects))
        servers[-1].start()
        return servers[-1]

    yield serve
    for server in servers:
        server.kill()


def plates(folder) -> dict[str, str]:
    """The objects of two painted plates and their LoadData tables: {key: path}."""
    objects = {}
    for plate in ("P1", "P2"):
        paint(plate, folder, **PAINTED)
    for plate, rows in layout.images(folder, plates=2, **PAINTED).groupby("plate"):
        table = pd.DataFrame({"Metadata_Plate": plate, "Metadata_Well": rows["well"], "Metadata_Site": rows["site"]})
        for channel in ("DNA", "RNA"):
            table[f"FileName_Orig{channel}"] = [Path(path).name for path in rows[channel]]
            table[f"PathName_Orig{channel}"] = f"s3://{NAME}/cpg/images/{plate}/Images/"
            objects |= {f"cpg/images/{plate}/Images/{Path(path).name}": path for path in rows[channel]}
        table.to_csv(folder / f"{plate}.csv", index=False)
        objects[f"cpg/load_data/{plate}/load_data.csv"] = str(folder / f"{plate}.csv")
    return objects


def config(server, **options) -> dict:
    path = f"s3://{NAME}/cpg/load_data/{{plate}}/load_data.csv"
    gallery = {"path": path, "plates": ["P1", "P2"], "endpoint": server.endpoint, "patience": 5.0} | options
    dataset = {"images": {"gallery": gallery}, "wells": "resources/demo/wells.csv", "channels": ["DNA", "RNA"]}
    return {
        "device": "cpu",
        "datasets": {"d": dataset | {"crops": {"size": 40}}},
        "models": {"bright": {"encoder": {"mean_intensity": {}}}},
        "figures": {"fields": {"look": {"fields": {"each": 1}}}},
    }


def test_plates_are_copied_and_read_and_new_copies_make_nothing_run_again(tmp_path, served):
    folder = clone(tmp_path / "run")
    write_config(folder, config(served(plates(tmp_path / "raw")), plates=["P1"]))
    snakemake(folder)
    assert (folder / "results" / "reports" / "d.html").is_file()
    assert planned(folder) == set()
    os.utime(folder / "results" / "d" / "staged" / "P1")
    replace(folder / "test.yaml", "patience: 5.0", "patience: 6.0")
    assert planned(folder) == set()


def test_a_server_killed_and_restarted_in_the_middle_is_waited_for(tmp_path, served):
    objects = {}
    for number in range(60):
        (tmp_path / f"{number}.tif").write_bytes(os.urandom(200_000))
        objects[f"cpg/{number}.tif"] = str(tmp_path / f"{number}.tif")
    server = served(objects)
    home = tmp_path / ".P1.part" / NAME / "cpg"
    bucket = Bucket(NAME, "here", endpoint=server.endpoint, patience=120.0)
    work = threading.Thread(target=stage, args=(list(objects), tmp_path / "P1", bucket, 2))
    work.start()
    while len(list(home.glob("*.tif"))) < 5:
        time.sleep(0.01)
    server.kill()
    assert work.is_alive()  # not all had been copied
    time.sleep(1)
    server.start()
    work.join(120)
    copied = {path.name: path.read_bytes() for path in (tmp_path / "P1" / NAME / "cpg").iterdir()}
    assert copied == {Path(path).name: Path(path).read_bytes() for path in objects.values()}


def test_a_server_that_stays_away_ends_the_run_with_plain_words_and_the_next_run_goes_on(tmp_path, served):
    folder, server = clone(tmp_path / "run"), served(plates(tmp_path / "raw"))
    write_config(folder, config(server, patience=2.0))
    snakemake(folder, "-n")
    first = next(key for key in server.objects if "/P1/Images/" in key)
    there = folder / "results/d/staged/.P1.part" / NAME / first
    there.parent.mkdir(parents=True)
    there.write_bytes(Path(server.objects[first]).read_bytes())
    server.kill()
    output = snakemake(folder, "--", "results/d/staged/P1", fine=False)
    assert f"expected  an answer of {server.endpoint} within 2 s" in output
    assert "where     datasets.d.images.gallery" in output
    assert there.is_file()
    before = there.stat().st_mtime_ns
    server.start()
    snakemake(folder, "--", "results/d/staged/P1")
    staged = folder / "results/d/staged/P1" / NAME
    assert (staged / first).stat().st_mtime_ns == before
    assert len([path for path in staged.rglob("*") if path.is_file()]) == 24
