"""A training run: the loop, its hooks, and what a run directory keeps."""
