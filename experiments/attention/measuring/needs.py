"""What the agent needs: the share that it solves without a head, a block, the references."""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tqdm import tqdm

from experiments.games import num_slots
from experiments.statistics import Share, share_of
from relational_rl.config import EnvSpec
from relational_rl.interventions import FreezeReference, Intervention, KnockOut, Uniform
from relational_rl.playing.player import Player, attempts_of
from relational_rl.trained import TrainedAgent

WAYS = ("zero", "mean", "resample")
WHOLE = "nothing taken away"


class Need(NamedTuple):
    """What is solved under interventions.

    Attributes:
      without: what is taken away.
      by: what stands in for it: one of WAYS, "uniform" or "nothing".
      solved: of the same levels each time.
    """

    without: str
    by: str
    solved: Share


def plan(
    num_blocks: int, num_heads: int, references: bool
) -> Iterator[tuple[str, str, list[Intervention]]]:
    """Yields what to take away: every head, every pair of heads, every block, the references."""
    heads = [
        (block, head) for block in range(1, num_blocks + 1) for head in range(1, num_heads + 1)
    ]
    yield WHOLE, "", []
    for by in WAYS:
        for block, head in heads:
            yield f"block {block} head {head}", by, [KnockOut(block, head, by)]
        for one, other in itertools.combinations(heads, 2):
            name = f"block {one[0]} head {one[1]}, block {other[0]} head {other[1]}"
            yield name, by, [KnockOut(*one, by), KnockOut(*other, by)]
    for block, head in heads:
        yield f"block {block} head {head}", "uniform", [Uniform(block, head)]
    if references:
        yield "references", "nothing", [FreezeReference()]


def measure(
    trained: TrainedAgent,
    env: EnvSpec,
    levels: Sequence[int],
    num_blocks: int,
    num_heads: int,
    progress: bool = False,
) -> list[Need]:
    """Plays the same levels, each once with the sampled policy, under every intervention."""
    encoder = getattr(trained.agent, "encoder", None)
    todo = list(plan(num_blocks, num_heads, getattr(encoder, "references", None) is not None))
    needs = []
    for without, by, interventions in tqdm(todo, "knock-outs", disable=None if progress else True):
        agent = trained.intervened(interventions).agent
        player = Player(agent, trained.spec, num_slots(env, len(levels)))
        episodes = player.play(env, attempts_of(levels))
        needs.append(Need(without, by, share_of(bool(each.is_success) for each in episodes)))
    return needs
