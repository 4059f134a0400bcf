"""Gather the fields of every plate into profiles of fields and wells, with the labels of their wells."""

from wellread.inputs import user_tables
from wellread.profiles.aggregate import aggregate
from wellread.runtime import job

params = snakemake.params
with job.running(snakemake.log[0], **snakemake.wildcards, seed=params.seed):
    wells = user_tables.wells(snakemake.config["datasets"][snakemake.wildcards.dataset])
    options = {"seed": params.seed, "fields": params.fields, "min_cells": params.min_cells}
    files = list(snakemake.input.fields), list(snakemake.input.pooled)
    aggregate(*files, wells, snakemake.output.fov, snakemake.output.well, params.encoder, **options)
