"""Box-World once more: slow, plain, from the paper's rules, and sharing nothing with the package.

Written from Zambaldi et al., arXiv:1806.01830, section 4.1, as stated in the docstring of
`BoxWorldEnv`; the game is a dictionary from (row, column) to a character of the text form.
"""

from collections import Counter, deque

import numpy as np

MOVES = {0: (-1, 0), 1: (1, 0), 2: (0, -1), 3: (0, 1)}  # up, down, left, right

# Hues 0, 18, 36 ... degrees between 350/999 and 700/999 of full scale.
RGB = [
    (179, 89, 89), (179, 116, 89), (179, 143, 89), (179, 170, 89), (161, 179, 89),
    (134, 179, 89), (107, 179, 89), (89, 179, 98), (89, 179, 125), (89, 179, 152),
    (89, 179, 179), (89, 152, 179), (89, 125, 179), (89, 98, 179), (107, 89, 179),
    (134, 89, 179), (161, 89, 179), (179, 89, 170), (179, 89, 143), (179, 89, 116),
]  # fmt: skip


def color_of(character):
    return ord(character.lower()) - ord("a")


class ReferenceGame:
    """One game; `seen` counts what has happened, so that tests can tell that it did happen."""

    def __init__(self, text, max_steps=120, seen=None):
        lines = text.split("\n")
        self.size = len(lines)
        self.cells = {(r, c): x for r, line in enumerate(lines) for c, x in enumerate(line)}
        (self.agent,) = (cell for cell, x in self.cells.items() if x == "@")
        self.cells = {cell: x for cell, x in self.cells.items() if x not in ".@"}
        # What is left of a lock is its box's content; a box is useful if it leads to the gem.
        boxes = [(self.cells[(r, c - 1)], x) for (r, c), x in self.cells.items() if x.isupper()]
        useful = {"*"}
        for _ in boxes:
            useful |= {lock.lower() for content, lock in boxes if content in useful}
        self.path = {
            (r, c)
            for (r, c), x in self.cells.items()
            if x.isupper() and self.cells[(r, c - 1)] in useful
        }
        self.held = None
        self.steps = 0
        self.max_steps = max_steps
        self.seen = Counter() if seen is None else seen

    def is_locked(self, cell):
        """Whether the cell holds the content of a box whose lock is still there."""
        return self.cells.get((cell[0], cell[1] + 1), ".").isupper()

    def step(self, action):
        """Returns (reward, terminated, truncated)."""
        self.steps += 1
        target = (self.agent[0] + MOVES[action][0], self.agent[1] + MOVES[action][1])
        thing = self.cells.get(target)
        reward, terminated, moves = 0.0, False, True
        if not (0 <= target[0] < self.size and 0 <= target[1] < self.size):
            self.seen["border"] += 1
            moves = False
        elif thing is None:
            self.seen["floor"] += 1
        elif thing.isupper():
            moves = self.held == thing.lower()
            if not moves:
                self.seen["wrong key" if self.held else "no key"] += 1
            else:
                self.held = None
                terminated = target not in self.path
                reward = -1.0 if terminated else 1.0
                self.seen["distractor" if terminated else "opened"] += 1
        elif self.is_locked(target):
            self.seen["locked content"] += 1
            moves = False
        elif thing == "*":
            self.seen["gem"] += 1
            reward, terminated = 10.0, True
        else:
            self.seen["discarded" if self.held else "picked up"] += 1
            self.held = thing
        if moves:
            self.agent = target
            self.cells.pop(target, None)
        truncated = self.steps >= self.max_steps and not terminated
        self.seen["cut off"] += truncated
        return reward, terminated, truncated

    def observation(self):
        image = np.zeros((self.size + 2, self.size + 2, 3), np.uint8)
        image[1:-1, 1:-1] = (204, 204, 204)
        for (row, column), x in self.cells.items():
            image[row + 1, column + 1] = (255, 255, 255) if x == "*" else RGB[color_of(x)]
        image[self.agent[0] + 1, self.agent[1] + 1] = (128, 128, 128)
        if self.held:
            image[0, 0] = RGB[color_of(self.held)]
        return image

    def actions_to(self, goal):
        """The shortest way from the agent over free floor to `goal`, whatever is there; or None."""
        came = {self.agent: ()}
        queue = deque(came)
        while queue:
            cell = queue.popleft()
            if cell == goal:
                return came[cell]
            if cell != self.agent and cell in self.cells:
                continue
            for action, (down, right) in MOVES.items():
                next_cell = (cell[0] + down, cell[1] + right)
                inside = 0 <= next_cell[0] < self.size and 0 <= next_cell[1] < self.size
                if inside and next_cell not in came:
                    came[next_cell] = (*came[cell], action)
                    queue.append(next_cell)
        return None
