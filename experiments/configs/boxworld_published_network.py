"""The published network, unchanged, under the learner and the curriculum of `boxworld`.

Every value of the network is the default of `Config`, where its source stands. About forty times
as much computation a frame as `boxworld`: all 196 cells are entities.

The learning rate is the upper end of what the paper tried (1e-5 to 2e-4). At the 1e-3 of `boxworld`
this network's units die (experiments/RECIPES.md).
"""

import dataclasses

from experiments.configs.boxworld import config as boxworld
from relational_rl.config import AgentConfig

_NETWORK = dataclasses.asdict(AgentConfig())

config = dataclasses.replace(boxworld, **_NETWORK, learning_rate=2e-4, max_minutes=180.0)
