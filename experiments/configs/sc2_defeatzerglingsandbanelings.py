"""DefeatZerglingsAndBanelings with the published values; the map of sc2_movetobeacon changed."""

import dataclasses

from experiments.configs.sc2_movetobeacon import config as movetobeacon

config = dataclasses.replace(
    movetobeacon, env_id="sc2_minigames:SC2/DefeatZerglingsAndBanelings-v0"
)
