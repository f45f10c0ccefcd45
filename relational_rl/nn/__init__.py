"""The parts of the networks, as Sonnet modules."""
