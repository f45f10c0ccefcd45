"""How an agent generalises: the conditions that the published agents were tested on.

Zambaldi et al. 2018 (arXiv:1806.01830): levels of the training distribution, levels with longer
solution paths, and levels whose solution needs key-lock pairs that training withheld.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from experiments.evaluation.evaluate import evaluate
from experiments.evaluation.report import Evaluation
from experiments.games import boxworld_of, check_levels, check_spaces, entities_needed, other_env
from experiments.published import CONDITIONS, TRAINED_ON, WITHHELD, Condition, withholds_pairs
from experiments.statistics import Share
from experiments.tables import in_markdown
from relational_rl.config import EnvSpec
from relational_rl.errors import UsageError
from relational_rl.playing.player import NUM_SLOTS, Player, check_policy
from relational_rl.trained import TrainedAgent


class Result(NamedTuple):
    """What the agent achieved under one condition."""

    condition: Condition
    evaluation: Evaluation


def generalise(
    trained: TrainedAgent,
    num_levels: int = 1000,
    first_level: int = 0,
    policy: str = "sampled",
    seed: int = 0,
    conditions: Sequence[Condition] = CONDITIONS,
    progress: bool = False,
) -> list[Result]:
    """Plays every condition, each on the same range of level seeds.

    Args:
      trained: the agent; it gets room for the entities of the largest levels.
      num_levels: how many levels of each condition.
      first_level: the first level seed.
      policy: "sampled" or "greedy".
      seed: of the sampled actions.
      conditions: what to play.
      progress: whether to show progress bars.

    Raises:
      UsageError: an argument is wrong, or the agent was not trained on Box-World.
    """
    check_levels(first_level, num_levels)
    check_policy(policy)
    envs = [
        other_env(trained.experiment, condition.env_id) if condition.env_id else trained.env
        for condition in conditions
    ]
    trained = trained.with_entities(max(_entities(env) for env in envs))
    for env in envs:
        check_spaces(env, trained.spec)
    player = Player(trained.agent, trained.spec, min(NUM_SLOTS, num_levels))
    results = []
    for condition, env in zip(conditions, envs, strict=True):
        evaluation, _ = evaluate(
            trained,
            env,
            num_levels,
            first_level,
            policy,
            seed,
            baseline=False,
            player=player,
            progress=progress,
        )
        results.append(Result(condition, evaluation))
    return results


_COLUMNS = (
    "condition", "environment", "solved", "95 % interval", "step cap", "published relational",
    "published control",
)  # fmt: skip


def to_markdown(results: Sequence[Result], original_max_entities: int | None = None) -> str:
    """Returns the tables with what a reader must know of them.

    Args:
      results: see `generalise`.
      original_max_entities: how many entities the agent had room for in training.
    """
    first = results[0].evaluation
    last = first.first_level + first.num_levels - 1
    how = f"sampled policy (seed {first.seed})" if first.policy == "sampled" else "greedy policy"
    lines = [
        "# Generalisation",
        "",
        f"{first.agent[0].upper()}{first.agent[1:]}; {how}; "
        f"levels {first.first_level}..{last} of each condition, each played once"
        f"{_seen_text(first)}.",
        "",
        *in_markdown([_COLUMNS, *map(_row, results)], "llrlrrr"),
        "",
        "Solved by number of distractor branches (95 % interval):",
        "",
    ]
    counts = sorted({count for result in results for count in result.evaluation.by_num_branches})
    rows = [["condition", *map(str, counts)]]
    for condition, evaluation in results:
        cells = [_branch_cell(evaluation.by_num_branches.get(count)) for count in counts]
        rows.append([condition.name, *cells])
    lines += [
        *in_markdown(rows, "l" * len(rows[0])),
        "",
        *(f"- {note}" for note in _notes(results, original_max_entities)),
        "",
    ]
    return "\n".join(lines)


def _row(result: Result) -> list[str]:
    condition, evaluation = result
    solved = _solved(evaluation)
    measured = [_game_text(evaluation), f"{solved.value:.1%}", _interval(solved)]
    published = [condition.relational, condition.control]
    return [condition.name, *measured, str(evaluation.max_steps), *published]


def to_json(results: Sequence[Result]) -> str:
    """Returns all numbers of all conditions as JSON."""
    rows: list[dict[str, Any]] = [
        {**condition._asdict(), **evaluation.to_dict()} for condition, evaluation in results
    ]
    return json.dumps(rows, indent=1, allow_nan=False)


def _entities(env: EnvSpec) -> int:
    if boxworld_of(env) is None:
        raise UsageError(f"generalise needs an agent trained on Box-World, got env={env.name!r}")
    return entities_needed(env)


def _solved(evaluation: Evaluation) -> Share:
    if evaluation.solved is None:
        raise ValueError(f"{evaluation.environment} does not say whether a level was solved")
    return evaluation.solved


def _interval(share: Share) -> str:
    return f"{share.low:.1%} .. {share.high:.1%}"


def _branch_cell(share: Share | None) -> str:
    return f"{share.value:.1%} ({_interval(share)})" if share else "-"


def _game_text(evaluation: Evaluation) -> str:
    name = evaluation.environment.rpartition(":")[2]
    arguments = ", ".join(f"{key}={value}" for key, value in evaluation.env_kwargs.items())
    return f"{name} ({arguments})" if arguments else name


def _seen_text(evaluation: Evaluation) -> str:
    seen = evaluation.levels_trained_on
    return f", {seen:,} of the first condition trained on" if seen else ", none of them trained on"


def _notes(results: Sequence[Result], original_max_entities: int | None) -> list[str]:
    trained_on = _game_text(results[0].evaluation)
    notes = [
        "The published numbers are those of Zambaldi et al. 2018 (arXiv:1806.01830). "
        f"They are for agents trained on the distribution of BoxWorld-v0 or BoxWorld-Branch3-v0; "
        f"this run was trained on {trained_on}.",
        "The paper does not say how many distractor branches its longer levels had, nor the step "
        "cap; here 0 to 4 branches of length 1, and 30 steps more for each box beyond the fourth.",
    ]
    if any(result.condition.env_id == WITHHELD for result in results):
        import boxworld

        pairs = len(boxworld.withheld_pairs())
        if withholds_pairs(results[0].evaluation.environment, results[0].evaluation.env_kwargs):
            notes.append(f"Training never needed any of the {pairs} withheld key-lock pairs.")
        else:
            notes.append(
                f"The run was NOT trained with the withheld split ({TRAINED_ON.split(':')[1]}): "
                "the withheld pairs are nothing new to it, and that row measures no generalisation."
            )
    room = results[0].evaluation.max_entities
    if room is not None and original_max_entities is not None and room > original_max_entities:
        notes.append(
            f"The agent looks at the occupied cells only, at most {original_max_entities} in "
            f"training; here it had room for {room}, which the longest levels need. No parameter "
            "depends on that number."
        )
    return notes
