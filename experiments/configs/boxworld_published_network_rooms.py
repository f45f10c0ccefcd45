"""The published network, unchanged, in rooms that grow: where its learning begins.

In a room of 12 cells a random policy ends one episode in 36 of the curriculum's first stage with
the gem, in a room of 4 cells two in three, and a frame of it costs a tenth. Not comparable with
the rows of the other configs: the rooms are an easier way to the same game. The learning rate is
the largest that the paper tried; at that of `boxworld` units of this network die.
"""

import dataclasses

from experiments.configs.boxworld_published_network import config as published

_FIRST = published.curriculum[0]

config = dataclasses.replace(
    published,
    curriculum=(
        *({**_FIRST, "room_size": size} for size in (4, 5, 6, 7, 8, 10)),
        *published.curriculum,
    ),
    learning_rate=2e-4,
    total_frames=20_000_000,
)
