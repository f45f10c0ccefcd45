"""The files in examples/ run, and do what they say."""

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import relational_rl as rrl
from experiments import cli, configs
from relational_rl._quiet import tf
from relational_rl.config import override, replace, to_dict

EXAMPLES = Path(__file__).parents[1] / "examples"
SMALL = {"source.envs_per_actor": 32, "source.unroll_length": 4}
FLAGS = [f"--config.{name}={value}" for name, value in SMALL.items()]


@pytest.fixture(autouse=True)
def quickly(eager, monkeypatch, tmp_path):
    """Puts the examples on the path, and runs eagerly: to compile takes longer than to run."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.chdir(tmp_path)


def load(name):
    """Imports an example, with an experiment so small that it is fast without compiling."""
    module = importlib.import_module(name)
    for experiment in ("experiment", "fetch"):
        if hasattr(module, experiment):
            setattr(module, experiment, replace(getattr(module, experiment), SMALL))
    return module


def test_every_example_has_a_test():
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    text = Path(__file__).read_text()
    assert names and not [name for name in names if text.count(f'"{name}') < 1]


def test_the_environment_is_one():
    fetch = load("own_environment").Fetch()
    check_env(fetch, skip_render_check=True)
    fetch.reset(seed=0)
    fetch.places[:] = [[2, 2], [2, 3], [1, 2]]
    image, reward, terminated, truncated, info = fetch.step(3)
    assert (reward, terminated, truncated, info["is_success"]) == (1.0, True, False, True)
    assert (image[2, 3] == load("own_environment").COLORS[0]).all()


def test_the_environment_is_trained_in_and_played():
    found = load("own_environment").main("runs/fetch", frames=1, episodes=4)
    assert 0 <= found <= 1
    assert (Path("runs/fetch") / "metrics.csv").exists()


def test_the_environment_as_a_preset_of_a_users_own():
    arguments = ["train", f"--config={EXAMPLES / 'own_environment.py'}", "--run_dir=runs/preset"]
    assert cli.main([*arguments, *FLAGS, "--config.run.total_frames=1"]) == 0
    assert cli.main(["evaluate", "--run_dir=runs/preset", "--levels=10"]) == 0


def test_the_learner_improves_what_it_says(traced):
    run = load("own_learner").main("runs/a2c", frames=1)
    assert run.agent.experiment.learner == load("own_learner").A2C()
    assert {"policy_loss", "entropy_loss", "gradient_norm"} <= run.metrics.keys()


def test_the_learners_returns():
    # Steps: a reward, a cut-off episode's reset (dead), a termination; V = 10, 20, 30, 40.
    returns = load("own_learner").returns(
        tf.constant([[1.0], [0.0], [2.0]]),
        tf.constant([[0.5], [0.5], [0.0]]),
        tf.constant([[1.0], [0.0], [1.0]]),
        tf.constant([[10.0], [20.0], [30.0], [40.0]]),
    )
    np.testing.assert_allclose(returns.numpy()[:, 0], [1.0 + 0.5 * 20.0, 20.0, 2.0])


def test_the_hook_logs_and_stops():
    hook = load("own_hook").Efficiency(short_enough=100.0, window=5)
    module = load("own_hook")
    run = module.rrl.train(module.fetch, run_dir="runs/hook", frames=100_000, hooks=[hook])
    assert run.summary.reason == "short enough"
    assert run.summary.frames < 20_000
    assert np.isfinite(run.metrics["steps_to_win"]).any()


def test_the_transform_pays_for_what_is_new_and_its_counts_are_kept():
    module = load("own_transform")
    run = module.main("runs/curious", frames=1)
    assert run.summary.frames >= 1
    names = [name for name, _ in tf.train.list_variables(str(_newest("runs/curious")))]
    assert any("transform_0_counts" in name for name in names)


def _newest(run_dir):
    index = max(Path(run_dir).rglob("*.index"), key=lambda path: path.stat().st_mtime)
    return index.with_suffix("")


def test_the_encoder_is_trained_with():
    run = load("own_encoder").main("runs/things", frames=1)
    assert run.agent.experiment.agent.encoder == load("own_encoder").Things()
    assert run.agent.predict(np.zeros((5, 5, 3), np.uint8))[0] in range(4)


def test_the_source_teaches():
    run = load("own_source").main("runs/taught", frames=2_000)
    moves = run.metrics["right_moves"]
    assert moves[-1] > 0.6  # by chance 40 % are right


def test_the_backend_acts_in_lock_step():
    run = load("own_backend").main("runs/lock_step", frames=300)
    assert run.agent.experiment.source.backend == load("own_backend").LockStep()
    assert run.metrics["unrolls"][-1] == 3  # of 128 frames, some of which only reset
    assert set(run.metrics["policy_lag"]) == {0.0}


@pytest.mark.parametrize(
    "flags",
    [
        ["--config.learner=own_learner:A2C"],
        ["--config.hooks=('own_hook:Efficiency',)"],
        ["--config.source.transforms=('own_transform:CountBonus',)"],
        ["--config.source.backend=own_backend:LockStep"],
    ],
)
def test_each_is_named_on_the_command_line(flags):
    texts = dict(flag.removeprefix("--config.").split("=", 1) for flag in flags)
    changed = to_dict(override(configs.load("boxworld_easy"), texts))
    assert flags[0].partition("=")[2].strip("()',") in str(changed)


def test_a_script_can_be_run_as_it_stands():
    code = "import sys, own_environment; own_environment.Fetch().reset(seed=0); print('ok')"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=EXAMPLES, capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stdout) == (0, "ok\n"), ran.stderr


def test_the_agent_trains_acts_and_loads(traced):
    trained = load("own_agent").main("runs/conv", frames=1).agent
    image = np.zeros((2, 5, 5, 3), np.uint8)
    assert trained.predict(image)[0].shape == (2,)
    again = rrl.load("runs/conv")
    for ours, theirs in zip(trained.agent.variables, again.agent.variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert again.agent.num_parameters() == 16 * 28 + 64 * 401 + 5 * 65
