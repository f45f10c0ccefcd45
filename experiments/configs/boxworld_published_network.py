"""The published network, unchanged, under the learner and the curriculum of `boxworld`.

Every value of the network is the default of `Config`, where its source stands. About forty times
as much computation a frame as `boxworld`: all 196 cells are entities.
"""

import dataclasses

from experiments.configs.boxworld import config as boxworld
from relational_rl.config import AgentConfig

_NETWORK = dataclasses.asdict(AgentConfig())

config = dataclasses.replace(boxworld, **_NETWORK, max_minutes=180.0)
