"""Box-World with distractor branches of three boxes.

Here a wrong box leads to another box, and only the third one shows that the way ends. So the
entities attend to one another four times instead of twice (Zambaldi et al. 2018 found that this
variant needs more blocks), and branches become longer once those of one box are told apart.
"""

import dataclasses

from experiments.configs.boxworld import config as boxworld

config = dataclasses.replace(
    boxworld,
    env_id="boxworld:BoxWorld-Branch3-v0",
    curriculum=(
        *({**stage, "branch_length": 1} for stage in boxworld.curriculum),
        {"branch_length": 2},
        {},
    ),
    max_entities=36,
    num_blocks=4,
    total_frames=6_000_000,
)
