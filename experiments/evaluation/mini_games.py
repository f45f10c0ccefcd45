"""Scores on the StarCraft II mini-games, each beside the game that it was obtained on.

Those played here: of the agent, of the random policy, and of PySC2's scripted agent where there
is one. Those published: of people and of agents on StarCraft II. A score of the stand-in is never
compared with one of the game without saying so.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from tqdm import tqdm

from experiments.games import (
    STARCRAFT,
    caveats,
    display_name,
    is_compiled,
    mini_game_of,
    num_slots,
)
from experiments.published import RANDOM, SCRIPTED, SOURCE, published_scores
from experiments.statistics import Mean, mean_of
from experiments.tables import in_columns
from relational_rl.config import EnvSpec, Random, replace
from relational_rl.playing.player import PlayedEpisode, Player, attempts_of, play_by_rule
from relational_rl.trained import TrainedAgent

EPISODES = 30
"""As in the paper: a score is the mean over so many episodes."""
_SCREEN_SIZE = 32  # Of environments that are not told another.


class Score(NamedTuple):
    """What somebody scored here.

    Attributes:
      player: who.
      game: "stand-in" or "StarCraft II".
      mean: of the episodes, with its interval.
      maximum: of the episodes; NaN of none.
      crashed: episodes in which the game crashed; they do not count.
      screen: side of the screen in pixels, which actions are in; None if it is not known.
    """

    player: str
    game: str
    mean: Mean
    maximum: float
    crashed: int
    screen: int | None = None


def screen_of(env: EnvSpec) -> int:
    """Returns the side of a mini-game's screen in pixels."""
    return env.kwargs.get("screen_size", _SCREEN_SIZE)


def score_of(player: str, episodes: Sequence[PlayedEpisode], screen: int | None = None) -> Score:
    """Returns the score of episodes of a mini-game; they say themselves which game it was."""
    whole = [e.episode_return for e in episodes if not e.info.get("game_crashed")]
    game = display_name(episodes[0].info["game"])
    crashed = len(episodes) - len(whole)
    return Score(player, game, mean_of(whole), max(whole, default=math.nan), crashed, screen)


def play_baselines(
    trained: TrainedAgent, env: EnvSpec, levels: range, seed: int = 0, progress: bool = False
) -> list[Score]:
    """Plays a mini-game with the random policy, and with PySC2's scripted agent if it has one.

    The random policy plays what the agent plays. The scripted agent sees the finer screen that
    PySC2 shows it, and feature layers; the game and its episodes are the same.

    Args:
      trained: of the environment's spec.
      env: a mini-game.
      levels: reset seeds.
      seed: of the random policy.
      progress: whether to show progress bars.
    """
    from sc2_minigames import scripted  # needs the extra, which whoever made the game has

    attempts = attempts_of(levels)

    def bar(name: str) -> tqdm:
        shown = None if progress else True
        return tqdm(total=len(attempts), unit="episode", desc=name, disable=shown)

    agent = Random().build(trained.spec)
    player = Player(agent, trained.spec, num_slots(env, len(attempts)))
    with bar(RANDOM) as ended:
        episodes = player.play(env, attempts, "sampled", seed, lambda _: ended.update())
    scores = [score_of(RANDOM, episodes, screen_of(env))]
    map_name = mini_game_of(env)
    if map_name in scripted.MAPS:
        finer = scripted_env(env, map_name, scripted.SCREEN_SIZE)

        def rule(environment: Any) -> scripted.Policy:
            return scripted.scripted_policy(map_name, environment.action_codec)

        with bar(SCRIPTED) as ended:
            episodes = play_by_rule(finer, attempts, rule, lambda _: ended.update())
        scores.append(score_of(SCRIPTED, episodes, screen_of(finer)))
    return scores


def scripted_env(env: EnvSpec, map_name: str, size: int) -> EnvSpec:
    """Returns a single environment of the same game with layers, on a screen of that size or more.

    Where the agent plays the compiled stand-in, so does the scripted agent.
    """
    kwargs = {key: value for key, value in env.kwargs.items() if key not in ("layers", "max_units")}
    kwargs["screen_size"] = max(size, env.kwargs.get("screen_size", 0))
    if not is_compiled(env):
        return replace(env, {"kwargs": kwargs}, "env")
    from sc2_minigames.world.single import StandInEnv

    return EnvSpec(make=StandInEnv, kwargs={"map_name": map_name, **kwargs})


def to_dict(map_name: str, scores: Sequence[Score]) -> dict[str, Any]:
    """Returns scores played and published, JSON-able: NaN as None."""
    return {
        "scores": [
            {
                "player": score.player,
                "game": score.game,
                "episodes": score.mean.trials,
                "mean": _known(score.mean.value),
                "low": _known(score.mean.low),
                "high": _known(score.mean.high),
                "maximum": _known(score.maximum),
                "crashed": score.crashed,
                "screen": score.screen,
            }
            for score in scores
        ],
        "published": [
            {"player": player, "game": STARCRAFT, "mean": mean}
            for player, mean in published_scores(map_name).items()
        ],
        "published_source": SOURCE,
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def format_scores(map_name: str, scores: Sequence[Score]) -> str:
    """Returns the table of scores played and published as text for a terminal."""
    rows = [("score an episode", "played on", "episodes", "mean", "95 % interval", "maximum")]
    for score in scores:
        mean = score.mean
        interval = f"{mean.low:.2f} .. {mean.high:.2f}" if mean.trials > 1 else "-"
        rows.append(
            (
                score.player,
                score.game,
                str(mean.trials),
                f"{mean.value:.2f}",
                interval,
                f"{score.maximum:g}",
            )
        )
    for player, printed in published_scores(map_name).items():
        rows.append((f"published: {player}", STARCRAFT, "", printed, "", ""))
    notes = [*_notes(scores), f"Published: mean scores of {SOURCE}."]
    return "\n".join([*in_columns(rows, "llrrrr"), "", *notes])


def _notes(scores: Sequence[Score]) -> list[str]:
    notes = []
    by_player = {score.player: score.mean.value for score in scores}
    yardstick = by_player.get(SCRIPTED, math.nan)
    if yardstick > 0:
        share = scores[0].mean.value / yardstick
        notes.append(f"The {scores[0].player} reaches {share:.0%} of {SCRIPTED}'s mean score.")
    screens = {score.player: score.screen for score in scores if score.screen}
    if screens:
        told = ", ".join(f"{player} {side}x{side}" for player, side in screens.items())
        notes.append(f"Pixels of the screen: {told}.")
    crashed = sum(score.crashed for score in scores)
    return notes + caveats((score.game for score in scores), crashed)
