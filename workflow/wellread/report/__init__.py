"""The report of a dataset: one self-contained HTML page."""
