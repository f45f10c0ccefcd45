"""Evaluation: every count against episodes that are known, and the command end to end."""

import itertools
import json

import numpy as np
import pytest
from PIL import Image

from experiments import evaluate as command
from experiments.evaluation import evaluate as evaluating
from experiments.evaluation.command import evaluation_file
from experiments.evaluation.evaluate import evaluate
from experiments.evaluation.report import format_evaluation
from relational_rl.config import EnvSpec, replace
from relational_rl.errors import UsageError
from relational_rl.playing.player import PlayedEpisode, Player, attempts_of
from relational_rl.trained import load_run


class ScriptedPlayer:
    """Solves a level in try t where (level + t) % 4 is not 0; 10 steps, or 6 where it fails."""

    def __init__(self):
        self.asked = []

    def play(self, env, attempts, policy, seed, on_episode):
        self.asked += attempts
        episodes = []
        for attempt in attempts:
            solved = (attempt.level_seed + attempt.number) % 4 != 0
            info = {
                "solution_length": 1 + attempt.level_seed % 2,
                "num_branches": attempt.level_seed % 3,
            }
            actions = (0,) * (10 if solved else 6)
            episodes.append(PlayedEpisode(attempt, actions, 11.0 if solved else -1.0, solved, info))
            on_episode(episodes[-1])
        return episodes


def test_counts_are_those_of_the_episodes(tiny_agent):
    player = ScriptedPlayer()
    evaluation, episodes = evaluate(
        tiny_agent, num_levels=24, first_level=100, player=player, baseline=False
    )
    levels = [attempt.level_seed for attempt in player.asked]
    assert levels == [*range(100, 124)]  # each exactly once
    assert [episode.attempt.level_seed for episode in episodes] == levels
    assert (evaluation.solved.successes, evaluation.solved.trials) == (18, 24)
    assert evaluation.failed_levels == [*range(100, 124, 4)]
    assert evaluation.mean_return == pytest.approx((18 * 11 - 6) / 24)
    assert evaluation.mean_steps == 10.0  # of the solved ones only
    by_length = {
        length: (share.successes, share.trials)
        for length, share in evaluation.by_solution_length.items()
    }
    assert by_length == {1: (6, 12), 2: (12, 12)}
    by_branches = {
        branches: (share.successes, share.trials)
        for branches, share in evaluation.by_num_branches.items()
    }
    assert by_branches == {0: (6, 8), 1: (6, 8), 2: (6, 8)}
    assert evaluation.random_solved is None
    assert (evaluation.max_steps, evaluation.max_entities) == (6, 8)


def test_tries_are_estimated_without_bias_from_all_of_them(tiny_agent):
    player = ScriptedPlayer()
    evaluation, episodes = evaluate(
        tiny_agent, num_levels=4, tries=3, player=player, baseline=False
    )
    assert len(player.asked) == len(set(player.asked)) == 4 * 6
    assert len(episodes) == 4
    assert evaluation.solved.successes == 3  # the first try of each
    # Of six tries, levels 0 and 3 fail twice, 1 and 2 once.
    shares = {k: share.value for k, share in evaluation.solved_in_tries.items()}
    assert shares[1] == pytest.approx((4 / 6 + 5 / 6 + 5 / 6 + 4 / 6) / 4)
    assert shares[2] == pytest.approx((14 / 15 + 1 + 1 + 14 / 15) / 4)
    assert shares[3] == 1.0
    assert sorted(shares) == [1, 2, 3]


def test_the_command_counts_every_try_that_is_played(finished_run, tmp_path, capsys):
    arguments = [f"--run_dir={finished_run}", f"--out={tmp_path}", "--levels=12", "--tries=2"]
    assert command.main(arguments) == 0
    assert (
        "(pass@k of 4 tries a level, each with its own random numbers)" in capsys.readouterr().out
    )
    written = json.loads((tmp_path / "evaluation_BoxWorld-Easy-v0_sampled.json").read_text())
    trained = load_run(finished_run)
    episodes = Player(trained.agent, trained.spec, 16).play(trained.env, attempts_of(range(12), 4))
    tries = np.reshape([episode.is_success for episode in episodes], (12, 4))
    assert np.count_nonzero(tries.any(axis=1) & ~tries.all(axis=1)) > 0  # some solved now and then
    pairs = [tries[:, pair].any(axis=1) for pair in map(list, itertools.combinations(range(4), 2))]
    assert written["tries_played"] == 4
    assert written["solved_in_tries"]["1"]["share"] == pytest.approx(tries.mean())
    assert written["solved_in_tries"]["2"]["share"] == pytest.approx(np.mean(pairs))
    assert written["solved"]["share"] == pytest.approx(tries[:, 0].mean())


def test_levels_that_were_trained_on_are_not_called_held_out(tiny_agent, monkeypatch):
    evaluation, _ = evaluate(tiny_agent, num_levels=8, player=ScriptedPlayer(), baseline=False)
    assert "each played once, none of them trained on" in format_evaluation(evaluation)
    monkeypatch.setattr(evaluating, "levels_trained_on", lambda experiment, first, count: 5)
    evaluation, _ = evaluate(tiny_agent, num_levels=8, player=ScriptedPlayer(), baseline=False)
    assert "each played once, 5 of them trained on" in format_evaluation(evaluation)


def test_the_text_says_what_was_measured(tiny_agent):
    evaluation, _ = evaluate(
        tiny_agent, num_levels=24, tries=2, player=ScriptedPlayer(), baseline=False
    )
    text = format_evaluation(evaluation)
    lines = text.splitlines()
    assert lines[0].startswith("relational agent after 12,345 frames")
    assert lines[1].startswith("boxworld:BoxWorld-Easy-v0: levels 0..23, each played once")
    assert "sampled policy (seed 0), room for 8 entities" in lines
    assert any(
        line.startswith("solved         75.00%  (55.10% .. 88.00%, 95 % interval; 18 of 24)")
        for line in lines
    )
    assert "mean return    8.00" in lines
    assert any(line.split()[:3] == ["1", "12", "50.00%"] for line in lines)
    assert any("solved at least once" in line for line in lines)
    assert lines[-1] == "levels that were not solved: 0, 4, 8, 12, 16, 20"


def test_another_game_has_only_what_it_says(tiny_agent):
    class SilentPlayer:
        def play(self, env, attempts, policy, seed, on_episode):
            return [PlayedEpisode(attempt, (0, 1), 0.25, None, {}) for attempt in attempts]

    # Any environment that is not Box-World; it is never stepped.
    env = EnvSpec(id="CartPole-v1")
    evaluation, _ = evaluate(tiny_agent, env, num_levels=3, player=SilentPlayer())
    assert evaluation.solved is None
    assert (evaluation.mean_return, evaluation.mean_steps) == (0.25, 2.0)
    text = format_evaluation(evaluation)
    assert "CartPole-v1: episodes of the reset seeds 0..2" in text
    assert "solved" not in text
    assert evaluation.to_dict()["shortest_steps"] is None


def test_tries_without_a_success_to_count_are_said_to_be_unknown(tiny_agent):
    class SilentPlayer:
        def play(self, env, attempts, policy, seed, on_episode):
            return [PlayedEpisode(attempt, (0,), 0.0, None, {}) for attempt in attempts]

    evaluation, _ = evaluate(
        tiny_agent, EnvSpec(id="CartPole-v1"), num_levels=2, tries=2, player=SilentPlayer()
    )
    assert evaluation.solved_in_tries == {}
    assert "no share over tries" in format_evaluation(evaluation)


def test_the_command_prints_and_writes_what_it_found(tiny_run, tiny_agent, capsys):
    arguments = [f"--run_dir={tiny_run}", "--levels=12", "--first_level=3", "--seed=4", "--video"]
    assert command.main(arguments) == 0
    shown = capsys.readouterr().out
    path = evaluation_file(tiny_run, tiny_agent.env, "sampled")
    assert path.name == "evaluation_BoxWorld-Easy-v0_sampled.json"
    assert f"written to {path}" in shown
    written = json.loads(path.read_text())
    assert (written["frames"], written["first_level"], written["seed"]) == (12_345, 3, 4)
    assert written["solved"]["trials"] == written["random_solved"]["trials"] == 12
    assert sum(share["trials"] for share in written["by_num_branches"].values()) == 12
    assert f"{written['solved']['share']:.2%}" in shown
    videos = sorted((tiny_run / "episodes").glob("*.gif"))
    assert 1 <= len(videos) <= 8
    with Image.open(videos[0]) as gif:
        durations = []
        for frame in range(gif.n_frames):
            gif.seek(frame)
            durations.append(gif.info["duration"])
    # Six steps of at most 0.15 s and 1.5 s on the last picture.
    assert 1500 < sum(durations) <= 1500 + 6 * 150


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--levels=0"], "levels must be at least 1, got 0"),
        (["--policy=best"], "policy must be one of sampled, greedy, got 'best'"),
        (["--tries=0"], "tries must be at least 1, got 0"),
        (["--tries=3", "--policy=greedy"], "tries needs policy=sampled, because the greedy"),
        (["--env_id=NoSuchGame-v0"], "env='NoSuchGame-v0' with {} cannot be made: "),
        (["--env_id=CartPole-v1"], "env='CartPole-v1' "),
        (["--levles=3"], "unknown argument '--levles=3'; did you mean '--levels'?"),
    ],
)
def test_wrong_arguments_are_one_line(tiny_run, capsys, arguments, message):
    assert command.main([f"--run_dir={tiny_run}", *arguments]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"error: {message}")
    assert error.count("\n") == 1


def test_a_level_range_beyond_the_held_out_ones_is_refused(tiny_agent):
    with pytest.raises(UsageError, match=r"at most 2\*\*32"):
        evaluate(tiny_agent, first_level=2**32, num_levels=1)


def test_levels_that_a_time_limit_cuts_are_not_solved_and_stay_in_the_tables(finished_run):
    trained = load_run(finished_run)
    free, _ = evaluate(trained, num_levels=40, baseline=False)
    kwargs = {**trained.env.kwargs, "max_episode_steps": 25}
    env = replace(trained.env, {"kwargs": kwargs}, "env")
    cut, episodes = evaluate(trained, env, num_levels=40, baseline=False)
    assert 0 < cut.solved.successes < free.solved.successes
    assert cut.solved.trials == 40
    assert cut.max_steps == 25
    assert sum(share.trials for share in cut.by_solution_length.values()) == 40
    assert {len(episode.actions) for episode in episodes if not episode.is_success} == {25}
