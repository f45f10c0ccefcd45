"""Box-World's training distribution, branch length 1, solved on two cores within minutes.

The recipe of boxworld_easy with distractors added one by one once solutions of length 4 are
learned, and heads that may attend by likeness of colours: to tell a box that leads on from one
that leads nowhere, an agent must see whether any lock has the colour of its content. A stronger
discount makes waiting in front of an unknown box cost more than it does in the published
experiment.
"""

from experiments.configs.boxworld_easy import experiment as easy
from relational_rl.config import replace

experiment = replace(
    easy,
    {
        "env.id": "boxworld:BoxWorld-v0",
        "curriculum.stages": (
            *easy.stages[:-1],
            {"num_branches": [0, 1]},
            {"num_branches": [0, 2]},
            {},
        ),
        "agent.encoder.max_entities": 20,
        "agent.likeness": True,
        "learner.discount_factor": 0.97,
        "learner.learning_rate_schedule": "linear",
        "learner.entropy_schedule": "linear",
        "run.total_frames": 4_000_000,
        "run.stop_at": None,
        "run.max_minutes": 30.0,
    },
)
