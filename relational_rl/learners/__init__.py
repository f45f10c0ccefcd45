"""Learning rules: `update(batch) -> metrics`."""
