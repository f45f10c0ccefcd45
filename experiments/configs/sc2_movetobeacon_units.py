"""MoveToBeacon on the stand-in with units as entities; see sc2_collectmineralshards_units."""

from experiments.configs.sc2_collectmineralshards_units import experiment as shards
from relational_rl.config import replace

experiment = replace(
    shards,
    {
        "env.id": "sc2_minigames:SC2/MoveToBeacon-v0",
        "env.kwargs": {**shards.env.kwargs, "max_units": 2},
        "run.total_frames": 1_000_000,
    },
)
