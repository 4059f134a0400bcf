"""Results as files that other programs open: tables as CSV, profiles as AnnData, masks as OME-TIFF."""
