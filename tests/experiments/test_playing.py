"""Loading an agent, and playing each episode exactly once and always the same."""

import dataclasses
import json

import gymnasium
import numpy as np
import pytest
import tensorflow as tf
from tiny_runs import TINY, empty_room, save_run

import boxworld
from experiments.games import (
    check_levels,
    check_spaces,
    entities_needed,
    levels_trained_on,
    other_env,
)
from relational_rl.acting.vectorization import make_environment
from relational_rl.agents.protocol import ActOutput
from relational_rl.config import Curriculum, EnvSpec, Experiment, replace
from relational_rl.errors import ConfigError, UsageError
from relational_rl.math import distributions
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.playing.player import Attempt, Player, action_stream, attempts_of, replay
from relational_rl.trained import load_run

SPACES = gymnasium.spaces.Box(0, 255, (2, 2, 1), np.uint8), gymnasium.spaces.Discrete(9)
SPEC = EnvironmentSpec.from_spaces(*SPACES)


class CountingEnvironment(gymnasium.Env):
    """Episodes of reset seed k last k % 4 + 1 steps; writes down what happens."""

    observation_space, action_space = SPACES

    def __init__(self, log):
        self.log = log

    def reset(self, *, seed=None, options=None):
        assert not options
        self.seed, self.left = seed, seed % 4 + 1
        self.log.append(("reset", seed))
        return np.full((2, 2, 1), seed % 256, np.uint8), {}

    def step(self, action):
        self.left -= 1
        self.log.append(("step", self.seed, action))
        return np.zeros((2, 2, 1), np.uint8), 0.5, self.left == 0, False, {"seed": self.seed}


class CountingAgent:
    """Has a memory: its action is the number of steps since the episode began."""

    can_compile = True
    num_draws = 1

    def initial_state(self, batch_size):
        return {"steps": tf.zeros([batch_size], tf.int32)}

    def act(self, observations, state, uniforms, greedy=False, with_attention=False):
        logits = 100.0 * tf.one_hot(state["steps"], 9)
        actions = distributions.choose(logits, uniforms[:, 0], greedy)
        zeros = tf.zeros_like(logits[:, 0])
        return ActOutput(actions, zeros, logits, zeros), {"steps": state["steps"] + 1}


@pytest.mark.parametrize("num_slots", [1, 3, 40])
def test_every_attempt_is_played_exactly_once_whatever_the_number_of_slots(num_slots):
    log = []
    env = EnvSpec(id="", make=lambda: CountingEnvironment(log))
    attempts = attempts_of(range(10, 23), tries=2)
    seen = []
    episodes = Player(CountingAgent(), SPEC, num_slots).play(env, attempts, on_episode=seen.append)
    # Where nothing is left to play, an environment idles over level 0, which does not count.
    resets = [entry[1] for entry in log if entry[0] == "reset" and entry[1]]
    assert sorted(resets) == sorted([*range(10, 23)] * 2)
    assert [episode.attempt for episode in episodes] == attempts
    assert sorted(seen) == sorted(episodes)
    for episode in episodes:
        length = episode.attempt.level_seed % 4 + 1
        # The memory starts anew with every episode, also in a slot that has played before.
        assert episode.actions == tuple(range(length))
        assert episode.episode_return == 0.5 * length
        assert episode.info == {"seed": episode.attempt.level_seed}
        assert episode.is_success is None
    steps = sum(entry[0] == "step" and entry[1] > 0 for entry in log)
    assert steps == sum(len(episode.actions) for episode in episodes)


def test_sampled_actions_follow_the_policy():
    logits = np.log(np.array([[0.1, 0.0, 0.6, 0.3]]) + 1e-30).repeat(7, axis=0)
    uniforms = np.array([0.0, 0.0999, 0.1001, 0.6999, 0.7001, 0.9999, 0.4])
    logits = tf.constant(logits, tf.float32)
    assert distributions.sample(logits, uniforms).numpy().tolist() == [0, 0, 2, 2, 3, 3, 2]


def test_an_episode_does_not_depend_on_what_is_played_beside_it(tiny_agent, tiny_player):
    env = tiny_agent.env
    attempts = attempts_of(range(30), tries=2)
    together = Player(tiny_agent.agent, tiny_agent.spec, 32).play(env, attempts, seed=5)
    assert tiny_player.play(env, attempts[7:12], seed=5) == together[7:12]
    assert tiny_player.play(env, attempts[7:12], seed=6) != together[7:12]
    # Another try of the same level has other random numbers.
    assert any(a.actions != b.actions for a, b in zip(together[::2], together[1::2], strict=True))


@pytest.mark.parametrize("policy", ["sampled", "greedy"])
def test_playing_equals_a_loop_over_single_environments(tiny_agent, tiny_player, policy):
    env = tiny_agent.env
    episodes = tiny_player.play(env, attempts_of(range(3, 12)), policy, seed=2)
    step = tf.function(tiny_agent.agent.act, autograph=False)
    for episode in episodes:
        environment = make_environment(env)
        observation, _ = environment.reset(options={"level_seed": episode.attempt.level_seed})
        stream = action_stream(2, episode.attempt)
        actions, total, ended = [], 0.0, False
        while not ended:
            output, _ = step({"image": observation[np.newaxis]}, (), np.zeros((1, 1)))
            probabilities = tf.nn.softmax(output.policy_logits[0]).numpy().astype(np.float64)
            if policy == "greedy":
                action = int(np.argmax(probabilities))
            else:
                cumulative = np.cumsum(probabilities / probabilities.sum())
                action = int(np.searchsorted(cumulative, stream.random(1)[0], side="right"))
            observation, reward, terminated, truncated, info = environment.step(action)
            actions.append(action)
            total += reward
            ended = terminated or truncated
        assert episode.actions == tuple(actions)
        assert episode.episode_return == total
        assert episode.info.items() >= info.items()
        assert info["level_seed"] == episode.attempt.level_seed


def test_replay_shows_the_same_episode(tiny_agent, tiny_player):
    env = tiny_agent.env
    (episode,) = tiny_player.play(env, [Attempt(4)])
    frames = replay(env, episode)
    assert len(frames) == len(episode.actions) + 1
    environment = make_environment(env, render_mode="rgb_array")
    environment.reset(options={"level_seed": 4})
    np.testing.assert_array_equal(frames[0], environment.render())
    for action in episode.actions:
        environment.step(action)
    np.testing.assert_array_equal(frames[-1], environment.render())


def test_a_loaded_agent_is_the_saved_one(tmp_path):
    saved = save_run(tmp_path / "run", TINY)
    trained = load_run(tmp_path / "run")
    for mine, other in zip(trained.agent.variables, saved.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), other.numpy())
    assert (trained.frames, trained.minutes, trained.stage) == (12_345, 1.5, 0)
    assert trained.description == (
        "relational agent after 12,345 frames (1.5 minutes) on boxworld:BoxWorld-Easy-v0"
    )


def test_room_for_more_entities_changes_nothing_that_fits(tiny_agent):
    larger = tiny_agent.with_entities(20)
    assert (tiny_agent.max_entities, larger.max_entities) == (8, 20)
    assert tiny_agent.with_entities(5) is tiny_agent
    cramped = dataclasses.replace(
        tiny_agent, experiment=replace(tiny_agent.experiment, {"agent.encoder.max_entities": 3})
    ).with_entities(4)
    environment = make_environment(tiny_agent.env)
    images = np.stack([environment.reset(options={"level_seed": k})[0] for k in range(20)])
    same, more, fewer = (
        trained.agent.act({"image": tf.constant(images)}, (), np.zeros((20, 1)))[0].policy_logits
        for trained in (tiny_agent, larger, cramped)
    )
    np.testing.assert_allclose(same, more, atol=1e-5)
    # Without the room, objects would have been dropped.
    assert np.abs(same.numpy() - fewer.numpy()).max() > 1e-3


@pytest.mark.parametrize("name", ["BoxWorld-v0", "BoxWorld-Path10-v0", "BoxWorld-Branch3-v0"])
def test_entities_needed_is_the_most_that_can_be_seen(name):
    environment = gymnasium.make(name)
    spec = environment.unwrapped.level_spec
    most = 0
    for level_seed in range(25):
        level = boxworld.generate_level(spec, level_seed)
        observation, _ = environment.reset(options={"level_seed": level_seed})
        room = empty_room(observation.shape)
        for action in boxworld.solve(level):
            most = max(most, int((observation != room).any(axis=-1).sum()))
            observation = environment.step(action)[0]
    assert most == entities_needed(EnvSpec(id=f"boxworld:{name}"))


def test_the_training_game_is_the_last_stage_and_others_keep_only_the_observation(tiny_agent):
    experiment = Experiment(
        env=EnvSpec(
            id="boxworld:BoxWorld-v0",
            kwargs={"observation": "onehot", "branch_length": 2, "levels": (0, 50)},
        ),
        curriculum=Curriculum(stages=({"solution_length": 1}, {"solution_length": 3})),
    )
    trained = dataclasses.replace(tiny_agent, experiment=experiment)
    assert trained.env.kwargs == {
        "observation": "onehot",
        "branch_length": 2,
        "solution_length": 3,
    }
    other = other_env(experiment, "boxworld:BoxWorld-Path6-v0")
    assert (other.id, other.kwargs) == ("boxworld:BoxWorld-Path6-v0", {"observation": "onehot"})
    assert levels_trained_on(experiment, 40, 100) == 10
    assert levels_trained_on(Experiment(), 40, 100) == 0


def test_run_directories_that_cannot_be_loaded_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"is no run directory: .*config.json: No such file"):
        load_run(tmp_path / "none")
    (tmp_path / "config.json").write_text(json.dumps({"env_id": "boxworld:BoxWorld-Easy-v0"}))
    with pytest.raises(UsageError, match="has no checkpoint yet; train first: relational-rl train"):
        load_run(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"env_id": "NoSuchGame-v0"}))
    with pytest.raises(UsageError, match=r"cannot make the agent of .*NoSuchGame"):
        load_run(tmp_path)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: make_environment(EnvSpec(id="NoSuchGame-v0")),
            "env='NoSuchGame-v0' with {} cannot be made: NameNotFound: ",
        ),
        (
            lambda: make_environment(
                EnvSpec(id="boxworld:BoxWorld-v0", kwargs={"room_size": "big"})
            ),
            "env='boxworld:BoxWorld-v0' with {'room_size': 'big'} cannot be made: .*room_size must",
        ),
        (lambda: check_levels(0, 0), "levels must be at least 1, got 0"),
        (lambda: check_levels(2**32 - 5, 6), r"at most 2\*\*32, .* got 4294967291 \+ 6"),
        (lambda: check_levels(-1, 6), r"first_level must be at least 0 .* got -1 \+ 6"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises((UsageError, ConfigError), match=message):
        call()


def test_a_game_that_looks_different_is_refused(tiny_agent, tiny_player):
    env = EnvSpec(id="boxworld:BoxWorld-v0", kwargs={"observation": "onehot"})
    with pytest.raises(UsageError, match=r"must have .*\(14, 14, 3\).* got .*\(14, 14, 44"):
        check_spaces(env, tiny_agent.spec)
    with pytest.raises(UsageError, match="policy must be one of sampled, greedy, got 'best'"):
        tiny_player.play(tiny_agent.env, [Attempt(0)], policy="best")
    with pytest.raises(ValueError, match="num_slots must be at least 1, got 0"):
        Player(tiny_agent.agent, tiny_agent.spec, 0)
