"""The published Box-World experiment (Zambaldi et al. 2018, section 3), its values untouched.

Every value is the default of its class, where its source stands. The paper ran 100 actors and one
learner on a GPU; on two CPU cores this is a reference, not something to wait for.
"""

from relational_rl.config import Cells, EnvSpec, Experiment, Online, Relational

experiment = Experiment(
    env=EnvSpec(id="boxworld:BoxWorld-v0"),
    agent=Relational(encoder=Cells()),
    source=Online(num_actors=2, envs_per_actor=64),
)
