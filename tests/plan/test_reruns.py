"""Which code counts for which rule: a change in any other module makes nothing run again."""

import re

import pytest
from paths import ROOT
from wellread.plan.provenance import counted
from wellread.runtime.registry import choices

RULES = "\n".join(path.read_text() for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")))
COUNTED = {  # rule: the modules of its step; those of what the config picks are added
    "paint": "",
    "stage": "",
    "calibrate": """
        calibrate.calibrate calibrate.depths calibrate.flags calibrate.gaps calibrate.illumination
        calibrate.limits calibrate.plate calibrate.quality inputs.arrays inputs.axes inputs.counts
        inputs.decode inputs.description inputs.formats inputs.images inputs.references inputs.tiff
    """,
    "segment": """
        calibrate.plate inputs.arrays inputs.axes inputs.counts inputs.decode inputs.description
        inputs.formats inputs.images inputs.references inputs.tiff segment.contrast segment.merge_pieces
        segment.objects segment.reject segment.scene segment.segment
    """,
    "crop_size": "crops.crop_size",
    "crops": """
        calibrate.flags calibrate.plate crops.crops crops.cutter crops.outlines crops.pixels crops.selection
        crops.windows inputs.arrays inputs.axes inputs.counts inputs.decode inputs.description
        inputs.formats inputs.images inputs.references inputs.tiff
    """,
    "to_csv": "export.to_csv",
    "to_h5ad": "export.to_h5ad profiles.tables",
    "to_ome_tiff": "export.to_ome_tiff",
    "train": """
        crops.reader encoder.architecture encoder.attention encoder.sizes encoder.views encoder.views_cpu
        encoder.vit encoder.weights inputs.cleaning inputs.control_names inputs.delimited inputs.doses
        inputs.grids inputs.label_tables inputs.listing inputs.oddities inputs.plate_maps inputs.spreadsheets
        inputs.table_columns inputs.table_errors inputs.typed_tables inputs.user_tables inputs.well_names
        networks.checksum networks.device networks.state_dicts train.checkpoint train.collapse train.dataset
        train.distributed train.footprint train.labels train.lock train.loop train.methods.learner train.monitor
        train.optimise train.probes train.schedules train.shares train.train train.validation
    """,
    "select": "encoder.views encoder.views_cpu train.methods.learner train.select train.validation",
    "embed": """
        crops.outlines crops.reader encoder.architecture encoder.attention encoder.embed encoder.heads
        encoder.intensities encoder.readouts encoder.sizes encoder.textures encoder.views encoder.views_cpu
        encoder.vit encoder.weights networks.checksum networks.device networks.state_dicts
    """,
    "tokens": """
        crops.outlines crops.reader encoder.architecture encoder.attention encoder.embed encoder.heads
        encoder.intensities encoder.readouts encoder.sizes encoder.textures encoder.tokens encoder.views
        encoder.views_cpu encoder.vit encoder.weights networks.checksum networks.device networks.state_dicts
        profiles.controls profiles.sample profiles.tables
    """,
    "patches": "",
    "pool": "profiles.pool",
    "aggregate": "profiles.aggregate profiles.baselines profiles.controls profiles.pool profiles.tables",
    "given": """
        inputs.arrays inputs.channel_planes inputs.channels inputs.cleaning inputs.decode inputs.delimited
        inputs.description inputs.feature_files inputs.feature_tables inputs.formats inputs.listing
        inputs.pattern inputs.projections inputs.references inputs.spreadsheets inputs.tiff
        inputs.typed_tables inputs.vendors inputs.well_names profiles.controls profiles.given
        profiles.ledger profiles.pool profiles.tables
    """,
    "correct": "profiles.correct profiles.tables",
    "cross": "profiles.correct profiles.tables",
    "consensus": "inputs.cleaning profiles.consensus profiles.controls profiles.pool profiles.tables",
    "sample": "profiles.controls profiles.sample profiles.tables",
    "tabulate": """
        inputs.cleaning measure.published measure.tabulate measure.tidy profiles.controls
        profiles.similarity profiles.tables
    """,
    "chart": "",
    "measure": """
        inputs.cleaning profiles.controls profiles.looked_at profiles.pool_datasets profiles.subset
        profiles.tables
    """,
    "choose": """
        inputs.cleaning measure.choose profiles.controls profiles.looked_at profiles.pool_datasets
        profiles.similarity profiles.subset profiles.tables
    """,
    "nest": """
        inputs.cleaning measure.choose measure.nest measure.tidy profiles.controls profiles.similarity
        profiles.tables
    """,
    "hits": """
        inputs.cleaning measure.average_precision measure.distances measure.fakes measure.halves
        measure.hits measure.nulls measure.permutation measure.power measure.ranks measure.three_tests
        measure.tidy profiles.consensus profiles.controls profiles.pool profiles.similarity profiles.tables
    """,
    "compare": "inputs.cleaning measure.compare measure.tidy profiles.controls profiles.similarity profiles.tables",
    "score": "",
    "map": """
        inputs.cleaning pictures.maps pictures.projection profiles.consensus profiles.controls profiles.pool
        profiles.similarity profiles.tables
    """,
    "draw": """
        inputs.cleaning profiles.controls profiles.looked_at profiles.pool_datasets profiles.subset
        profiles.tables
    """,
    "look": "",
    "ledger": "profiles.ledger profiles.tables",
    "alarms": """
        alarms.alarm alarms.alarms alarms.of_answers alarms.of_masks alarms.of_models alarms.of_nuclei
        alarms.of_plates alarms.plate_result calibrate.plate inputs.arrays inputs.axes inputs.cleaning
        inputs.counts inputs.decode inputs.description inputs.formats inputs.images inputs.references
        inputs.tiff measure.compare measure.tidy profiles.controls profiles.similarity profiles.tables
        segment.likeness segment.merge_pieces segment.nuclei segment.objects segment.otsu_threshold
        segment.reject segment.size train.collapse
    """,
    "report": """
        calibrate.plate crops.reader inputs.arrays inputs.axes inputs.channels inputs.cleaning inputs.counts
        inputs.decode inputs.description inputs.formats inputs.images inputs.references inputs.tiff
        inputs.well_names measure.average_precision measure.compare measure.distances measure.dose_curve
        measure.ec50 measure.fakes measure.halves measure.nulls measure.permutation measure.power
        measure.published measure.ranks measure.tabulate measure.three_tests measure.tidy pictures.draw
        pictures.labels pictures.montage pictures.plate_layout pictures.projection profiles.chains
        profiles.consensus profiles.controls profiles.ledger profiles.pool profiles.similarity profiles.subset
        profiles.tables report.answer report.doses report.doubt report.field_pictures report.figures
        report.headlines report.hits report.interactive report.ledger report.mechanisms report.methods
        report.models report.page report.plates report.plots report.printed report.provenance report.records
        report.run report.sprites report.svg report.tables report.tasks report.templates report.wells
        report.wording report.words train.collapse
    """,
    "overview": """
        calibrate.plate crops.reader inputs.arrays inputs.axes inputs.channels inputs.cleaning inputs.counts
        inputs.decode inputs.description inputs.formats inputs.images inputs.references inputs.tiff
        inputs.well_names measure.compare measure.dose_curve measure.ec50 measure.published measure.tabulate
        measure.tidy pictures.draw pictures.labels pictures.montage pictures.plate_layout pictures.projection
        profiles.consensus profiles.controls profiles.ledger profiles.pool profiles.similarity profiles.subset
        profiles.tables report.field_pictures report.figures report.headlines report.interactive report.ledger
        report.mechanisms report.overview report.printed report.run report.sprites report.svg report.tables
        report.tasks report.templates report.wells report.words
    """,
}
PICKED = {  # section: name: the modules that count if a config picks it, where they are more than the usual ones
    "illumination": {
        "functions": "calibrate.illumination",
        "none": "calibrate.illumination",
        "retrospective": "calibrate.illumination",
    },
    "paint": {
        "painted": "painted.layout painted.paint painted.phantom",
        "painted_atlas": """
            painted.atlas painted.atlas_cells painted.atlas_layout painted.layout painted.paint painted.phantom
        """,
    },
    "segment": {
        "cellpose": """
            networks.checksum networks.device networks.state_dicts networks.torchvision_shim segment.cellpose
            segment.cellpose_net segment.cpnet segment.pairing
        """,
        "hpa": """
            networks.checksum networks.device networks.safe_unpickle networks.state_dicts segment.hpa
            segment.hpa_labels segment.hpa_net
        """,
        "otsu_watershed": """
            segment.bodies segment.merge_nuclei segment.merge_pieces segment.nuclei segment.objects
            segment.otsu_threshold segment.otsu_watershed segment.reject segment.size
        """,
        "unet": """
            networks.checksum networks.device segment.bodies segment.merge_pieces segment.nuclei segment.objects
            segment.otsu_threshold segment.reject segment.size segment.unet segment.unet_net
        """,
        "precomputed": """
            inputs.arrays inputs.decode inputs.description inputs.formats inputs.label_images inputs.references
            inputs.tiff segment.pairing segment.precomputed
        """,
    },
    "encoder": {
        "bag_of_channels": """
            encoder.architecture encoder.attention encoder.heads encoder.readouts encoder.sizes encoder.views
            encoder.views_cpu encoder.vit encoder.weights networks.checksum networks.state_dicts
        """,
        "cell_count": "profiles.baselines profiles.pool",
        "cell_dino": """
            encoder.architecture encoder.attention encoder.heads encoder.readouts encoder.sizes encoder.views
            encoder.views_cpu encoder.vit encoder.weights networks.checksum networks.state_dicts
        """,
        "cp_measure": "crops.outlines encoder.classical",
        "dinov2": """
            encoder.architecture encoder.attention encoder.heads encoder.readouts encoder.sizes encoder.views
            encoder.views_cpu encoder.vit encoder.weights networks.checksum networks.state_dicts
        """,
        "exported": """
            encoder.architecture encoder.attention encoder.exported encoder.heads encoder.readouts encoder.sizes
            encoder.views encoder.views_cpu encoder.vit encoder.weights networks.checksum networks.state_dicts
        """,
        "given": """
            inputs.arrays inputs.channel_planes inputs.channels inputs.cleaning inputs.decode inputs.delimited
            inputs.description inputs.feature_files inputs.feature_tables inputs.formats inputs.listing
            inputs.pattern inputs.projections inputs.references inputs.spreadsheets inputs.tiff
            inputs.typed_tables inputs.vendors inputs.well_names profiles.controls profiles.given
            profiles.ledger profiles.pool profiles.tables
        """,
        "intensity": "crops.outlines encoder.intensities",
        "mean_intensity": "crops.outlines encoder.intensities",
        "random": """
            encoder.architecture encoder.attention encoder.heads encoder.readouts encoder.sizes encoder.views
            encoder.views_cpu encoder.vit encoder.weights networks.checksum networks.state_dicts
        """,
        "shuffled": "profiles.baselines profiles.pool",
        "texture": "crops.outlines encoder.intensities encoder.textures",
        "vit": """
            encoder.architecture encoder.attention encoder.sizes encoder.vit encoder.weights networks.checksum
            networks.state_dicts
        """,
    },
    "train": {
        "attention_mlp": """
            encoder.heads encoder.views encoder.views_cpu train.methods.attention_mlp train.methods.learner
        """,
        "dino": """
            encoder.attention encoder.views encoder.views_cpu encoder.vit train.collapse train.distributed
            train.losses train.methods.dino train.methods.dino_networks train.methods.learner train.monitor
            train.patch_masks train.schedules
        """,
        "mae": """
            encoder.attention encoder.views encoder.views_cpu encoder.vit train.methods.learner
            train.methods.mae
        """,
        "simclr": """
            encoder.attention encoder.views encoder.views_cpu encoder.vit train.distributed
            train.methods.learner train.methods.simclr
        """,
        "supervised": """
            encoder.attention encoder.heads encoder.views encoder.views_cpu encoder.vit train.methods.learner
            train.methods.supervised
        """,
    },
    "correction": {
        "clip": "profiles.controls profiles.fitting profiles.scaling profiles.tables",
        "coral": "profiles.controls profiles.fitting profiles.tables profiles.whitening",
        "feature_select": "profiles.feature_selection",
        "harmony": "profiles.harmony profiles.tables",
        "mad_robustize": "profiles.controls profiles.fitting profiles.scaling profiles.tables",
        "partial_whitening": "profiles.controls profiles.fitting profiles.tables profiles.whitening",
        "position": "inputs.well_names profiles.controls profiles.position profiles.tables",
        "sphering": "profiles.controls profiles.fitting profiles.tables profiles.whitening",
        "standardize": "profiles.controls profiles.fitting profiles.scaling profiles.tables",
        "tvn": "profiles.controls profiles.fitting profiles.tables profiles.whitening",
        "zscore": "profiles.controls profiles.fitting profiles.scaling profiles.tables",
    },
    "measure": {
        "average_precision": """
            inputs.cleaning measure.average_precision measure.fakes measure.halves measure.nulls
            measure.permutation measure.power measure.ranks measure.tidy profiles.controls profiles.similarity
            profiles.tables
        """,
        "dose_response": """
            inputs.cleaning measure.dose_curve measure.dose_response measure.ec50 measure.tidy profiles.controls
            profiles.similarity profiles.tables
        """,
        "layout": """
            inputs.cleaning inputs.well_names measure.layout measure.nulls measure.tidy profiles.controls
            profiles.similarity profiles.tables
        """,
        "linear": """
            inputs.cleaning measure.heads measure.held_out measure.knn measure.linear measure.probe measure.tidy
            profiles.controls profiles.similarity profiles.tables
        """,
        "low_shot": """
            inputs.cleaning inputs.control_names inputs.delimited inputs.doses inputs.grids inputs.label_tables
            inputs.listing inputs.oddities inputs.plate_maps inputs.spreadsheets inputs.table_columns
            inputs.table_errors inputs.typed_tables inputs.user_tables inputs.well_names measure.heads
            measure.held_out measure.knn measure.low_shot measure.probe measure.tidy profiles.controls
            profiles.similarity profiles.tables train.labels train.shares
        """,
        "matching": """
            inputs.cleaning measure.group_similarity measure.matching measure.tidy profiles.controls
            profiles.similarity profiles.tables
        """,
        "moa_mlp": """
            inputs.cleaning inputs.control_names inputs.delimited inputs.doses inputs.grids inputs.label_tables
            inputs.listing inputs.oddities inputs.plate_maps inputs.spreadsheets inputs.table_columns
            inputs.table_errors inputs.typed_tables inputs.user_tables inputs.well_names measure.held_out
            measure.mlp measure.moa_mlp measure.multi_label measure.tidy profiles.controls profiles.similarity
            profiles.tables train.labels train.shares
        """,
        "own_head": """
            inputs.cleaning measure.heads measure.held_out measure.knn measure.own_head measure.probe
            measure.tidy profiles.controls profiles.similarity profiles.tables
        """,
        "replicating": """
            inputs.cleaning measure.group_similarity measure.replicating measure.tidy profiles.controls
            profiles.similarity profiles.tables
        """,
        "segmentation": """
            calibrate.plate inputs.arrays inputs.axes inputs.cleaning inputs.counts inputs.decode
            inputs.description inputs.formats inputs.images inputs.label_images inputs.references inputs.tiff
            measure.segmentation measure.tidy profiles.controls profiles.similarity profiles.tables
        """,
    },
    "draw": {
        "heterogeneity": """
            pictures.draw pictures.labels pictures.matrices pictures.projection profiles.controls
            profiles.similarity profiles.tables
        """,
        "similarity": """
            pictures.draw pictures.labels pictures.matrices pictures.projection profiles.controls
            profiles.similarity profiles.tables
        """,
        "tsne": """
            pictures.draw pictures.labels pictures.projection profiles.controls profiles.similarity
            profiles.tables
        """,
        "umap": """
            pictures.draw pictures.labels pictures.projection profiles.controls profiles.similarity
            profiles.tables
        """,
    },
    "look": {
        "cells": """
            calibrate.flags calibrate.plate inputs.arrays inputs.axes inputs.channels inputs.counts
            inputs.decode inputs.description inputs.formats inputs.images inputs.references inputs.tiff
            look.cells look.contact_sheet look.plate_files pictures.montage segment.objects
        """,
        "fields": """
            calibrate.plate inputs.arrays inputs.axes inputs.channels inputs.counts inputs.decode
            inputs.description inputs.formats inputs.images inputs.references inputs.tiff look.contact_sheet
            look.fields look.plate_files pictures.montage segment.objects
        """,
        "plates": """
            calibrate.plate inputs.arrays inputs.axes inputs.channels inputs.counts inputs.decode
            inputs.description inputs.formats inputs.images inputs.references inputs.tiff inputs.well_names
            look.plate_files look.plates pictures.draw pictures.labels pictures.montage pictures.plate_layout
            pictures.projection profiles.controls profiles.similarity profiles.tables segment.objects
        """,
    },
}


def steps() -> dict[str, list[str]]:
    """The modules that every rule names in its param `code`."""
    blocks = re.findall(r"\nrule (\w+):(.*?)(?=\nrule |\nuse rule |\Z)", RULES, re.DOTALL)
    calls = {
        rule: re.search(r"code=code\((.*?)\),\n", body, re.DOTALL)[1] for rule, body in blocks if "code=code(" in body
    }
    return {rule: re.findall(r'(?:^|[\s,])"([\w.]+)"', call.split("=")[0]) for rule, call in calls.items()}


def test_every_rule_that_runs_a_script_has_a_hash_of_its_code():
    scripts = set(re.findall(r'"\.\./scripts/(\w+)\.py"', RULES))
    assert set(steps()) == scripts


@pytest.mark.dag
@pytest.mark.parametrize("rule", COUNTED)
def test_the_modules_of_a_rule_are_these(rule):
    assert counted(*steps()[rule]) == set(COUNTED[rule].split())


@pytest.mark.dag
@pytest.mark.parametrize("section", PICKED)
def test_the_modules_of_a_choice_are_these(section):
    """Of one that is not listed: its own module and those that all listed ones have."""
    listed = {name: set(modules.split()) for name, modules in PICKED[section].items()}
    usual, every = set.intersection(*listed.values()), choices(section)
    own = {name: usual | {one.module.removeprefix("wellread.")} for name, one in every.items()}
    assert {name: counted(one.module) for name, one in every.items()} == own | listed
