"""Where batches come from: actors, lessons, and what is counted of them."""
