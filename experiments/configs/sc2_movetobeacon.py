"""MoveToBeacon with the published values (Zambaldi et al. 2018, section 4 and its appendix).

The paper ran 1e10 steps on a cluster; on a laptop this is a reference, not something to wait for.
Install StarCraft II yourself; `--config.game=standin` plays the stand-in, whose
scores are not StarCraft's.
"""

from relational_rl.config import (
    Adam,
    ConvLSTM,
    EnvSpec,
    Experiment,
    Online,
    Run,
    SpatialRelational,
    VTrace,
)

experiment = Experiment(
    env=EnvSpec(
        id="sc2_minigames:SC2/MoveToBeacon-v0",
        kwargs={"game": "starcraft", "screen_size": 32, "minimap_size": 32},
        observation_keys=("screen", "minimap", "player", "available_actions", "last_action"),
        # A game is a program of its own: one process beside each, so that all run together.
        vectorization="async",
    ),
    agent=SpatialRelational(
        memory=ConvLSTM(size=96),
        num_blocks=3,  # the paper swept 1, 3, 5
        num_heads=3,  # 1, 3
        head_size=32,
        block_mlp=(384, 384),
        mlp=(512, 512),
    ),
    learner=VTrace(
        batch_size=32,
        baseline_cost=0.1,
        entropy_cost=1e-3,  # 1e-1, 1e-2, 1e-3
        entropy_schedule="linear",
        optimizer=Adam(),
        learning_rate=1e-4,  # 1e-4, 1e-5
        learning_rate_schedule="linear",
        max_gradient_norm=100.0,
    ),
    source=Online(num_actors=2, envs_per_actor=32, unroll_length=80),
    run=Run(total_frames=10_000_000_000),
)
