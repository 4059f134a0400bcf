"""From fields to masks of nuclei and cells, and the table of objects: the segmenters and their common code."""
