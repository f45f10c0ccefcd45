"""Box-World's training distribution, branch length 1, on two cores.

The recipe of boxworld_easy with more frames, and distractors added one by one once solutions of
length 4 are learned.
"""

import dataclasses

from experiments.configs.boxworld_easy import config as easy

config = dataclasses.replace(
    easy,
    env_id="boxworld:BoxWorld-v0",
    curriculum=(
        *easy.curriculum[:-1],
        {"num_branches": [0, 1]},
        {"num_branches": [0, 2]},
        {},
    ),
    max_entities=20,
    learning_rate_schedule="linear",
    entropy_schedule="linear",
    total_frames=12_000_000,
    stop_at_solved=0.0,
    max_minutes=30.0,
)
