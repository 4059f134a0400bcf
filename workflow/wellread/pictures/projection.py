"""Two coordinates for every profile, to look at."""

import numpy as np


def two_dimensions(
    x: np.ndarray, seed: int, n_neighbors: int, min_dist: float, method: str = "umap"
) -> tuple[np.ndarray, str]:
    """Two coordinates for every row of x (n, D) of unit length, and the name of the method that found them.

    `umap` (McInnes et al. 2018) or `tsne` (van der Maaten and Hinton 2008), by cosine distance, as rows are of unit
    length; of fewer than ten rows the first two principal components.
    """
    if len(x) < 10:  # too few for a graph of neighbours
        u, s, _ = np.linalg.svd(x - x.mean(axis=0), full_matrices=False)
        return np.pad(u * s, ((0, 0), (0, 2)))[:, :2], "PCA (too few for UMAP)"
    if method == "tsne":
        from sklearn.manifold import TSNE  # planning imports the figures, and should not wait for it

        perplexity = min(2 * n_neighbors, (len(x) - 1) / 3)
        return TSNE(init="pca", perplexity=perplexity, random_state=seed, n_jobs=1).fit_transform(x), "t-SNE"
    from umap import UMAP  # compiles itself: 20 s at the first import on a machine, 10 s in every process

    near = min(n_neighbors, len(x) - 1)
    mapper = UMAP(metric="cosine", n_neighbors=near, min_dist=min_dist, random_state=seed, n_jobs=1)
    return mapper.fit_transform(x), f"UMAP (cosine, {near} neighbours)"
