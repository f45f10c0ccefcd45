"""Acting: environments stepped by an agent, in whatever processes a backend starts."""
