"""Updates of a linear network, against the formulas written out in loops."""

import numpy as np
import pytest
import tensorflow as tf
from scripted import NUM_ACTIONS, LinearAgent
from vtrace_by_loops import (
    CONFIG,
    START,
    T,
    expected_losses,
    flat,
    losses_by_loops,
    make_learner,
    make_unroll,
    network,
    targets_by_loops,
    updated,
    with_image,
)

from relational_rl.config.tree import replace

pytestmark = pytest.mark.usefixtures("eager")
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


@pytest.fixture
def compiled(eager):
    tf.config.run_functions_eagerly(False)


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
