"""What the values of an outline (S, S) uint8 mean, besides 0 for nothing."""

OTHER, CELL, NUCLEUS = 1, 2, 3  # another cell, the cell of the crop, its nucleus
