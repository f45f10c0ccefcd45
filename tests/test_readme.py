"""What the README shows runs as it stands."""

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
# Training to the end is what the demo does; here a command has to work, not to learn.
SHORTER = {
    "experiments.launch": ["--config.total_frames=9000", "--config.metrics_seconds=0"],
    "experiments.imitation": ["--minutes=0.02", "--levels=4", "--evaluations=1"],
    "experiments.evaluate": ["--levels=20"],
    "experiments.generalisation": ["--levels=4"],
    "experiments.attention": ["--level_seed=3"],
}

# Of the mini-games, whose episodes are long.
SHORTER_GAMES = {"experiments.evaluate": ["--levels=1"], "experiments.attention": ["--every=80"]}


def _run(arguments, directory):
    result = subprocess.run(
        [sys.executable, *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
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
    for command in COMMANDS:
        _, _, module, *arguments = shlex.split(command)
        if "minigrid" in command:
            pytest.importorskip("minigrid")
        shorter = SHORTER.get(module, [])
        if "sc2" in command:
            pytest.importorskip("pysc2")
            shorter = [*shorter, "--config.total_frames=600"]
        if "beacon" in command:
            shorter = [*shorter, *SHORTER_GAMES.get(module, [])]
        _run(["-m", module, *arguments, *shorter], tmp_path)
    assert (tmp_path / "runs/easy/learning_curve.png").exists()
    assert (tmp_path / "runs/minigrid/metrics.csv").exists()
    assert list((tmp_path / "runs/pretrained_easy").glob("evaluation_*.json"))
    assert (tmp_path / "results/curves_BoxWorld-Easy-v0.png").exists()


def test_every_file_it_points_to_exists():
    for target in re.findall(r"!?\[[^\]]*\]\((?!http)([^)]+)\)", README):
        assert (ROOT / target).exists(), target
    for target in re.findall(r"`([a-z_]+/[A-Za-z_./]+\.(?:py|md))`", README):
        assert (ROOT / target).exists(), target
