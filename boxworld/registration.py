"""The ids under which Gymnasium knows Box-World."""

from __future__ import annotations

from typing import Any

import gymnasium

ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "BoxWorld-v0": {},
    "BoxWorld-Branch3-v0": {"branch_length": 3},
    "BoxWorld-Easy-v0": {"solution_length": (1, 2), "num_branches": (0, 1)},
    "BoxWorld-Path6-v0": {"solution_length": 6},
    "BoxWorld-Path8-v0": {"solution_length": 8},
    "BoxWorld-Path10-v0": {"solution_length": 10},
    "BoxWorld-WithheldTrain-v0": {"withheld": "train"},
    "BoxWorld-WithheldTest-v0": {"withheld": "test", "solution_length": (2, 4)},
}
"""The keywords of each id; everything else is the default: the training distribution of the paper
(solution length 1..4, 0..4 branches of length 1, section 4.1)."""


def register_environments() -> None:
    """Registers all ids that are not registered yet."""
    for name, keywords in ENVIRONMENTS.items():
        if name not in gymnasium.registry:
            gymnasium.register(
                id=name,
                entry_point="boxworld.env:BoxWorldEnv",
                vector_entry_point="boxworld.vector_env:BoxWorldVectorEnv",
                kwargs=keywords,
            )
