"""Everything that is measured of one agent on Box-World, beside untrained agents."""

import dataclasses
from typing import Any, NamedTuple

from experiments.attention.measuring import needs, patching, probes, selectivity
from experiments.attention.measuring.states import play_states
from experiments.games import check_levels, fit, name_of
from relational_rl._quiet import tf
from relational_rl.config import EnvSpec
from relational_rl.trained import TrainedAgent

PER_LEVEL = 5


class Measured(NamedTuple):
    """All numbers.

    Attributes:
      agent: the agent's description.
      environment: where it played.
      levels: how many levels, for everything but the needs.
      states: how many scenes of their episodes.
      trained: of each head and relation.
      untrained: likewise, of agents with first values, one for each.
      needs: what is solved under interventions; () if nothing was played.
      probes: what a linear reading finds.
      untrained_probes: likewise of the first untrained agent.
      patching: which head brings the news of a changed colour.
    """

    agent: str
    environment: str
    levels: int
    states: int
    trained: list[selectivity.Selectivity]
    untrained: list[list[selectivity.Selectivity]]
    needs: list[needs.Need]
    probes: list[probes.Probe]
    untrained_probes: list[probes.Probe]
    patching: list[patching.Patched]


def measure(
    trained: TrainedAgent,
    env: EnvSpec | None = None,
    num_levels: int = 1000,
    num_played: int = 300,
    first_level: int = 0,
    initialisations: int = 3,
    seed: int = 0,
    progress: bool = False,
) -> Measured:
    """Measures an agent.

    Args:
      trained: a relational agent.
      env: a Box-World environment; None is the one it was trained for.
      num_levels: of which the episodes are looked at.
      num_played: levels that are played under each intervention; 0 plays none.
      first_level: the first level seed of both.
      initialisations: how many untrained agents.
      seed: of the actions, the scenes, the untrained agents.
      progress: whether to show a progress bar.

    Raises:
      UsageError: the agent does not attend, or an argument is wrong.
    """
    env = env or trained.env
    check_levels(first_level, num_levels)
    trained = fit(trained, env)
    levels = range(first_level, first_level + num_levels)
    states = play_states(trained, env, levels, PER_LEVEL, seed)
    fresh = [untrained(trained, seed + number) for number in range(initialisations)]
    found = selectivity.measure(trained, states)
    shape = max(s.block for s in found), max(s.head for s in found)
    return Measured(
        trained.description,
        name_of(env),
        num_levels,
        len(states),
        found,
        [selectivity.measure(agent, states) for agent in fresh],
        needs.measure(trained, env, levels[:num_played], *shape, progress) if num_played else [],
        probes.measure(trained, states, seed),
        probes.measure(fresh[0], states, seed) if fresh else [],
        patching.measure(trained, states),
    )


def untrained(trained: TrainedAgent, seed: int) -> TrainedAgent:
    """Returns the agent as it was before training, with other first values for each seed."""
    tf.random.set_seed(seed)
    agent: Any = trained.experiment.agent.build(trained.spec)
    mine: Any = trained.agent
    if getattr(agent.encoder, "needs_background", False):
        agent.encoder.background.assign(mine.encoder.background)
    return dataclasses.replace(trained, agent=agent, frames=0, minutes=0.0, stage=0, _player={})
