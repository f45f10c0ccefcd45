"""StarCraft II's mini-games through the launcher: configs, and a tiny run on the stand-in."""

import csv

import numpy as np
import pytest
from tiny_runs import TINY_MINI_GAME

pytest.importorskip("pysc2")

from experiments import configs, launch
from relational_rl.config import override, replace
from relational_rl.config.tree import paths
from relational_rl.playing.player import Player, attempts_of, replay
from relational_rl.run.spec import environment_spec
from relational_rl.trained import load_run
from sc2_minigames.maps import MINI_GAMES

NAMES = [f"sc2_{name.lower()}" for name in MINI_GAMES]
SMALL = ["sc2_movetobeacon_small", "sc2_collectmineralshards_small"]
UNITS = [f"sc2_{name}_units" for name in ("movetobeacon", "collectmineralshards", "defeatroaches")]
# Zambaldi et al. 2018, section 4 and its appendix.
PUBLISHED = {
    "agent": "spatial_relational",
    "agent.memory": "convlstm",
    "agent.memory.size": 96,
    "agent.map_size": 8,
    "agent.embedding_size": 10,
    "agent.vector_mlp": (128, 64),
    "agent.head_size": 32,
    "agent.block_mlp": (384, 384),
    "agent.share_weights": True,
    "agent.mlp": (512, 512),
    "agent.head_mlp": (256,),
    "agent.action_embedding": 16,
    "agent.argument_channels": 16,
    "agent.residual_blocks": 4,
    "agent.residual_convolutions": 3,
    "agent.residual_channels": 32,
    "source.unroll_length": 80,
    "learner.batch_size": 32,
    "learner.discount_factor": 0.99,
    "learner.baseline_cost": 0.1,
    "learner.max_gradient_norm": 100.0,
    "learner.optimizer": "adam",
    "learner.optimizer.epsilon": 1e-8,
    "learner.learning_rate_schedule": "linear",
    "learner.entropy_schedule": "linear",
    "learner.reduction": "sum",
    "learner.policy_clip": 0.0,
    "run.total_frames": 10_000_000_000,
}


def test_every_mini_game_has_a_config():
    assert {*NAMES, *SMALL, *UNITS} == {name for name in configs.names() if name.startswith("sc2")}
    for name, map_name in zip(NAMES, MINI_GAMES, strict=True):
        assert configs.load(name).env.id == f"sc2_minigames:SC2/{map_name}-v0"


@pytest.mark.parametrize("name", NAMES)
def test_the_published_values_are_in_it(name):
    experiment = configs.load(name)
    control = paths(replace(experiment, {"agent": "control"}))
    values = {**control, **paths(experiment)}
    assert {key: values[key] for key in PUBLISHED} == PUBLISHED
    assert experiment.agent.num_heads in (1, 3)
    assert experiment.agent.num_blocks in (1, 3, 5)
    assert experiment.learner.entropy_cost in (1e-1, 1e-2, 1e-3)
    assert experiment.learner.learning_rate in (1e-4, 1e-5)
    assert experiment.env.kwargs == {"game": "starcraft", "screen_size": 32, "minimap_size": 32}


@pytest.mark.parametrize("name", [*SMALL, *UNITS])
def test_the_small_ones_say_that_they_play_the_standin(name):
    experiment = configs.load(name)
    assert experiment.env.kwargs["game"] == "standin"
    assert "stand-in" in __import__(f"experiments.configs.{name}", fromlist=["experiment"]).__doc__
    assert override(experiment, {"game": "starcraft"}).env.kwargs["game"] == "starcraft"


def test_the_published_agents_can_be_built_without_the_game():
    experiment = configs.load("sc2_movetobeacon")
    spec = environment_spec(experiment)
    assert [image.key for image in spec.images.values()] == ["screen", "minimap"]
    assert spec.arguments.sizes[:4] == (1024, 1024, 1024, 2)
    counts = [
        replace(experiment, {"agent": kind}).agent.build(spec).num_parameters()
        for kind in ("relational", "control")
    ]
    assert 1_000_000 < min(counts) < max(counts) < 4_000_000


def play(trained):
    """Two games at a time, so that one slot is used again."""
    player = Player(trained.agent, trained.spec, num_slots=2)
    return player.play(trained.env, attempts_of(range(3)))


def test_a_tiny_run_trains_and_goes_on_where_it_stopped(tmp_path, capsys, eager):
    def run(frames, *more):
        arguments = ["--config=sc2_movetobeacon_small", f"--run_dir={tmp_path / 'run'}"]
        arguments += [f"--config.{name}={text}" for name, text in TINY_MINI_GAME.items()]
        return launch.main([*arguments, f"--config.total_frames={frames}", *more])

    assert run(24) == 0, capsys.readouterr().err
    trained = load_run(tmp_path / "run")
    assert trained.frames >= 24
    assert run(48) == 0
    assert "resumed at" in capsys.readouterr().out
    again = load_run(tmp_path / "run")
    assert again.frames >= 48
    with open(tmp_path / "run" / "metrics.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 4
    # Episodes of 64 loops, 8 a step, and every number finite.
    lengths = {float(row["episode_length"]) for row in rows if row["episode_length"]}
    assert lengths <= {8.0}
    assert all(np.isfinite(float(row[name])) for row in rows for name in ("loss", "entropy"))
    assert all(-1e-4 < float(row["behaviour_kl"]) < 1.0 for row in rows)
    played = play(again)
    assert [len(episode.actions) for episode in played] == [8] * 3
    assert all(len(action) == 14 for episode in played for action in episode.actions)
    frames = replay(again.env, played[0])
    assert len(frames) == 9
    assert frames[0].shape == (64, 64, 3)
    changed = [
        float(np.abs(a - b).max())
        for a, b in zip(again.agent.variables, trained.agent.variables, strict=True)
    ]
    assert max(changed) > 1e-6
    assert run(48, "--config.game=starcraft") == 1
    assert "was started with config.env.kwargs=" in capsys.readouterr().err
