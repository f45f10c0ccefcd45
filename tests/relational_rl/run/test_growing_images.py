"""Stages of a curriculum with images of different sizes, played and learned from for real."""

import pytest
from flat import flat

from relational_rl.config import replace
from relational_rl.run.spec import environment_spec
from relational_rl.run.table import read_metrics
from relational_rl.run.trainer import Trainer

pytestmark = pytest.mark.usefixtures("traced")
CONFIG = flat(
    env_id="boxworld:BoxWorld-Easy-v0",
    env_kwargs={"max_steps": 30, "solution_length": 1, "num_branches": 0},
    curriculum=({"room_size": 3}, {"room_size": 4}),
    curriculum_threshold=0.25,  # a random policy solves half of them
    curriculum_window=10,
    envs_per_actor=4,
    batch_size=2,
    unroll_length=32,
    conv_channels=(3,),
    num_heads=1,
    num_blocks=1,
    head_size=4,
    mlp=(4,),
    total_frames=1_000,
    metrics_seconds=0.0,
)


def test_images_may_grow_from_stage_to_stage(tmp_path):
    trainer = Trainer(CONFIG, tmp_path)
    trainer.run()
    assert trainer.source.stages.stage == 1
    # Nine cells or sixteen, and the border: the same variables take both, and were trained on both.
    assert trainer.spec.image_shape == (6, 6, 3)
    metrics = read_metrics(tmp_path / "metrics.csv")
    assert set(metrics["curriculum_stage"][metrics["episodes"] > 0]) == {0.0, 1.0}
    resumed = Trainer(replace(CONFIG, {"run.total_frames": 1_100}), tmp_path)
    assert resumed.run().frames >= 1_100


def test_they_may_where_every_cell_is_an_entity_of_the_relational_agent():
    assert environment_spec(CONFIG).image_shape == (6, 6, 3)
    message = r"stage 1 of 2 must have the observations .* got .*\(5, 5, 3\)"
    changes = (
        {"agent.encoder.max_entities": 9},
        {"agent": "control"},
        {"agent": "spatial_control"},
    )
    for change in changes:
        with pytest.raises(ValueError, match=message):
            environment_spec(replace(CONFIG, change))
