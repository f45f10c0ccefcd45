"""When the next stage begins, when a run is solved, and when neither can be said."""

import json
import math

import numpy as np
import pytest

from relational_rl.acting.episodes import EpisodeCounter
from relational_rl.acting.unroll import Episode
from relational_rl.config import Curriculum, Experiment, Run, StopAt
from relational_rl.data.stages import Stages
from relational_rl.errors import ConfigError

STAGES = ({"size": 1}, {"size": 2}, {"size": 3})


def make(stages=STAGES, threshold=0.75, window=4, stop_at=None):
    curriculum = Curriculum(stages=stages, threshold=threshold, window=window) if stages else None
    return Stages(Experiment(curriculum=curriculum, run=Run(stop_at=stop_at)))


def episodes(text):
    """Returns episodes: `+` is a solved one, `-` one that is not, `?` one that does not say."""
    success = {"+": 1.0, "-": 0.0, "?": math.nan}
    return [Episode(0.0, 1, success[mark]) for mark in text]


def test_a_stage_ends_when_the_window_is_full_and_solved():
    stages = make()
    assert not stages.add(episodes("+++"), stage=0)  # not full
    assert math.isnan(stages.solved(4))
    assert not stages.add(episodes("---"), stage=0)  # + - - -
    assert stages.solved(4) == 0.25
    assert not stages.add(episodes("++"), stage=0)  # - - + +
    assert stages.add(episodes("+"), stage=0)  # - + + +, the threshold itself
    assert stages.stage == 1
    assert math.isnan(stages.solved(4))  # a new stage, a new window


def test_episodes_of_an_earlier_stage_do_not_count():
    stages = make(threshold=0.5, window=2)
    assert stages.add(episodes("++"), stage=0)
    assert not stages.add(episodes("++++"), stage=0)
    assert math.isnan(stages.solved(2))
    assert stages.stage == 1
    assert stages.add(episodes("+-"), stage=1)


def test_the_last_stage_has_no_end_and_may_end_the_run():
    stages = make(STAGES[:2], threshold=0.5, window=2, stop_at=StopAt(solved=0.75, window=4))
    assert not stages.is_last
    assert stages.add(episodes("++"), stage=0)
    assert stages.is_last
    assert not stages.add(episodes("+-++"), stage=1)
    assert stages.stage == 1
    assert stages.is_solved
    assert not stages.add(episodes("-"), stage=1)
    assert not stages.is_solved


def test_without_stages_only_the_counting_is_left():
    stages = make(stages=None, stop_at=StopAt(solved=0.5, window=4))
    assert stages.is_last
    assert not stages.add(episodes("+-++--+"), stage=0)
    assert stages.solved(4) == 0.5
    assert stages.is_solved
    # What is unknown is left out.
    assert not stages.add(episodes("?"), stage=0)
    assert stages.solved(4) == 0.5


def test_a_curriculum_needs_a_notion_of_success():
    stages = make()
    assert not stages.add(episodes("?" * 499), stage=0)
    with pytest.raises(ConfigError, match="info has 'is_success' at the end of an episode, got no"):
        stages.add(episodes("?"), stage=0)
    # One that tells of successes alone has it.
    stages = make()
    assert not stages.add(episodes("?" * 400 + "+" + "?" * 400), stage=0)


def test_a_resumed_curriculum_goes_on_where_it_was():
    first = make()
    first.add(episodes("++++"), stage=0)
    first.add(episodes("-++"), stage=1)
    state = json.loads(json.dumps(first.state()))
    second = make()
    second.add(episodes("-"), stage=0)
    second.restore(state)
    assert second.stage == 1
    assert second.state() == first.state()
    assert second.add(episodes("+"), stage=1)


@pytest.mark.parametrize("stage", [-1, 3])
def test_a_state_of_another_curriculum_is_refused(stage):
    message = rf"stage must be in \[0, 2\] for this curriculum, got {stage}"
    with pytest.raises(ValueError, match=message):
        make().restore({"stage": stage, "recent": []})


def play(counter, lengths, successes, num_steps):
    """Plays environments whose episodes have these lengths and ends, the same again and again.

    Returns, for every step, the episodes that are counted then.
    """
    num_envs, counted = len(lengths), []
    left, dead = lengths.copy(), np.zeros(num_envs, bool)
    for _ in range(num_steps):
        live = ~dead
        left[live] -= 1
        ended = live & (left == 0)
        infos = {"is_success": successes, "_is_success": ended}
        counter.add(np.ones(num_envs), live, ended, infos)
        counted.append(counter.take())
        left[ended] = lengths[ended]
        dead = ended
    return counted


def test_short_episodes_are_not_favoured():
    # 1,024 environments: half of the episodes are solved, in 8 steps, the others take 120.
    solved = np.arange(1024) % 2 == 0
    lengths = np.where(solved, 8, 120)
    counter, stages = EpisodeCounter(1024), make(threshold=0.85, window=1000)
    *early, first = play(counter, lengths, solved, num_steps=120)
    assert not any(early)  # 6,000 episodes have ended by then, all of them solved ones
    assert {episode.length for episode in first[:1024]} == {8, 120}
    assert np.mean([episode.is_success for episode in first[:1024]]) == 0.5
    assert not stages.add(first[:1024], stage=0)


def test_an_episode_without_end_does_not_stop_the_count():
    lengths = np.array([1, 1, 1, 10**9])
    counted = play(EpisodeCounter(4), lengths, np.ones(4, bool), num_steps=400)
    ended = 3 * 200
    assert ended - 4 * 20 <= sum(map(len, counted)) < ended


def test_an_end_that_says_nothing_is_no_success_once_another_has_told():
    counter = EpisodeCounter(1)
    live = np.ones(1, bool)

    def end(**infos):
        counter.add(np.ones(1), live, live, infos)
        (episode,) = counter.take()
        return episode.is_success

    assert math.isnan(end())
    assert end(is_success=np.array([True]), _is_success=live) == 1.0
    assert end() == 0.0
    assert end(is_success=np.array([True]), _is_success=~live) == 0.0
