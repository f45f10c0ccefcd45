"""The published network, unchanged, in rooms that grow: where its learning begins.

Of the first stage's levels a random policy solves 66 % in a room of 4 cells a side and 2.7 % in
one of 12, where a frame costs ten times as much. The rooms are an easier way to the same game, so
this is no comparison of networks. The learning rate is the largest that the paper tried; at that
of `boxworld` units of this network die.
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
