"""CollectMineralShards on the stand-in, on two cores; see sc2_movetobeacon_small."""

import dataclasses

from experiments.configs.sc2_movetobeacon_small import config as small

config = dataclasses.replace(small, env_id="sc2_minigames:SC2/CollectMineralShards-v0")
