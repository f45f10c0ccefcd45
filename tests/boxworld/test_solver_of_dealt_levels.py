"""Solutions of dealt levels: of every id, and as long as the published ones."""

import numpy as np
import pytest

from boxworld import ENVIRONMENTS, BoxWorldEnv, LevelSpec, generate_level, solve
from boxworld.solver import UNSOLVABLE, solution_steps

KEYS = "abcdefghijklmnopqrst"
MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))  # up, down, left, right


@pytest.mark.parametrize("name", ENVIRONMENTS)
class TestEveryId:
    def test_every_level_can_be_solved_within_the_step_cap(self, name):
        env = BoxWorldEnv(**ENVIRONMENTS[name])
        # From both ranges: the numbered levels, and those of environments without a range.
        for first in (0, 2**40):
            steps = solution_steps(env.level_spec, np.arange(first, first + 1000))
            assert (steps != UNSOLVABLE).all()
            assert steps.min() >= 3
            assert steps.max() <= env.max_steps

    def test_playing_the_solution_earns_everything(self, name):
        env = BoxWorldEnv(**ENVIRONMENTS[name])
        steps = solution_steps(env.level_spec, range(100))
        for level_seed in range(100):
            env.reset(options={"level_seed": level_seed})
            actions = solve(env.level)
            assert len(actions) == steps[level_seed]
            rewards = []
            for action in actions:
                _, reward, terminated, truncated, info = env.step(action)
                rewards.append(reward)
                assert terminated == (len(rewards) == len(actions))
                assert not truncated
            assert info["is_success"]
            assert sum(rewards) == env.level.solution_length + 10
            assert rewards.count(1) == env.level.solution_length

    def test_one_box_of_the_path_at_a_time_can_be_opened(self, name):
        spec = BoxWorldEnv(**ENVIRONMENTS[name]).level_spec
        for level_seed in range(100):
            level = generate_level(spec, level_seed)
            held, closed = None, list(level.solution)
            cells = [list(row) for row in level.to_text().split("\n")]
            row, column = level.agent
            for action in solve(level):
                row, column = row + MOVES[action][0], column + MOVES[action][1]
                if cells[row][column] in KEYS:
                    held = KEYS.index(cells[row][column])
                    cells[row][column] = "."
                openable = [box for box in closed if box.lock == held]
                assert openable in ([], closed[:1])  # the next one in the order of the path
                if closed and (row, column) == (closed[0].row, closed[0].column):
                    assert openable
                    del closed[0]
                    held = None
            assert not closed


# Mean steps of a shortest solution of levels dealt by the published rules, by solution length.
PUBLISHED_STEPS = {1: 15, 2: 23, 3: 31, 4: 39, 6: 56, 8: 71, 10: 90}


@pytest.mark.parametrize("solution_length", PUBLISHED_STEPS)
def test_levels_are_as_long_as_the_published_ones(solution_length):
    steps = solution_steps(LevelSpec(solution_length=solution_length), range(2000))
    assert steps.mean() == pytest.approx(PUBLISHED_STEPS[solution_length], rel=0.06)
