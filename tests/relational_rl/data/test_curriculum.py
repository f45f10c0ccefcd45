"""When the next stage begins, and when it does not."""

import json
import math

import pytest

from relational_rl.acting.actor import Episode
from relational_rl.data.curriculum import Curriculum

STAGES = ({"size": 1}, {"size": 2}, {"size": 3})


def episodes(text):
    """Returns episodes: `+` is a solved one, `-` one that is not, `?` one that does not say."""
    success = {"+": 1.0, "-": 0.0, "?": math.nan}
    return [Episode(0.0, 1, success[mark]) for mark in text]


def test_a_stage_ends_when_the_window_is_full_and_solved():
    curriculum = Curriculum(STAGES, threshold=0.75, window=4)
    assert curriculum.env_kwargs == {"size": 1}
    assert not curriculum.add(episodes("+++"), stage=0)  # not full
    assert math.isnan(curriculum.solved)
    assert not curriculum.add(episodes("---"), stage=0)  # + - - -
    assert curriculum.solved == 0.25
    assert not curriculum.add(episodes("++"), stage=0)  # - - + +
    assert curriculum.add(episodes("+"), stage=0)  # - + + +, the threshold itself
    assert (curriculum.stage, curriculum.env_kwargs) == (1, {"size": 2})
    assert math.isnan(curriculum.solved)  # a new stage, a new window


def test_episodes_of_an_earlier_stage_do_not_count():
    curriculum = Curriculum(STAGES, threshold=0.5, window=2)
    assert curriculum.add(episodes("++"), stage=0)
    assert not curriculum.add(episodes("++++"), stage=0)
    assert math.isnan(curriculum.solved)
    assert curriculum.stage == 1
    assert curriculum.add(episodes("+-"), stage=1)


def test_the_last_stage_has_no_end():
    curriculum = Curriculum(STAGES[:2], threshold=0.5, window=2)
    assert not curriculum.is_last
    assert curriculum.add(episodes("++"), stage=0)
    assert curriculum.is_last
    assert not curriculum.add(episodes("++++"), stage=1)
    assert (curriculum.stage, curriculum.solved) == (1, 1.0)


def test_without_stages_only_the_counting_is_left():
    curriculum = Curriculum((), threshold=0.5, window=4)
    assert curriculum.is_last
    assert curriculum.env_kwargs == {}
    assert not curriculum.add(episodes("+-++--+"), stage=0)
    assert curriculum.solved == 0.5
    # A game that has no notion of success is unsolved, not an error.
    assert not curriculum.add(episodes("?"), stage=0)
    assert math.isnan(curriculum.solved)


def test_a_curriculum_needs_a_notion_of_success():
    curriculum = Curriculum(STAGES, threshold=0.5, window=4)
    with pytest.raises(
        ValueError, match="info has 'is_success' at the end of an episode, got none"
    ):
        curriculum.add(episodes("+?"), stage=0)


def test_a_resumed_curriculum_goes_on_where_it_was():
    first = Curriculum(STAGES, threshold=0.75, window=4)
    first.add(episodes("++++"), stage=0)
    first.add(episodes("-++"), stage=1)
    state = json.loads(json.dumps(first.state()))
    second = Curriculum(STAGES, threshold=0.75, window=4)
    second.add(episodes("-"), stage=0)
    second.restore(state)
    assert second.stage == 1
    assert second.state() == first.state()
    assert second.add(episodes("+"), stage=1)


@pytest.mark.parametrize("stage", [-1, 3])
def test_a_state_of_another_curriculum_is_refused(stage):
    curriculum = Curriculum(STAGES, threshold=0.75, window=4)
    message = rf"stage must be in \[0, 2\] for this curriculum, got {stage}"
    with pytest.raises(ValueError, match=message):
        curriculum.restore({"stage": stage, "recent": []})
