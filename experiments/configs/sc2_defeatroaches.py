"""DefeatRoaches with the published values; the map of sc2_movetobeacon changed."""

from experiments.configs.sc2_movetobeacon import experiment as movetobeacon
from relational_rl.config import replace

experiment = replace(movetobeacon, {"env.id": "sc2_minigames:SC2/DefeatRoaches-v0"})
