"""From embeddings of cells to profiles: pooled, corrected, combined by treatment, and the account of what was lost."""
