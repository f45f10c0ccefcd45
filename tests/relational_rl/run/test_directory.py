"""A run directory: one training at a time, one experiment, and files that may be damaged."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from scripted_run import CONFIG

from relational_rl.config import RMSProp, from_dict, replace, to_dict
from relational_rl.errors import UsageError
from relational_rl.run.directory import (
    CONFIG as CONFIG_FILE,
)
from relational_rl.run.directory import (
    MACHINE,
    check_same_experiment,
    locked,
    read_experiment,
    read_sessions,
    record,
)
from relational_rl.run.train import train_in

ROOT = Path(__file__).parents[3]
HOLD = """
import sys
from pathlib import Path
from relational_rl.run.directory import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other_run(tmp_path):
    """Another process that trains in the directory."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_training_in_a_directory_is_one_line(tmp_path, other_run):
    with pytest.raises(UsageError, match="is in use: another run is training in it") as info:
        train_in(tmp_path, replace(CONFIG, {"run.total_frames": 1}))
    assert len(str(info.value).splitlines()) == 1
    assert os.listdir(tmp_path) == [".lock"]  # nothing has been touched
    # A kill leaves no lock behind.
    other_run.send_signal(signal.SIGKILL)
    other_run.wait()
    with locked(tmp_path), pytest.raises(UsageError, match="in use"), locked(tmp_path):
        pass
    with locked(tmp_path):
        pass


def test_where_nothing_can_be_written_is_named(tmp_path):
    path = tmp_path / "file"
    path.write_text("")
    message = r"cannot write to .*file/run: Not a directory"
    with pytest.raises(UsageError, match=message), locked(path / "run"):
        pass
    (tmp_path / CONFIG_FILE).mkdir()
    with pytest.raises(UsageError, match=r"cannot write to .*: Is a directory"):
        record(tmp_path, CONFIG, {})


def test_sessions_are_added_one_by_one(tmp_path):
    for number in range(2):
        record(tmp_path, CONFIG, {"number": number})
    assert read_sessions(tmp_path) == [{"number": 0}, {"number": 1}]
    assert to_dict(read_experiment(tmp_path)) == to_dict(CONFIG)


DAMAGED = [b"", b"null", b"{}", b"[1]", b'[{"number": 0', b"\xff\x00", b"[" * 100_000]


@pytest.mark.parametrize("content", DAMAGED, ids=lambda content: repr(content[:9]))
def test_a_damaged_list_of_sessions_is_kept_beside_the_new_one(tmp_path, content):
    (tmp_path / MACHINE).write_bytes(content)
    assert read_sessions(tmp_path) is None
    record(tmp_path, CONFIG, {"number": 7})
    assert read_sessions(tmp_path) == [{"number": 7}]
    assert (tmp_path / "machine.damaged").read_bytes() == content


@pytest.mark.parametrize(
    "content",
    [*DAMAGED[:2], *DAMAGED[3:], b'{"agent": null}', b'{"run": {"seed": 1e999}}', b"1" * 5000],
    ids=lambda content: repr(content[:9]),
)
def test_a_damaged_configuration_is_one_line(tmp_path, content):
    (tmp_path / CONFIG_FILE).write_bytes(content)
    with pytest.raises(UsageError, match=r"config\.json is no configuration: ") as info:
        read_experiment(tmp_path)
    assert len(str(info.value).splitlines()) == 1
    assert len(str(info.value)) < 600


def test_another_experiment_is_refused_and_a_longer_one_is_not(tmp_path):
    check_same_experiment(tmp_path, CONFIG)  # nothing is there yet
    record(tmp_path, CONFIG, {})
    check_same_experiment(
        tmp_path,
        replace(
            CONFIG,
            {
                "run.total_frames": 5,
                "run.max_minutes": 1.0,
                "run.stop_at": {"solved": 0.5},
                "run.checkpoints_kept": 9,
                "hooks": ("a:B",),
            },
        ),
    )
    for change, message in {
        "run.seed": r"was started with config\.run\.seed=0, got 1; choose another --run_dir",
        "source.unroll_length": r"config\.source\.unroll_length=3, got 1",
    }.items():
        with pytest.raises(UsageError, match=message):
            check_same_experiment(tmp_path, replace(CONFIG, {change: 1}))
    with pytest.raises(UsageError, match=r"with config\.agent='scripted:Linear', got 'random'"):
        check_same_experiment(tmp_path, replace(CONFIG, {"agent": "random"}))
    with pytest.raises(UsageError, match=r"config\.curriculum=None, got|curriculum\.stages=None"):
        check_same_experiment(tmp_path, replace(CONFIG, {"curriculum.stages": ({"size": 1},)}))


@pytest.mark.parametrize("name", ["boxworld", "boxworld_withheld", "sc2_movetobeacon_small"])
def test_a_run_of_before_the_nested_configuration_may_go_on(tmp_path, name):
    old = json.loads((ROOT / "results" / name / "seed0" / "config.json").read_text())
    assert "env_id" in old
    (tmp_path / CONFIG_FILE).write_text(json.dumps(old))
    experiment = from_dict(old)
    check_same_experiment(tmp_path, replace(experiment, {"run.max_minutes": 1e4}))
    other = replace(experiment, {"learner.optimizer": RMSProp(decay=0.5)})
    with pytest.raises(UsageError, match=r"with config\.learner\.optimizer"):
        check_same_experiment(tmp_path, other)
    # From now on it is kept in today's form.
    record(tmp_path, experiment, {})
    assert json.loads((tmp_path / CONFIG_FILE).read_text()) == to_dict(experiment)
