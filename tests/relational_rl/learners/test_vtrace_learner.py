"""Updates of a linear network, against the formulas written out in loops."""

import math
from itertools import chain

import numpy as np
import pytest
import tensorflow as tf
from flat import image_spec, make_agent
from scripted import IMAGE_SCALE, NUM_ACTIONS, LinearAgent

from relational_rl.acting.unroll import Unroll
from relational_rl.config import RMSProp, VTrace
from relational_rl.config.tree import replace
from relational_rl.errors import NonFiniteError
from relational_rl.learners.vtrace import VTraceLearner

T, B = 6, 4
# Every feature of IMPALA's and of the surrogate's loss is on somewhere; see VARIANTS.
CONFIG = VTrace(
    batch_size=B,
    discount_factor=0.9,
    baseline_cost=0.7,
    entropy_cost=0.2,
    learning_rate=0.01,
    optimizer=RMSProp(epsilon=1e-3),
    max_gradient_norm=1e6,
)
VARIANTS = {
    "published": {},
    "mean": {"reduction": "mean"},
    "clip_rho": {"clip_rho_threshold": 0.6},
    "no clip_rho": {"clip_rho_threshold": 100.0},
    "clip_pg_rho": {"clip_pg_rho_threshold": 0.6},
    "no clip_pg_rho": {"clip_pg_rho_threshold": 100.0},
    "trace_decay": {"trace_decay": 0.5},
    "reward_scale": {"reward_scale": 0.25},
    "discount_factor": {"discount_factor": 0.5},
    "normalized": {"min_advantage_deviation": 0.01},
    "floor under the deviation": {"min_advantage_deviation": 50.0},
    "surrogate": {"policy_clip": 0.2},
    "wide surrogate": {"policy_clip": 5.0},
    "everything": {
        "policy_clip": 0.2,
        "min_advantage_deviation": 0.1,
        "trace_decay": 0.95,
        "reward_scale": 0.5,
        "reduction": "mean",
    },
}


@pytest.fixture(autouse=True)
def eager():
    """Runs functions as they are written: compiling takes seconds for every learner."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def compiled(eager):
    tf.config.run_functions_eagerly(False)


def make_unroll(num_envs=B, seed=0):
    """An unroll with ends, cut-offs and dead steps, and actions unlike the policy's choice."""
    random = np.random.default_rng(seed)
    terminated = np.zeros((T, num_envs), bool)
    truncated = np.zeros((T, num_envs), bool)
    terminated[1, 0] = terminated[4, 1] = truncated[2, 1] = truncated[5, 2] = True
    ended = terminated | truncated
    dead = np.zeros((T, num_envs), bool)
    dead[1:] = ended[:-1]
    return Unroll(
        observations={"image": random.integers(0, 256, (T + 1, num_envs, 2, 2, 1), np.uint8)},
        actions=random.integers(NUM_ACTIONS, size=(T, num_envs)).astype(np.int32),
        behaviour_log_probs=random.normal(-1.2, 0.6, size=(T, num_envs)).astype(np.float32),
        rewards=np.where(dead, 0.0, random.normal(size=(T, num_envs)) * 3).astype(np.float32),
        not_terminated=(~terminated).astype(np.float32),
        weights=(~dead).astype(np.float32),
        initial_state=(),
        version=0,
        stage=0,
        episodes=(),
    )


def make_learner(agent=None, seed=0, **changes):
    return VTraceLearner(agent or LinearAgent(), replace(CONFIG, changes), seed)


def flat(values):
    return np.concatenate([np.asarray(value, np.float64).ravel() for value in values])


def updated(unroll, progress=0.0, seed=0, **changes):
    """Returns the parameters after one update from the same start, one after the other."""
    learner = make_learner(seed=seed, **changes)
    learner.update(unroll, progress)
    return flat(learner.parameters())


START = flat([LinearAgent().b, LinearAgent().w])  # in the order of `variables`


def network(unroll, parameters):
    """Returns logits [T + 1, B, A] and values [T + 1, B] of the linear agent."""
    images = unroll.observations["image"].astype(np.float64) / IMAGE_SCALE
    bias, kernel = parameters[: NUM_ACTIONS + 1], parameters[NUM_ACTIONS + 1 :]
    out = images.reshape(*images.shape[:2], 4) @ kernel.reshape(4, NUM_ACTIONS + 1) + bias
    return out[..., :-1], out[..., -1]


def log_softmax(logits):
    return logits - logits.max() - math.log(np.exp(logits - logits.max()).sum())


def ratio_of(unroll, logits, t, e):
    log_pi = log_softmax(logits[t, e])
    return math.exp(log_pi[unroll.actions[t, e]] - float(unroll.behaviour_log_probs[t, e]))


def targets_by_loops(unroll, config, logits, values):
    """Returns the targets of the values and the advantages, [T, B] each."""
    steps, envs = unroll.actions.shape
    rewards = unroll.rewards.astype(np.float64) * config.reward_scale
    vs, advantages = np.zeros((steps + 1, envs)), np.zeros((steps, envs))
    for e in range(envs):
        vs[steps, e] = values[steps, e]
        for t in reversed(range(steps)):
            if not unroll.weights[t, e]:
                vs[t, e] = values[t, e]  # no transition: the step before bootstraps from here
                continue
            ratio = ratio_of(unroll, logits, t, e)
            rho = min(config.clip_rho_threshold, ratio)
            c = config.trace_decay * min(1.0, ratio)
            gamma = config.discount_factor * unroll.not_terminated[t, e]
            delta = rho * (rewards[t, e] + gamma * values[t + 1, e] - values[t, e])
            correction = gamma * c * (vs[t + 1, e] - values[t + 1, e])
            vs[t, e] = values[t, e] + delta + correction
            advantages[t, e] = rewards[t, e] + gamma * vs[t + 1, e] - values[t, e]
            if not config.policy_clip:
                advantages[t, e] *= min(config.clip_pg_rho_threshold, ratio)
    if config.min_advantage_deviation is not None:
        real = advantages[unroll.weights > 0]
        deviation = max(real.std(), config.min_advantage_deviation)
        advantages = (advantages - real.mean()) / deviation
    return vs[:-1], advantages


def losses_by_loops(unroll, config, logits, values, vs, advantages):
    """Returns what `update` reports of its losses."""
    policy = baseline = entropy = kl = 0.0
    count = int(unroll.weights.sum())
    for t, e in np.argwhere(unroll.weights):
        log_pi, ratio = log_softmax(logits[t, e]), ratio_of(unroll, logits, t, e)
        if config.policy_clip:
            clipped = min(max(ratio, 1 - config.policy_clip), 1 + config.policy_clip)
            policy -= min(ratio * advantages[t, e], clipped * advantages[t, e])
        else:
            policy -= log_pi[unroll.actions[t, e]] * advantages[t, e]
        baseline += 0.5 * (vs[t, e] - values[t, e]) ** 2
        entropy -= (np.exp(log_pi) * log_pi).sum()
        kl += ratio - 1.0 - math.log(ratio)
    share = 1 / count if config.reduction == "mean" else 1.0
    policy, baseline = policy * share, baseline * share
    bonus = config.entropy_cost * entropy * share
    return {
        "loss": policy + config.baseline_cost * baseline - bonus,
        "policy_loss": policy,
        "baseline_loss": baseline,
        "entropy": entropy / count,
        "behaviour_kl": kl / count,
    }


def expected_losses(unroll, config):
    logits, values = network(unroll, START)
    targets = targets_by_loops(unroll, config, logits, values)
    return losses_by_loops(unroll, config, logits, values, *targets)


def gradient_by_differences(unroll, config):
    """Differences of the loss; targets and advantages stay, no gradient flows through them."""
    targets = targets_by_loops(unroll, config, *network(unroll, START))

    def loss(shift):
        return losses_by_loops(unroll, config, *network(unroll, START + shift), *targets)["loss"]

    shifts = 1e-5 * np.eye(len(START))
    return np.array([(loss(shift) - loss(-shift)) / 2e-5 for shift in shifts])


@pytest.mark.parametrize("variant", VARIANTS)
def test_losses_equal_the_loops(variant):
    changes, unroll = VARIANTS[variant], make_unroll()
    metrics = make_learner(**changes).update(unroll, 0.0)
    expected = expected_losses(unroll, replace(CONFIG, changes))
    assert set(metrics) == {*expected, "gradient_norm"}
    for name, value in expected.items():
        assert metrics[name] == pytest.approx(value, rel=1e-4, abs=1e-4), name
    # Every option is felt.
    published = expected_losses(unroll, CONFIG)["loss"]
    assert variant == "published" or abs(expected["loss"] - published) > 1e-2


@pytest.mark.parametrize("variant", ["published", "surrogate", "everything"])
def test_an_update_is_a_step_of_rmsprop_along_the_gradient(variant):
    changes, unroll = VARIANTS[variant], make_unroll()
    config = replace(CONFIG, changes)
    gradient = gradient_by_differences(unroll, config)
    norm = float(np.linalg.norm(gradient))
    assert make_learner(**changes).update(unroll, 0.0)["gradient_norm"] == pytest.approx(
        norm, rel=1e-3
    )
    for limit in (2 * norm, 0.25 * norm):
        clipped = gradient * min(1.0, limit / norm)
        # The running mean of squares starts at 0; epsilon is inside the root.
        square = (1 - config.optimizer.decay) * clipped**2
        step = -config.learning_rate * clipped / np.sqrt(square + config.optimizer.epsilon)
        after = updated(unroll, max_gradient_norm=limit, **changes)
        np.testing.assert_allclose(after - START, step, rtol=2e-3, atol=2e-6)


def test_adam_steps_by_the_learning_rate():
    gradient = gradient_by_differences(make_unroll(), CONFIG)
    after = updated(make_unroll(), optimizer="adam", learning_rate=0.003)
    np.testing.assert_allclose(after - START, -0.003 * np.sign(gradient), rtol=1e-3)


@pytest.mark.parametrize("can_compile", [False, True])
def test_compiled_the_update_is_the_same(can_compile, compiled):
    changes = {**VARIANTS["everything"], "num_passes": 2}
    learner = make_learner(LinearAgent(can_compile=can_compile), **changes)
    metrics = learner.update(make_unroll(), 0.0)
    tf.config.run_functions_eagerly(True)
    uncompiled = make_learner(**changes)
    assert metrics == pytest.approx(uncompiled.update(make_unroll(), 0.0), rel=1e-4, abs=1e-5)
    np.testing.assert_allclose(flat(learner.parameters()), flat(uncompiled.parameters()), atol=1e-5)


DEAD = make_unroll().weights == 0
PERTURBED = {
    "rewards": lambda value: value + 100.0,
    "actions": lambda value: (value + 1) % NUM_ACTIONS,
    "behaviour_log_probs": lambda value: 3.0 * value,
    "not_terminated": lambda value: 1.0 - value,
}


@pytest.mark.parametrize("variant", ["published", "surrogate", "everything"])
@pytest.mark.parametrize("name", PERTURBED)
def test_dead_steps_change_nothing(name, variant):
    unroll, changes = make_unroll(), VARIANTS[variant]
    assert DEAD.sum() == 3
    before, value = updated(unroll, **changes), getattr(unroll, name)
    for where, is_same in ((DEAD, True), (~DEAD, False)):
        where = where.reshape(where.shape + (1,) * (value.ndim - 2))
        changed = np.where(where, PERTURBED[name](value), value).astype(value.dtype)
        after = updated(unroll._replace(**{name: changed}), **changes)
        if is_same:
            np.testing.assert_array_equal(after, before)
        else:
            assert np.abs(after - before).max() > 1e-4


def one_episode(terminated):
    """One environment whose episode ends in step 2, and a dead step."""
    unroll = make_unroll()
    unroll = unroll._replace(
        observations={"image": unroll.observations["image"][:, 3:]},
        **{name: getattr(unroll, name)[:, 3:] for name in ("actions", "behaviour_log_probs")},
        rewards=unroll.rewards[:, 3:],
    )
    not_terminated = np.ones((T, 1), np.float32)
    not_terminated[2] = float(not terminated)
    weights = np.ones((T, 1), np.float32)
    weights[3] = 0.0
    return unroll._replace(not_terminated=not_terminated, weights=weights)


def with_image(unroll, t, value):
    image = unroll.observations["image"].copy()
    image[t] = value
    return unroll._replace(observations={"image": image})


@pytest.mark.parametrize("variant", ["published", "everything"])
def test_what_follows_a_cut_off_is_seen_and_what_follows_an_end_is_not(variant):
    changes = {**VARIANTS[variant], "batch_size": 1}
    ended, cut_off = one_episode(terminated=True), one_episode(terminated=False)
    assert np.abs(updated(ended, **changes) - updated(cut_off, **changes)).max() > 1e-4
    # The observation at the dead step 3 is the episode's true last one.
    np.testing.assert_array_equal(
        updated(with_image(ended, 3, 250), **changes), updated(ended, **changes)
    )
    assert (
        np.abs(updated(with_image(cut_off, 3, 250), **changes) - updated(cut_off, **changes)).max()
        > 1e-4
    )


def test_the_learning_rate_falls_to_zero_where_asked():
    unroll = make_unroll()
    full = updated(unroll) - START
    for progress, left in ((0.0, 1.0), (0.5, 0.5), (0.75, 0.25), (1.0, 0.0), (1.5, 0.0)):
        step = updated(unroll, progress, learning_rate_schedule="linear") - START
        np.testing.assert_allclose(step, left * full, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(updated(unroll, 0.75) - START, full)


def test_the_entropy_cost_falls_to_zero_where_asked():
    unroll = make_unroll()
    for schedule, left in (("linear", 0.25), ("constant", 1.0)):
        metrics = make_learner(entropy_schedule=schedule).update(unroll, 0.75)
        config = replace(CONFIG, {"entropy_cost": left * CONFIG.entropy_cost})
        assert metrics["loss"] == pytest.approx(expected_losses(unroll, config)["loss"], rel=1e-4)


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
        stem="patch",
        entities="occupied",
        max_entities=4,
        entity_size=8,
        head_size=8,
        num_heads=1,
        num_blocks=1,
        num_frequencies=2,
        mlp=(16,),
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
