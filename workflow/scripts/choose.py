"""Choose, for every fold of compounds, the correction that does best in a task on the other folds."""

from wellread.measure.choose import choose, threshold
from wellread.profiles.looked_at import candidate
from wellread.runtime import job, table_files
from wellread.runtime.registry import chosen, pick

params, files = snakemake.params, snakemake.input
with job.running(snakemake.log[0], **snakemake.wildcards, seed=params.seed):
    crossed = chosen("measure", params.section).crossed
    paths = (list(files.profiles), list(files.crossed) if crossed else None)
    candidates = {name: candidate(name, *paths, params.pool, params.where) for name in params.how["among"]}
    rules = {key: value for key, value in params.how.items() if key not in ("among", "by")}
    measure, items = pick("measure", params.section), chosen("measure", params.section).items
    found = choose(candidates, measure, items, params.seed, **rules, threshold=threshold(params.section))
    table_files.write(found, snakemake.output[0], "choices")
