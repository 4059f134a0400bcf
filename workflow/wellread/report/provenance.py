"""The chapter provenance: versions, and the config that the results follow from."""

import platform
from importlib.metadata import PackageNotFoundError, version

from wellread.report.run import Run

PACKAGES = ("numpy", "pandas", "scikit-image", "scikit-learn", "scipy", "torch", "umap-learn", "snakemake")


def provenance(run: Run) -> dict:
    """Versions of Python and packages, and the part of the config that this dataset depends on."""
    nouns = {noun: run.config[noun] for noun in ("models", "corrections", "tasks", "figures")}
    return {
        "python": platform.python_version(),
        "packages": {package: package_version(package) for package in PACKAGES},
        "config": {"seed": run.config["seed"], "datasets": {run.dataset: run.settings}, **nouns},
    }


def package_version(package: str) -> str:
    """The version of a package, or that it is not there."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed where the report was made"
