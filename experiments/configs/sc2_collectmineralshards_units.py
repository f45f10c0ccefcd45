"""CollectMineralShards on the stand-in with units as entities, on two cores.

The agent sees the units one by one, not feature layers, and points at them: places are the pixel of
a unit, or one of 4x4 points of the screen. It takes 10 of PySC2's functions, which are those that
matter to units that walk and fight: no_op, select_point, select_rect, select_army, Attack_screen,
HoldPosition_quick, Move_screen, Patrol_screen, Smart_screen, Stop_quick. The screen has 64x64
pixels. The games are the compiled stand-in's, whose scores are not StarCraft's.
"""

from relational_rl.config import (
    Adam,
    EnvSpec,
    Experiment,
    Online,
    Run,
    UnitsRelational,
    VTrace,
)

FUNCTIONS = (0, 2, 3, 7, 12, 274, 331, 333, 451, 453)

experiment = Experiment(
    env=EnvSpec(
        id="sc2_minigames:SC2/CollectMineralShards-v0",
        kwargs={
            "game": "standin",
            "screen_size": 64,
            "minimap_size": 64,
            "layers": False,
            "max_units": 22,
        },
        observation_keys=("units", "unit_mask", "player", "available_actions", "last_action"),
    ),
    agent=UnitsRelational(
        size=32,
        hidden=64,
        key_size=32,
        num_blocks=2,
        num_heads=2,
        head_size=16,
        action_types=FUNCTIONS,
    ),
    # V-trace with a clipped surrogate, every unroll learned from twice.
    learner=VTrace(
        batch_size=32,
        num_passes=2,
        policy_clip=0.2,
        min_advantage_deviation=0.1,
        trace_decay=0.95,
        discount_factor=0.97,
        reduction="mean",
        baseline_cost=0.25,
        learning_rate=1e-3,
        learning_rate_schedule="linear",
        entropy_cost=0.02,
        entropy_schedule="linear",
        optimizer=Adam(epsilon=1e-5),
        max_gradient_norm=0.5,
    ),
    source=Online(num_actors=1, envs_per_actor=128, unroll_length=32),
    run=Run(total_frames=2_000_000, max_minutes=20.0),
)
