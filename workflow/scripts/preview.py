"""Show what is understood of the config, before a run."""

import sys

from wellread.preview.preview import show

sys.exit(int(show(snakemake.params.config, snakemake.params.path, snakemake.params.cores)))
