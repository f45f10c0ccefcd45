"""Wrappers by name, and action masks that come with the info."""

import logging

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from relational_rl.acting.loop import Loop, _say_unused_mask
from relational_rl.acting.policy import Policy
from relational_rl.acting.vectorization import make_environment, make_vector_environment
from relational_rl.config import EnvSpec, Experiment, Random, override, to_dict
from relational_rl.config.tree import from_dict
from relational_rl.errors import ConfigError, ObservationError
from relational_rl.observations.spec import EnvironmentSpec


class Masked(gymnasium.Env):
    """Tells in its info what may be done: in step n of an episode only action n."""

    observation_space = spaces.Box(0, 9, (2, 2, 1), np.uint8)
    action_space = spaces.Discrete(3)
    form = staticmethod(np.asarray)
    tells_at_the_end = False  # that nothing may be done

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._step = 0
        return self._seen(), self._info()

    def step(self, action):
        self._step += 1
        ended = self._step == 3
        info = {} if ended and not self.tells_at_the_end else self._info()
        return self._seen(), 0.0, ended, False, info

    def _seen(self):
        return np.full((2, 2, 1), self._step, np.uint8)

    def _info(self):
        return {"action_mask": self.form([float(i == self._step) for i in range(3)])}


class Telling(Masked):
    tells_at_the_end = True


class Choices(Masked):
    action_space = spaces.MultiDiscrete([3, 3])
    form = staticmethod(lambda mask: (np.array(mask), np.array(mask)))


class Wrong(Masked):
    form = staticmethod(lambda mask: mask[:2])


class Nothing(Masked):
    form = staticmethod(lambda mask: np.array(mask) * (mask[2] != 1))


class Silent(Masked):
    def _info(self):
        return {}


MASKS = (("ActionMaskFromInfo", {}),)


@pytest.mark.parametrize(("game", "repeats"), [(Masked, 1), (Choices, 2)])
def test_the_mask_of_the_info_becomes_part_of_the_observation(game, repeats):
    env = EnvSpec(id="", make=game, wrappers=MASKS)
    environment = make_vector_environment(env, 2)
    spec = EnvironmentSpec.from_spaces(
        environment.single_observation_space, environment.single_action_space
    )
    assert (spec.mask_key, spec.images["image"].key) == ("action_mask", "observation")
    observations, _ = environment.reset(seed=0)
    found = [spec.select(observations)]
    for _ in range(4):
        sent = spec.to_environment(np.zeros((2, *spec.action_shape), np.int32))
        found.append(spec.select(environment.step(sent)[0]))
    masks = [each["mask"][1].reshape(repeats, 3).tolist() for each in found]
    rows = np.eye(3, dtype=bool).tolist()
    # The last observation of an episode comes without a mask: everything is allowed.
    expected = [rows[0], rows[1], rows[2], [True] * 3, rows[0]]
    assert masks == [[row] * repeats for row in expected]
    assert [int(each["image"][0, 0, 0, 0]) for each in found] == [0, 1, 2, 3, 0]
    assert not hasattr(game.action_space, "mask_key")
    environment.close()


@pytest.mark.parametrize(("game", "got"), [(Wrong, "2"), (Silent, "none")])
def test_a_mask_that_is_missing_or_too_short_is_named(game, got):
    environment = make_environment(EnvSpec(id="", make=game, wrappers=MASKS))
    with pytest.raises(ObservationError, match=rf"\['action_mask'\] must have 3 .* got {got}$"):
        environment.reset()


def test_wrappers_are_put_on_in_their_order_with_their_arguments():
    wrappers = [
        ["FrameStackObservation", {"stack_size": 4}],
        ["TimeLimit", {"max_episode_steps": 2}],
    ]
    env = EnvSpec(id="", make=Masked, wrappers=wrappers)
    environment = make_environment(env)
    assert type(environment).__name__ == "TimeLimit"
    assert environment.observation_space.shape == (4, 2, 2, 1)
    environment.reset()
    assert [environment.step(0)[3] for _ in range(2)] == [False, True]
    spec = EnvironmentSpec.from_spaces(environment.observation_space, environment.action_space)
    assert spec.image_shape == (2, 2, 4)


class Told(gymnasium.Env):
    observation_space = spaces.Dict(
        {"task": spaces.Text(99, charset="ab "), "units": spaces.Box(-1, 1, (3, 2))}
    )
    action_space = spaces.Discrete(3)


def test_spaces_are_told_what_they_cannot_say_themselves():
    told = {
        "observation": {"task": {"max_tokens": 5}},
        "action": {"": {"points_at": "units"}},
    }
    environment = make_environment(EnvSpec(id="", make=Told, wrappers=[["SpaceAttributes", told]]))
    spec = EnvironmentSpec.from_spaces(environment.observation_space, environment.action_space)
    assert spec.zeros((1,))["text"].shape == (1, 5)
    assert spec.parts.pointers == {0: "objects"}
    assert EnvironmentSpec.from_spaces(Told.observation_space, Told.action_space).parts is None
    wrong = [["SpaceAttributes", {"observation": {"tasks": {}}}]]
    with pytest.raises(ConfigError, match=r"among \['task', 'units'\], or '' .* got 'tasks'"):
        make_environment(EnvSpec(id="", make=Told, wrappers=wrong))


def test_wrapped_environments_are_batched_one_by_one():
    env = EnvSpec(id="CartPole-v1", wrappers=[["TimeLimit", {"max_episode_steps": 3}]])
    environment = make_vector_environment(env, 2)
    assert type(environment).__name__ == "SyncVectorEnv"
    environment.close()


def test_wrappers_survive_a_file_and_a_command_line():
    text = '[["FrameStackObservation", {"stack_size": 4}], ["boxworld:Mine", {}]]'
    experiment = override(Experiment(), {"env.wrappers": text})
    assert experiment.env.wrappers == (
        ("FrameStackObservation", {"stack_size": 4}),
        ("boxworld:Mine", {}),
    )
    assert from_dict(to_dict(experiment)) == experiment


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("FrameStackObservations", "got 'FrameStackObservations'; did you mean 'FrameStackObs"),
        ("nowhere:Wrapper", "env.wrappers: cannot import 'nowhere:Wrapper'"),
    ],
)
def test_unknown_wrappers_are_named(name, message):
    with pytest.raises(ConfigError, match=message):
        make_environment(EnvSpec(id="CartPole-v1", wrappers=[[name, {}]]))


def loop_on(env):
    environment = make_vector_environment(env, 2)
    spec = EnvironmentSpec.from_spaces(
        environment.single_observation_space, environment.single_action_space
    )
    loop = Loop(Policy(Random().build(spec)), spec, environment)
    loop.reset(seed=0)
    return loop


def test_a_mask_that_allows_nothing_is_named_at_its_step(eager):
    loop = loop_on(EnvSpec(id="", make=Nothing, wrappers=MASKS))
    draws = np.full((2, 1), 0.5)
    assert [loop.step(draws).actions.tolist() for _ in range(2)] == [[0, 0], [1, 1]]
    with pytest.raises(ObservationError, match=r"mask 'action_mask' must allow .* environment 0"):
        loop.step(draws)
    # Where the step only begins an episode, no action is needed.
    loop = loop_on(EnvSpec(id="", make=Telling, wrappers=MASKS))
    steps = [loop.step(draws) for _ in range(5)]
    assert [int(step.actions[0]) for step in steps if step.live[0]] == [0, 1, 2, 0]


def test_a_mask_in_the_info_that_nothing_uses_is_said_once(caplog, eager):
    _say_unused_mask.cache_clear()
    with caplog.at_level(logging.WARNING, "relational_rl"):
        for _ in range(2):
            loop_on(EnvSpec(id="", make=Masked))
    (record,) = caplog.records
    assert "ActionMaskFromInfo" in record.getMessage()
