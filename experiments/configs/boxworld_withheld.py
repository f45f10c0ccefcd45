"""The recipe of `boxworld` on levels whose solution never needs one of the withheld pairs.

What it makes of those pairs is measured on BoxWorld-WithheldTest-v0 (`experiments.generalisation`).
"""

import dataclasses

from experiments.configs.boxworld import config as boxworld

config = dataclasses.replace(boxworld, env_id="boxworld:BoxWorld-WithheldTrain-v0")
