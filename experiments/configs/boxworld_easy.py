"""The demo: short solutions and at most one distractor, learned within minutes on two cores."""

from relational_rl.config import (
    Adam,
    Cells,
    Curriculum,
    EnvSpec,
    Experiment,
    Online,
    Patch,
    References,
    Relational,
    Run,
    StopAt,
    VTrace,
)

experiment = Experiment(
    env=EnvSpec(id="boxworld:BoxWorld-Easy-v0"),
    # Longer solutions first, without distractors: there a wrong lock costs time and nothing else,
    # so the agent finds out which key opens which lock before a mistake ends the episode.
    curriculum=Curriculum(
        stages=(
            {"solution_length": 1, "num_branches": 0},
            {"solution_length": [1, 2], "num_branches": 0},
            {"solution_length": [1, 3], "num_branches": 0},
            {"solution_length": [1, 4], "num_branches": 0},
            {},
        ),
        threshold=0.85,
    ),
    # The relational module over the cells that differ from the background, each seen with its
    # neighbours left and right, and six learned reference vectors (nn/references.py).
    agent=Relational(
        encoder=Cells(
            stem=Patch(size=32, num_frequencies=16),
            max_entities=12,
            references=References(count=6, match_size=16),
        ),
        num_heads=2,
        head_size=16,
        num_blocks=2,
        mlp=(128,),
    ),
    # V-trace with a clipped surrogate, every unroll learned from twice.
    learner=VTrace(
        batch_size=32,
        num_passes=2,
        policy_clip=0.2,
        min_advantage_deviation=0.1,
        trace_decay=0.95,
        reward_scale=0.5,
        reduction="mean",
        optimizer=Adam(),
        learning_rate=1e-3,
        entropy_cost=0.01,
        max_gradient_norm=1.0,
    ),
    source=Online(envs_per_actor=256, unroll_length=32),
    run=Run(total_frames=6_000_000, stop_at=StopAt(solved=0.985), max_minutes=10.0),
)
