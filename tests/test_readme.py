"""What the README promises of itself: short, and nothing in it points nowhere."""

import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

from experiments import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_it_is_short():
    assert len(README.splitlines()) <= 170


def test_every_file_it_points_to_exists():
    targets = re.findall(r"!?\[[^\]]*\]\((?!http)([^)#]+)[^)]*\)", README)
    targets += re.findall(r"`([a-z_]+/[A-Za-z_./]+\.(?:py|md))`", README)
    targets += [line.split()[0] for line in README.splitlines() if re.match(r"    \w+/ ", line)]
    assert len(targets) > 12
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert not missing


def test_every_make_target_and_extra_it_names_exists():
    targets = set(re.findall(r"\bmake ([a-z]+)", README))
    assert {"demo", "reproduce", "test", "docs"} <= targets
    makefile = (ROOT / "Makefile").read_text()
    assert not [name for name in targets if not re.search(rf"^{name}:", makefile, re.MULTILINE)]
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    extras = set(re.findall(r"'\.\[(\w+)\]'", README))
    assert {"train", "sc2", "examples"} <= extras <= set(setup["options.extras_require"])


WITHOUT_EXTRAS = """
import sys
for name in ("tensorflow", "sonnet", "pydantic", "scipy", "matplotlib", "PIL", "tqdm", "pysc2"):
    sys.modules[name] = None  # importing it fails, as if it were not installed
from experiments.cli import main
sys.exit(main(sys.argv[1:]))
"""


def without_extras(*arguments):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRAS, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_help_needs_no_extra():
    shown = without_extras("--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "train" in shown.stdout


def test_a_command_says_in_a_line_which_extra_it_needs():
    failed = without_extras("train", "--config=boxworld_easy")
    assert failed.returncode == 1
    assert failed.stderr == (
        "error: training and evaluation need TensorFlow (no module 'pydantic'): "
        "pip install 'relational-deep-rl[train]'\n"
    )


@pytest.mark.parametrize(
    ("module", "extra"),
    [("pysc2.env", "sc2"), ("torch", "examples"), ("jinja2", "train"), ("ray.util", "ray")],
)
def test_each_package_names_its_extra(module, extra, monkeypatch, capsys):
    def fail(flags):
        del flags
        raise ModuleNotFoundError(name=module)

    monkeypatch.setattr("experiments.cli.configs.run", fail)
    assert cli.main(["configs"]) == 1
    assert f"'relational-deep-rl[{extra}]'" in capsys.readouterr().err


def test_a_missing_module_of_nobody_is_a_bug(monkeypatch):
    def fail(flags):
        del flags
        raise ModuleNotFoundError(name="relational_rl.nowhere")

    monkeypatch.setattr("experiments.cli.configs.run", fail)
    with pytest.raises(ModuleNotFoundError):
        cli.main(["configs"])
