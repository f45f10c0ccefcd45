"""The benchmarks at tiny sizes: do they run, and do their numbers make sense? Nothing is timed."""

import datetime
import os
import re
import socket
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from boxworld import ENVIRONMENTS, BoxWorldEnv, BoxWorldVectorEnv, generate_level, solve
from experiments import configs
from experiments.benchmark import frameworks, standin
from experiments.benchmark.environment import environment, solvable
from experiments.benchmark.names import BENCHMARKS, load
from experiments.benchmark.profile import profile
from experiments.benchmark.table import Table, best_rate, format_table
from experiments.benchmark.training import (
    NETWORK,
    make_learning_agent,
    multiplications,
    play_randomly,
)
from experiments.cli.main import main
from relational_rl.config import replace
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.run.machine import machine_class
from relational_rl.stopwatch import Stopwatch, timed


def _clock(seconds):
    """A clock that tells the given seconds, one a call."""
    return iter(seconds).__next__


class TestBestRate:
    def test_is_that_of_the_fastest_repeat_after_one_that_is_not_timed(self):
        calls = []
        rate = best_rate(
            6, lambda: calls.append(None), repeats=3, clock=_clock([0, 5, 10, 13, 20, 24])
        )
        assert rate == 6 / 3
        assert len(calls) == 1 + 3

    def test_needs_a_repeat(self):
        with pytest.raises(ValueError, match=r"^repeats must be at least 1, got 0$"):
            best_rate(1, lambda: None, repeats=0)


class TestFormatTable:
    def test_first_column_left_others_right(self):
        table = Table(
            "Speeds", ("what", "a second"), [("slow", "7"), ("much faster", "12,345,678")]
        )
        assert format_table(table, "the command").split("\n") == [
            "Speeds",
            f"{datetime.date.today().isoformat()}, {machine_class()}: the command",
            "",
            "what           a second",
            "-----------------------",
            "slow                  7",
            "much faster  12,345,678",
            "",
        ]

    def test_a_row_that_does_not_fit_is_named(self):
        table = Table("Speeds", ("what", "a second"), [("slow",)])
        message = re.escape("a row must have 2 cells as there are columns, got ('slow',)")
        with pytest.raises(ValueError, match=f"^{message}$"):
            format_table(table, "the command")


def test_machine_class_tells_the_kind_and_not_the_name():
    assert re.fullmatch(r"\w+ with (AVX-512|AVX2|AVX|NEON|no vectors), \d+ cores", machine_class())
    assert socket.gethostname() not in machine_class()


class TestEnvironment:
    def test_measures_every_way_to_play_and_to_deal(self):
        table = environment(batch_steps=3, steps=200, levels=200, repeats=1)
        assert table.columns == ("what", "a second", "unit", "ratio")
        rates = {row[0]: float(row[1].replace(",", "")) for row in table.rows}
        units = {row[0]: row[2] for row in table.rows}
        assert {
            "BoxWorldVectorEnv, 256 in a batch, copy=False": "steps",
            "BoxWorldVectorEnv, 256 in a batch": "steps",
            "BoxWorldEnv": "steps",
            "BoxWorld-v0, gymnasium.make": "steps",
            "levels dealt as boards": "levels",
            "levels dealt as Level objects": "levels",
        }.items() <= units.items()
        assert all(rate > 1 for rate in rates.values())

    def test_ratios_are_to_minigrid(self):
        pytest.importorskip("minigrid")
        table = environment(batch_steps=3, steps=200, levels=200, repeats=1)
        rows = {row[0]: row for row in table.rows}
        baseline = rows["MiniGrid-DoorKey-8x8-v0, gymnasium.make"]
        assert baseline[3] == "1.0"
        one = rows["BoxWorldEnv"]
        rate, base, ratio = (float(t.replace(",", "")) for t in (one[1], baseline[1], one[3]))
        assert ratio == pytest.approx(rate / base, rel=0.01, abs=0.06)

    def test_runs_without_other_games(self, monkeypatch):
        for name in ("envpool", "minigrid"):
            monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
        table = environment(batch_steps=1, steps=10, levels=100, repeats=1)
        assert len(table.rows) == 6
        assert all(row[3] in ("-", "") for row in table.rows)


class TestSolvable:
    def test_solves_levels_of_every_id(self, capsys):
        table = solvable(levels=8)
        assert [row[0] for row in table.rows] == list(ENVIRONMENTS)
        for name, levels, unsolvable, mean, longest, cap, over, seconds in table.rows:
            env = BoxWorldEnv(**ENVIRONMENTS[name])
            steps = [len(solve(generate_level(env.level_spec, seed))) for seed in range(8)]
            assert (levels, unsolvable, over) == ("8", "0", "0")
            assert (mean, longest) == (f"{np.mean(steps):.1f}", str(max(steps)))
            assert int(cap) == env.max_steps
            assert float(seconds) >= 0
        assert "solving 8 levels of BoxWorld-Path10-v0" in capsys.readouterr().err

    def test_counts_levels_without_a_solution_and_over_the_cap(self, monkeypatch):
        monkeypatch.setattr(
            "experiments.benchmark.environment.solution_steps",
            lambda spec, seeds: np.array([-1, 10, 500, -1]),
        )
        row = solvable(levels=4).rows[0]
        assert row[:-1] == ("BoxWorld-v0", "4", "2", "255.0", "500", "120", "1")

    def test_survives_that_no_level_has_a_solution(self, monkeypatch):
        monkeypatch.setattr(
            "experiments.benchmark.environment.solution_steps",
            lambda spec, seeds: np.full(len(seeds), -1),
        )
        assert solvable(levels=4).rows[0][2:5] == ("4", "0.0", "0")

    def test_needs_a_level(self):
        with pytest.raises(ValueError, match=r"^levels must be at least 1, got 0$"):
            solvable(levels=0)


class TestCommand:
    @pytest.mark.parametrize("name", BENCHMARKS)
    def test_every_name_leads_to_a_function(self, name):
        assert callable(load(name))

    def test_runs_the_named_ones_in_order(self, monkeypatch, capsys):
        self._replace(monkeypatch)
        assert main(["benchmark", "second", "first"]) == 0
        out = capsys.readouterr().out
        assert re.findall(r"^(\w+ title)$", out, re.MULTILINE) == ["second title", "first title"]
        assert ": relational-rl benchmark second\n" in out

    def test_runs_all_by_default(self, monkeypatch, capsys):
        self._replace(monkeypatch)
        assert main(["benchmark"]) == 0
        out = capsys.readouterr().out
        assert re.findall(r"^(\w+ title)$", out, re.MULTILINE) == ["first title", "second title"]

    def test_unknown_names_are_named_and_nothing_runs(self, monkeypatch, capsys):
        self._replace(monkeypatch)
        assert main(["benchmark", "first", "third"]) == 1
        captured = capsys.readouterr()
        assert "a benchmark must be one of first, second, got 'third'" in captured.err
        assert captured.out == ""

    def _replace(self, monkeypatch):
        names = {name: f"{__name__}:_{name}" for name in ("first", "second")}
        monkeypatch.setattr("experiments.benchmark.names.BENCHMARKS", names)


def _first():
    return Table("first title", ("what",), [("1",)])


def _second():
    return Table("second title", ("what",), [("2",)])


TINY = replace(
    configs.load("boxworld"),
    {
        "source.envs_per_actor": 8,
        "learner.batch_size": 8,
        "source.unroll_length": 8,
        "agent.mlp": (16,),
    },
)
SPEC = EnvironmentSpec.from_spaces(BoxWorldEnv().observation_space, BoxWorldEnv().action_space)


class TestTraining:
    def test_multiplications_are_those_of_the_published_network(self):
        config = configs.load("boxworld_published_network")
        agent = make_learning_agent(config, SPEC, np.zeros(SPEC.image_shape, np.uint8))
        convolutions = 2 * 2 * 3 * 12 + 2 * 2 * 12 * 24
        block = 26 * 3 * 64 + 64 * 26 + 26 * 26  # queries, keys, values; the two layers
        expected = 196 * (convolutions + 2 * block) + 2 * 2 * 196 * 196 * 64
        images = np.zeros((3, *SPEC.image_shape), np.uint8)
        assert multiplications(agent, images, config.agent) == expected

    def test_multiplications_are_of_real_entities_alone(self):
        plain = {"agent.encoder.references": None, "agent.likeness": False}
        config = replace(TINY, NETWORK | plain)
        agent = make_learning_agent(config, SPEC, np.zeros(SPEC.image_shape, np.uint8))
        images = np.zeros((2, *SPEC.image_shape), np.uint8)
        images[0, 5, 3:9] = 100
        row = 2 * 5 * 64 * 64
        expected = (6 * row + 6 * 6 * 2 * 2 * 64) / 2
        assert multiplications(agent, images, config.agent) == expected


@pytest.fixture(scope="module")
def setting():
    """A plain agent of the comparison's network, with frames of random play."""
    config = frameworks.with_network(TINY)
    spec, background, images = play_randomly(config)
    plain = replace(config, {"agent.implementation": "plain"})
    agent = make_learning_agent(plain, spec, background)
    random = np.random.default_rng(0)  # far from where it starts, so that every part counts
    for variable in agent.trainable_variables:
        noise = random.normal(size=variable.shape).astype(np.float32)
        variable.assign(variable + 0.1 * noise)
    return plain, spec, agent, images


class TestFrameworks:
    @pytest.mark.parametrize("attention", ["sdpa", "matmul"])
    def test_pytorch_gives_the_numbers_of_sonnet_gradients_included(self, setting, attention):
        torch = pytest.importorskip("torch")
        torch_network = pytest.importorskip("experiments.benchmark.torch_network")
        config, spec, agent, images = setting
        images = np.concatenate([images, agent.encoder.background.numpy()[np.newaxis]])  # empty
        weights = np.random.default_rng(1).normal(size=(len(images), 5)).astype(np.float32)
        network = torch_network.Network(config.agent, spec.image_shape, spec.num_actions, attention)
        torch_network.copy_weights(agent, network)

        with tf.GradientTape() as tape:
            features = agent.features({"image": tf.constant(images)})
            logits, baseline = agent.heads(features)
            told = tf.concat([logits, baseline[:, tf.newaxis]], axis=1)
            loss = tf.reduce_sum(told * weights)
        gradients = tape.gradient(loss, agent.trainable_variables)
        found = torch.cat(
            [part.reshape(len(images), -1) for part in network(torch.from_numpy(images))], dim=1
        )
        np.testing.assert_allclose(found.detach().numpy(), told.numpy(), atol=1e-4)
        (found * torch.from_numpy(weights)).sum().backward()
        by_name = {
            variable.name: gradient
            for variable, gradient in zip(agent.trainable_variables, gradients, strict=True)
        }
        pairs = torch_network.pairs(agent, network)
        assert {variable.name for _, variable in pairs} == by_name.keys()
        assert len(pairs) == len(list(network.parameters()))
        for parameter, variable in pairs:
            expected = by_name[variable.name].numpy()
            gradient = parameter.grad.numpy()
            gradient = gradient.T if gradient.ndim == 2 else gradient
            error = np.linalg.norm(gradient - expected)
            assert error <= 1e-3 * np.linalg.norm(expected) + 1e-4, variable.name

    def test_a_step_of_each_library_is_the_same_step(self, setting):
        pytest.importorskip("torch")
        config, spec, agent, images = setting
        batch = frameworks.make_batch(images, spec.num_actions)
        before = [variable.numpy() for variable in agent.variables]
        packed = make_learning_agent(
            replace(config, {"agent.implementation": "packed"}), spec, np.zeros(spec.image_shape)
        )
        for variable, value in zip(packed.variables, before, strict=True):
            variable.assign(value)
        # First PyTorch, which copies the weights that the others change.
        steps = {
            "torch": frameworks.torch_step(
                agent, config, spec, batch, "sdpa", compile=False, threads=1
            ),
            "packed": frameworks.sonnet_step(packed, batch),
        }
        losses = {name: [step() for _ in range(3)] for name, step in steps.items()}
        tf.config.run_functions_eagerly(True)  # to compile the plain network takes eight seconds
        try:
            step = frameworks.sonnet_step(agent, batch)
            losses["plain"] = [step() for _ in range(3)]
        finally:
            tf.config.run_functions_eagerly(False)
        for variable, value in zip(agent.variables, before, strict=True):
            variable.assign(value)
        assert losses["plain"][2] < losses["plain"][0]  # it does learn
        np.testing.assert_allclose(losses["torch"], losses["plain"], rtol=2e-3)
        np.testing.assert_allclose(losses["packed"], losses["plain"], rtol=2e-3)

    def test_a_library_that_is_missing_or_fails_is_named_and_the_others_are_measured(
        self, monkeypatch
    ):
        torch_step = frameworks.torch_step

        def fail(*arguments):
            if arguments[5]:  # compiled
                raise RuntimeError("no C++ compiler found\nmore")
            return torch_step(*arguments)

        monkeypatch.setattr(frameworks, "torch_step", fail)
        agents = []  # that Sonnet's steps are asked of; the steps themselves are tested above
        monkeypatch.setattr(
            frameworks, "sonnet_step", lambda agent, batch: lambda: agents.append(agent)
        )
        monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
        table = frameworks.frameworks(TINY, repeats=1)
        told = {row[0]: row[1:] for row in table.rows}
        assert len(told) == 6
        for name, values in told.items():
            if name.endswith("torch.compile"):
                assert values == ("-", "-", "fails here: RuntimeError: no C++ compiler found")
            elif name.startswith("PyTorch"):
                assert values == ("-", "-", "not installed: pip install torch")
            else:
                assert all(float(value.replace(",", "")) > 1 for value in values[:2])
        implementations = [agent.can_compile for agent in dict.fromkeys(agents)]
        assert implementations == [True, False]  # plain, then packed

    def test_the_network_is_the_one_of_the_title(self):
        experiment = frameworks.with_network()
        agent, encoder = experiment.agent, experiment.agent.encoder
        assert (encoder.stem.size, agent.num_heads, agent.num_blocks) == (64, 2, 2)
        assert (encoder.references, agent.likeness, encoder.max_entities) == (None, False, 20)
        assert experiment.learner.batch_size * (experiment.source.unroll_length + 1) >= 1024


class TestProfile:
    def test_parts_of_a_thread_add_up_and_nothing_is_dropped(self, monkeypatch):
        step = BoxWorldVectorEnv.step

        def slow_step(environment, actions):
            time.sleep(0.02)  # long enough to be seen beside compiling
            return step(environment, actions)

        monkeypatch.setattr(BoxWorldVectorEnv, "step", slow_step)
        table = profile(TINY, frames=1000)
        assert table.columns == ("thread", "part", "share")
        parts = {(row[0], row[1]): row[2] for row in table.rows}
        for thread in ("learner", "actors"):
            shares = [float(v.removesuffix(" %")) for k, v in parts.items() if k[0] == thread]
            assert sum(shares) == pytest.approx(100, abs=1)
            assert min(shares) >= -0.5
        for part in ("packed features, forward", "packed features, backward"):
            assert float(parts["learner", part].removesuffix(" %")) > 0
        assert float(parts["actors", "environment"].removesuffix(" %")) > 0
        acted, learned = map(int, parts["queue", "unrolls acted, learned"].split(", "))
        left = int(parts["queue", "left over at the end, not dropped"])
        assert learned >= 1000 // 64
        assert 0 <= left == acted - learned <= 2

    def test_a_stopwatch_adds_up_and_keeps_the_first_call_apart(self):
        stopwatch = Stopwatch()
        with pytest.raises(ZeroDivisionError), timed(stopwatch, "part"):
            time.sleep(0.002)
            1 / 0  # noqa: B018
        first = stopwatch.first["part"]
        assert first >= 0.002
        stopwatch.add("part", 3.0)
        assert stopwatch.seconds == {"part": first + 3.0}
        assert (stopwatch.calls["part"], stopwatch.later("part")) == (2, pytest.approx(3.0))
        assert stopwatch.later("never") == 0.0
        with timed(None, "part"):  # times nothing
            pass
        assert stopwatch.calls["part"] == 2


def test_the_stand_in_is_measured_on_one_core():
    pytest.importorskip("pysc2")
    cores = os.sched_getaffinity(0)
    seen = []

    def work(count, work, repeats):
        seen.append((os.sched_getaffinity(0), count, repeats))
        work()
        return 1234.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(standin, "best_rate", work)
        table = standin.standin(["MoveToBeacon"], size=16, steps=5, repeats=2)
    assert table.rows == [("MoveToBeacon", "1,234")]
    assert seen == [({min(cores)}, 5, 2)]
    assert os.sched_getaffinity(0) == cores


def test_without_pysc2_the_stand_in_is_not_measured(monkeypatch):
    monkeypatch.setitem(sys.modules, "sc2_minigames.env", None)  # as if it could not be imported
    ((what, rate),) = standin.standin().rows
    assert what.startswith("not measured: ") and rate == "-"
