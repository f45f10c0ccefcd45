"""Rewards relabelled on their way to the learner."""

import numpy as np
import pytest
from scripted_run import CONFIG, FakeBackend, make_unroll

from relational_rl.config import replace
from relational_rl.data.transforms import ClipRewards, ScaleRewards
from relational_rl.errors import ConfigError
from relational_rl.run.trainer import Trainer

SCALED = {"source.transforms": ("relational_rl.data.transforms:ScaleRewards",)}


def test_clipped_rewards_are_in_range_and_nothing_else_changes():
    unroll = make_unroll()._replace(rewards=np.array([[-3.0, -0.5, 0.25, 9.0]] * 3, np.float32))
    clipped = ClipRewards()(unroll)
    assert clipped.rewards.tolist() == [[-1.0, -0.5, 0.25, 1.0]] * 3
    assert clipped.rewards.dtype == np.float32
    assert clipped._replace(rewards=unroll.rewards) is not unroll
    for name in set(unroll._fields) - {"rewards"}:
        assert getattr(clipped, name) is getattr(unroll, name)
    assert unroll.rewards[0, 0] == -3.0  # the actor's own array stays


def test_scaled_rewards_have_the_size_one_over_all_that_came():
    transform, seen = ScaleRewards(), []
    for number in range(4):
        unroll = make_unroll(number, dead=5)
        live = unroll.weights > 0
        unroll = unroll._replace(rewards=np.where(live, 1000.0 * unroll.rewards, 77.0))
        seen.append(unroll.rewards[live])  # a step that only resets pays nothing
        scaled = transform(unroll).rewards
        size = np.sqrt(np.mean(np.concatenate(seen) ** 2))
        np.testing.assert_allclose(scaled[live], unroll.rewards[live] / size, rtol=1e-5)


def test_rewards_that_are_all_zero_stay_so():
    unroll = make_unroll()._replace(rewards=np.zeros((3, 4), np.float32))
    assert not ScaleRewards()(unroll).rewards.any()


def test_what_a_transform_has_learned_goes_into_the_checkpoint(tmp_path, eager):
    def resumed():
        return Trainer(replace(CONFIG, SCALED), tmp_path, lambda *_: FakeBackend(), [])

    def values(trainer):
        return {name: float(value) for name, value in trainer.source.trackables.items()}

    backend = FakeBackend(make_unroll(1), make_unroll(2))
    trainer = Trainer(replace(CONFIG, SCALED), tmp_path, lambda *_: backend, [])
    rewards = []
    update = trainer.learner.update
    trainer.learner.update = lambda unroll, share: rewards.append(unroll) or update(unroll, share)
    trainer.source.start([], 0, 0)
    for _ in range(2):
        trainer._learn(trainer.source.next(1.0))
    assert rewards[0].rewards.std() == pytest.approx(1.0, abs=0.1)
    trainer.save()
    assert values(trainer)["transform_0_count"] == 24
    assert values(resumed()) == values(trainer)


def test_transforms_are_named_by_import_paths(tmp_path, eager):
    path = "relational_rl.data.transforms:ClipReward"
    wrong = replace(CONFIG, {"source.transforms": (path,)})
    with pytest.raises(ConfigError, match=r"config\.source\.transforms: cannot import .*ClipRew"):
        Trainer(wrong, tmp_path)
