"""The published network, unchanged, in rooms that grow: where its learning begins.

Of the first stage's levels a random policy solves 66 % in a room of 4 cells a side and 2.7 % in
one of 12, where a frame costs ten times as much. The rooms are an easier way to the same game, so
this is no comparison of networks. The learning rate is the largest that the paper tried; at that
of `boxworld` units of this network die.
"""

from experiments.configs.boxworld_published_network import experiment as published
from relational_rl.config import replace

_FIRST = published.stages[0]

experiment = replace(
    published,
    {
        "curriculum.stages": (
            *({**_FIRST, "room_size": size} for size in (4, 5, 6, 7, 8, 10)),
            *published.stages,
        ),
        "learner.learning_rate": 2e-4,
        "run.total_frames": 20_000_000,
    },
)
