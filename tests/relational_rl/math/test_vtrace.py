"""V-trace against a double loop straight from equation 1 of arXiv:1802.01561."""

import math

import numpy as np
import pytest
import tensorflow as tf

from relational_rl.math import losses, vtrace

T, B, A = 7, 5, 3


def make_inputs(seed=0, length=T):
    """Inputs whose ratios lie on both sides of every threshold the tests use."""
    random = np.random.default_rng(seed)
    log_rhos = random.uniform(-2.5, 2.5, (length, B))
    discounts = random.choice([0.0, 0.5, 0.9, 0.99], (length, B))
    rewards, values = random.normal(size=(2, length, B))
    named = {
        "log_rhos": log_rhos,
        "discounts": discounts,
        "rewards": rewards,
        "values": values,
        "bootstrap_value": random.normal(size=B),
    }
    return {name: x.astype(np.float32) for name, x in named.items()}


def clip(ratio, threshold):
    return ratio if threshold is None else min(ratio, threshold)


def equation_1(
    log_rhos,
    discounts,
    rewards,
    values,
    bootstrap_value,
    clip_rho_threshold=1.0,
    clip_pg_rho_threshold=1.0,
    lambda_=1.0,
    clip_c_threshold=1.0,
):
    """The sums as they are printed: no recursion, no shared terms, float64."""
    length, batch = log_rhos.shape
    vs = np.zeros((length + 1, batch))
    advantages = np.zeros((length, batch))
    for b in range(batch):
        v = [float(x) for x in values[:, b]] + [float(bootstrap_value[b])]
        ratio = [math.exp(x) for x in log_rhos[:, b]]
        for s in range(length):
            vs[s, b] = v[s]
            for t in range(s, length):
                product = 1.0
                for i in range(s, t):
                    product *= discounts[i, b] * lambda_ * clip(ratio[i], clip_c_threshold)
                rho = clip(ratio[t], clip_rho_threshold)
                delta = rho * (rewards[t, b] + discounts[t, b] * v[t + 1] - v[t])
                vs[s, b] += product * delta
        vs[length, b] = v[length]
        for s in range(length):
            target = rewards[s, b] + discounts[s, b] * vs[s + 1, b]
            advantages[s, b] = clip(ratio[s], clip_pg_rho_threshold) * (target - v[s])
    return vs[:length], advantages


SETTINGS = [
    {},
    {"clip_rho_threshold": 2.5, "clip_pg_rho_threshold": 0.7},
    {"clip_rho_threshold": None, "clip_pg_rho_threshold": None},
    {"clip_rho_threshold": 0.5, "clip_pg_rho_threshold": 3.0, "lambda_": 0.8},
    {"lambda_": 0.0},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("length", [1, 2, T])
def test_equals_equation_1(settings, length):
    inputs = make_inputs(length=length)
    returns = vtrace.from_importance_weights(**inputs, **settings)
    vs, advantages = equation_1(**inputs, **settings)
    np.testing.assert_allclose(returns.vs, vs, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(returns.pg_advantages, advantages, rtol=2e-5, atol=2e-5)


def test_every_clip_and_lambda_changes_the_answer():
    inputs = make_inputs()

    def run(**settings):
        returns = vtrace.from_importance_weights(**inputs, **settings)
        return returns.vs.numpy(), returns.pg_advantages.numpy()

    vs, advantages = run()
    for settings in ({"clip_rho_threshold": 2.0}, {"clip_rho_threshold": None}, {"lambda_": 0.9}):
        other_vs, other_advantages = run(**settings)
        assert np.abs(other_vs - vs).max() > 0.1, settings
        assert np.abs(other_advantages - advantages).max() > 0.05, settings
    for settings in ({"clip_pg_rho_threshold": 2.0}, {"clip_pg_rho_threshold": None}):
        other_vs, other_advantages = run(**settings)
        np.testing.assert_array_equal(other_vs, vs)
        assert np.abs(other_advantages - advantages).max() > 0.1, settings
    # The traces c are limited to 1 whatever the limit of rho.
    unclipped_c, _ = equation_1(**inputs, clip_rho_threshold=None, clip_c_threshold=None)
    assert np.abs(unclipped_c - run(clip_rho_threshold=None)[0]).max() > 0.1


def test_on_policy_targets_are_discounted_returns():
    inputs = make_inputs()
    inputs["log_rhos"] = np.zeros((T, B), np.float32)
    returns = vtrace.from_importance_weights(**inputs)
    following = inputs["bootstrap_value"]
    for t in reversed(range(T)):
        following = inputs["rewards"][t] + inputs["discounts"][t] * following
        np.testing.assert_allclose(returns.vs[t], following, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(
            returns.pg_advantages[t], following - inputs["values"][t], rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
@pytest.mark.parametrize("dead", [0, 3, T - 1])
def test_a_step_without_a_transition_cuts_the_unroll_in_two(settings, dead):
    inputs = make_inputs()
    inputs["log_rhos"][dead] = -np.inf
    inputs["discounts"][dead] = 0.99
    inputs["rewards"][dead] = 1000.0
    returns = vtrace.from_importance_weights(**inputs, **settings)
    np.testing.assert_array_equal(returns.vs[dead], inputs["values"][dead])
    np.testing.assert_array_equal(returns.pg_advantages[dead], np.zeros(B))
    before = {name: x[:dead] for name, x in inputs.items() if name != "bootstrap_value"}
    after = {name: x[dead + 1 :] for name, x in inputs.items() if name != "bootstrap_value"}
    parts = [
        (slice(0, dead), before, inputs["values"][dead]),
        (slice(dead + 1, T), after, inputs["bootstrap_value"]),
    ]
    for where, part, bootstrap_value in parts:
        vs, advantages = equation_1(**part, bootstrap_value=bootstrap_value, **settings)
        np.testing.assert_allclose(returns.vs[where], vs, rtol=2e-5, atol=2e-5)
        np.testing.assert_allclose(returns.pg_advantages[where], advantages, rtol=2e-5, atol=2e-5)


def test_nothing_leaks_backwards_over_an_end():
    inputs = make_inputs()
    inputs["discounts"][3] = 0.0
    before = vtrace.from_importance_weights(**inputs)
    for name in ("rewards", "values", "log_rhos"):
        inputs[name][4:] += 1.0
    after = vtrace.from_importance_weights(**inputs)
    np.testing.assert_array_equal(before.vs[:4], after.vs[:4])
    np.testing.assert_array_equal(before.pg_advantages[:4], after.pg_advantages[:4])
    assert np.abs(before.vs[4:].numpy() - after.vs[4:].numpy()).min() > 0.0


def test_no_gradient_flows():
    inputs = {name: tf.constant(x) for name, x in make_inputs().items()}
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(inputs)
        returns = vtrace.from_importance_weights(**inputs)
    for output in returns:
        assert set(tape.gradient(output, inputs).values()) == {None}


def test_gradients_beside_a_dead_step_are_finite():
    inputs = make_inputs()
    weights = np.ones((T, B), np.float32)
    weights[3] = 0.0
    live = tf.constant(weights > 0.0)
    logits = tf.Variable(np.random.default_rng(1).normal(size=(T, B, A)).astype(np.float32))
    values = tf.Variable(inputs.pop("values"))
    with tf.GradientTape() as tape:
        log_probs = tf.nn.log_softmax(logits)[..., 0]
        log_rhos = tf.where(live, log_probs + 1.0, -np.inf)
        returns = vtrace.from_importance_weights(**{**inputs, "log_rhos": log_rhos}, values=values)
        loss = losses.policy_gradient_loss(log_probs, returns.pg_advantages, weights)
        loss += losses.baseline_loss(values, returns.vs, weights)
    for gradient in tape.gradient(loss, [logits, values]):
        assert np.isfinite(gradient).all()
        np.testing.assert_array_equal(gradient[3], np.zeros_like(gradient[3]))
        assert np.abs(gradient[2]).min() > 0.0


def test_exact_fractions():
    # mu = (1, 2, 5) / 8 and pi = (3, 1, 4) / 8 of the actions taken.
    inputs = {name: x[:3, :1] for name, x in make_inputs().items() if x.ndim == 2}
    inputs["bootstrap_value"] = np.array([2.0], np.float32)
    inputs["log_rhos"] = np.log([[3.0], [0.5], [0.8]]).astype(np.float32)
    settings = {"clip_rho_threshold": 2.0, "clip_pg_rho_threshold": 1.5, "lambda_": 0.75}
    returns = vtrace.from_importance_weights(**inputs, **settings)
    vs, advantages = equation_1(**inputs, **settings)
    np.testing.assert_allclose(returns.vs, vs, rtol=1e-5)
    np.testing.assert_allclose(returns.pg_advantages, advantages, rtol=1e-5)


def test_compiled_equals_uncompiled():
    inputs = make_inputs()
    inputs["log_rhos"][2] = -np.inf
    compiled = tf.function(vtrace.from_importance_weights, jit_compile=True)(**inputs)
    for a, b in zip(compiled, vtrace.from_importance_weights(**inputs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_an_unknown_unroll_length_works():
    signature = {name: tf.TensorSpec([None] * x.ndim) for name, x in make_inputs().items()}
    function = tf.function(
        lambda inputs: vtrace.from_importance_weights(**inputs), input_signature=[signature]
    )
    for length in (1, T):
        inputs = make_inputs(length=length)
        returns = function({name: tf.constant(x) for name, x in inputs.items()})
        np.testing.assert_allclose(returns.vs, equation_1(**inputs)[0], rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"log_rhos": np.zeros(T, np.float32)},
            r"log_rhos must have shape \[None, None\], got \[7\]",
        ),
        (
            {"rewards": np.zeros((T, 4), np.float32)},
            r"rewards must have shape \[7, 5\], got \[7, 4\]",
        ),
        (
            {"discounts": np.zeros((6, B), np.float32)},
            r"discounts must have shape \[7, 5\], got \[6, 5\]",
        ),
        (
            {"bootstrap_value": np.zeros((1, B), np.float32)},
            r"bootstrap_value must have shape \[5\], got \[1, 5\]",
        ),
        ({"values": np.zeros((T, B))}, "values must be float32, got float64"),
        ({"lambda_": 1.5}, r"lambda_ must be in \[0, 1\], got 1.5"),
        (
            {"clip_rho_threshold": 0.0},
            "clip_rho_threshold must be above 0, or None for no limit, got 0.0",
        ),
        (
            {"clip_pg_rho_threshold": -1.0},
            "clip_pg_rho_threshold must be above 0, or None for no limit, got -1.0",
        ),
    ],
)
def test_errors_name_thing_rule_and_value(change, message):
    with pytest.raises(ValueError, match=message):
        vtrace.from_importance_weights(**{**make_inputs(), **change})
