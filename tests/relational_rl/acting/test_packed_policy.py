"""Acting without TensorFlow is acting like the agent, in less memory."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from flat import image_spec, make_agent
from scripted import LinearAgent

from relational_rl.acting.actor import ActorDescription
from relational_rl.acting.policy import Policy
from relational_rl.agents.packing import policy_form
from relational_rl.config import EnvSpec, Random
from relational_rl.kernels.policy import PackedPolicy

ROOT = Path(__file__).resolve().parents[3]
B, SHAPE = 5, (4, 5, 3)
# The kernels of these sizes are those of kernels/packed_case.py, and compiled once for both.
SMALL = {"num_heads": 2, "head_size": 8, "num_blocks": 2, "mlp": (12, 7), "policy_scale": 1.0}
PATCHES = {
    "stem": "patch", "entity_size": 8, "num_frequencies": 4, "entities": "occupied",
    "max_entities": 20, **SMALL,
}  # fmt: skip
NETWORKS = {
    "patches": PATCHES,
    "references": {**PATCHES, "num_references": 2, "match_size": 3},
    "convolutions": {"conv_channels": (4, 6), **SMALL},
    "one layer": {**PATCHES, "mlp": (9,)},
}


def make(network, vector=0):
    """Returns an agent none of whose weights is at its initial value, and its packed policy."""
    agent = make_agent(image_spec(SHAPE, 3, vector=vector), **network)
    random = np.random.default_rng(0)
    for variable in agent.trainable_variables:
        variable.assign_add(random.normal(0.0, 0.1, variable.shape).astype(np.float32))
    policy = PackedPolicy(pickle.loads(pickle.dumps(policy_form(agent))))
    policy.set_parameters([variable.numpy() for variable in agent.variables])
    return agent, policy


def observe(vector=0):
    random = np.random.default_rng(1)
    images = random.integers(0, 256, (B, *SHAPE), np.uint8)
    images[:, 1:3] = 0  # the background
    observations = {"image": images}
    if vector:
        observations["vector"] = random.normal(size=(B, vector)).astype(np.float32)
    return observations, random.random((B, 1))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize(("vector", "greedy"), [(0, False), (2, True)])
def test_a_packed_policy_chooses_as_its_agent(eager, name, vector, greedy):
    agent, packed = make(NETWORKS[name], vector)
    observations, uniforms = observe(vector)
    policy = Policy(agent)
    wanted, state = policy.act(observations, policy.initial_state(B), uniforms, greedy)
    got, packed_state = packed.act(observations, packed.initial_state(B), uniforms, greedy)
    assert packed_state == state == ()
    np.testing.assert_array_equal(got.actions, wanted.actions)
    for field in ("log_probs", "policy_logits", "baseline"):
        value = getattr(got, field)
        np.testing.assert_allclose(value, getattr(wanted, field), rtol=1e-4, atol=1e-5)
        assert value.dtype == np.float32
    assert got.actions.dtype == np.int32
    assert got.policy_logits.std() > 0.01  # there is something to agree on


def test_parameters_are_copied():
    agent, packed = make(PATCHES)
    observations, uniforms = observe()
    parameters = [variable.numpy() for variable in agent.variables]
    packed.set_parameters(parameters)
    before = packed.act(observations, (), uniforms)[0].policy_logits
    for value in parameters:
        value[...] = 0
    np.testing.assert_array_equal(packed.act(observations, (), uniforms)[0].policy_logits, before)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"implementation": "plain"}, "^its implementation is not packed$"),
        ({"memory": "lstm"}, "^it has a memory$"),
    ],
)
def test_another_agent_says_why_it_needs_tensorflow(changes, why):
    with pytest.raises(ValueError, match=why):
        policy_form(make_agent(image_spec(SHAPE, 3), **{**PATCHES, **changes}))
    with pytest.raises(ValueError, match=r"^LinearAgent has no packed form$"):
        policy_form(LinearAgent())


CODE = """
import json, pickle, sys
import psutil
from relational_rl.acting.actor import Actor
from relational_rl.kernels.policy import PackedPolicy
description, form, parameters = pickle.load(sys.stdin.buffer)
actor = Actor(description, PackedPolicy(form))
actor.set_parameters(parameters, 0)
actor.set_stage(0, {})
unroll = actor.unroll()
loaded = [name for name in ("tensorflow", "sonnet", "matplotlib", "ray") if name in sys.modules]
print(json.dumps([loaded, unroll.num_frames, psutil.Process().memory_info().rss / 2**20]))
"""


def test_an_actor_of_a_packed_network_loads_no_tensorflow():
    agent, _ = make(PATCHES)
    parameters = [variable.numpy() for variable in agent.variables]
    env = EnvSpec(id="", make="faulty:make_colours")
    spec = image_spec(SHAPE, 3)
    description = ActorDescription(env, Random(), spec, 2, unroll_length=3, index=0, seed=0)
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    ran = subprocess.run(
        [sys.executable, "-c", CODE],
        input=pickle.dumps((description, policy_form(agent), parameters)),
        capture_output=True,
        env={**os.environ, "PYTHONPATH": path},
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    loaded, frames, megabytes = json.loads(ran.stdout)
    assert loaded == []
    assert frames == 6
    assert 20 < megabytes < 230  # in a worker of Ray about 20 more
