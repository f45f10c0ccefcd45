"""Joining the unrolls of small actors, and training on what is joined."""

import numpy as np
import pytest
import tensorflow as tf
from scripted import NUM_ACTIONS, TERMINATED, Linear

from relational_rl.acting.unroll import Episode, Unroll
from relational_rl.api import train
from relational_rl.config import Adam, EnvSpec, Experiment, Online, Run, VTrace
from relational_rl.data.batcher import Batcher, join

T = 3


def make_unroll(number, num_envs=1, version=0, stage=0, size=2):
    """An unroll of `num_envs` environments, all of whose numbers depend on its number."""
    random = np.random.default_rng(number)
    shape = (T, num_envs)
    return Unroll(
        observations={"image": random.integers(256, size=(T + 1, num_envs, size, size, 1))},
        actions=random.integers(NUM_ACTIONS, size=shape).astype(np.int32),
        behaviour_log_probs=random.normal(size=shape).astype(np.float32),
        rewards=random.normal(size=shape).astype(np.float32),
        not_terminated=random.integers(2, size=shape).astype(np.float32),
        weights=random.integers(2, size=shape).astype(np.float32),
        initial_state={"core": (random.normal(size=(num_envs, 5)),)},
        version=version,
        stage=stage,
        episodes=(Episode(float(number), 1, 1.0),),
    )


@pytest.mark.parametrize(
    ("envs_per_actor", "batch_size", "expected"),
    [(1, 32, 32), (32, 32, 1), (64, 32, 1), (24, 32, 4), (2, 3, 3), (5, 1, 1)],
)
def test_as_few_are_joined_as_make_whole_batches(envs_per_actor, batch_size, expected):
    batcher = Batcher(envs_per_actor, batch_size)
    assert (expected * envs_per_actor) % batch_size == 0
    found = [batcher.add(make_unroll(i, envs_per_actor)) for i in range(2 * expected)]
    assert [i for i, joined in enumerate(found) if joined] == [expected - 1, 2 * expected - 1]
    assert found[expected - 1].actions.shape == (T, expected * envs_per_actor)
    # Each is in one batch, and in the order in which they came.
    returns = [[e.episode_return for e in joined.episodes] for joined in found if joined]
    assert returns == [[*range(expected)], [*range(expected, 2 * expected)]]


def test_joined_unrolls_lie_side_by_side():
    parts = [make_unroll(1, 2, version=3), make_unroll(2, 1, version=4), make_unroll(3, 2)]
    joined = join(parts)
    first = 0
    for unroll in parts:
        here = slice(first, first := first + unroll.actions.shape[1])
        for name in ("actions", "behaviour_log_probs", "rewards", "not_terminated", "weights"):
            ours, theirs = getattr(joined, name)[:, here], getattr(unroll, name)
            assert ours.dtype == theirs.dtype
            np.testing.assert_array_equal(ours, theirs)
        image = joined.observations["image"][:, here]
        np.testing.assert_array_equal(image, unroll.observations["image"])
        for ours, theirs in zip(
            tf.nest.flatten(joined.initial_state),
            tf.nest.flatten(unroll.initial_state),
            strict=True,
        ):
            np.testing.assert_array_equal(ours[here], theirs)
    assert first == joined.actions.shape[1] == 5
    assert joined.version == pytest.approx(7 / 3)  # the mean, of which the lag is told
    assert joined.num_frames == sum(unroll.num_frames for unroll in parts)
    assert join(parts[:1]) is parts[0]


def test_unrolls_of_different_stages_are_never_joined():
    batcher = Batcher(1, 3)
    assert batcher.add(make_unroll(1, stage=0)) is None
    assert batcher.add(make_unroll(2, stage=0)) is None
    assert batcher.add(make_unroll(3, stage=1, size=4)) is None
    assert batcher.add(make_unroll(4, stage=0)) is None  # of an actor that was behind
    assert batcher.add(make_unroll(5, stage=1, size=4)) is None
    joined = batcher.add(make_unroll(6, stage=1, size=4))
    assert [episode.episode_return for episode in joined.episodes] == [3, 5, 6]
    assert joined.stage == 1


def test_actors_of_one_environment_train_an_agent_that_is_nothing_but_the_protocol(
    tmp_path, traced
):
    """IMPALA's own shape: a batch of one unroll from each of several actors."""
    experiment = Experiment(
        env=EnvSpec(id="Scripted-v0", kwargs={"episodes": [[[0.0, TERMINATED]]]}),
        agent=Linear(scale=0.0),
        learner=VTrace(
            batch_size=8,
            optimizer=Adam(),
            learning_rate=0.03,
            discount_factor=0.0,
            reward_scale=8.0,
            reduction="mean",
        ),
        source=Online(num_actors=8, envs_per_actor=1, unroll_length=4),
        run=Run(checkpoint_seconds=1e6, metrics_seconds=0.0),
    )
    run = train(experiment, tmp_path, frames=16 * 30)
    # Half of the steps only reset: 16 frames in a batch of 8 unrolls.
    np.testing.assert_array_equal(np.diff(run.metrics["frames"]), 16)
    assert (run.metrics["policy_lag"] >= 0).all()
    # The reward is 1/8 of the action: the largest is the best.
    assert run.metrics["episode_return"][-5:].mean() > 1.5 / 8
