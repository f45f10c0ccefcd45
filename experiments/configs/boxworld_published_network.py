"""The published network, unchanged, under the learner and the curriculum of `boxworld`.

Every value of the network is the default of `Relational`, where its source stands. About forty
times as much computation a frame as `boxworld`: all 196 cells are entities.
"""

from experiments.configs.boxworld import experiment as boxworld
from relational_rl.config import Cells, Relational, replace

experiment = replace(boxworld, {"agent": Relational(encoder=Cells()), "run.max_minutes": 180.0})
