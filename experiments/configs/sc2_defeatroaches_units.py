"""DefeatRoaches on the stand-in with units as entities; see sc2_collectmineralshards_units.

Marines and roaches of one wave are 14 at most; survivors of earlier waves come on top.
"""

from experiments.configs.sc2_collectmineralshards_units import experiment as shards
from relational_rl.config import replace

experiment = replace(
    shards,
    {
        "env.id": "sc2_minigames:SC2/DefeatRoaches-v0",
        "env.kwargs": {**shards.env.kwargs, "max_units": 32},
        # Ten points a roach.
        "learner.reward_scale": 0.2,
        "learner.discount_factor": 0.99,
    },
)
