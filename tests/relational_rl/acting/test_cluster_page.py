"""What docs/tutorials/cluster.md shows for clusters: schema, syntax, flags and values."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from relational_rl.config import Local, Online, Ray

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "tutorials" / "cluster.md").read_text()
ray = pytest.importorskip("ray")


def listings(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_cluster_is_one_by_rays_schema():
    jsonschema, yaml = pytest.importorskip("jsonschema"), pytest.importorskip("yaml")
    (text,) = listings("yaml")
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    jsonschema.validate(yaml.safe_load(text), schema)


@pytest.mark.parametrize("script", listings("bash"))
def test_scripts_are_of_the_shells_syntax(script):
    ran = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")


def test_the_flags_of_ray_are_there():
    from ray.scripts.scripts import start

    known = {flag for option in start.params for flag in option.opts}
    text = " ".join(re.findall(r"ray start (.*?)(?:\n\w| &|```)", PAGE, flags=re.DOTALL))
    used = set(re.findall(r"--[a-z-]+", text))
    assert len(used) > 8
    assert not used - known


def test_the_values_are_there():
    values = {f"backend.{name}" for name in (*vars(Local()), *vars(Ray()))} | set(vars(Online()))
    told = re.findall(r"^\| `([a-z_.]+)`(?:, `([a-z_.]+)`)? \|", PAGE, flags=re.MULTILINE)
    named = {name for names in told for name in names if name.startswith("backend")}
    assert len(named) == 4
    assert not named - values
