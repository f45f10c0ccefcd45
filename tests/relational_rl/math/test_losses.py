"""Losses against loops over time, batch and actions."""

import math

import numpy as np
import pytest
import tensorflow as tf

from relational_rl.math import distributions, losses

T, B, A = 4, 3, 5
_random = np.random.default_rng(0)
LOGITS = _random.normal(size=(T, B, A)).astype(np.float32)
ACTIONS = _random.integers(A, size=(T, B))
# Positive for the first four steps, negative for the others: see RATIOS.
ADVANTAGES = np.abs(_random.normal(size=(T, B))).astype(np.float32)
ADVANTAGES[np.arange(T * B).reshape(T, B) >= 4] *= -1.0
VALUES, TARGETS = _random.normal(size=(2, T, B)).astype(np.float32)
WEIGHTS = np.array([[1, 1, 0], [1, 0, 1], [1, 1, 1], [0, 1, 1]], np.float32)
PROBABILITIES = np.exp(LOGITS.astype(np.float64))
PROBABILITIES /= PROBABILITIES.sum(axis=-1, keepdims=True)
# Ratios from 0.4 to 2, with either sign of the advantage on either side of the clip.
RATIOS = np.tile([0.4, 0.95, 1.1, 2.0], 3).reshape(T, B)
CHOSEN = np.take_along_axis(PROBABILITIES, ACTIONS[..., np.newaxis], axis=-1)[..., 0]
BEHAVIOUR_LOG_PROBS = np.log(CHOSEN / RATIOS).astype(np.float32)
CLIP_RATIO = 0.2

REDUCTIONS = pytest.mark.parametrize("reduction", ["sum", "mean"])


def reduce_by_loop(terms, reduction, weights=WEIGHTS):
    total = count = 0.0
    for t in range(T):
        for b in range(B):
            if weights[t, b]:
                total += terms[t][b]
                count += 1
    return total if reduction == "sum" else total / count


def call(name, reduction="sum", **changes):
    """Call one of the losses on the inputs above, with changes; `logits` make the policy."""
    logits = changes.pop("logits", LOGITS)
    inputs = {
        "log_probs": distributions.log_prob(logits, ACTIONS),
        "entropies": distributions.entropy(logits),
        "advantages": ADVANTAGES,
        "behaviour_log_probs": BEHAVIOUR_LOG_PROBS,
        "clip_ratio": CLIP_RATIO,
        "values": VALUES,
        "targets": TARGETS,
        "weights": WEIGHTS,
        **changes,
    }
    names = {
        "policy_gradient_loss": ["log_probs", "advantages"],
        "clipped_policy_gradient_loss": [
            "log_probs",
            "behaviour_log_probs",
            "advantages",
            "clip_ratio",
        ],
        "baseline_loss": ["values", "targets"],
        "entropy_loss": ["entropies"],
    }
    arguments = [inputs[each] for each in names[name]]
    return getattr(losses, name)(*arguments, inputs["weights"], reduction)


def clipped_terms(clip_ratio=CLIP_RATIO):
    terms = np.zeros((T, B))
    for t in range(T):
        for b in range(B):
            a, r = float(ADVANTAGES[t, b]), RATIOS[t, b]
            limited = (
                1 + clip_ratio
                if r > 1 + clip_ratio
                else 1 - clip_ratio
                if r < 1 - clip_ratio
                else r
            )
            terms[t, b] = -min(r * a, limited * a)
    return terms


TERMS = {
    "policy_gradient_loss": [
        [-math.log(CHOSEN[t, b]) * ADVANTAGES[t, b] for b in range(B)] for t in range(T)
    ],
    "clipped_policy_gradient_loss": clipped_terms(),
    "baseline_loss": [
        [0.5 * (VALUES[t, b] - TARGETS[t, b]) ** 2 for b in range(B)] for t in range(T)
    ],
    "entropy_loss": [
        [sum(p * math.log(p) for p in PROBABILITIES[t, b]) for b in range(B)] for t in range(T)
    ],
}
LOSSES = pytest.mark.parametrize("name", TERMS)


@LOSSES
@REDUCTIONS
def test_equals_the_loop(name, reduction):
    result = call(name, reduction)
    assert result.shape == ()
    assert float(result) == pytest.approx(reduce_by_loop(TERMS[name], reduction), rel=1e-4)


@LOSSES
def test_mean_is_the_sum_over_the_number_of_real_transitions(name):
    assert float(call(name, "sum")) == pytest.approx(9.0 * float(call(name, "mean")), rel=1e-5)


@LOSSES
def test_dead_steps_carry_no_loss_and_no_gradient(name):
    changed = {
        "logits": np.where(WEIGHTS[..., np.newaxis] > 0, LOGITS, 9.0 - LOGITS).astype(np.float32),
        "values": np.where(WEIGHTS > 0, VALUES, 1e6).astype(np.float32),
        "advantages": np.where(WEIGHTS > 0, ADVANTAGES, 1e6).astype(np.float32),
    }
    assert float(call(name, **changed)) == float(call(name))
    variable = {n: tf.Variable(changed[n]) for n in ("logits", "values")}
    with tf.GradientTape() as tape:
        loss = call(name, **variable)
    gradients = [g.numpy() for g in tape.gradient(loss, list(variable.values())) if g is not None]
    assert len(gradients) == 1
    np.testing.assert_array_equal(gradients[0][WEIGHTS == 0], 0.0)
    assert np.abs(gradients[0][WEIGHTS == 1]).max() > 0.0


@LOSSES
@REDUCTIONS
def test_nothing_but_dead_steps_is_zero(name, reduction):
    assert float(call(name, reduction, weights=np.zeros((T, B), np.float32))) == 0.0


def test_targets_and_advantages_get_no_gradient():
    inputs = {
        "advantages": tf.Variable(ADVANTAGES),
        "targets": tf.Variable(TARGETS),
        "behaviour_log_probs": tf.Variable(BEHAVIOUR_LOG_PROBS),
        "weights": tf.Variable(WEIGHTS),
    }
    with tf.GradientTape() as tape:
        total = sum(call(name, **inputs) for name in TERMS)
    assert set(tape.gradient(total, inputs).values()) == {None}


def test_policy_gradient_is_the_gradient_of_the_expected_reward():
    # Enumerated: with every action taken once, weighted by its probability and its reward as
    # the advantage, the loss falls along the gradient of sum_a pi(a) * reward(a).
    rewards = np.array([1.0, -2.0, 0.5, 3.0, 0.0], np.float32)
    logits = tf.Variable(LOGITS[0, 0])
    with tf.GradientTape(persistent=True) as tape:
        policy = tf.nn.softmax(logits)
        expected = tf.reduce_sum(policy * rewards)
        loss = losses.policy_gradient_loss(
            distributions.log_prob(tf.broadcast_to(logits, (A, 1, A)), np.arange(A)[:, np.newaxis]),
            (rewards * policy.numpy())[:, np.newaxis],
            np.ones((A, 1), np.float32),
        )
    gradient = tape.gradient(expected, logits).numpy()
    assert np.abs(gradient).min() > 0.01
    np.testing.assert_allclose(tape.gradient(loss, logits), -gradient, rtol=1e-4, atol=1e-6)


def test_inputs_straddle_the_clip_and_it_stops_the_right_gradients():
    positive = ADVANTAGES > 0
    high, low = RATIOS > 1 + CLIP_RATIO, RATIOS < 1 - CLIP_RATIO
    stopped = (high & positive) | (low & ~positive)
    for case in (high & positive, high & ~positive, low & positive, low & ~positive, ~high & ~low):
        assert (case & (WEIGHTS > 0)).any()
    logits = tf.Variable(LOGITS)
    with tf.GradientTape() as tape:
        loss = call("clipped_policy_gradient_loss", logits=logits)
    moved = np.abs(tape.gradient(loss, logits)).max(axis=-1) > 0.0
    np.testing.assert_array_equal(moved, ~stopped & (WEIGHTS > 0))
    wide = float(call("clipped_policy_gradient_loss", clip_ratio=10.0))
    assert wide == pytest.approx(reduce_by_loop(-RATIOS * ADVANTAGES, "sum"), rel=1e-4)
    assert abs(wide - float(loss)) > 0.1


def test_clipped_loss_on_policy_has_the_policy_gradient():
    logits = tf.Variable(LOGITS)
    on_policy = np.log(CHOSEN).astype(np.float32)
    with tf.GradientTape(persistent=True) as tape:
        clipped = call("clipped_policy_gradient_loss", logits=logits, behaviour_log_probs=on_policy)
        plain = call("policy_gradient_loss", logits=logits)
    np.testing.assert_allclose(
        tape.gradient(clipped, logits), tape.gradient(plain, logits), rtol=1e-4, atol=1e-6
    )


def test_normalized_advantages_have_mean_0_and_deviation_1_of_real_steps():
    result = losses.normalize_advantages(3.0 * ADVANTAGES + 7.0, WEIGHTS, 1e-3).numpy()
    real = result[WEIGHTS > 0].astype(np.float64)
    assert real.mean() == pytest.approx(0.0, abs=1e-5)
    assert real.std() == pytest.approx(1.0, rel=1e-4)
    all_steps = losses.normalize_advantages(3.0 * ADVANTAGES + 7.0, np.ones_like(WEIGHTS), 1e-3)
    assert np.abs(all_steps - result).max() > 0.05


def test_hardly_differing_advantages_are_not_blown_up():
    few = 1e-4 * ADVANTAGES + 5.0
    result = losses.normalize_advantages(few, WEIGHTS, 0.01).numpy()
    mean = few[WEIGHTS > 0].mean()
    np.testing.assert_allclose(result, (few - mean) / 0.01, atol=1e-4)
    same = losses.normalize_advantages(np.ones((T, B), np.float32), WEIGHTS, 0.01)
    np.testing.assert_allclose(same, 0.0, atol=1e-5)


@LOSSES
def test_compiled_equals_uncompiled(name):
    compiled = tf.function(lambda: call(name), jit_compile=True, autograph=False)()
    assert float(compiled) == pytest.approx(float(call(name)), rel=1e-5)


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        (
            "policy_gradient_loss",
            {"weights": WEIGHTS[0]},
            r"weights must have shape \[None, None\], got \[3\]",
        ),
        (
            "policy_gradient_loss",
            {"advantages": ADVANTAGES[:2]},
            r"advantages must have shape \[4, 3\], got \[2, 3\]",
        ),
        (
            "policy_gradient_loss",
            {"log_probs": LOGITS},
            r"log_probs must have shape \[4, 3\], got \[4, 3, 5\]",
        ),
        (
            "entropy_loss",
            {"entropies": VALUES[:, :1]},
            r"entropies must have shape \[4, 3\], got \[4, 1\]",
        ),
        (
            "clipped_policy_gradient_loss",
            {"clip_ratio": 0.0},
            "clip_ratio must be above 0, got 0.0",
        ),
        (
            "baseline_loss",
            {"targets": TARGETS[..., np.newaxis]},
            r"targets must have shape \[4, 3\], got \[4, 3, 1\]",
        ),
        (
            "baseline_loss",
            {"values": VALUES.astype(np.float64)},
            "values must be float32, got float64",
        ),
        ("entropy_loss", {"weights": WEIGHTS > 0}, "weights must be float32, got bool"),
        ("entropy_loss", {"reduction": "max"}, 'reduction must be "sum" or "mean", got \'max\''),
    ],
)
def test_errors_name_thing_rule_and_value(name, changes, message):
    with pytest.raises(ValueError, match=message):
        call(name, **changes)


def test_min_deviation_must_be_positive():
    with pytest.raises(ValueError, match=r"min_deviation must be above 0, got 0\.0"):
        losses.normalize_advantages(ADVANTAGES, WEIGHTS, 0.0)
