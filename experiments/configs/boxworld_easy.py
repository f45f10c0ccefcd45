"""The demo: short solutions and at most one distractor, learned within minutes on two cores."""

from relational_rl.config import Config

config = Config(
    env_id="boxworld:BoxWorld-Easy-v0",
    # Longer solutions first, without distractors: there a wrong lock costs time and nothing else,
    # so the agent finds out which key opens which lock before a mistake ends the episode.
    curriculum=(
        {"solution_length": 1, "num_branches": 0},
        {"solution_length": [1, 2], "num_branches": 0},
        {"solution_length": [1, 3], "num_branches": 0},
        {"solution_length": [1, 4], "num_branches": 0},
        {},
    ),
    curriculum_threshold=0.85,
    envs_per_actor=256,
    # The relational module over the cells that differ from the background, each seen with its
    # neighbours left and right, and six learned points of reference (modules/references.py).
    stem="patch",
    num_frequencies=16,
    entities="occupied",
    max_entities=12,
    entity_size=32,
    num_references=6,
    match_size=16,
    num_heads=2,
    head_size=16,
    num_blocks=2,
    mlp=(128,),
    # V-trace with a clipped surrogate, every unroll learned from twice.
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
    total_frames=6_000_000,
    stop_at_solved=0.985,
    max_minutes=10.0,
)
