"""What the README and docs/ show runs, and the documentation builds without a warning."""

import importlib
import logging
import re
import shlex
import sys
from pathlib import Path

import pytest

from experiments import cli
from relational_rl._quiet import tf

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def _listings():
    """Returns every Python listing once, by the page that shows it first."""
    found = {}
    for page in PAGES:
        for code in re.findall(r"```python\n(.*?)```", page.read_text(), flags=re.DOTALL):
            found.setdefault(code, f"{page.stem}-{len(found)}")
    return found


def _commands():
    """Returns every command of relational-rl once, in the order of the pages."""
    found = {}
    for page in PAGES:
        for line in page.read_text().replace("\\\n", " ").splitlines():
            if re.match(r"    (relational-rl|python -m (?!boxworld))", line):
                found.setdefault(" ".join(line.split()), page.stem)
    return list(found)


LISTINGS = _listings()
# A placeholder of a page, not a command.
SHOWN_ONLY = ("--config.learner=my_module:MyRule",)
# Training to the end is what the demo does; here a command has to work, not to learn. Whatever
# begins a command, or is in it, adds to it.
SHORTER = {
    "relational-rl train": [
        "--config.run.total_frames=500",
        "--config.run.metrics_seconds=0",
        "--config.source.envs_per_actor=32",
    ],
    "--run_dir=runs/easy": ["--config.env.kwargs={'max_steps': 6}"],
    "--run_dir=runs/beacon": [
        "--config.source.envs_per_actor=4",
        "--config.source.unroll_length=4",
        "--config.learner.batch_size=4",
        "--config.run.total_frames=10",
    ],
    "relational-rl imitate": ["--minutes=0.01", "--levels=4", "--evaluations=1"],
    "relational-rl evaluate": ["--levels=20"],
    "relational-rl generalise": ["--levels=4"],
    "relational-rl attention --": ["--level_seed=374"],  # solved in 5 steps
    "relational-rl attention measure": ["--episodes=6", "--played=0"],
    # The episodes of mini-games are long.
    "relational-rl evaluate --run_dir=runs/beacon": ["--levels=1"],
    "relational-rl attention --run_dir=runs/beacon": ["--every=120"],
}
ONLY_TRAIN = ("--run_dir=runs/easy", "--run_dir=runs/beacon")
PACKAGES = {"stable_baselines3": "stable_baselines3", "sc2_minigames": "pysc2"}


@pytest.fixture
def uncompiled(monkeypatch):
    """Traces functions without compiling them, which would take most of the time."""
    function = tf.function
    monkeypatch.setattr(
        tf, "function", lambda *args, jit_compile=None, **kwargs: function(*args, **kwargs)
    )
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def my_package(tmp_path, monkeypatch):
    """Makes the package of a game that the README speaks of, and an observation of it."""
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "my_package.py").write_text(
        "import gymnasium\ngymnasium.register('MyGame-v0', entry_point='own_environment:Fetch')\n"
    )
    return importlib.import_module("own_environment").Fetch().reset(seed=0)[0]


@pytest.mark.parametrize("code", LISTINGS, ids=LISTINGS.values())
def test_listings_run(code, tmp_path, monkeypatch, my_package, uncompiled):
    for name, package in PACKAGES.items():
        if name in code:
            pytest.importorskip(package)
    if "stable_baselines3" in code:
        pytest.importorskip("torch").set_num_threads(1)  # more burn the time while they wait
    monkeypatch.chdir(tmp_path)
    for long, short in {"200_000": "500", "100_000": "500", "4_000": "64"}.items():
        code = code.replace(f"={long}", f"={short}")
    exec(compile(code, "listing", "exec"), {"__name__": "__main__", "observation": my_package})


def test_commands_run_in_the_order_shown(tmp_path, monkeypatch, capsys, uncompiled):
    for package in ("minigrid", "pysc2"):
        pytest.importorskip(package)
    commands = [c for c in _commands() if not any(part in c for part in SHOWN_ONLY)]
    assert len(commands) >= 20
    monkeypatch.chdir(tmp_path)
    unused = set(SHORTER)
    for command in commands:
        used = [start for start in SHORTER if _applies(start, command)]
        unused -= set(used)
        _run([*shlex.split(command), *(word for start in used for word in SHORTER[start])])
    capsys.readouterr()
    assert not unused
    assert (tmp_path / "runs/easy/learning_curve.png").exists()
    assert (tmp_path / "runs/minigrid/metrics.csv").exists()
    assert list((tmp_path / "runs/pretrained_easy").glob("evaluation_*.json"))
    assert (tmp_path / "results/curves_BoxWorld-Easy-v0.png").exists()


def _applies(start, command):
    if start in ONLY_TRAIN:
        return start in command and command.startswith("relational-rl train")
    return command.startswith(start)


def _run(words):
    if words[0] == "relational-rl":
        # A few steps of training take less time than tracing them.
        tf.config.run_functions_eagerly(words[1] in ("train", "imitate"))
        assert cli.main(words[1:]) == 0, words
        return
    module = importlib.import_module(words[2])
    assert not module.main(words[3:]), words


def test_the_command_line_of_a_module_is_that_of_the_command():
    assert sys.modules["experiments.cli"].main is cli.main


def test_the_documentation_builds_without_a_warning(tmp_path, caplog, monkeypatch):
    """Links, anchors, the pages of the navigation, and every name of the API reference."""
    mkdocs = pytest.importorskip("mkdocs")
    monkeypatch.setenv("NO_MKDOCS_2_WARNING", "1")
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    del mkdocs
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(tmp_path / "site"), strict=True)
    with caplog.at_level(logging.WARNING):
        build(config)
    page = (tmp_path / "site/reference/configuration.html").read_text()
    assert "reward_scale" in page and "generated:" not in page
    assert "MyRule" not in (tmp_path / "site/reference/commands.html").read_text()
    assert not [record for record in caplog.records if record.name.startswith("mkdocs")]
