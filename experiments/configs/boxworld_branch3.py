"""Box-World with distractor branches of three boxes.

Here a wrong box leads to another box, and only the third one shows that the way ends. So the
entities attend to one another four times instead of twice (Zambaldi et al. 2018 found that this
variant needs more blocks), and branches become longer once those of one box are told apart.
"""

from experiments.configs.boxworld import experiment as boxworld
from relational_rl.config import replace

experiment = replace(
    boxworld,
    {
        "env.id": "boxworld:BoxWorld-Branch3-v0",
        "curriculum.stages": (
            *({**stage, "branch_length": 1} for stage in boxworld.stages),
            {"branch_length": 2},
            {},
        ),
        "agent.encoder.max_entities": 36,
        "agent.num_blocks": 4,
        "run.total_frames": 6_000_000,
    },
)
