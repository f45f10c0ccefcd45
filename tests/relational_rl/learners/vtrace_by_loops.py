"""The losses of the V-trace learner written out in loops, and a linear network to apply them to."""

import math

import numpy as np
from scripted import IMAGE_SCALE, NUM_ACTIONS, LinearAgent

from relational_rl.acting.unroll import Unroll
from relational_rl.config import RMSProp, VTrace
from relational_rl.config.tree import replace
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


def with_image(unroll, t, value):
    image = unroll.observations["image"].copy()
    image[t] = value
    return unroll._replace(observations={"image": image})
