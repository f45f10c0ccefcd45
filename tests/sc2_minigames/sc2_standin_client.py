"""A client of the stand-in without sockets: PySC2's own `Features` on one side, a `Session` on
the other. Everything that is checked with it is seen as an agent of PySC2 would see it."""

from __future__ import annotations

import sc2_minigames  # noqa: F401 - makes PySC2 importable

from pysc2.agents import base_agent  # isort: skip
from pysc2.env import environment
from pysc2.lib import features
from s2clientprotocol import sc2api_pb2

from sc2_minigames.standin import mapfile
from sc2_minigames.standin.protocol import Session


class Client:
    """Plays one map. `observation` is PySC2's, `response` the message it was made of."""

    def __init__(self, map_name, seed=0, size=32, options=None, disable_fog=False, **interface):
        self.session = Session()
        create = sc2api_pb2.RequestCreateGame(random_seed=seed, disable_fog=disable_fog)
        create.player_setup.add(type=sc2api_pb2.Participant)
        create.local_map.map_data = mapfile.write(map_name, options)
        created = self.ask(create_game=create).create_game
        assert not created.HasField("error"), created.error_details
        join = sc2api_pb2.RequestJoinGame(race=1)
        join.options.score = True
        join.options.raw = True
        join.options.feature_layer.width = 24
        for resolution in (
            join.options.feature_layer.resolution,
            join.options.feature_layer.minimap_resolution,
        ):
            resolution.x = resolution.y = size
        joined = self.ask(join_game=join).join_game
        assert not joined.HasField("error"), joined.error_details
        dimensions = features.Dimensions(screen=size, minimap=size)
        self.features = features.features_from_game_info(
            self.ask(game_info=sc2api_pb2.RequestGameInfo()).game_info,
            features.AgentInterfaceFormat(
                feature_dimensions=dimensions, use_feature_units=True, **interface
            ),
        )
        self.observe()

    def ask(self, **request):
        data = sc2api_pb2.Request(id=5, **request).SerializeToString()
        response = sc2api_pb2.Response.FromString(self.session.handle(data))
        assert not response.error, response.error
        assert response.id == 5
        return response

    @property
    def game(self):
        return self.session._game

    @property
    def world(self):
        return self.game.world

    @property
    def score(self):
        return int(self.observation.score_cumulative[0])

    @property
    def is_over(self):
        return bool(self.response.player_result)

    def observe(self):
        self.response = self.ask(observation=sc2api_pb2.RequestObservation()).observation
        self.observation = self.features.transform_obs(self.response)
        return self.observation

    def step(self, *calls, count=8):
        """Acts as `SC2Env.step` does, unavailable actions raising; returns the observation."""
        request = sc2api_pb2.RequestAction()
        for call in calls:
            request.actions.append(self.features.transform_action(self.response.observation, call))
        self.results = list(self.ask(action=request).action.result)
        self.ask(step=sc2api_pb2.RequestStep(count=count))
        return self.observe()

    def restart(self):
        self.ask(restart_game=sc2api_pb2.RequestRestartGame())
        return self.observe()

    def play(self, agent: base_agent.BaseAgent, max_steps=10_000):
        """Lets an agent of PySC2 play to the end of the episode; returns the score."""
        agent.setup(self.features.observation_spec(), self.features.action_spec())
        agent.reset()
        for _ in range(max_steps):
            if self.is_over:
                break
            timestep = environment.TimeStep(environment.StepType.MID, 0, 1, self.observation)
            self.step(agent.step(timestep))
        return self.score
