"""The page that tells a run: one HTML file that needs nothing else."""
