"""Episodes of chosen levels: alone or beside others, with arguments, by a rule, and again."""

from typing import ClassVar

import gymnasium
import numpy as np
import pytest
import tensorflow as tf
from flat import flat
from scripted import TAKES, Calls

from relational_rl.config import EnvSpec
from relational_rl.errors import UsageError
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.playing.player import Attempt, Player, attempts_of, play_by_rule, replay
from relational_rl.playing.record import Recorder
from relational_rl.trained import TrainedAgent

pytestmark = pytest.mark.usefixtures("eager")


class Walk(gymnasium.Env):
    """Noise that depends on the seed and on every action; lasts 2 to 6 steps.

    An episode tells of its success where it has one, and never says that it has none.
    """

    observation_space = gymnasium.spaces.Dict(
        {"image": gymnasium.spaces.Box(0, 255, (2, 2, 1), np.uint8)}
    )
    action_space = Calls()
    metadata: ClassVar = {"render_modes": ["rgb_array"]}

    def __init__(self, render_mode=None, tells=True):
        self.render_mode = render_mode
        self._tells = tells

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._noise = np.random.default_rng(seed)
        self._left = seed % 5 + 2
        return self._see(), {"level": seed}

    def step(self, action):
        action = np.asarray(action)
        assert not action[1:][~TAKES[action[0]]].any()
        self._noise = np.random.default_rng([int(self._noise.integers(2**31)), *map(int, action)])
        self._left -= 1
        ended = self._left == 0
        info = {"is_success": True} if ended and self._tells and self._noise.random() < 0.5 else {}
        return self._see(), float(action.sum()), ended, False, info

    def render(self):
        return self._image.repeat(3, axis=2)

    def _see(self):
        self._image = self._noise.integers(256, size=(2, 2, 1)).astype(np.uint8)
        return {"image": self._image}


ENV = EnvSpec(id="", make=Walk)
SPEC = EnvironmentSpec.from_spaces(Walk.observation_space, Walk.action_space)
ATTEMPTS = attempts_of(range(12), tries=2)


@pytest.fixture(scope="module")
def agent():
    """An agent with a memory whose actions have arguments."""
    values = {"map_size": 2, "map_channels": 3, "vector_mlp": (4,), "head_mlp": (6,), "mlp": (6,)}
    values |= {"head_size": 4, "num_heads": 1, "num_blocks": 1, "memory_size": 3}
    tf.random.set_seed(1)
    experiment = flat(network="spatial", memory="convlstm", policy_scale=1.0, **values)
    return TrainedAgent(experiment.agent.build(SPEC), experiment, SPEC, 0, 0.0, 0)


@pytest.fixture(scope="module")
def together(agent):
    return Player(agent.agent, SPEC, len(ATTEMPTS)).play(ENV, ATTEMPTS, seed=5)


def actions_of(episodes):
    return [(episode.attempt, episode.actions, episode.episode_return) for episode in episodes]


def test_an_episode_with_arguments_does_not_depend_on_what_is_played_beside_it(agent, together):

    def played(slots, attempts, seed):
        return actions_of(Player(agent.agent, SPEC, slots).play(ENV, attempts, seed=seed))

    assert played(3, ATTEMPTS[5:12], seed=5) == actions_of(together[5:12])
    assert played(1, ATTEMPTS[7:8], seed=5) == actions_of(together[7:8])
    assert played(3, ATTEMPTS[5:12], seed=6) != actions_of(together[5:12])
    assert any(a.actions != b.actions for a, b in zip(together[::2], together[1::2], strict=True))
    for episode, attempt in zip(together, ATTEMPTS, strict=True):
        assert (episode.attempt, episode.info["level"]) == (attempt, attempt.level_seed)
        assert len(episode.actions) == attempt.level_seed % 5 + 2
        assert episode.episode_return == sum(map(sum, episode.actions))
        assert all(len(action) == 3 for action in episode.actions)


def test_a_recorded_episode_is_the_one_that_was_counted(agent, together):
    recorder = Recorder(agent)
    for first_try in together[8:14:2]:
        steps = [
            step for _, step in recorder.steps(ENV, first_try.attempt.level_seed, "sampled", seed=5)
        ]
        assert tuple(tuple(step.sent[0].tolist()) for step in steps) == first_try.actions
        assert steps[0].output.attention is not None
    with pytest.raises(UsageError, match="need a relational agent, got agent='random'"):
        Recorder(TrainedAgent(None, flat(agent="random"), SPEC, 0, 0.0, 0))


def test_an_end_that_says_nothing_is_no_success_where_others_tell(agent, together):
    told = {episode.is_success for episode in together}
    assert told == {True, False}
    for episode in together:
        assert episode.is_success == ("is_success" in episode.info)
    silent = EnvSpec(id="", make=Walk, kwargs={"tells": False})
    episodes = Player(agent.agent, SPEC, 4).play(silent, ATTEMPTS[:6], seed=5)
    assert {episode.is_success for episode in episodes} == {None}
    assert actions_of(episodes) == actions_of(together[:6])

    def rule(environment):
        assert isinstance(environment, Walk)
        return lambda observation: np.array([0, 0, 0])

    by_rule = play_by_rule(ENV, attempts_of(range(12)), rule)
    assert {episode.is_success for episode in by_rule} == {True, False}
    assert {episode.is_success for episode in play_by_rule(silent, ATTEMPTS[:4], rule)} == {None}
    assert by_rule[3].actions == ((0, 0, 0),) * 5


def test_a_replay_shows_the_episode_again(together):
    frames = replay(ENV, together[4])
    assert len(frames) == len(together[4].actions) + 1
    environment = Walk()
    environment.reset(seed=2)
    for action, frame in zip(together[4].actions, frames[:-1], strict=True):
        np.testing.assert_array_equal(frame, environment.render())
        environment.step(action)
    np.testing.assert_array_equal(frames[-1], environment.render())


def test_nothing_to_play_plays_nothing(agent):
    assert Player(agent.agent, SPEC, 2).play(ENV, []) == []
    assert attempts_of([3, 4], tries=2) == [
        Attempt(3, 0),
        Attempt(3, 1),
        Attempt(4, 0),
        Attempt(4, 1),
    ]
