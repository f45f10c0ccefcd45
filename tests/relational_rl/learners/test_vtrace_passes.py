"""How the V-trace learner divides an unroll, and what it does with numbers that are not finite."""

import math
from itertools import chain

import numpy as np
import pytest
import tensorflow as tf
from flat import TINY_NETWORK, image_spec, make_agent
from scripted import NUM_ACTIONS, LinearAgent
from vtrace_by_loops import (
    CONFIG,
    expected_losses,
    flat,
    make_learner,
    make_unroll,
    updated,
    with_image,
)

from relational_rl.errors import NonFiniteError

pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture
def compiled(eager):
    tf.config.run_functions_eagerly(False)


class RecordingAgent(LinearAgent):
    """Notes which environments it is shown, by their first pixel."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def unroll_features(self, observations, *args):
        self.shown.append(observations["image"].numpy()[0, :, 0, 0, 0].tolist())
        return super().unroll_features(observations, *args)


def test_every_environment_is_learned_from_once_in_every_pass():
    unroll = make_unroll(num_envs=12)
    unroll = with_image(unroll, 0, np.arange(12)[:, None, None, None])
    agent = RecordingAgent()
    learner = make_learner(agent, batch_size=4, num_passes=3)
    learner.update(unroll, 0.0)
    learner.update(unroll, 0.0)
    batches = agent.shown
    assert [len(batch) for batch in batches] == [4] * 18
    passes = [[*chain(*batches[i : i + 3])] for i in range(0, 18, 3)]
    assert [sorted(each) for each in passes] == [list(range(12))] * 6
    # Grouped anew every time.
    groups = {frozenset(frozenset(batch) for batch in batches[i : i + 3]) for i in range(0, 18, 3)}
    assert len(groups) == 6


def test_the_parts_of_an_environment_stay_together():
    # At a learning rate of nothing the batches' losses sum to the loss of the whole.
    unroll = make_unroll(num_envs=12)
    metrics = make_learner(batch_size=4, learning_rate=1e-12).update(unroll, 0.0)
    expected = expected_losses(unroll, CONFIG)
    for name in ("loss", "policy_loss", "baseline_loss"):
        assert 3 * metrics[name] == pytest.approx(expected[name], rel=1e-4), name


def test_the_seed_decides_the_groups():
    unroll = make_unroll(num_envs=12)
    first, again, other = (updated(unroll, seed=seed, batch_size=4) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-6


def test_passes_are_steps():
    learner = make_learner()
    for _ in range(3):
        learner.update(make_unroll(), 0.0)
    assert learner.num_updates == 3
    np.testing.assert_allclose(
        updated(make_unroll(), num_passes=3), flat(learner.parameters()), atol=1e-6
    )


def test_parameters_are_copies():
    learner = make_learner()
    before = learner.parameters()
    kept = [value.copy() for value in before]
    learner.update(make_unroll(), 0.0)
    for value, copy in zip(before, kept, strict=True):
        np.testing.assert_array_equal(value, copy)
    assert np.abs(flat(learner.parameters()) - flat(kept)).max() > 1e-4


def test_a_reward_that_is_no_number_is_named():
    unroll = make_unroll()
    unroll.rewards[0, 1] = math.nan
    learner = make_learner()
    learner.update(make_unroll(), 0.0)
    with pytest.raises(NonFiniteError, match=r"^the policy loss is nan in update 2$"):
        learner.update(unroll, 0.0)


def test_a_reward_that_is_infinite_is_named():
    unroll = make_unroll()
    unroll.rewards[0, 1] = 1e30
    with pytest.raises(NonFiniteError, match=r"^the baseline loss is inf in update 1$"):
        make_learner().update(unroll, 0.0)


def test_a_parameter_that_is_infinite_spoils_the_loss():
    learner = make_learner()
    learner.agent.w[1, 2].assign(math.inf)
    with pytest.raises(NonFiniteError, match=r"^the policy loss is nan in update 1$"):
        learner.update(make_unroll(), 0.0)


def test_a_gradient_that_is_not_finite_is_named():
    # With images of 1e22 and a kernel of zeros the losses are finite, the kernel's gradient is
    # finite, and its square is not.
    agent = LinearAgent()
    agent.w.assign(tf.zeros_like(agent.w))
    unroll = make_unroll()
    image = unroll.observations["image"].astype(np.float32) * 1e20
    with pytest.raises(NonFiniteError, match=r"^the gradient of (linear_agent/)?w:0 is not finite"):
        make_learner(agent).update(unroll._replace(observations={"image": image}), 0.0)


def test_the_random_agent_has_nothing_to_learn():
    agent = make_agent(image_spec((2, 2, 1), 3), agent="random")
    learner = make_learner(agent)
    assert learner.update(make_unroll(), 0.0) == {}
    assert learner.num_updates == 1
    assert learner.parameters() == []


@pytest.mark.parametrize("implementation", ["packed", "plain"])
def test_a_relational_agent_learns_the_value_of_a_cell(implementation, compiled):
    # The reward is how bright a pixel is; both implementations take the same steps.
    tf.random.set_seed(0)
    agent = make_agent(
        image_spec((2, 2, 1), NUM_ACTIONS),
        **{**TINY_NETWORK, "entity_size": 8, "head_size": 8, "num_frequencies": 2, "mlp": (16,)},
        entities="occupied",
        max_entities=4,
        implementation=implementation,
    )
    unroll = make_unroll(num_envs=16)
    bright = unroll.observations["image"][:-1, :, 0, 0, 0] / np.float32(255)
    unroll = unroll._replace(
        rewards=bright,
        behaviour_log_probs=np.full_like(unroll.behaviour_log_probs, -math.log(NUM_ACTIONS)),
        not_terminated=np.zeros_like(unroll.not_terminated),
        weights=np.ones_like(unroll.weights),
    )
    learner = make_learner(
        agent, optimizer="adam", reduction="mean", batch_size=16, max_gradient_norm=1.0
    )
    losses = [learner.update(unroll, 0.0)["baseline_loss"] for _ in range(150)]
    # A constant could do no better than half the variance.
    assert losses[0] > 0.5 * bright.var() > 0.02
    assert losses[-1] < 0.2 * 0.5 * bright.var()
