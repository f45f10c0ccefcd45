import importlib
import os
import random
import subprocess
import sys

import pytest

pytest.importorskip("pysc2")

from sc2_minigames import compatibility

PYSC2_UNIT_TESTS = (
    "pysc2.lib.features_test",
    "pysc2.lib.named_array_test",
    "pysc2.lib.point_test",
    "pysc2.lib.run_parallel_test",
    "pysc2.env.mock_sc2_env_test",
    "pysc2.tests.dummy_observation_test",
)


def run_python(code, repository_root, *flags):
    """Runs code in a fresh interpreter that knows the repository and no PySC2 variables."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PROTOCOL_", "SC2"))}
    environment["PYTHONPATH"] = str(repository_root)
    return subprocess.run(
        [sys.executable, *flags, "-c", code],
        capture_output=True,
        text=True,
        timeout=600,  # A guard against hanging; busy machines are slow.
        env=environment,
        check=False,
    )


def test_pysc2_passes_its_own_unit_tests(repository_root):
    code = f"""
import sc2_minigames, unittest
sc2_minigames.compatibility.prepare_flags()
suite = unittest.defaultTestLoader.loadTestsFromNames({PYSC2_UNIT_TESTS!r})
result = unittest.TextTestRunner(verbosity=0).run(suite)
print("ran", result.testsRun, "bad", len(result.errors) + len(result.failures))
"""
    done = run_python(code, repository_root)
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    assert int(words[words.index("ran") + 1]) > 100, done.stdout
    assert words[words.index("bad") + 1] == "0", done.stderr


@pytest.mark.parametrize("first", ["", "import tensorflow"])
def test_imports_without_a_word_and_parses_with_upb(repository_root, first):
    code = f"""
{first}
import random, sys
shuffle = random.shuffle
import sc2_minigames
assert "pysc2" not in sys.modules  # Nothing heavy is imported before it is used.
from pysc2.env import mock_sc2_env, sc2_env
from google.protobuf.internal import api_implementation
assert random.shuffle is shuffle
print(api_implementation.Type())
"""
    strict = ("-W", "error") if not first else ()  # TensorFlow has warnings of its own.
    done = run_python(code, repository_root, *strict)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "upb\n"


def test_messages_survive_a_round_trip():
    from s2clientprotocol import sc2api_pb2

    request = sc2api_pb2.Request(id=7, ping=sc2api_pb2.RequestPing())
    again = sc2api_pb2.Request.FromString(request.SerializeToString())
    assert again == request
    assert again.WhichOneof("request") == "ping"
    assert not sc2api_pb2.Request().HasField("id")  # Optional fields know whether they were set.


def test_a_protocol_file_of_another_kind_is_named_with_the_rule():
    with pytest.raises(compatibility.CompatibilityError, match=r"odd_pb2\.py must pass .*none was"):
        compatibility.serialized_descriptor("DESCRIPTOR = make(serialized=b'')", "odd_pb2.py")


def test_the_bytes_are_read_from_either_spelling():
    for source in ("d = f(serialized_pb=_b('a\\xff'))", "d = f(serialized_pb=b'a\\xff')"):
        assert compatibility.serialized_descriptor(source, "x_pb2.py") == b"a\xff"


def test_shuffle_is_the_one_that_python_removed():
    # By hand, for a draw of always 0.5: j = (i + 1) // 2 for i = 4, 3, 2, 1.
    items = list("abcde")
    compatibility.shuffle(items, lambda: 0.5)
    assert items == list("adbec")
    colors = importlib.import_module("pysc2.lib.colors")
    assert colors.random is not random
    assert colors.random.shuffle is compatibility.shuffle


def test_installing_again_changes_nothing():
    before = list(sys.meta_path)
    compatibility.install()
    assert sys.meta_path == before


def test_flags_parsed_by_the_program_are_left_alone(repository_root):
    code = """
import sys
import sc2_minigames
from absl import flags
flags.DEFINE_integer("mine", 1, "")
flags.FLAGS(["program", "--mine=5"])
sc2_minigames.compatibility.prepare_flags()
assert flags.FLAGS.mine == 5
"""
    done = run_python(code, repository_root)
    assert done.returncode == 0, done.stderr
