"""MoveToBeacon on the stand-in, on two cores: the published network with fewer of everything.

Screen and minimap of 16x16, one relational block of one head, 32 channels of memory. Two additions:
arguments also see the pixels of their image, so that what is worth pointing at is learned from few
hits, and what is seen now goes past the memory too. The learner is that of `boxworld`; how the
values were found is in `experiments/RECIPES.md`. The scores are the stand-in's, not StarCraft's;
`--config.game=starcraft` plays the game.
"""

import dataclasses

from experiments.configs.sc2_movetobeacon import config as published

config = dataclasses.replace(
    published,
    env_kwargs={"game": "standin", "screen_size": 16, "minimap_size": 16},
    num_actors=1,
    queue_size=1,
    envs_per_actor=32,
    map_channels=16,
    embedding_size=4,
    memory_size=32,
    memory_shortcut=True,
    num_blocks=1,
    num_heads=1,
    block_mlp=(64,),
    vector_mlp=(32,),
    mlp=(128,),
    head_mlp=(128,),
    argument_pixels=True,
    policy_scale=0.3,
    # V-trace with a clipped surrogate, every unroll learned from twice.
    unroll_length=32,
    batch_size=8,
    num_passes=2,
    policy_clip=0.2,
    normalize_advantages=True,
    trace_decay=0.95,
    discount_factor=0.97,
    reduction="mean",
    baseline_cost=0.5,
    reward_scale=5.0,
    learning_rate=3e-3,
    entropy_cost=0.02,
    adam_epsilon=1e-5,
    max_gradient_norm=1.0,
    total_frames=3_000_000,
    max_minutes=120.0,
)
