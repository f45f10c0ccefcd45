"""What acts like an agent where there is no TensorFlow: its packed form."""

from collections.abc import Sequence

import sonnet as snt

from relational_rl._quiet import tf
from relational_rl.agents.entity import EntityAgent
from relational_rl.agents.protocol import Agent
from relational_rl.kernels.forms import pack_modules
from relational_rl.kernels.policy import PolicyForm


def policy_form(agent: Agent) -> PolicyForm:
    """Returns the packed form of an agent; see `kernels.policy.PackedPolicy`.

    Raises:
      ValueError: it has none; the message says why.
    """
    if type(agent) is not EntityAgent:
        raise ValueError(f"{type(agent).__name__} has no packed form")
    if agent._packed is None:
        raise ValueError("its implementation is not packed")
    if not agent.is_plain:
        raise ValueError("its actions are more than one choice, or masked")
    if agent._memory is not None:
        raise ValueError("it has a memory")
    assert agent._policy is not None  # no choice points
    modules = pack_modules(agent.encoder, agent.core)
    # Variables compare like arrays, so they are known by what they are, not by what they hold.
    place = {id(variable): i for i, variable in enumerate(agent.variables)}

    def places(variables: Sequence[tf.Variable]) -> tuple[int, ...]:
        return tuple(place[id(variable)] for variable in variables)

    def layer(linear: snt.Linear) -> tuple[int, int]:
        return place[id(linear.w)], place[id(linear.b)]

    return PolicyForm(
        modules.sizes,
        modules.stem,
        places(modules.constants),
        places(modules.variables),
        tuple(layer(each) for each in agent._mlp.submodules if isinstance(each, snt.Linear)),
        layer(agent._policy),
        layer(agent._baseline),
        agent._append_vector,
    )
