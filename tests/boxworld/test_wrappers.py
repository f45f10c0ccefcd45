"""The environments inside Gymnasium: made by every id in both spellings, and under its wrappers."""

import subprocess

import gymnasium
import numpy as np
import pytest
from gymnasium import wrappers
from gymnasium.vector import AutoresetMode
from gymnasium.wrappers import vector as vector_wrappers

import boxworld
from boxworld import ENVIRONMENTS, BoxWorldEnv, BoxWorldVectorEnv, solve

SPELLINGS = [spelling for name in ENVIRONMENTS for spelling in (name, f"boxworld:{name}")]


def _solved(env, seed=0):
    """Resets `env` and plays its level's solution; yields what every step returned."""
    env.reset(seed=seed)
    for action in solve(env.unwrapped.level):
        yield env.step(action)


def _read_video(path, height, width):
    """Reads a video as uint8 [frames, height, width, 3]."""
    ffmpeg = pytest.importorskip("imageio_ffmpeg").get_ffmpeg_exe()
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    command = [ffmpeg, "-v", "error", "-i", str(path), *raw]
    data = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    return np.frombuffer(data, np.uint8).reshape(-1, height, width, 3)


def test_there_are_eight_ids():
    assert list(ENVIRONMENTS) == [
        "BoxWorld-v0",
        "BoxWorld-Branch3-v0",
        "BoxWorld-Easy-v0",
        "BoxWorld-Path6-v0",
        "BoxWorld-Path8-v0",
        "BoxWorld-Path10-v0",
        "BoxWorld-WithheldTrain-v0",
        "BoxWorld-WithheldTest-v0",
    ]


@pytest.mark.parametrize("spelling", SPELLINGS)
class TestMake:
    def test_one(self, spelling):
        env = gymnasium.make(spelling)
        assert type(env.unwrapped) is BoxWorldEnv
        assert env.unwrapped.level_spec == BoxWorldEnv(**_knobs(spelling)).level_spec
        observation, _ = env.reset(seed=0)
        assert env.observation_space.contains(observation)
        assert observation.shape == (14, 14, 3)
        *_, (_, reward, terminated, _, info) = _solved(env)
        assert terminated and reward == 10 and info["is_success"]
        env.close()

    def test_vector(self, spelling):
        envs = gymnasium.make_vec(spelling, num_envs=3)
        assert type(envs.unwrapped) is BoxWorldVectorEnv
        assert envs.unwrapped.level_spec == BoxWorldEnv(**_knobs(spelling)).level_spec
        observations, _ = envs.reset(seed=0)
        assert envs.observation_space.contains(observations)
        envs.step(envs.action_space.sample())
        envs.close()

    def test_keywords_pass_through(self, spelling):
        env = gymnasium.make(spelling, room_size=20, max_steps=77, observation="onehot")
        assert env.unwrapped.max_steps == 77
        assert env.observation_space.shape == (22, 22, 44)
        envs = gymnasium.make_vec(spelling, num_envs=2, room_size=20, max_steps=77)
        assert envs.unwrapped.max_steps == 77
        assert envs.observation_space.shape == (2, 22, 22, 3)


def _knobs(spelling):
    return ENVIRONMENTS[spelling.removeprefix("boxworld:")]


def test_importing_again_registers_nothing_twice():
    before = dict(gymnasium.registry)
    boxworld.register_environments()
    assert gymnasium.registry == before


class TestWrappers:
    def test_time_limit_cuts_off_before_the_step_cap(self):
        env = gymnasium.make("BoxWorld-v0", max_episode_steps=5)
        env.reset(seed=0)
        for step in range(1, 6):
            # Up and down again: neither ends an episode that starts on free floor.
            *_, terminated, truncated, _ = env.step(step % 2)
            assert not terminated
            assert truncated == (step == 5)

    def test_episode_statistics(self):
        env = wrappers.RecordEpisodeStatistics(gymnasium.make("BoxWorld-v0"))
        *_, (*_, info) = steps = list(_solved(env))
        assert info["episode"]["r"] == env.unwrapped.level.solution_length + 10
        assert info["episode"]["l"] == len(steps)
        assert info["is_success"]

    def test_flattened(self):
        plain, flat = gymnasium.make("BoxWorld-v0"), gymnasium.make("BoxWorld-v0")
        flat = wrappers.FlattenObservation(flat)
        assert flat.observation_space.shape == (14 * 14 * 3,)
        for (pixels, *_), (vector, *_) in zip(_solved(plain), _solved(flat), strict=True):
            np.testing.assert_array_equal(vector, pixels.reshape(-1))
            assert flat.observation_space.contains(vector)

    def test_rescaled(self):
        env = wrappers.RescaleObservation(
            wrappers.DtypeObservation(gymnasium.make("BoxWorld-v0"), np.float32),
            np.float32(0),
            np.float32(1),
        )
        observation, _ = env.reset(seed=0)
        assert observation.dtype == np.float32
        np.testing.assert_allclose(np.unique(observation)[[0, -1]], [0, 1])

    def test_stacked_frames_are_those_of_four_steps(self):
        env = wrappers.FrameStackObservation(gymnasium.make("BoxWorld-v0"), 4)
        frames = [frame for frame, *_ in _solved(gymnasium.make("BoxWorld-v0"))]
        *_, (stack, *_) = _solved(env)
        np.testing.assert_array_equal(stack, frames[-4:])
        assert len({frame.tobytes() for frame in stack}) == 4

    def test_video_shows_every_step(self, tmp_path):
        pytest.importorskip("moviepy")
        env = wrappers.RecordVideo(
            gymnasium.make("BoxWorld-Easy-v0", render_mode="rgb_array"),
            str(tmp_path / "videos"),
            name_prefix="easy",
            disable_logger=True,
        )
        steps = list(_solved(env))
        env.close()
        (video,) = tmp_path.glob("videos/*.mp4")
        assert video.name.startswith("easy")
        frames = _read_video(video, 14 * 24, 14 * 24)
        assert len(frames) == len(steps) + 1
        # The border is black and the floor is light grey; compression blurs little.
        assert frames[:, 14 * 24 - 12].mean() < 20
        assert np.median(frames) == pytest.approx(204, abs=10)


def _play_in_slots(envs, plans):
    """Plays a plan in each slot, then waits by moving up; yields infos until all have ended."""
    for step in range(max(map(len, plans))):
        actions = [plan[step] if step < len(plan) else 0 for plan in plans]
        yield envs.step(np.array(actions))[-1]


class TestVectorWrappers:
    @pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
    def test_episode_statistics(self, mode):
        envs = gymnasium.make_vec("BoxWorld-v0", num_envs=4, autoreset_mode=mode)
        envs = vector_wrappers.RecordEpisodeStatistics(envs)
        envs.reset(seed=0)
        levels = envs.unwrapped.dealt_levels
        plans = [solve(level) for level in levels]
        ended = {}
        for infos in _play_in_slots(envs, plans):
            for slot in np.flatnonzero(infos.get("_episode", [])):
                statistics = infos["episode"]
                ended.setdefault(int(slot), (statistics["r"][slot], statistics["l"][slot]))
        assert ended == {
            slot: (level.solution_length + 10, len(plan))
            for slot, (level, plan) in enumerate(zip(levels, plans, strict=True))
        }

    def test_flattened(self):
        envs = vector_wrappers.FlattenObservation(gymnasium.make_vec("BoxWorld-v0", num_envs=3))
        plain = gymnasium.make_vec("BoxWorld-v0", num_envs=3)
        assert envs.observation_space.shape == (3, 14 * 14 * 3)
        observations, _ = envs.reset(seed=0)
        np.testing.assert_array_equal(observations, plain.reset(seed=0)[0].reshape(3, -1))

    def test_infos_as_a_list(self):
        envs = vector_wrappers.DictInfoToList(gymnasium.make_vec("BoxWorld-v0", num_envs=3))
        _, infos = envs.reset(seed=0)
        assert [info["level_seed"] for info in infos] == [
            gymnasium.make("BoxWorld-v0").reset(seed=seed)[1]["level_seed"] for seed in range(3)
        ]

    def test_clipped_rewards(self):
        envs = vector_wrappers.ClipReward(gymnasium.make_vec("BoxWorld-v0", num_envs=2), -1, 1)
        envs.reset(seed=0)
        plans = [solve(level) for level in envs.unwrapped.dealt_levels]
        rewards = [envs.step(np.array([plans[0][step], 0]))[1][0] for step in range(len(plans[0]))]
        assert rewards[-1] == 1  # the gem's 10
        assert sum(rewards) == envs.unwrapped.dealt_levels[0].solution_length + 1

    def test_video_of_all_slots(self, tmp_path):
        pytest.importorskip("moviepy")
        envs = vector_wrappers.RecordVideo(
            gymnasium.make_vec("BoxWorld-Easy-v0", num_envs=2, render_mode="rgb_array"),
            str(tmp_path / "videos"),
            video_length=5,
            disable_logger=True,
        )
        envs.reset(seed=0)
        for _ in range(8):
            envs.step(envs.action_space.sample())
        envs.close()
        (video,) = tmp_path.glob("videos/*.mp4")
        assert len(_read_video(video, 14 * 24, 2 * 14 * 24)) == 1 + 5

    def test_single_environments_in_gymnasiums_own_vector(self):
        own = gymnasium.make_vec("BoxWorld-v0", num_envs=2, vectorization_mode="sync")
        native = gymnasium.make_vec("BoxWorld-v0", num_envs=2)
        np.testing.assert_array_equal(own.reset(seed=3)[0], native.reset(seed=3)[0])
        own.close()
