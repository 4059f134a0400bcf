"""What looks like collapse in the table of a training."""


def signs(row: dict) -> list[str]:
    """What looks like collapse in a row of training.parquet."""
    told = []
    if row["feature_sd"] < 0.05 or row["effective_rank"] < 2:
        told.append("the features have collapsed: all cells look alike (see feature_sd, effective_rank)")
    if row.get("entropy", 0) > 0.97:
        told.append("the teacher finds all prototypes about equally likely, and teaches little (see entropy)")
    return told
