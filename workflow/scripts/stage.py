"""Copy the images of one plate from a public bucket to this machine."""

from wellread.inputs import sources
from wellread.inputs.bucket import Bucket
from wellread.inputs.gallery import keys
from wellread.inputs.stage import stage
from wellread.runtime import job

with job.running(snakemake.log[0], **snakemake.wildcards, threads=snakemake.threads):
    name, folder = snakemake.wildcards.dataset, snakemake.output[0]
    dataset = snakemake.config["datasets"][name]
    options = dataset["images"]["gallery"]
    rows = sources.fields(dataset, name)
    paths = rows.loc[rows["plate"] == snakemake.wildcards.plate, dataset["channels"]].to_numpy().ravel()
    server = {key: options[key] for key in ("endpoint", "region", "patience")}
    bucket = Bucket(options["bucket"], f"datasets.{name}.images.gallery", **server)
    stage(keys(paths, folder, bucket.name), folder, bucket, options["connections"])
