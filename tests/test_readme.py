"""What the README shows runs as it stands."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = [
    line.strip()
    for line in README.replace("\\\n", " ").splitlines()
    if line.startswith("    python -m experiments.")
]
# Training to the end is what the demo does; here a command has to work, not to learn. Whatever a
# command begins with is added to it.
SHORTER = {
    "experiments.launch": ["--config.total_frames=600", "--config.metrics_seconds=0"],
    "experiments.launch --config=boxworld_easy --run_dir=runs/easy": [
        "--config.env_kwargs={'max_steps': 12}"  # each of them is drawn by experiments.attention
    ],
    "experiments.launch --config=boxworld_easy --run_dir=runs/minigrid": [
        "--config.envs_per_actor=32"
    ],
    "experiments.imitation": ["--minutes=0.02", "--levels=4", "--evaluations=1"],
    "experiments.evaluate": ["--levels=20"],
    "experiments.generalisation": ["--levels=4"],
    "experiments.attention": ["--level_seed=374"],  # solved in 5 steps
    # The episodes of mini-games are long.
    "experiments.evaluate --run_dir=runs/beacon": ["--levels=1"],
    "experiments.attention --run_dir=runs/beacon": ["--every=80"],
}
# One process for all commands: to start TensorFlow takes longer than most of them.
RUN_ALL = """
import json, runpy, sys
for module, *arguments in json.load(sys.stdin):
    print(">", module, *arguments, file=sys.stderr, flush=True)
    sys.argv = [module, *arguments]
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        if ended.code:
            raise
"""


def _run(arguments, directory, given=""):
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        # One thread: PyTorch's burn five times the time while they wait for one another.
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        input=given,
        timeout=900,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout


@pytest.mark.parametrize("index", range(len(SNIPPETS)))
def test_python_snippets_run(index, tmp_path):
    for optional in ("stable_baselines3", "sc2_minigames"):
        if optional in SNIPPETS[index]:
            pytest.importorskip(optional.replace("sc2_minigames", "pysc2"))
    _run(["-c", SNIPPETS[index]], tmp_path)


def test_commands_run_in_the_order_shown(tmp_path):
    assert len(COMMANDS) >= 5
    for package in ("minigrid", "pysc2"):
        pytest.importorskip(package)
    commands, unused = [], set(SHORTER)
    for command in COMMANDS:
        _, _, *words = shlex.split(command)
        line = " ".join(words)
        used = {start for start in SHORTER if line.startswith(start)}
        unused -= used
        commands.append([*words, *(word for start in sorted(used) for word in SHORTER[start])])
    assert not unused
    _run(["-c", RUN_ALL], tmp_path, json.dumps(commands))
    assert (tmp_path / "runs/easy/learning_curve.png").exists()
    assert (tmp_path / "runs/minigrid/metrics.csv").exists()
    assert list((tmp_path / "runs/pretrained_easy").glob("evaluation_*.json"))
    assert (tmp_path / "results/curves_BoxWorld-Easy-v0.png").exists()


def test_every_file_it_points_to_exists():
    for target in re.findall(r"!?\[[^\]]*\]\((?!http)([^)]+)\)", README):
        assert (ROOT / target).exists(), target
    for target in re.findall(r"`([a-z_]+/[A-Za-z_./]+\.(?:py|md))`", README):
        assert (ROOT / target).exists(), target
