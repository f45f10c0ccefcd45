"""The stand-in that PySC2 plays and the compiled world, playing the same actions side by side.

Both get the same random numbers, and the same rounding: the stand-in's `math.hypot` and numpy's sum
differ from the compiled world in the last bit, which is enough to turn a tie the other way.
"""

from __future__ import annotations

import math
import random
import types

import numpy as np
from sc2_standin_client import Client

from sc2_minigames.actions import FUNCTION_NAMES, ActionCodec
from sc2_minigames.observations import ObservationCodec, dense_unit_types
from sc2_minigames.standin import game, minigames, unit, world
from sc2_minigames.standin.crowding import GOLDEN_ANGLE, TOLERANCE
from sc2_minigames.units import UNIT_FIELDS
from sc2_minigames.world import StandInVectorEnv

from pysc2.lib import features  # isort: skip

FUNCTION, SCREEN, SCREEN2 = 0, 1, 3
LIKELY = (
    "Train",
    "Build",
    "Harvest_Gather",
    "Smart_screen",
    "Attack",
    "Move",
    "Rally",
    "select_idle_worker",
)
SCV, BARRACKS = dense_unit_types(np.array([45, 21]))
FIRST = ("Train_Marine", "Build_Barracks", "Build_Refinery", "Build_SupplyDepot")


class CounterRandom(random.Random):
    """The compiled world's random numbers in plain Python (SplitMix64)."""

    def __new__(cls, seed):
        return super().__new__(cls)

    def __init__(self, seed):
        super().__init__(0)
        self.key = self._mix(seed * 0x9E3779B97F4A7C15 + 0xD1B54A32D192ED03)
        self.draws = 0

    @staticmethod
    def _mix(value):
        value &= 2**64 - 1
        value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) % 2**64
        return value ^ (value >> 31)

    def random(self):
        self.draws += 1
        return (self._mix(self.key + self.draws * 0x9E3779B97F4A7C15) >> 11) / 2**53

    def choice(self, values):
        return values[int(self.random() * len(values))]


def separate_in_order(crowd, bounds):
    """`crowding.separate` with the pushes added up one after the other."""
    if not any(a.gap(b) < -TOLERANCE for i, a in enumerate(crowd) for b in crowd[:i]):
        return False
    left, bottom, right, top = bounds
    places = []
    for i, a in enumerate(crowd):
        push_x = push_y = 0.0
        for j, b in enumerate(crowd):
            overlap = -a.gap(b)
            if a is b or overlap <= 0:
                continue
            dx, dy = a.x - b.x, a.y - b.y
            if math.sqrt(dx * dx + dy * dy) < 1e-6:
                dx = math.cos(i * GOLDEN_ANGLE) - math.cos(j * GOLDEN_ANGLE)
                dy = math.sin(i * GOLDEN_ANGLE) - math.sin(j * GOLDEN_ANGLE)
            scale = overlap / 2 / math.sqrt(dx * dx + dy * dy)
            push_x += scale * dx
            push_y += scale * dy
        places.append((min(max(a.x + push_x, left), right), min(max(a.y + push_y, bottom), top)))
    for a, (x, y) in zip(crowd, places, strict=True):
        a.x, a.y = x, y
    return True


def share_numbers(monkeypatch):
    """Gives the stand-in the random numbers and the rounding of the compiled world."""

    def distance(p, q):
        return math.sqrt((p[0] - q[0]) * (p[0] - q[0]) + (p[1] - q[1]) * (p[1] - q[1]))

    rounded = types.SimpleNamespace(**vars(math))
    rounded.hypot = lambda x, y: math.sqrt(x * x + y * y)
    rounded.dist = distance
    for module in (unit, world, game):
        monkeypatch.setattr(module, "math", rounded)
    monkeypatch.setattr(world, "separate", separate_in_order)
    monkeypatch.setattr(minigames, "random", types.SimpleNamespace(Random=CounterRandom))


class Twins:
    """One map on both, with the same seed; `step` plays an action on both and compares."""

    def __init__(self, map_name, seed, size, step_mul=8, options=None, make=StandInVectorEnv):
        self.client = Client(map_name, seed, size, options)
        self.step_mul = step_mul
        self.env = make(
            map_name,
            screen_size=size,
            minimap_size=size,
            step_mul=step_mul,
            vary_starts=False,
            standin_options=options,
            autoreset_mode="Disabled",
        )
        self.codec = ActionCodec(size, size)
        self.encoder = ObservationCodec(size, size, self.codec)
        self.size = size
        self.no_op = np.zeros(14, np.int64)
        self.score = 0
        self.observation, infos = self.env.reset(seed=seed)
        self.compare(self.no_op, infos)

    def restart(self):
        self.client.restart()
        self.score = 0
        self.observation, infos = self.env.reset()
        self.compare(self.no_op, infos)

    def step(self, action):
        """Returns the reward and whether the episode has ended."""
        self.client.step(self.codec.decode(action), count=self.step_mul)
        self.observation, rewards, ends, cuts, infos = self.env.step(action[None])
        assert rewards[0] == self.client.score - self.score
        assert ends[0] == self.client.is_over and not cuts[0]
        self.score = self.client.score
        self.compare(self.codec.canonical(action), infos)
        return rewards[0], ends[0]

    def compare(self, action, infos):
        expected = self.encoder.encode(self.client.observation, action)
        for key, value in expected.items():
            np.testing.assert_array_equal(self.observation[key][0], value, err_msg=key)
        assert infos["game_loop"][0] == self.client.response.observation.game_loop
        assert infos["score"][0] == self.client.score
        self.compare_units()

    def compare_units(self):
        told = self.client.response.observation.raw_data.units
        rows = self.observation["units"][0]
        columns = {name: rows[: len(told), i] for i, name in enumerate(UNIT_FIELDS)}
        assert self.observation["unit_mask"][0].sum() == len(told)
        assert not rows[len(told) :].any()

        def check(name, values, tolerance=0.0):
            values = np.array(values, np.float32)
            np.testing.assert_allclose(columns[name], values, 0, tolerance, err_msg=name)

        check("map_x", [u.pos.x for u in told], 1e-5)
        check("map_y", [u.pos.y for u in told], 1e-5)
        check("tag", [u.tag - (1 << 32) for u in told])
        check("facing", [u.facing for u in told], 1e-5)
        check("is_selected", [u.is_selected for u in told])
        check("order_length", [len(u.orders) for u in told])
        check("weapon_cooldown", [u.weapon_cooldown for u in told], 1e-4)
        check("health", [u.health for u in told], 1e-3)
        self.compare_with_pysc2(columns)

    def compare_with_pysc2(self, columns):
        """Compares with PySC2's feature units, which are whole numbers, those on the screen."""
        seen = np.array(self.client.observation.feature_units)
        is_seen = columns["is_on_screen"] == 1
        assert len(seen) == is_seen.sum()
        for name, values in columns.items():
            if name not in features.FeatureUnit.__members__ or name == "tag" or not len(seen):
                continue
            expected = seen[:, features.FeatureUnit[name]]
            if name == "unit_type":
                expected = dense_unit_types(expected)
            ours = values[is_seen]
            if name in ("x", "y"):  # On the edge of a pixel ours may be rounded the other way.
                ours = np.where(np.abs(ours - expected - 0.5) < 0.5001, expected, ours)
            np.testing.assert_array_equal(np.trunc(ours), expected, err_msg=name)

    def draw(self, rng, patience=0.0):
        """Returns an action that is available now, aimed at a unit more often than not.

        Patience is the chance of a no-op, so that what was begun can be finished.
        """
        names = np.flatnonzero(self.observation["available_actions"][0])
        action = rng.integers(self.env.single_action_space.nvec)
        if rng.random() < patience:
            return self.no_op
        action[FUNCTION] = rng.choice(names)
        if rng.random() < 0.6:
            prefix = str(rng.choice(LIKELY))
            likely = [f for f in names if self.env_name(f).startswith(prefix)]
            action[FUNCTION] = rng.choice(likely or names)
        for prefix in FIRST:
            likely = [f for f in names if self.env_name(f).startswith(prefix)]
            if likely and rng.random() < 0.3:
                action[FUNCTION] = likely[0]
                break
        action[6] = rng.integers(3)  # control groups
        action[10] = rng.integers(5)  # units of a panel
        action[12] = rng.integers(3)  # units in training
        for column in (SCREEN, SCREEN2):
            if rng.random() < 0.6:
                action[column] = self.pixel_of_a_unit(rng)
        return action

    def draw_for_marines(self, rng, step):
        """Returns an action that leads to marines: gathers, builds, selects, trains."""
        available = self.observation["available_actions"][0]
        action = np.zeros(14, np.int64)
        action[SCREEN] = rng.integers(self.size**2)
        if step == 0:
            action[[FUNCTION, 11]] = FUNCTION_NAMES.index("select_idle_worker"), 2
            return action
        if step == 1:
            action[FUNCTION] = FUNCTION_NAMES.index("Harvest_Gather_screen")
            action[SCREEN] = self.pixel_of("mineral_contents", rng)
            return action
        used, cap = self.observation["player"][0, 3:5]
        orders = ("Train_Marine_quick", "Build_Barracks_screen", "Build_SupplyDepot_screen")
        for name in orders if cap == 15 or used + 2 > cap else orders[:2]:
            if available[FUNCTION_NAMES.index(name)] and rng.random() < 0.7:
                action[FUNCTION] = FUNCTION_NAMES.index(name)
                return action
        types = self.observation["units"][0, :, UNIT_FIELDS.index("unit_type")]
        wanted = [BARRACKS, SCV] if rng.random() < 0.5 else [SCV]
        there = np.flatnonzero(np.isin(types, wanted[:1] if wanted[0] in types else [SCV]))
        action[FUNCTION] = FUNCTION_NAMES.index("select_point")
        action[SCREEN] = self.pixel(rng.choice(there))
        return action

    def env_name(self, function):
        return self.codec.describe([function, *[0] * 13]).partition("(")[0]

    def pixel_of(self, field, rng):
        """Returns the pixel of a unit whose field is not zero."""
        return self.pixel(
            rng.choice(np.flatnonzero(self.observation["units"][0, :, UNIT_FIELDS.index(field)]))
        )

    def pixel_of_a_unit(self, rng):
        fields = "mineral_contents" if rng.random() < 0.5 else "unit_type"
        has_any = self.observation["units"][0, :, UNIT_FIELDS.index(fields)].any()
        return self.pixel_of(fields if has_any else "unit_type", rng)

    def pixel(self, place):
        row = self.observation["units"][0, place]
        x, y = (np.clip(int(row[UNIT_FIELDS.index(name)]), 0, self.size - 1) for name in "xy")
        return y * self.size + x
