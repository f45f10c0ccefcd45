"""Who may import whom: the game knows no agent, the agent no game, only experiments know all."""

import ast
import configparser
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("boxworld", "sc2_minigames", "relational_rl", "experiments")
BOXWORLD = {"numpy", "numba", "gymnasium"}
OPTIONAL = {"boxworld": {"pygame"}}  # to watch and play; everything else works without it
FORBIDDEN = {
    "boxworld": {"tensorflow", "sonnet", "relational_rl", "sc2_minigames", "experiments"},
    "sc2_minigames": {"tensorflow", "sonnet", "relational_rl", "boxworld", "experiments"},
    "relational_rl": {"boxworld", "sc2_minigames", "pysc2", "minigrid", "experiments"},
}
# Distributions whose module has another name.
MODULES = {"pillow": "PIL", "dm-sonnet": "sonnet"}
# What comes with numba and with pysc2, in the versions that they ask for.
BROUGHT_ALONG = {"llvmlite", "absl", "google", "s2clientprotocol", "websocket"}


def imports(path):
    """Returns the top-level names that a file imports, wherever in the file."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(), str(path))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relative to itself"
            names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names)


def files(package):
    return sorted((ROOT / package).rglob("*.py"))


def imports_of(package):
    """Returns the files of a package by what they import."""
    found = {}
    for path in files(package):
        for name in imports(path):
            found.setdefault(name, []).append(str(path.relative_to(ROOT)))
    return found


def test_the_packages_are_read():
    for package in PACKAGES:
        assert len(files(package)) > 3
        assert package in imports_of(package)
    assert "numpy" in imports(ROOT / "relational_rl" / "acting" / "actor.py")


def test_imports_are_found_wherever_they_are(tmp_path):
    path = tmp_path / "module.py"
    path.write_text(
        "import os, a.b\nfrom c.d import e\ndef f():\n    import g\n    from h import i\n"
        "try:\n    import j\nexcept ImportError:\n    j = None\n"
    )
    assert imports(path) == {"a", "c", "g", "h", "j"}


def test_boxworld_needs_three_packages():
    found = imports_of("boxworld")
    assert set(found) - {"boxworld"} - OPTIONAL["boxworld"] == BOXWORLD, found


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_package_does_not_know_the_others(package):
    wrong = {
        name: where for name, where in imports_of(package).items() if name in FORBIDDEN[package]
    }
    assert not wrong


def test_the_agent_names_no_game():
    for path in files("relational_rl"):
        texts = {
            node.value
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        named = {text for text in texts if re.match(r"(boxworld:|BoxWorld|MiniGrid|SC2/)", text)}
        # The published experiment is the default of the config; nothing else names a game.
        assert named == ({"boxworld:BoxWorld-v0"} if path.name == "experiment.py" else set()), path


def test_the_mathematics_knows_nothing_of_the_rest():
    allowed = {
        "distributions": set(),
        "losses": {"distributions"},
        "vtrace": {"distributions"},
    }
    for name, others in allowed.items():
        path = ROOT / "relational_rl" / "math" / f"{name}.py"
        assert imports(path) <= {"relational_rl"}
        text = path.read_text()
        assert set(re.findall(r"^from relational_rl\.math import (\w+)$", text, re.M)) == others
        rest = set(re.findall(r"^from (relational_rl\S*) import", text, re.M))
        assert rest <= {"relational_rl.math", "relational_rl._quiet"}


def test_the_learner_does_not_know_where_actors_run():
    for name in ("learners", "math", "nn", "agents"):
        for path in files(f"relational_rl/{name}"):
            assert "backends" not in path.read_text()


def test_all_that_is_imported_is_declared():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    lines = setup["options"]["install_requires"].split("\n")
    for extra in setup["options.extras_require"].values():
        lines += extra.split("\n")
    names = {re.split(r"[<>=!~\[ ]", line)[0] for line in lines if line and line[0] != "#"}
    declared = {MODULES.get(name, name).replace("-", "_") for name in names} | BROUGHT_ALONG
    for package in PACKAGES:
        found = imports_of(package)
        missing = set(found) - declared - set(PACKAGES) - OPTIONAL.get(package, set())
        assert not missing, {name: found[name] for name in missing}


@pytest.mark.parametrize(
    ("package", "absent"),
    [
        ("boxworld", ["tensorflow", "sonnet", "relational_rl", "pygame", "matplotlib"]),
        ("relational_rl", ["boxworld", "sc2_minigames", "experiments"]),
        ("relational_rl.run.trainer", ["boxworld", "sc2_minigames", "experiments", "pysc2"]),
    ],
)
def test_importing_a_package_loads_no_other(package, absent):
    code = f"import sys, {package}; print([name for name in {absent} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=300
    )
    assert (result.returncode, result.stdout.strip()) == (0, "[]"), result.stderr
