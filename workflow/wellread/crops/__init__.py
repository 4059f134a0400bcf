"""From cells in fields to rows of crops: which cells, which windows, cutting them, and reading them again."""
