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
    Game,
    check_levels,
    entities_needed,
    levels_trained_on,
    other_game,
    training_game,
)
from experiments.launch import UsageError
from experiments.playing import (
    Attempt,
    Player,
    action_stream,
    attempts_of,
    replay,
    sample_actions,
)
from experiments.trained import fit_to_game, load_trained_agent
from relational_rl.agents import StepOutput
from relational_rl.config import Config
from relational_rl.observations.spec import EnvironmentSpec

SPACES = gymnasium.spaces.Box(0, 255, (2, 2, 1), np.uint8), gymnasium.spaces.Discrete(9)
SPEC = EnvironmentSpec.from_spaces(*SPACES)


class CountingEnvironment(gymnasium.Env):
    """Episodes of reset seed k last k % 4 + 1 steps; writes down what happens."""

    observation_space, action_space = SPACES

    def __init__(self, log):
        self.log = log

    def reset(self, *, seed=None, options=None):
        self.seed, self.left = seed, seed % 4 + 1
        self.log.append(("reset", seed))
        return np.full((2, 2, 1), seed % 256, np.uint8), {}

    def step(self, action):
        self.left -= 1
        self.log.append(("step", self.seed, action))
        return np.zeros((2, 2, 1), np.uint8), 0.5, self.left == 0, False, {"seed": self.seed}


class CountingGame:
    """Makes environments that share a log."""

    env_id = "Counting"

    def __init__(self):
        self.log = []

    def make(self, render_mode=None):
        return CountingEnvironment(self.log)


class CountingAgent:
    """Has a memory: its action is the number of steps since the episode began."""

    can_compile = True

    def initial_state(self, batch_size):
        return {"steps": tf.zeros([batch_size], tf.int32)}

    def step(self, observations, state, seed, greedy=False, with_attention=False):
        logits = 100.0 * tf.one_hot(state["steps"], 9)
        steps = state["steps"] + 1
        return StepOutput(steps, logits, tf.zeros_like(logits[:, 0])), {"steps": steps}


@pytest.mark.parametrize("num_slots", [1, 3, 40])
def test_every_attempt_is_played_exactly_once_whatever_the_number_of_slots(num_slots):
    game = CountingGame()
    attempts = attempts_of(range(10, 23), tries=2)
    seen = []
    episodes = Player(CountingAgent(), SPEC, num_slots).play(game, attempts, on_episode=seen.append)
    resets = [entry[1] for entry in game.log if entry[0] == "reset"]
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
    steps = sum(entry[0] == "step" for entry in game.log)
    assert steps == sum(len(episode.actions) for episode in episodes)


def test_sampled_actions_follow_the_policy():
    logits = np.log(np.array([[0.1, 0.0, 0.6, 0.3]]) + 1e-30).repeat(7, axis=0)
    uniforms = np.array([0.0, 0.0999, 0.1001, 0.6999, 0.7001, 0.9999, 0.4])
    assert sample_actions(logits, uniforms).tolist() == [0, 0, 2, 2, 3, 3, 2]


def test_an_episode_does_not_depend_on_what_is_played_beside_it(tiny_agent, tiny_player):
    game = training_game(tiny_agent.config)
    attempts = attempts_of(range(30), tries=2)
    together = Player(tiny_agent.agent, tiny_agent.spec, 32).play(game, attempts, seed=5)
    assert tiny_player.play(game, attempts[7:12], seed=5) == together[7:12]
    assert tiny_player.play(game, attempts[7:12], seed=6) != together[7:12]
    # Another try of the same level has other random numbers.
    assert any(a.actions != b.actions for a, b in zip(together[::2], together[1::2], strict=True))


@pytest.mark.parametrize("policy", ["sampled", "greedy"])
def test_playing_equals_a_loop_over_single_environments(tiny_agent, tiny_player, policy):
    game = training_game(tiny_agent.config)
    episodes = tiny_player.play(game, attempts_of(range(3, 12)), policy, seed=2)
    step = tf.function(tiny_agent.agent.step, autograph=False)
    for episode in episodes:
        environment = game.make()
        observation, _ = environment.reset(options={"level_seed": episode.attempt.level_seed})
        stream = action_stream(2, episode.attempt)
        actions, total, ended = [], 0.0, False
        while not ended:
            output, _ = step({"image": observation[np.newaxis]}, (), tf.constant([0, 0]))
            probabilities = tf.nn.softmax(output.policy_logits[0]).numpy().astype(np.float64)
            if policy == "greedy":
                action = int(np.argmax(probabilities))
            else:
                cumulative = np.cumsum(probabilities / probabilities.sum())
                action = int(np.searchsorted(cumulative, stream.random(), side="right"))
            observation, reward, terminated, truncated, info = environment.step(action)
            actions.append(action)
            total += reward
            ended = terminated or truncated
        assert episode.actions == tuple(actions)
        assert episode.episode_return == total
        assert episode.info == info
        assert info["level_seed"] == episode.attempt.level_seed


def test_replay_shows_the_same_episode(tiny_agent, tiny_player):
    game = training_game(tiny_agent.config)
    (episode,) = tiny_player.play(game, [Attempt(4)])
    frames = replay(game, episode)
    assert len(frames) == len(episode.actions) + 1
    environment = game.make(render_mode="rgb_array")
    environment.reset(options={"level_seed": 4})
    np.testing.assert_array_equal(frames[0], environment.render())
    for action in episode.actions:
        environment.step(action)
    np.testing.assert_array_equal(frames[-1], environment.render())


def test_a_loaded_agent_is_the_saved_one(tmp_path):
    saved = save_run(tmp_path / "run", TINY)
    trained = load_trained_agent(tmp_path / "run")
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
        tiny_agent, config=dataclasses.replace(tiny_agent.config, max_entities=3)
    ).with_entities(4)
    environment = training_game(tiny_agent.config).make()
    images = np.stack([environment.reset(options={"level_seed": k})[0] for k in range(20)])
    same, more, fewer = (
        trained.agent.step({"image": tf.constant(images)}, (), tf.constant([0, 0]))[0].policy_logits
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
    assert most == entities_needed(environment)


def test_the_training_game_is_the_last_stage_and_others_keep_only_the_observation():
    config = Config(
        env_id="boxworld:BoxWorld-v0",
        env_kwargs={"observation": "onehot", "branch_length": 2, "levels": (0, 50)},
        curriculum=({"solution_length": 1}, {"solution_length": 3}),
    )
    game = training_game(config)
    assert dict(game.env_kwargs) == {
        "observation": "onehot",
        "branch_length": 2,
        "solution_length": 3,
    }
    assert game.name == "BoxWorld-v0"
    other = other_game(config, "boxworld:BoxWorld-Path6-v0")
    assert dict(other.env_kwargs) == {"observation": "onehot"}
    assert levels_trained_on(config, 40, 100) == 10
    assert levels_trained_on(Config(), 40, 100) == 0


def test_run_directories_that_cannot_be_loaded_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"is no run directory: .*config.json: No such file"):
        load_trained_agent(tmp_path / "none")
    (tmp_path / "config.json").write_text(json.dumps({"env_id": "boxworld:BoxWorld-Easy-v0"}))
    with pytest.raises(UsageError, match="has no checkpoint yet; train first: python -m"):
        load_trained_agent(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"env_id": "NoSuchGame-v0"}))
    with pytest.raises(UsageError, match=r"cannot make the agent of .*NoSuchGame"):
        load_trained_agent(tmp_path)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Game("NoSuchGame-v0").make(), "cannot make env_id='NoSuchGame-v0': "),
        (
            lambda: Game("boxworld:BoxWorld-v0", {"room_size": "big"}).make(),
            "cannot make env_id='boxworld:BoxWorld-v0' with {'room_size': 'big'}: room_size must",
        ),
        (lambda: check_levels(0, 0), "levels must be at least 1, got 0"),
        (lambda: check_levels(2**32 - 5, 6), r"at most 2\*\*32, .* got 4294967291 \+ 6"),
        (lambda: check_levels(-1, 6), r"first_level must be at least 0 .* got -1 \+ 6"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(UsageError, match=message):
        call()


def test_a_game_that_looks_different_is_refused(tiny_agent, tiny_player):
    game = Game("boxworld:BoxWorld-v0", {"observation": "onehot"})
    with pytest.raises(
        UsageError, match=r"must have image_shape=\(14, 14, 3\) .* got \(14, 14, 44"
    ):
        fit_to_game(tiny_agent, game)
    with pytest.raises(UsageError, match="policy must be one of sampled, greedy, got 'best'"):
        tiny_player.play(training_game(tiny_agent.config), [Attempt(0)], policy="best")
    with pytest.raises(ValueError, match="num_slots must be at least 1, got 0"):
        Player(tiny_agent.agent, tiny_agent.spec, 0)
