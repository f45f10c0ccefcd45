"""The smallest level, three cells by three: a loose key and the gem's box."""

from gymnasium.utils.env_checker import data_equivalence

from boxworld import BoxWorldEnv, BoxWorldVectorEnv, Level

SMALL = Level.from_text("""
    @a.
    ...
    .*A
""")
SOLUTION = (3, 1, 3, 1, 2)


def small_env(**knobs):
    return BoxWorldEnv(solution_length=1, num_branches=0, room_size=3, **knobs)


def small_envs(num_envs, **knobs):
    return BoxWorldVectorEnv(num_envs, solution_length=1, num_branches=0, room_size=3, **knobs)


def assert_equal(left, right):
    assert data_equivalence(left, right, exact=True), (left, right)
