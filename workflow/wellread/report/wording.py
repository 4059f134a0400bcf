"""What the choices of a config are called in the words of a paper: for the paragraph of methods."""

WORDS = {  # {section of the config: {name: what it is, in the words of a paper, and what it is after}}; else its name
    "illumination": {
        "retrospective": "a smooth surface estimated from the fields themselves",
        "functions": "given illumination functions",
    },
    "segment": {
        "otsu_watershed": "Otsu thresholds [otsu1979] and watersheds",
        "unet": "the U-Net [ronneberger2015] of wellread, and watersheds",
        "cellpose": "Cellpose [stringer2021]",
        "hpa": "the networks of HPA-Cell-Segmentation",
        "precomputed": "given label images",
    },
    "encoder": {
        "vit": "a vision transformer",
        "random": "an untrained vision transformer",
        "cell_dino": "the published Cell-DINO network [moutakanni2025]",
        "bag_of_channels": "a published network applied to every channel by itself",
        "dinov2": "DINOv2, a network for photographs, applied to every channel by itself",
        "exported": "a given network",
        "cp_measure": "classical features of cells, by the package cp_measure",
        "intensity": "statistics of the intensities of nucleus and cell",
        "mean_intensity": "the mean intensity of every channel",
        "texture": "statistics of the texture of nucleus and cell",
        "cell_count": "the number of cells",
        "shuffled": "the profiles of another model, shuffled among the wells of a plate",
    },
    "train": {
        "dino": "self-distillation without labels (Cell-DINO [moutakanni2025])",
        "simclr": "contrastive learning without labels (SimCLR [chen2020])",
        "mae": "reconstruction of masked patches without labels (MAE [he2022])",
        "supervised": "classification by labels of the wells [moshkov2024]",
        "attention_mlp": "classification by labels on frozen patch tokens [moutakanni2025]",
    },
    "correction": {
        "standardize": "standardisation of every feature",
        "mad_robustize": "robust standardisation of every feature by median and MAD",
        "zscore": "standardisation of every feature by the negative controls",
        "clip": "clipping",
        "sphering": "sphering on negative controls",
        "position": "removal of effects of row, column and position",
        "feature_select": "selection of features",
        "partial_whitening": "partial whitening",
        "tvn": "typical variation normalisation [ando2017]",
        "coral": "alignment of covariances (CORAL [sun2016])",
        "harmony": "Harmony [korsunsky2019]",
    },
    "measure": {
        "assay_quality": "how well positive and negative controls are separated, by Z' [zhang1999] and SSMD",
        "average_precision": "whether replicates are more similar to each other than to negative controls, by mean "
        "average precision [kalinin2025]",
        "dose_response": "how the distance from the negative controls follows the dose",
        "knn": "whether the nearest neighbours of a profile share its label",
        "layout": "how much of the variance the places of wells on their plates explain",
        "linear": "whether a linear classifier tells the label",
        "low_shot": "how many labels a linear classifier needs",
        "matching": "whether compounds of a class are more alike than random ones",
        "mixing": "whether batches are mixed while labels stay together, by iLISI [korsunsky2019]",
        "moa_mlp": "whether a small network tells the mechanisms of compounds that it has not seen",
        "nearest_class": "whether the most similar profile of another compound is of the same class [ljosa2013]",
        "own_head": "whether the classifier that the model was trained with tells the label",
        "replicating": "whether replicates are more alike than random wells",
        "retrieval": "whether the most similar profiles are replicates [morphohelm]",
    },
}
KEYS = {  # options in other words
    "sameby": "same by",
    "diffby": "different by",
    "negatives": "compared with",
    "permute": "permuted",
    **{name: f"{name} in column" for name in ("label", "compound", "batch")},
}
HIDDEN = ("path", "sha256", "truth", "weights", "start")


def told(section: str, settings: dict) -> str:
    """A choice of the config, {name: options}, in words: what it is, what it is after, and its options.

    Options that are empty, off or 0 (often: as the images or data have it), and hashes and paths of files, are left
    out; so is the size that an encoder's own numbers replace.
    """
    ((name, options),) = settings.items()
    replaced = {"arch"} if {"dim", "depth", "heads"} <= {key for key, value in options.items() if value} else set()
    shown = {key: value for key, value in options.items() if value and key not in {*HIDDEN, *replaced}}
    words = ", ".join(
        f"{KEYS.get(key, key.replace('_', ' '))} {_value(value)}".removesuffix(" True") for key, value in shown.items()
    )
    otherwise = f"what the measure {name} tells" if section == "measure" else name.replace("_", " ")
    return WORDS[section].get(name, otherwise) + (f" ({words})" if words else "")


def _value(value) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value(own)}" for key, own in value.items())
    return " to ".join(map(_value, value)) if _is_range(value) else _plain(value)


def _is_range(value) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(own, int | float) for own in value)


def _plain(value) -> str:
    return " and ".join(map(str, value)) if isinstance(value, list) else str(value)
