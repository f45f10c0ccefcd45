"""All experiments as a page of Markdown: tables, curves, and the commands that made the numbers."""

import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from experiments.games import training_game
from experiments.generalisation import CONDITIONS, WITHHELD, withholds_pairs
from experiments.provenance import launch_command
from experiments.results.store import ADDITIONS, Experiment, Run

_ABOUT_ADDITIONS = {
    "published": "the paper's network, untouched",
    "generic": "additions that know nothing of the game",
    "special": "additions that are special to the game",
}


def to_page(experiments: Sequence[Experiment], curves: Iterable[str]) -> str:
    """Returns everything as a page.

    Args:
      experiments: of the folder of results.
      curves: names of the figures in it.
    """
    parts = [
        "# Results",
        "Made of the runs in this folder by `python -m experiments.results draw`; do not edit.",
        *(f"![Solved share of training episodes]({name})" for name in curves),
        "## Experiments",
        summary_table(experiments),
        f"Network: {'; '.join(f'{name}: {_ABOUT_ADDITIONS[name]}' for name in ADDITIONS)}. Solved: "
        "the sampled policy on levels that training never draws, each played once; the mean over "
        "the seeds, and from the worst to the best of them. Frames and minutes: means over the "
        "seeds.",
        "## Every evaluation",
        evaluation_table(experiments),
    ]
    generalisation = generalisation_table(experiments)
    if generalisation:
        parts += ["## Generalisation", generalisation]
    parts += ["## Where the numbers come from", provenance_table(experiments), "## Commands"]
    parts += [_commands(experiment) for experiment in experiments]
    return "\n\n".join(parts) + "\n"


def summary_table(experiments: Sequence[Experiment]) -> str:
    """Returns a row for each experiment."""
    rows = []
    for experiment in experiments:
        runs, config = experiment.runs, experiment.config
        rows.append(
            [
                experiment.title,
                config.env_id.rpartition(":")[2],
                config.agent,
                experiment.additions,
                str(len(runs)),
                _millions(_mean([run.frames for run in runs])),
                f"{_mean([run.minutes for run in runs]):.1f}",
                _over_seeds([run.main_evaluation for run in runs]),
            ]
        )
    head = ["experiment", "environment", "agent", "network", "seeds", "frames", "minutes", "solved"]
    return _table(head, rows, "llllrrrl")


def evaluation_table(experiments: Sequence[Experiment]) -> str:
    """Returns a row for each evaluation of each run."""
    rows = []
    for experiment, run in _runs(experiments):
        for evaluation in run.evaluations:
            rows.append(
                [
                    experiment.title,
                    str(run.config.seed),
                    _millions(run.frames),
                    f"{run.minutes:.1f}",
                    f"{run.stage + 1} of {run.last_stage + 1}",
                    evaluation["environment"].rpartition(":")[2],
                    evaluation["policy"],
                    f"{evaluation['num_levels']:,}",
                    *_solved(evaluation),
                ]
            )
    head = ["experiment", "seed", "frames", "minutes", "stage"]
    head += ["played on", "policy", "levels", "solved", "95 % interval"]
    return _table(head, rows, "lrrrrllrrl")


def generalisation_table(experiments: Sequence[Experiment]) -> str:
    """Returns a row for each published condition; "" if no run has been tested on them.

    Withheld pairs measure nothing in a run that was trained with them: there the cell says so.
    """
    tested = [e for e in experiments if any(run.generalisation for run in e.runs)]
    if not tested:
        return ""
    rows = []
    for condition in CONDITIONS:
        cells = []
        for experiment in tested:
            game = training_game(experiment.config)
            if condition.env_id == WITHHELD and not withholds_pairs(game.env_id, game.env_kwargs):
                cells.append("trained with them")
                continue
            found = [
                next((x for x in run.generalisation if x["name"] == condition.name), None)
                for run in experiment.runs
            ]
            cells.append(_over_seeds(found))
        rows.append([condition.name, condition.relational, condition.control, *cells])
    head = ["condition", "published relational", "published control", *(e.title for e in tested)]
    return _table(head, rows, "lrr" + "l" * len(tested))


def provenance_table(experiments: Sequence[Experiment]) -> str:
    """Returns a row for each run: when, on what machine, of which commit."""
    rows = []
    for experiment, run in _runs(experiments):
        sessions = run.sessions or ({},)
        rows.append(
            [
                experiment.title,
                str(run.config.seed),
                sessions[0].get("started", "not recorded"),
                _distinct(session.get("machine") for session in sessions),
                _distinct((session.get("commit") or "")[:48] for session in sessions),
            ]
        )
    return _table(["experiment", "seed", "started", "machine", "commit"], rows, "lrlll")


def _commands(experiment: Experiment) -> str:
    lines = []
    for run in experiment.runs:
        name = shlex.quote(f"runs/{experiment.name}_seed{run.config.seed}")
        lines.append(f"{launch_command(run.config)} --run_dir={name}")
        for evaluation in run.evaluations:
            lines.append(
                f"python -m experiments.evaluate --run_dir={name}{_flags(run, evaluation)}"
            )
        if run.generalisation:
            first = run.generalisation[0]
            lines.append(
                f"python -m experiments.generalisation --run_dir={name} "
                f"--levels={first['num_levels']}"
            )
        lines.append(f"python -m experiments.results add --run_dir={name} --name={experiment.name}")
    text = "\n".join(lines)
    return f"{experiment.title}:\n\n```sh\n{text}\n```"


def _flags(run: Run, evaluation: dict[str, Any]) -> str:
    """Returns the arguments that make an evaluation."""
    flags = [f"--levels={evaluation['num_levels']}"]
    if evaluation["environment"] != run.config.env_id:
        flags.append(f"--env_id={evaluation['environment']}")
    for name, usual in (("policy", "sampled"), ("seed", 0), ("first_level", 0)):
        if evaluation[name] != usual:
            flags.append(f"--{name}={evaluation[name]}")
    tries = max((int(k) for k in evaluation.get("solved_in_tries", {})), default=1)
    if tries > 1:
        flags.append(f"--tries={tries}")
    return "".join(f" {shlex.quote(flag)}" for flag in flags)


def _over_seeds(evaluations: Sequence[dict[str, Any] | None]) -> str:
    """Returns the mean over seeds with their range; of one seed, its 95 % interval."""
    known = [x for x in evaluations if x is not None]
    if not known:
        return "-"
    levels = f"{known[0]['num_levels']:,} levels"
    if any(x["solved"] is None for x in known):
        return f"return {_mean([x['mean_return'] for x in known]):.2f}"
    if len(known) == 1:
        share, interval = _solved(known[0])
        return f"{share} ({interval}, 95 % interval, {levels})"
    shares = [x["solved"]["share"] for x in known]
    return f"{_mean(shares):.1%} ({min(shares):.1%} .. {max(shares):.1%}, {levels} each)"


def _solved(evaluation: dict[str, Any]) -> tuple[str, str]:
    solved = evaluation["solved"]
    if solved is None:
        return f"return {evaluation['mean_return']:.2f}", ""
    return f"{solved['share']:.1%}", f"{solved['low']:.1%} .. {solved['high']:.1%}"


def _runs(experiments: Sequence[Experiment]) -> list[tuple[Experiment, Run]]:
    return [(experiment, run) for experiment in experiments for run in experiment.runs]


def _distinct(texts: Iterable[str | None]) -> str:
    return ", ".join(dict.fromkeys(text for text in texts if text)) or "not recorded"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _millions(frames: float) -> str:
    return f"{frames / 1e6:.1f} million" if frames >= 1e5 else f"{frames:,.0f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    marks = {"l": "---", "r": "---:"}
    lines = [head, [marks[each] for each in align], *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
