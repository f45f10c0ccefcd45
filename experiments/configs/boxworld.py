"""Box-World's training distribution, branch length 1, solved on two cores within minutes.

The recipe of boxworld_easy with distractors added one by one once solutions of length 4 are
learned, and heads that may attend by likeness of colours: to tell a box that leads on from one
that leads nowhere, an agent must see whether any lock has the colour of its content. A stronger
discount makes waiting in front of an unknown box cost more than it does in the published
experiment.
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
    likeness=True,
    discount_factor=0.97,
    learning_rate_schedule="linear",
    entropy_schedule="linear",
    total_frames=4_000_000,
    stop_at_solved=0.0,
    max_minutes=30.0,
)
