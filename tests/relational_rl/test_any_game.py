"""Every kind of observation with every kind of action: acts, learns two updates, predicts."""

import dataclasses
import math

import gymnasium
import numpy as np
import pytest
import tensorflow as tf
from gymnasium import spaces

from relational_rl.acting.actor import ActorDescription
from relational_rl.config import Experiment, Objects, Online, Random, Relational, VTrace
from relational_rl.learners.vtrace import VTraceLearner
from relational_rl.playing.player import Player, attempts_of
from relational_rl.run.spec import environment_spec
from relational_rl.trained import TrainedAgent

B, T = 2, 3


def marked(space, **attributes):
    """Returns a space with attributes."""
    for name, value in attributes.items():
        setattr(space, name, value)
    return space


IMAGE = spaces.Box(0, 255, (4, 5, 3), np.uint8)
SMALL = spaces.Box(0, 255, (2, 2, 1), np.uint8)
UNITS = spaces.Box(-1.0, 1.0, (3, 2))
GRAPH = marked(spaces.Graph(spaces.Box(-1, 1, (2,)), spaces.Discrete(3)), max_nodes=12)
WORDS = marked(spaces.Text(12, charset="ab "), max_tokens=12)
SEQUENCE = marked(spaces.Sequence(spaces.Box(-1, 1, (2,)), stack=True), max_length=40)
OBSERVATIONS = {
    "image": IMAGE,
    "channels first": spaces.Box(0.0, 1.0, (3, 5, 6)),
    "frames": spaces.Box(0, 255, (2, 4, 5, 3), np.uint8),
    "objects": UNITS,
    "numbers": spaces.Box(-math.inf, math.inf, (3,)),
    "number": spaces.Box(-1.0, 1.0, ()),
    "many numbers": spaces.Box(-1.0, 1.0, (70,)),
    "discrete": spaces.Discrete(5, start=-2),
    "choices": spaces.MultiDiscrete([3, 2], start=[1, -1]),
    "switches": spaces.MultiBinary((2, 2)),
    "words": WORDS,
    "letters": spaces.Text(5, charset="abc"),
    "sequence": SEQUENCE,
    "sequence of categories": marked(spaces.Sequence(spaces.Discrete(4)), max_length=40),
    "graph": GRAPH,
    "tuple": spaces.Tuple([UNITS, spaces.Discrete(2)]),
    "nested": spaces.Dict({"robot": spaces.Dict({"arm": UNITS, "at": spaces.Discrete(3)})}),
    "sets": spaces.Dict({"friends": UNITS, "foes": spaces.Box(-1, 1, (2, 4))}),
    "everything": spaces.Dict(
        {"view": IMAGE, "map": SMALL, "units": UNITS, "task": WORDS, "on": GRAPH, "hp": SEQUENCE}
    ),
}
ACTIONS = {
    "discrete": spaces.Discrete(4),
    "discrete from 3": spaces.Discrete(4, start=3),
    "choices": spaces.MultiDiscrete([3, 2, 2]),
    "choices in rows": spaces.MultiDiscrete([[3, 2], [2, 4]], start=[[1, 0], [0, -2]]),
    "switches": spaces.MultiBinary(3),
    "amounts": spaces.Box(
        np.array([-2.0, 0.0, -math.inf, -math.inf], np.float32),
        np.array([3.0, math.inf, 5.0, math.inf], np.float32),
    ),
    "double": spaces.Box(0.1, 0.3, (1, 2), np.float64),
    "together": spaces.Dict(
        {
            "move": spaces.Box(-1, 1, (2,)),
            "say": spaces.Tuple(
                [spaces.Dict({"word": spaces.Discrete(3, start=1)}), spaces.MultiBinary(2)]
            ),
            "go": spaces.Discrete(2),
        }
    ),
}


class Game(gymnasium.Env):
    """Shows samples of a space, and insists that actions are of another."""

    def __init__(self, observation_space, action_space):
        self.observation_space = observation_space
        self.action_space = action_space
        self._step = 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.observation_space.seed(seed)
        return self.observation_space.sample(), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        self._step += 1
        return self.observation_space.sample(), 1.0, self._step % 4 == 0, False, {}


def experiment_on(observation_space, action_space, agent=None):
    agent = agent or Relational(mlp=(8,), num_blocks=1, head_size=4)
    return Experiment(
        env=lambda: Game(observation_space, action_space),
        agent=agent,
        learner=VTrace(batch_size=B),
        source=Online(envs_per_actor=B, unroll_length=T),
    )


def trained(experiment, updates=2):
    """Returns an agent after some updates, and the metrics of the last."""
    spec = environment_spec(experiment)
    agent = experiment.agent.build(spec)
    learner = VTraceLearner(agent, experiment.learner, seed=0)
    actor = ActorDescription(experiment.env, experiment.agent, spec, B, T, 0, 0).build()
    actor.set_stage(0, {})
    metrics = {}
    for version in range(updates):
        actor.set_parameters(learner.parameters(), version)
        unroll = actor.unroll()
        assert unroll.actions.dtype == spec.action_dtype
        assert unroll.actions.shape == (T, B, *spec.action_shape)
        before = learner.parameters()
        metrics = learner.update(unroll, progress=0.0)
        if before:
            changed = [(a != b).any() for a, b in zip(before, learner.parameters(), strict=True)]
            assert any(changed)
    actor.close()
    return TrainedAgent(agent, experiment, spec, 0, 0.0, 0), metrics


def pairs():
    """Every kind of observation, each with the next kind of action; the longer list goes round."""
    actions = list(ACTIONS)
    return [(name, actions[i % len(actions)]) for i, name in enumerate(OBSERVATIONS)]


@pytest.mark.parametrize(("seen", "done"), pairs())
def test_it_acts_learns_and_predicts(seen, done, eager):
    observation_space, action_space = OBSERVATIONS[seen], ACTIONS[done]
    agent, metrics = trained(experiment_on(observation_space, action_space))
    assert all(math.isfinite(value) for value in metrics.values())
    # Before any update the policy that acted is the policy that learns.
    assert abs(metrics["behaviour_kl"]) < 1e-2
    for deterministic in (True, False):
        action, state = agent.predict(observation_space.sample(), deterministic=deterministic)
        assert state is None
        assert action_space.contains(action), action


def test_whole_episodes_are_played_and_their_actions_are_the_environments(eager):
    observation_space, action_space = OBSERVATIONS["tuple"], ACTIONS["together"]
    experiment = experiment_on(observation_space, action_space, Random())
    spec = environment_spec(experiment)
    player = Player(experiment.agent.build(spec), spec, num_slots=2)
    played = player.play(experiment.env, attempts_of([3, 4, 5]))
    for episode in played:
        assert len(episode.actions) == 4
        assert all(action_space.contains(action) for action in episode.actions)
    moves = [action["move"].tolist() for episode in played for action in episode.actions]
    assert len(set(map(tuple, moves))) == 12


class Vanishing(Game):
    """Some of its objects are absent: rows of NaN."""

    def __init__(self):
        super().__init__(UNITS, marked(spaces.Discrete(3), points_at="objects"))

    def step(self, action):
        rows, *rest = super().step(action)
        rows[1] = np.nan
        return rows, *rest


def test_absent_objects_are_no_fault_of_the_environment(eager):
    experiment = dataclasses.replace(experiment_on(None, None), env=Vanishing)
    _, metrics = trained(experiment, updates=1)
    assert math.isfinite(metrics["loss"])


class Reach(gymnasium.Env):
    """Shows a place between 1 and 3; the nearer the amount is to it, the better."""

    observation_space = spaces.Box(1.0, 3.0, (1,))
    action_space = spaces.Box(0.0, 4.0, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self._deal(), {}

    def step(self, action):
        reward = 1.0 - abs(float(action[0]) - self._place)
        return self._deal(), reward, True, False, {}

    def _deal(self):
        self._place = float(self.np_random.uniform(1, 3))
        return np.array([self._place], np.float32)


def test_it_learns_an_amount(traced):
    """The best amount that is the same everywhere pays 0.5 on average."""
    batch, length = 64, 4
    agent_config = Relational(mlp=(16, 16), num_blocks=1, head_size=4, encoder=Objects(size=16))
    learner_config = VTrace(
        batch_size=batch, learning_rate=0.01, entropy_cost=0.0, max_gradient_norm=1.0
    )
    tf.random.set_seed(0)
    experiment = Experiment(env=Reach, agent=agent_config, learner=learner_config)
    spec = environment_spec(experiment)
    learner = VTraceLearner(agent_config.build(spec), learner_config, seed=0)
    actor = ActorDescription(experiment.env, agent_config, spec, batch, length, 0, 0).build()
    actor.set_stage(0, {})
    rewards = []
    for version in range(100):
        actor.set_parameters(learner.parameters(), version)
        unroll = actor.unroll()
        learner.update(unroll, progress=0.0)
        rewards.append(unroll.rewards.sum() / unroll.weights.sum())
        if np.mean(rewards[-5:]) > 0.7:
            break
    actor.close()
    assert rewards[0] < 0.0
    assert np.mean(rewards[-5:]) > 0.7, rewards[::10]
