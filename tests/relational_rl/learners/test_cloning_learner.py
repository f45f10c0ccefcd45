"""Behaviour cloning: its loss and gradient in loops, and what an update changes."""

import math

import numpy as np
import pytest
from gymnasium import spaces
from scripted import IMAGE_SCALE, NUM_ACTIONS, LinearAgent

from relational_rl.config import Adam, Cloning, Relational, RMSProp
from relational_rl.errors import ConfigError, NonFiniteError
from relational_rl.learners.cloning import CloningLearner, Lessons, cloning_loss
from relational_rl.observations.spec import EnvironmentSpec

pytestmark = pytest.mark.usefixtures("eager")
B = 6
PLAIN = Cloning(batch_size=B, learning_rate=0.01, optimizer=RMSProp(decay=0.0, epsilon=1.0))


def make_lessons(seed=0):
    random = np.random.default_rng(seed)
    best = random.integers(2, size=(B, NUM_ACTIONS)).astype(bool)
    best[np.arange(B), random.integers(NUM_ACTIONS, size=B)] = True
    return Lessons({"image": random.integers(256, size=(B, 2, 2, 1)).astype(np.uint8)}, best)


def logits_of(lessons, w, b):
    features = lessons.observations["image"].reshape(B, 4) / IMAGE_SCALE
    return (features @ w + b)[:, :NUM_ACTIONS]


def loss_by_loops(logits, best):
    total = 0.0
    for row, right in zip(logits.astype(np.float64), best, strict=True):
        exps = [math.exp(x - max(row)) for x in row]
        total -= math.log(sum(e for e, is_right in zip(exps, right, strict=True) if is_right))
        total += math.log(sum(exps))
    return total / len(logits)


def parameters(agent):
    return agent.w.numpy().astype(np.float64), agent.b.numpy().astype(np.float64)


def test_the_loss_is_that_of_the_loops():
    lessons, agent = make_lessons(), LinearAgent()
    logits = logits_of(lessons, *parameters(agent))
    expected = loss_by_loops(logits, lessons.best_actions)
    found = float(cloning_loss(logits.astype(np.float32), lessons.best_actions))
    assert found == pytest.approx(expected, rel=1e-5)
    metrics = CloningLearner(agent, PLAIN, 0).update(lessons, 0.0)
    assert metrics["loss"] == pytest.approx(expected, rel=1e-5)
    right = [row[np.argmax(x)] for x, row in zip(logits, lessons.best_actions, strict=True)]
    assert metrics["right_moves"] == pytest.approx(np.mean(right))
    # Where every action is right there is nothing to learn.
    assert float(cloning_loss(logits.astype(np.float32), np.ones((B, 3), bool))) == pytest.approx(
        0.0, abs=1e-6
    )


def test_an_update_is_a_step_down_the_gradient():
    lessons, agent = make_lessons(), LinearAgent()
    w, b = parameters(agent)
    metrics = CloningLearner(agent, PLAIN, 0).update(lessons, 0.0)
    gradient = np.zeros_like(w)
    for index in np.ndindex(*w.shape):
        shift = np.zeros_like(w)
        shift[index] = 1e-5
        gradient[index] = (
            loss_by_loops(logits_of(lessons, w + shift, b), lessons.best_actions)
            - loss_by_loops(logits_of(lessons, w - shift, b), lessons.best_actions)
        ) / 2e-5
    # RMSProp without memory divides by the root of g^2 + 1.
    expected = w - 0.01 * gradient / np.sqrt(gradient**2 + 1.0)
    np.testing.assert_allclose(agent.w, expected, atol=1e-6)
    assert metrics["gradient_norm"] >= np.linalg.norm(gradient) - 1e-4
    # The baseline has no part in it.
    np.testing.assert_array_equal(agent.w.numpy()[:, -1], w[:, -1].astype(np.float32))
    assert agent.b.numpy()[-1] == np.float32(b[-1])


def test_the_learning_rate_follows_its_schedule():
    config = Cloning(learning_rate=0.01, learning_rate_schedule="linear", optimizer=Adam())
    steps = []
    for progress in (0.0, 0.75, 1.0):
        agent = LinearAgent()
        before = agent.b.numpy()
        CloningLearner(agent, config, 0).update(make_lessons(), progress)
        steps.append(np.abs(agent.b.numpy() - before)[:NUM_ACTIONS].max())
    np.testing.assert_allclose(steps, [0.01, 0.0025, 0.0], rtol=1e-3, atol=1e-9)


def test_it_learns_what_it_is_shown_and_counts_its_updates():
    agent = LinearAgent()
    learner = CloningLearner(agent, Cloning(learning_rate=0.1, optimizer=Adam()), 0)
    lessons = make_lessons()
    lessons = lessons._replace(best_actions=np.eye(NUM_ACTIONS, dtype=bool)[[0] * 3 + [1] * 3])
    lessons.observations["image"][:3] = 10
    lessons.observations["image"][3:] = 200
    losses = [learner.update(lessons, 0.0)["loss"] for _ in range(60)]
    assert losses[-1] < 0.1 < losses[0]
    assert learner.update(lessons, 0.0)["right_moves"] == 1.0
    assert learner.num_updates == 61
    state = learner.state()
    other = CloningLearner(LinearAgent(), PLAIN, 7)
    other.restore(state)
    assert other.num_updates == 61
    assert other.random.integers(2**60) == learner.random.integers(2**60)
    assert set(learner.trackables) == {"optimizer"}


def test_a_loss_that_is_no_number_is_named():
    agent = LinearAgent()
    agent.w.assign(np.full((4, NUM_ACTIONS + 1), np.nan))
    with pytest.raises(NonFiniteError, match="the total loss is nan in update 1"):
        CloningLearner(agent, PLAIN, 0).update(make_lessons(), 0.0)


def test_only_one_choice_is_cloned():
    spec = EnvironmentSpec.from_spaces(spaces.Box(-1, 1, (2,)), spaces.Box(-1, 1, (1,)))
    agent = Relational(mlp=(4,), num_blocks=1, head_size=4).build(spec)
    with pytest.raises(ConfigError, match="learner=cloning needs actions that are one choice"):
        CloningLearner(agent, PLAIN, seed=0)
