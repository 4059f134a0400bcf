"""wellread: from microscopy plates to profiles. All logic lives here; nothing in it knows of Snakemake."""

__version__ = "0.1.0"
