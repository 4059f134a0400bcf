"""What is understood of a config before it runs: its tables, some of its images, what a run takes, what is wrong."""

import argparse
import gc
import os
import sys
import tempfile
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd
import yaml

from wellread.alarms import of_nuclei, of_plates
from wellread.plan.dag import Plan
from wellread.plan.yaml_slips import slips
from wellread.preview import enough, finding, page, tables, terminal
from wellread.preview.costs import Costs, costs
from wellread.preview.finding import Finding
from wellread.preview.sample import MORE, Sample, samples, suggested_side
from wellread.runtime.counted import between, counted
from wellread.runtime.errors import InputError

OFF = 0.1  # relative difference of the pixel size of a file and of the config that is told


@dataclass
class Preview:
    """All of it: the plan, or None where it could not be made; samples of datasets with images; costs; findings."""

    config_file: str
    plan: Plan | None = None
    samples: dict[str, list[Sample]] = field(default_factory=dict)
    files: dict[str, list[dict]] = field(default_factory=dict)
    suggested: dict[str, int] = field(default_factory=dict)
    costs: Costs | None = None
    findings: list[Finding] = field(default_factory=list)

    @cached_property
    def designs(self) -> dict[str, list[str]]:
        """For every dataset, lines on its treatments, replicates, layouts and labels."""
        plan, names = self.plan, self.plan.config["datasets"]
        designs = {name: tables.design(plan.images[name], plan.wells[name]) for name in names}
        return {name: terminal.design_lines(one, tables.labels(plan, name)) for name, one in designs.items()}

    @property
    def failed(self) -> bool:
        """Whether there is an error."""
        return any(one.severity == "error" for one in self.findings)


def preview(config: dict, config_file: str, folder: Path, cores: int) -> Preview:
    """Look at a config; files of samples go to `folder`. What is wrong is among the findings, nothing is raised."""
    shown = Preview(config_file)
    try:
        shown.plan = Plan.of(config, config_file)
    except InputError as error:
        shown.findings = finding.of_error("input", error)
        return shown
    shown.findings += map(finding.of_note, shown.plan.notes)
    for name in filter(shown.plan.has_images, shown.plan.config["datasets"]):
        try:
            _dataset(shown, name, folder / name)
        except InputError as error:
            shown.findings += finding.of_error("sample", error)
    shown.costs = costs(shown.plan, shown.samples, cores)
    shown.findings += enough.found(shown.plan, shown.costs)
    shown.findings = finding.in_order(shown.findings)
    return shown


def _dataset(shown: Preview, name: str, folder: Path) -> None:
    """Look at a dataset: its files, a sample of its fields."""
    plan, section = shown.plan, shown.plan.config["datasets"][name]
    shown.samples[name] = own = samples(plan, name, folder)
    shown.suggested[name] = suggested_side(plan, name, own)
    images = plan.images[name]
    if plan.is_made(name):
        images = own[0].table("fields").rename(columns={f"path_{c}": c for c in section["channels"]})
    shown.files[name] = tables.files(images, section["channels"])
    shown.findings += [
        *_of_tables(plan, name),
        *_of_files(shown.files[name], section, name),
        *_of_fields(plan, name, own),
    ]
    shown.findings += _of_cells(plan, name, own)


def _of_tables(plan: Plan, name: str):
    """Findings about the wells table."""
    counts, wells = tables.plates(plan.images[name], plan.wells[name]), plan.wells[name]
    where = f"datasets.{name}.wells"
    if plan.config["datasets"][name]["object"] == "crop":
        return
    if not (wells["treatment"] != "").any():
        yield Finding("warning", "no_treatments", where, "no well has a treatment", "fill in the column treatment")
    elif (wells["control"] == "negative").all():
        edit = "name in the column treatment what other wells got, and leave their control empty"
        yield Finding("warning", "no_treatments", where, "every well is a negative control", edit)
    elif not (wells["control"] == "negative").any():
        edit = "mark negative controls in the column control, or by `controls: {negative: [DMSO]}`"
        yield Finding("warning", "no_controls", where, "no well is a negative control", edit)
    elif len(lacking := counts.loc[counts["negative"] == 0, "plate"]):
        found = f"no negative control on {len(lacking)} of {counted(len(counts), 'plate')}, such as {lacking.iloc[0]}"
        yield Finding("warning", "no_controls", where, found, "corrections and activity leave these plates out")
    if len(uneven := counts[counts["least"] < counts["most"]]):
        row, edit = uneven.iloc[0], "if that is not meant, look for lost files"
        found = f"wells of plate {row['plate']} have {between(row['least'], row['most'], 'field')}"
        yield Finding("note", "uneven_fields", f"datasets.{name}.images", found, edit)


def _of_files(files: list[dict], section: dict, name: str):
    """Findings about the headers of the first files: what cannot be read, and their pixel size."""
    where, edit = f"datasets.{name}.pixel_size", "put the right file there, or leave its field out of the images"
    for file in files:
        if file["error"]:
            yield Finding("warning", "unreadable", f"datasets.{name}, {file['channel']}", file["error"], edit)
    told = next((file["pixel_size"] for file in files if file["pixel_size"]), 0.0)
    given = section["pixel_size"]
    if told and not given:
        yield Finding(
            "note", "pixel_size_of_file", where, f"the files say {told:.4g} µm", f"write `pixel_size: {told:.4g}`"
        )
    elif told and abs(told - given) > OFF * told:
        found = f"{given:g} µm, and the files say {told:.4g} µm"
        yield Finding("warning", "pixel_size_of_file", where, found, "write the one that is right")


def _of_fields(plan: Plan, name: str, samples: list[Sample]):
    """Findings about fields of the samples that cannot be used: an error if a run would refuse their plate for them."""
    most = plan.config["datasets"][name]["calibrate"]["max_failed_fields"]
    for one in samples:
        fields, n = one.table("fields"), len(plan.rows(name, one.plate))
        bad = fields[fields["status"] != "ok"]
        if len(bad):
            found = f"{len(bad)} of {counted(len(fields), 'field')} looked at, of {n}, cannot be used: "
            edit = f"copy or export these files again; a run refuses plates with more than {most:.0%} of such fields"
            severity = "error" if _refused(fields, n, most) else "warning"
            of = f"datasets.{name}, plate {one.plate}"
            yield Finding(severity, "unusable_fields", of, found + bad["detail"].iloc[0], f"{edit} (max_failed_fields)")


def _refused(fields: pd.DataFrame, n: int, most: float) -> bool:
    """Whether a run refuses a plate of `n` fields, by those looked at, if it allows the share `most` to fail.

    It does if more than that failed; and, but for a rare chance, if none of many can be used.
    """
    failed = (~fields["status"].isin(["ok", "flagged"])).sum()
    return most < 1 and bool(failed > most * n or failed == len(fields) >= min(n, MORE))


def _of_cells(plan: Plan, name: str, samples: list[Sample]):
    """Findings about cells: the alarms of results that a sample can sound, and fields without any."""
    kinds = ("fields", "calibration", "objects", "cells", "lost")
    usable = [one for one in samples if one.usable]
    inputs = {kind: [one.path(kind) for one in usable if one.has(kind)] for kind in kinds}
    for room in (of_plates, of_nuclei):
        yield from map(finding.of_alarm, room.found(inputs, plan.doubted(name), plan.config["alarms"]))
    if plan.has_masks(name) and usable and not any(len(one.table("objects")) for one in usable):
        edit = "the channels of `segment`; or its diameter"
        yield Finding("error", "no_cells", f"datasets.{name}.segment", "no cell in any field looked at", edit)


def show(config: dict, config_file: str, cores: int) -> bool:
    """Print the preview of a config and write its page below results; whether there is an error."""
    with tempfile.TemporaryDirectory() as folder:
        return _told(preview(config, config_file, Path(folder), cores))


def _told(shown: Preview) -> bool:
    out = Path("results") / f"preview_{Path(shown.config_file).stem or 'none'}.html"
    print(terminal.text(shown))
    try:
        page.write(shown, out)
        print(f"\nAlso as a page: {out}", flush=True)
    except OSError as error:
        print(f"\nNo page, as results cannot be written, where a run writes all it makes: {error}", flush=True)
        return True
    return shown.failed


def show_file(path: str, cores: int) -> bool:
    """The same of a config file, which may not be there or be no YAML."""
    if found := slips(path) if Path(path).is_file() else [_absent(path)]:
        return _told(Preview(path, findings=finding.of_error("yaml", InputError.together(found))))
    return show(yaml.safe_load(Path(path).read_text(encoding="utf-8-sig")) or {}, path, cores)


def _absent(path: str) -> InputError:
    edit = "write `make preview CONFIG=config/mine.yaml`, or make one: `make config FOLDER=/data/screen`"
    return InputError("a config file", f"no file at {path or '(nothing)'}", "CONFIG", edit)


def main() -> None:
    """The command line: exit status 1 where there is an error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("config", nargs="?", default="")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    gc.freeze()  # modules stay until the end, and no collection needs to look at them, nor the one at the end
    sys.exit(int(show_file(given.config, given.cores)))


if __name__ == "__main__":
    main()
