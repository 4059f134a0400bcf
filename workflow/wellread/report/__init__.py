"""The page that tells a run: one HTML file that needs nothing else."""

from wellread.report.page import report

__all__ = ["report"]
