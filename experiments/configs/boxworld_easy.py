"""The demo: short solutions and at most one distractor, learned within minutes on two cores."""

from relational_rl.config import Config

config = Config(
    env_id="boxworld:BoxWorld-Easy-v0",
    curriculum=(
        {"solution_length": 1, "num_branches": 0},
        {"solution_length": (1, 2), "num_branches": 0},
        {},
    ),
    envs_per_actor=256,
    # The network of the paper over the cells that are not background, with the generic additions.
    stem="patch",
    entities="occupied",
    max_entities=12,
    num_references=2,
    num_heads=2,
    head_size=32,
    num_blocks=2,
    mlp=(256,),
    # IMPALA with a clipped surrogate, two passes over every unroll.
    unroll_length=32,
    batch_size=32,
    num_passes=2,
    policy_clip=0.2,
    normalize_advantages=True,
    trace_decay=0.95,
    reward_scale=0.5,
    reduction="mean",
    optimizer="adam",
    learning_rate=1e-3,
    entropy_cost=0.01,
    max_gradient_norm=1.0,
    total_frames=3_000_000,
    max_minutes=10.0,
)
