"""All experiments as a page of Markdown: tables, curves, and the commands that made the numbers."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from experiments.configs import train_command
from experiments.games import (
    STARCRAFT,
    caveats,
    display_name,
    game_of,
    mini_game_of,
    name_of,
    title_of,
)
from experiments.published import (
    CONDITIONS,
    RANDOM,
    SCRIPTED,
    SOURCE,
    WITHHELD,
    published_scores,
    withholds_pairs,
)
from experiments.results.kept import ADDITIONS, KeptExperiment, Run, mean_scores
from experiments.tables import in_markdown
from relational_rl.config import EnvSpec

_ABOUT_ADDITIONS = {
    "published": "the paper's network, untouched",
    "generic": "additions that know nothing of the game",
    "special": "additions that are special to the game",
}
_NETWORKS = f"Network: {'; '.join(f'{name}: {_ABOUT_ADDITIONS[name]}' for name in ADDITIONS)}."
_OVER_SEEDS = "the mean over the seeds, and from the worst to the best of them"
_MEANS = "Frames and minutes: means over the seeds."
# What a row says of how its experiment was trained, see `_training`.
_TRAINING = ("agent", "network", "seeds", "frames", "minutes")


def to_page(experiments: Sequence[KeptExperiment], curves: Mapping[str, str]) -> str:
    """Returns everything as a page.

    Args:
      experiments: of the folder of results.
      curves: what the figures in it show, by their names.
    """
    parts = [
        "# Results",
        "Made of the runs in this folder by `relational-rl results draw`; do not edit.",
        *(f"![{title}]({name})" for name, title in curves.items()),
    ]
    mini_games = [e for e in experiments if mini_game_of(e.config.final_env)]
    others = [e for e in experiments if not mini_game_of(e.config.final_env)]
    if others:
        parts += [
            "## Experiments",
            summary_table(others),
            f"{_NETWORKS} Solved: the sampled policy on levels that training never draws, each "
            f"played once; {_OVER_SEEDS}. {_MEANS}",
        ]
    if mini_games:
        parts += [
            "## Mini-games",
            score_table(mini_games),
            f"{_NETWORKS} Mean score: of the sampled policy's episodes; {_OVER_SEEDS}. Maximum: of "
            f"all these episodes. {RANDOM.capitalize()} and {SCRIPTED}: their mean scores from the "
            f"same reset seeds on the same game. {_MEANS}",
            *_caveats(mini_games),
            f"Published mean scores, all of them on {STARCRAFT} ({SOURCE}):",
            published_table(mini_games),
        ]
    parts += ["## Every evaluation", evaluation_table(experiments)]
    generalisation = generalisation_table(experiments)
    if generalisation:
        parts += ["## Generalisation", generalisation]
    parts += ["## Where the numbers come from", provenance_table(experiments), "## Commands"]
    parts += [_commands(experiment) for experiment in experiments]
    return "\n\n".join(parts) + "\n"


def summary_table(experiments: Sequence[KeptExperiment]) -> str:
    """Returns a row for each experiment."""
    rows = [
        [
            experiment.title,
            name_of(experiment.config.final_env),
            *_training(experiment),
            _over_seeds([run.main_evaluation for run in experiment.runs]),
        ]
        for experiment in experiments
    ]
    head = ["experiment", "environment", *_TRAINING, "solved"]
    return _table(head, rows, "llllrrrl")


def score_table(experiments: Sequence[KeptExperiment]) -> str:
    """Returns a row for each experiment on a mini-game: its score and those to compare it with."""
    rows = []
    for experiment in experiments:
        env = experiment.config.final_env
        agents = [run.scores[0] for run in experiment.runs if run.scores]
        maxima = [score["maximum"] for score in agents if score["maximum"] is not None]
        means = mean_scores(experiment.runs)
        player = agents[0]["player"] if agents else ""
        comparable = player in means and means.get(SCRIPTED, 0.0) > 0
        rows.append(
            [
                experiment.title,
                str(mini_game_of(env)),
                display_name(game_of(env)),
                *_training(experiment),
                _over_seeds([run.main_evaluation for run in experiment.runs]),
                f"{max(maxima):g}" if maxima else "-",
                *(f"{means[who]:.2f}" if who in means else "-" for who in (RANDOM, SCRIPTED)),
                f"{means[player] / means[SCRIPTED]:.0%}" if comparable else "-",
            ]
        )
    head = ["experiment", "map", "played on", *_TRAINING, "mean score", "maximum"]
    head += [RANDOM, SCRIPTED, "share of the scripted agent's score"]
    return _table(head, rows, "lllllrrrlrrrr")


def published_table(experiments: Sequence[KeptExperiment]) -> str:
    """Returns a row for each player of the paper, with the mean scores on the experiments' maps."""
    maps = dict.fromkeys(str(mini_game_of(e.config.final_env)) for e in experiments)
    columns = [published_scores(map_name) for map_name in maps]
    rows = [[who, STARCRAFT, *(scores[who] for scores in columns)] for who in columns[0]]
    return _table(["published", "played on", *maps], rows, "ll" + "r" * len(columns))


def evaluation_table(experiments: Sequence[KeptExperiment]) -> str:
    """Returns a row for each evaluation of each run."""
    rows = []
    for experiment, run in _runs(experiments):
        for evaluation in run.evaluations:
            outcome = _outcome(evaluation)
            rows.append(
                [
                    experiment.title,
                    str(run.config.run.seed),
                    _millions(run.frames),
                    f"{run.minutes:.1f}",
                    f"{run.stage + 1} of {run.last_stage + 1}",
                    title_of(
                        EnvSpec(id=evaluation["environment"], kwargs=evaluation["env_kwargs"])
                    ),
                    evaluation["policy"],
                    f"{outcome.trials:,}",
                    outcome.text,
                    outcome.interval,
                ]
            )
    head = ["experiment", "seed", "frames", "minutes", "stage"]
    head += ["played on", "policy", "levels or episodes", "solved or score", "95 % interval"]
    return _table(head, rows, "lrrrrllrrl")


def generalisation_table(experiments: Sequence[KeptExperiment]) -> str:
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
            env = experiment.config.final_env
            if condition.env_id == WITHHELD and not withholds_pairs(env.name, env.kwargs):
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


def provenance_table(experiments: Sequence[KeptExperiment]) -> str:
    """Returns a row for each run: when, on what machine, of which commit."""
    rows = []
    for experiment, run in _runs(experiments):
        sessions = run.sessions or ({},)
        rows.append(
            [
                experiment.title,
                str(run.config.run.seed),
                sessions[0].get("started", "not recorded"),
                _distinct(session.get("machine") for session in sessions),
                _distinct((session.get("commit") or "")[:48] for session in sessions),
            ]
        )
    return _table(["experiment", "seed", "started", "machine", "commit"], rows, "lrlll")


def _caveats(experiments: Sequence[KeptExperiment]) -> list[str]:
    scores = [score for _, run in _runs(experiments) for score in run.scores]
    games = [display_name(game_of(e.config.final_env)) for e in experiments]
    sentences = caveats(games, sum(score["crashed"] for score in scores))
    return [" ".join(sentences)] if sentences else []


def _training(experiment: KeptExperiment) -> list[str]:
    runs = experiment.runs
    return [
        experiment.config.agent.label,
        experiment.additions,
        str(len(runs)),
        _millions(_mean([run.frames for run in runs])),
        f"{_mean([run.minutes for run in runs]):.1f}",
    ]


def _commands(experiment: KeptExperiment) -> str:
    lines = []
    for run in experiment.runs:
        name = shlex.quote(f"runs/{experiment.name}_seed{run.config.run.seed}")
        lines.append(f"{train_command(run.config)} --run_dir={name}")
        for evaluation in run.evaluations:
            lines.append(f"relational-rl evaluate --run_dir={name}{_flags(run, evaluation)}")
        if run.generalisation:
            first = run.generalisation[0]
            lines.append(
                f"relational-rl generalise --run_dir={name} --levels={first['num_levels']}"
            )
        lines.append(f"relational-rl results add --run_dir={name} --name={experiment.name}")
    text = "\n".join(lines)
    return f"{experiment.title}:\n\n```sh\n{text}\n```"


def _flags(run: Run, evaluation: dict[str, Any]) -> str:
    """Returns the arguments that make an evaluation."""
    flags = [f"--levels={evaluation['num_levels']}"]
    if evaluation["environment"] != run.config.env.name:
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
    known = [outcome for outcome in map(_outcome, filter(None, evaluations)) if outcome.trials]
    if not known:
        return "-"
    first = known[0]
    if len(known) == 1:
        interval = f"{first.interval}, 95 % interval, " if first.interval else ""
        return f"{first.text} ({interval}{first.counted})"
    values = [outcome.value for outcome in known]
    mean, low, high = (first.style.format(f(values)) for f in (_mean, min, max))
    counted = " or ".join(dict.fromkeys(outcome.counted for outcome in known))
    return f"{mean} ({low} .. {high}, {counted} each)"


class _Outcome(NamedTuple):
    """What an evaluation measured: the solved share, a mini-game's score, else the return.

    Attributes:
      value: the mean.
      interval: its 95 % interval as text, "" if unknown.
      trials: of how many.
      unit: what these are called.
      style: how the value is written.
    """

    value: float
    interval: str
    trials: int
    unit: str
    style: str

    @property
    def text(self) -> str:
        return self.style.format(self.value) if self.trials else "-"

    @property
    def counted(self) -> str:
        return f"{self.trials:,} {self.unit}"


def _outcome(evaluation: dict[str, Any]) -> _Outcome:
    trials = evaluation["num_levels"]
    if evaluation["solved"] is not None:
        solved = evaluation["solved"]
        interval = f"{solved['low']:.1%} .. {solved['high']:.1%}"
        return _Outcome(solved["share"], interval, trials, "levels", "{:.1%}")
    if "scores" in evaluation:
        score = evaluation["scores"][0]
        known = score["low"] is not None
        interval = f"{score['low']:.2f} .. {score['high']:.2f}" if known else ""
        return _Outcome(score["mean"], interval, score["episodes"], "episodes", "{:.2f}")
    return _Outcome(evaluation["mean_return"], "", trials, "episodes", "return {:.2f}")


def _runs(experiments: Sequence[KeptExperiment]) -> list[tuple[KeptExperiment, Run]]:
    return [(experiment, run) for experiment in experiments for run in experiment.runs]


def _distinct(texts: Iterable[str | None]) -> str:
    return ", ".join(dict.fromkeys(text for text in texts if text)) or "not recorded"


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _millions(frames: float) -> str:
    return f"{frames / 1e6:.1f} million" if frames >= 1e5 else f"{frames:,.0f}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> str:
    return "\n".join(in_markdown([head, *rows], align))
