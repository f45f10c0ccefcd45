"""The benchmarks of training at tiny sizes: do their parts add up, is the comparison fair?"""

import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from boxworld import BoxWorldEnv, BoxWorldVectorEnv
from experiments import configs
from experiments.benchmark import frameworks
from experiments.benchmark.profile import profile
from experiments.benchmark.training import (
    NETWORK,
    make_learning_agent,
    multiplications,
    play_randomly,
)
from relational_rl.config import replace
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.stopwatch import Stopwatch, timed

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
