"""What an evaluation found: the numbers, as JSON and as text."""

import dataclasses
import math
from typing import Any

from experiments.statistics import Share
from experiments.tables import in_columns


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What an agent achieved on a range of levels, each played once.

    Attributes:
      agent: the agent and its training, in words.
      frames: transitions it has learned from.
      environment: id of the environment.
      env_kwargs: its arguments.
      policy: "sampled" or "greedy".
      seed: of the sampled actions.
      first_level: the first level seed.
      num_levels: how many.
      levels_trained_on: how many of them the run may have trained on.
      max_steps: Box-World's step cap; None in another game, where a level seed seeds the reset.
      max_entities: how many entities the agent had room for, None without a limit.
      solved: share of solved levels; None if the environment does not say.
      random_solved: share that the random policy solves; None if it was not played.
      mean_return: undiscounted.
      mean_steps: of the episodes that solved their level (of all, where nothing says which).
      shortest_steps: mean length of the shortest solutions of the same levels; None if unknown.
      by_solution_length: share of solved levels by number of boxes on the solution path.
      by_num_branches: share of solved levels by number of distractor branches.
      failed_levels: the level seeds that were not solved.
      tries_played: how often each level was played for `solved_in_tries`.
      solved_in_tries: by k, the share of levels that are solved when k tries are allowed.
    """

    agent: str
    frames: int
    environment: str
    env_kwargs: dict[str, Any]
    policy: str
    seed: int
    first_level: int
    num_levels: int
    levels_trained_on: int
    max_steps: int | None
    max_entities: int | None
    solved: Share | None
    random_solved: Share | None
    mean_return: float
    mean_steps: float
    shortest_steps: float | None
    by_solution_length: dict[int, Share]
    by_num_branches: dict[int, Share]
    failed_levels: list[int]
    tries_played: int
    solved_in_tries: dict[int, Share]

    def to_dict(self) -> dict[str, Any]:
        """Returns the values by name for JSON: shares with their intervals, NaN as None."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}


def format_evaluation(evaluation: Evaluation) -> str:
    """Returns an evaluation as text for a terminal."""
    last = evaluation.first_level + evaluation.num_levels - 1
    lines = [evaluation.agent]
    if evaluation.max_steps is not None:
        seen = evaluation.levels_trained_on
        held_out = f"{seen:,} of them trained on" if seen else "none of them trained on"
        played = f"levels {evaluation.first_level}..{last}, each played once, {held_out}"
    else:
        played = f"episodes of the reset seeds {evaluation.first_level}..{last}"
    cap = f", at most {evaluation.max_steps} steps" if evaluation.max_steps else ""
    lines += [f"{evaluation.environment}: {played}{cap}"]
    seeded = f" (seed {evaluation.seed})" if evaluation.policy == "sampled" else ""
    room = f", room for {evaluation.max_entities} entities" if evaluation.max_entities else ""
    lines += [f"{evaluation.policy} policy{seeded}{room}", ""]
    if evaluation.solved is not None:
        lines += [f"solved         {_share_text(evaluation.solved)}"]
    if evaluation.random_solved is not None:
        lines += [f"random policy  {_share_text(evaluation.random_solved)}"]
    lines += [f"mean return    {evaluation.mean_return:.2f}"]
    whose = "of the solved levels" if evaluation.solved is not None else "an episode"
    if not math.isnan(evaluation.mean_steps):
        lines += [f"mean steps     {evaluation.mean_steps:.1f} {whose}"]
    if evaluation.shortest_steps is not None and not math.isnan(evaluation.shortest_steps):
        lines[-1] += f"; their shortest solutions take {evaluation.shortest_steps:.1f}"
    for name, shares in (
        ("solution length", evaluation.by_solution_length),
        ("branches", evaluation.by_num_branches),
    ):
        lines += _table(name, "solved", shares) if shares else []
    if len(evaluation.solved_in_tries) > 1:
        lines += _table("tries allowed", "solved at least once", evaluation.solved_in_tries)
        lines += [
            f"(pass@k of {evaluation.tries_played} tries a level, each with its own random numbers)"
        ]
    if evaluation.tries_played > 1 and evaluation.solved is None:
        lines += ["", "no share over tries: the environment's info has no 'is_success'"]
    if evaluation.failed_levels:
        some = ", ".join(map(str, evaluation.failed_levels[:10]))
        more = ", ..." if len(evaluation.failed_levels) > 10 else ""
        lines += ["", f"levels that were not solved: {some}{more}"]
    return "\n".join(lines)


def _plain(value: Any) -> Any:
    if isinstance(value, Share):
        return _plain(value.to_dict())
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def _share_text(share: Share) -> str:
    return (
        f"{share.value:6.2%}  ({share.low:.2%} .. {share.high:.2%}, 95 % interval; "
        f"{share.successes:,} of {share.trials:,})"
    )


def _table(label: str, heading: str, shares: dict[int, Share]) -> list[str]:
    rows = [(label, "levels", heading, "95 % interval")]
    for value, share in shares.items():
        interval = f"{share.low:.2%} .. {share.high:.2%}"
        rows.append((str(value), f"{share.trials:,}", f"{share.value:.2%}", interval))
    return ["", *in_columns(rows, "rrrr")]
