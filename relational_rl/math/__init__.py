"""Pure mathematics on tensors: V-trace, losses, distributions. No config, no state."""
