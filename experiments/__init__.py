"""The experiments: launch, evaluate, generalise, look at attention; nobody imports this package."""
