"""The recipe of `boxworld` on levels whose solution never needs one of the withheld pairs.

What it makes of those pairs is measured on BoxWorld-WithheldTest-v0 (`relational-rl generalise`).
"""

from experiments.configs.boxworld import experiment as boxworld
from relational_rl.config import replace

experiment = replace(boxworld, {"env.id": "boxworld:BoxWorld-WithheldTrain-v0"})
