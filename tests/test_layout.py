"""Who may import whom, and how long a file and a function may be.

The game knows no agent, the agent no game, only experiments know all. Within the agent's library a
package imports those below it when it is imported; a choice of the configuration imports what it
builds when it builds it.
"""

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
# What each package of the library may import, besides the single files at its root.
ARROWS = {
    "math": set(),
    "nn": set(),
    "observations": set(),
    "config": set(),
    "kernels": {"nn"},
    "agents": {"config", "kernels", "math", "nn", "observations"},
    "acting": {"agents", "config", "kernels", "nn", "observations"},
    "data": {"acting", "config", "observations"},
    "learners": {"acting", "agents", "config", "math", "nn"},
    "run": {"acting", "agents", "config", "data", "observations"},
    "playing": {"acting", "agents", "config", "observations"},
}
LONGEST_FILE = 350
LONGEST_FUNCTION = 60  # without its docstring and the functions inside it
LONG_FUNCTIONS = {
    "relational_rl/kernels/attention.py:backward": "the formulas of one pass, in their order",
    "relational_rl/nn/arguments.py:__init__": "makes the layers of all kinds of arguments",
    "experiments/evaluation/evaluate.py:evaluate": "a table, row after row",
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


def imported_at_once(path, modules):
    """Returns the modules of the library that a file imports when it is imported."""
    found = set()
    for node in ast.parse(path.read_text(), str(path)).body:  # not what is in functions
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in modules else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    # To import a module is to import the packages that it is in.
    for name in list(found):
        found |= {name.rsplit(".", i)[0] for i in range(1, name.count(".") + 1)}
    return found & modules.keys()


@pytest.fixture(scope="module")
def library():
    """The files of the agent's library by module."""
    modules = {}
    for path in files("relational_rl"):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        modules[name.removesuffix(".__init__")] = path
    return modules


def test_arrows_within_the_library_go_one_way(library):
    packages = {name.split(".")[1] for name, path in library.items() if name.count(".") == 2}
    assert packages == set(ARROWS)
    for name, path in library.items():
        mine = name.split(".")[1] if "." in name else None
        if mine not in packages:
            continue
        others = {other.split(".")[1] for other in imported_at_once(path, library) if "." in other}
        wrong = (others & packages) - ARROWS[mine] - {mine}
        assert not wrong, f"{path.relative_to(ROOT)} imports {sorted(wrong)}"


def test_no_import_goes_in_a_circle(library):
    def others(name):
        # A module's own packages are being imported before it, whatever it says.
        found = imported_at_once(library[name], library)
        return {other for other in found if not f"{name}.".startswith(f"{other}.")}

    arrows = {name: others(name) for name in library}
    done = set()

    def follow(name, way):
        assert name not in way, " -> ".join((*way[way.index(name) :], name))
        if name not in done:
            for other in sorted(arrows[name]):
                follow(other, (*way, name))
            done.add(name)

    for name in arrows:
        follow(name, ())


FLOORS = [
    {"configs", "games", "gif", "published", "statistics", "tables", "training"},
    {"attention", "benchmark", "evaluation", "imitation", "results"},
    {"cli"},
]


def test_the_experiments_have_three_floors():
    """Each part imports those below it, wherever in the file; `python -m` names look up to cli."""
    here = ROOT / "experiments"
    parts = {path.stem for path in here.iterdir() if path.suffix == ".py" or path.is_dir()}
    assert parts - {"__init__", "__pycache__"} == set.union(*FLOORS)
    for height, floor in enumerate(FLOORS):
        below = set().union(*FLOORS[:height])
        for part in floor:
            for path in files(f"experiments/{part}") or [here / f"{part}.py"]:
                if path.name == "__main__.py":
                    continue
                text = path.read_text()
                found = re.findall(r"from experiments\.(\w+)", text)
                found += re.findall(r"from experiments import (\w+)", text)
                assert set(found) <= below | {part}, f"{path.relative_to(ROOT)} looks up"


def functions(path):
    """Yields the functions of a file with their lengths, without docstrings and inner functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            length = node.end_lineno - node.lineno + 1
            if ast.get_docstring(node) is not None:
                length -= node.body[0].end_lineno - node.body[0].lineno + 1
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    length -= inner.end_lineno - inner.lineno + 1
            yield node.name, length


@pytest.mark.parametrize("folder", [*PACKAGES, "examples", "tests"])
def test_files_are_short(folder):
    for path in files(folder):
        assert len(path.read_text().splitlines()) <= LONGEST_FILE, path


@pytest.mark.parametrize("package", PACKAGES)
def test_functions_are_short(package):
    for path in files(package):
        where = str(path.relative_to(ROOT))
        for name, length in functions(path):
            if f"{where}:{name}" not in LONG_FUNCTIONS:
                assert length <= LONGEST_FUNCTION, f"{where}:{name} has {length} lines"


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
        ("boxworld", ["tensorflow", "sonnet", "relational_rl", "pygame", "matplotlib", "pydantic"]),
        ("relational_rl", ["tensorflow", "pydantic", "matplotlib"]),
        ("relational_rl.config", ["tensorflow", "sonnet", "boxworld", "matplotlib"]),
        ("relational_rl.run.trainer", ["boxworld", "sc2_minigames", "experiments", "pysc2"]),
    ],
)
def test_importing_a_package_loads_no_other(package, absent):
    code = f"import sys, {package}; print([name for name in {absent} if name in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=300
    )
    assert (result.returncode, result.stdout.strip()) == (0, "[]"), result.stderr


def test_help_and_a_wrong_flag_load_no_tensorflow():
    code = """
import sys
from experiments.cli.main import main
wrong = ["train", "--config=boxworld", "--run_dir=x", "--no_such_flag=1"]
for arguments in (["--help"], ["train", "--help"], wrong):
    try:
        main(arguments)
    except SystemExit:
        pass
print("loaded:", [name for name in ("tensorflow", "sonnet", "matplotlib") if name in sys.modules])
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=300
    )
    assert result.stdout.splitlines()[-1] == "loaded: []", result.stderr
    assert "no_such_flag" in result.stderr


def test_files_of_tests_have_names_of_their_own():
    """Pytest imports them by their names alone."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]
    assert len(names) == len(set(names))
