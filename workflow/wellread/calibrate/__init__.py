"""Raw fields to calibrated ones: quality, illumination, intensity limits, and the plate that later steps read."""
