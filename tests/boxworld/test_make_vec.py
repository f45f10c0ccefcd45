"""What Gymnasium makes of many games; what its wrappers, copies and threads play."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import vector as vector_wrappers
from small_games import assert_equal

import boxworld
from boxworld import BoxWorldVectorEnv


@pytest.mark.parametrize("name", boxworld.ENVIRONMENTS)
def test_make_vec_gives_the_native_batch(name):
    envs = gymnasium.make_vec(f"boxworld:{name}", num_envs=3, autoreset_mode="SameStep")
    assert type(envs) is BoxWorldVectorEnv
    assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert BoxWorldVectorEnv.metadata["autoreset_mode"] is AutoresetMode.NEXT_STEP
    assert envs.spec.id == name
    single = gymnasium.make(name).unwrapped
    assert (envs.level_spec, envs.max_steps) == (single.level_spec, single.max_steps)
    assert envs.single_observation_space == single.observation_space
    observations, _ = envs.reset(seed=0)
    assert observations in envs.observation_space
    envs.action_space.seed(0)
    assert envs.step(envs.action_space.sample())[0] in envs.observation_space
    envs.close()


def test_make_vec_can_be_asked_for_processes_and_plain_batches():
    native = gymnasium.make_vec("BoxWorld-v0", num_envs=2)
    plain = gymnasium.make_vec("BoxWorld-v0", num_envs=2, vectorization_mode="sync")
    assert type(plain) is SyncVectorEnv
    assert_equal(native.reset(seed=0), plain.reset(seed=0))
    for actions in ([0, 1], [2, 3]):
        assert_equal(native.step(np.array(actions)), plain.step(np.array(actions)))


def test_gymnasiums_vector_wrappers_fit():
    envs = BoxWorldVectorEnv(16, max_steps=12, solution_length=(1, 2), num_branches=(0, 1))
    envs = vector_wrappers.RecordEpisodeStatistics(envs)
    envs = vector_wrappers.TransformReward(envs, lambda rewards: rewards / 10)
    envs = vector_wrappers.FlattenObservation(envs)
    envs = vector_wrappers.DictInfoToList(envs)
    envs.reset(seed=0)
    rng = np.random.default_rng(0)
    episodes = []
    for _ in range(60):
        observations, rewards, _, _, infos = envs.step(rng.integers(0, 4, 16))
        assert observations.shape == (16, 14 * 14 * 3)
        assert np.abs(rewards).max() <= 1
        episodes += [info["episode"] for info in infos if "episode" in info]
    assert len(episodes) > 50
    assert max(episode["l"] for episode in episodes) == 12


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda envs: pickle.loads(pickle.dumps(envs))])
@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_a_copy_goes_on_by_itself(clone, mode):
    envs = BoxWorldVectorEnv(5, autoreset_mode=mode, max_steps=9)
    envs.reset(seed=0)
    rng = np.random.default_rng(0)
    for _ in range(9):  # the last step ends every episode
        envs.step(rng.integers(0, 4, 5))
    twin = clone(envs)
    assert twin.np_random_seed == envs.np_random_seed
    for _ in range(30):
        actions = rng.integers(0, 4, 5)
        assert_equal(twin.step(actions), envs.step(actions))
    assert_equal(twin.reset(), envs.reset())
    assert not np.shares_memory(twin._core.observations, envs._core.observations)


def test_threads_play_what_one_thread_plays():
    def play(seed):
        envs = BoxWorldVectorEnv(32, autoreset_mode="SameStep", copy=False)
        envs.reset(seed=seed)
        rng = np.random.default_rng(seed)
        total = np.zeros(32)
        for _ in range(400):
            total += envs.step(rng.integers(0, 4, 32))[1]
        return total.tolist(), int(envs._core.observations.sum())

    alone = [play(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(play, range(4))) == alone
