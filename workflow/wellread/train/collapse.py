"""Signs of collapse in the table of a training run."""


def collapse_warnings(row: dict) -> list[str]:
    """A message for each sign of collapse in a row of training.parquet."""
    messages = []
    if row["feature_sd"] < 0.05 or row["effective_rank"] < 2:
        messages.append("the features have collapsed: all cells look alike (see feature_sd, effective_rank)")
    if row.get("entropy", 0) > 0.97:
        messages.append("the teacher finds all prototypes about equally likely, and teaches little (see entropy)")
    return messages
