"""Raw fields: their quality, the light, the limits of intensity; and the plate that later steps read calibrated."""
