"""Episodes whose attention is known, for Box-World and for a mini-game."""

import gymnasium
import numpy as np

import boxworld
from experiments.attention.episode import Episode, Step
from experiments.attention.scene import SceneReader
from experiments.attention.screen import ScreenEpisode, ScreenStep

UP, DOWN, LEFT, RIGHT = range(4)

# Key 1 (a) opens lock 1, whose box holds key 2 (b), which opens the gem's box. Two distractors: one
# wants key 1, one wants what that one holds.
LEVEL = boxworld.Level.from_text("""
    @a....
    ......
    bA..cA
    ......
    *B..dC
    ......
""")
SIZE = 8

# A screen of 8x8 over a map of 2x4 cells: own units in the cells 0 and 7, an enemy in cell 5.
SIDES = np.zeros((8, 8), np.uint8)
SIDES[0, 1] = SIDES[3, 0] = SIDES[7, 6] = 1
SIDES[5, 2] = 4


def cell(row, column):
    """The number of a cell of that level's observation."""
    return row * SIZE + column


def boxworld_episode(weights_of, actions=(UP, UP)):
    """An episode on the drawn level whose attention is `weights_of(block, head, cells)`."""
    environment = gymnasium.make("BoxWorld-v0", room_size=6, num_branches=0)
    observation, _ = environment.reset(options={"level": LEVEL})
    reader = SceneReader(LEVEL, 20, 3)
    steps = []
    for action in actions:
        scene = reader.read(observation)
        cells = np.array(sorted(thing.cell for thing in scene.things))
        weights = tuple(
            np.stack([weights_of(block, head, cells) for head in range(2)]) for block in range(2)
        )
        observation, reward, *_ = environment.step(action)
        steps.append(Step(scene, cells, weights, np.full(4, 0.25), 0.0, action, reward))
    return Episode("BoxWorld-v0", 17, LEVEL, "sampled", tuple(steps), False)


def to_agent_or_first_lock(block, head, cells):
    """Block 0: all to the agent in head 0; 3/4 to lock 1, rest to D1 in head 1; else uniform."""
    if block == 1:
        return np.full((len(cells), len(cells)), 1 / len(cells))
    targets = {cell(1, 1): 1.0} if head == 0 else {cell(3, 2): 0.75, cell(3, 6): 0.25}
    row = np.array([targets.get(c, 0.0) for c in cells])
    return np.tile(row, (len(cells), 1))


def screen_episode(place=(0.56, 0.94), target=6):
    """One block, two heads: head 0 all to cell 5 but from cell 6 to itself; head 1 to itself."""
    to_enemy = np.zeros((8, 8), np.float32)
    to_enemy[:, 5] = 1
    to_enemy[6] = np.eye(8)[6]
    weights = np.stack([to_enemy, np.eye(8, dtype=np.float32)])[np.newaxis]
    step = ScreenStep(3, SIDES, weights, "Move_screen(...)", place, target, 0.5, 1.25, 2.0, 7.0)
    return ScreenEpisode("SC2/A-v0", "stand-in", 4, "greedy", (2, 4), (step, step), 20, 9.0)
