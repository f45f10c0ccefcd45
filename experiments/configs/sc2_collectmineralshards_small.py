"""CollectMineralShards on the stand-in, on two cores; see sc2_movetobeacon_small."""

from experiments.configs.sc2_movetobeacon_small import experiment as small
from relational_rl.config import replace

experiment = replace(small, {"env.id": "sc2_minigames:SC2/CollectMineralShards-v0"})
