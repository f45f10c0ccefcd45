"""The configuration of an experiment: names, kinds, ranges, texts, and the flat one of before."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from relational_rl.config import (
    LSTM,
    Adam,
    AgentConfig,
    Cells,
    Cloning,
    Control,
    Convolutions,
    Encoder,
    EnvSpec,
    Experiment,
    LearnerConfig,
    Objects,
    Online,
    Patch,
    Random,
    References,
    Relational,
    RMSProp,
    SpatialControl,
    SpatialRelational,
    VTrace,
    describe,
    from_dict,
    kind_of,
    override,
    part,
    replace,
    to_dict,
    value,
)
from relational_rl.config.base import Choice
from relational_rl.config.old_names import CHOICES, MOVED, from_flat
from relational_rl.config.tree import paths
from relational_rl.errors import ConfigError

ROOT = Path(__file__).parents[3]
KEPT = [
    *ROOT.glob("results/*/seed*/config.json"),
    *ROOT.glob("relational_rl/pretrained/*/config.json"),
]
OLD = sorted(path for path in KEPT if "env_id" in json.loads(path.read_text()))
CELLS = Experiment(agent=Relational(encoder=Cells()))
RICH = Experiment(
    env=EnvSpec(id="a:B-v0", kwargs={"size": 8, "text": "x"}),
    agent=Relational(
        encoder=Cells(stem=Patch(), max_entities=5, references=References()), memory=LSTM()
    ),
    learner=VTrace(optimizer=Adam()),
)


@part
class MyEncoder(Encoder):
    """An encoder of a user's own."""

    size: int = value(default=3, meaning="features")


# Choices.


def test_a_choice_is_named_by_its_kind_or_by_its_import_path():
    assert kind_of(Relational()) == "relational"
    name = f"{__name__}:MyEncoder"
    experiment = Experiment(agent=Relational(encoder=MyEncoder(size=7)))
    plain = json.loads(json.dumps(to_dict(experiment)))
    assert plain["agent"]["encoder"] == {"kind": name, "size": 7}
    assert from_dict(plain) == experiment
    assert override(CELLS, {"agent.encoder": name}).agent.encoder == MyEncoder()
    assert (
        override(CELLS, {"agent.encoder": name, "agent.encoder.size": "9"}).agent.encoder.size == 9
    )


def test_switching_a_choice_keeps_what_means_the_same():
    control = replace(RICH, {"agent": "control"}).agent
    assert isinstance(control, Control)
    assert (control.encoder, control.memory) == (RICH.agent.encoder, RICH.agent.memory)
    assert replace(RICH, {"agent": "random"}).agent == Random()
    # The epsilon of one optimiser is not that of another.
    assert replace(Experiment(), {"learner.optimizer": "adam"}).learner.optimizer == Adam()
    cloning = replace(RICH, {"learner": "cloning"}).learner
    assert cloning == Cloning(optimizer=Adam())


def test_the_control_of_a_spatial_agent_is_spatial():
    spatial = Experiment(agent=SpatialRelational(map_size=4))
    assert replace(spatial, {"agent": "control"}).agent == SpatialControl(map_size=4)
    # The paper's 12 layers.
    agent = SpatialControl()
    assert (agent.residual_blocks, agent.residual_convolutions, agent.residual_channels) == (
        4,
        3,
        32,
    )


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("contrl", r"config\.agent must be one of control, .*got 'contrl'; did you mean 'control'"),
        ("no_module:Agent", r"config\.agent: cannot import 'no_module:Agent': No module named"),
        ("json:Agent", r"config\.agent: cannot import 'json:Agent': .*no attribute 'Agent'"),
        ("json:loads", r"config\.agent must be a subclass of .*AgentConfig, got 'json:loads'"),
        (f"{__name__}:MyEncoder", r"config\.agent must be a subclass of .*AgentConfig, got"),
    ],
)
def test_a_choice_that_is_none_is_named(name, message):
    with pytest.raises(ConfigError, match=message):
        override(Experiment(), {"agent": name})


def test_every_value_of_every_class_has_a_meaning():
    for family in (AgentConfig, LearnerConfig, Encoder, Choice):
        for cls in family.kinds().values():
            for field in dataclasses.fields(cls):
                assert cls.__pydantic_fields__[field.name].description, (cls, field.name)
    described = describe(RICH)
    assert {each.path for each in described} >= set(paths(RICH))
    assert all(each.meaning for each in described)


# JSON and values.


def test_round_trip_through_json():
    for experiment in (Experiment(), RICH, Experiment(agent=SpatialControl(), learner=Cloning())):
        assert from_dict(json.loads(json.dumps(to_dict(experiment)))) == experiment


def test_missing_names_take_their_default():
    assert from_dict({"run": {"seed": 5}}) == replace(Experiment(), {"run.seed": 5})
    assert from_dict({}) == Experiment()


def test_an_environment_is_an_id_a_callable_or_a_spec():
    assert Experiment(env="a:B-v0").env == EnvSpec(id="a:B-v0")
    experiment = Experiment(env=example)
    assert experiment.env.make is example
    assert experiment.env.name == "hypothesis.core:example"
    again = from_dict(json.loads(json.dumps(to_dict(experiment))))
    assert again.env.factory() is example
    with pytest.raises(ConfigError, match=r"env must be a Gymnasium id, a callable .*, got 5"):
        Experiment(env=5)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (None, r"^config must be a mapping of names to values, got None$"),
        ([1], r"^config must be a mapping of names to values, got \[1\]$"),
        ({"run": None}, r"run must be a Run, got None"),
        ({"run": 3}, r"run must be a Run, got 3"),
        (
            {"rum": {}},
            r"^config\.rum is unknown; did you mean 'run'\?; the names in config are",
        ),
        (
            {"agent": {"num_block": 3}},
            r"^config\.agent\.num_block is unknown; did you mean 'num_blocks'",
        ),
        ({"agent": {"kind": 3}}, r"^config\.agent\.kind must be one of"),
        ({"agent": {"kind": "random", "num_blocks": 3}}, r"^config\.agent\.num_blocks is unknown"),
        ({"hooks": "a:b"}, r"^config\.hooks must be a list, got 'a:b'"),
    ],
)
def test_wrong_json_is_named(values, message):
    with pytest.raises(ConfigError, match=message):
        from_dict(values)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Relational(num_blocks=0), "^num_blocks must be at least 1, got 0$"),
        (lambda: Relational(num_blocks=True), "^num_blocks must be a whole number, got True$"),
        (lambda: Relational(num_blocks="2"), "^num_blocks must be a whole number, got '2'$"),
        (lambda: Relational(num_blocks=1.5), r"^num_blocks must be a whole number, got 1\.5$"),
        (lambda: Relational(num_blocks=10**400), "^num_blocks must be at most .*, got 1000"),
        (
            lambda: Relational(num_blok=2),
            "^num_blok is unknown to Relational; did you mean 'num_",
        ),
        (lambda: Relational(mlp=(8, -1)), r"^mlp\[1\] must be at least 1, got -1$"),
        (lambda: Relational(mlp=8), "^mlp must be a list, got 8$"),
        (lambda: Relational(encoder="cells"), "^encoder must be a Encoder, got 'cells'$"),
        (lambda: Relational(share_weights=1), "^share_weights must be true or false, got 1$"),
        (lambda: Relational(implementation="fast"), "^implementation must be one of auto, packed"),
        (lambda: Patch(shape=(1, 2)), r"^shape must be two odd numbers, got \(1, 2\)$"),
        (lambda: Patch(shape=(1, 3, 3)), "^shape must have at most 2 entries, got"),
        (lambda: Convolutions(channels=()), "^channels must have at least 1 entries, got"),
        (lambda: VTrace(learning_rate=0), "^learning_rate must be greater than 0, got 0$"),
        (lambda: VTrace(learning_rate=float("inf")), "^learning_rate must be finite, got inf$"),
        (lambda: VTrace(learning_rate=float("nan")), "^learning_rate must be finite, got nan$"),
        (lambda: VTrace(learning_rate="small"), "^learning_rate must be a number, got 'small'$"),
        (lambda: VTrace(discount_factor=1.01), r"^discount_factor must be at most 1, got 1\.01$"),
        (lambda: RMSProp(decay=1.0), r"^decay must be less than 1\.0, got 1\.0$"),
        (
            lambda: Online(num_actors=3, queue_size=2),
            "^queue_size must be 0 or at least num_actors",
        ),
        (lambda: EnvSpec(id=""), "^id must be a Gymnasium id, got ''$"),
        (lambda: EnvSpec(kwargs={"x": {1}}), "^kwargs must be JSON-serialisable, got"),
        (lambda: EnvSpec(kwargs=[1]), "^kwargs must be a mapping of names to values, got"),
    ],
)
def test_a_wrong_value_names_thing_rule_and_value(make, message):
    with pytest.raises(ConfigError, match=message) as info:
        make()
    assert len(str(info.value).splitlines()) == 1
    assert len(str(info.value)) < 500


def test_whole_numbers_may_be_written_as_floats():
    assert Relational(num_blocks=3.0).num_blocks == 3
    assert override(Experiment(), {"run.total_frames": "1e6"}).run.total_frames == 1_000_000
    assert isinstance(override(Experiment(), {"total_frames": "1e6"}).run.total_frames, int)


# Texts.


@pytest.mark.parametrize(
    ("texts", "path", "expected"),
    [
        ({"learner.learning_rate": "2e-4"}, "learner.learning_rate", 2e-4),
        ({"agent.mlp": "[]"}, "agent.mlp", ()),
        ({"agent.share_weights": "false"}, "agent.share_weights", False),
        ({"agent.memory": "lstm", "agent.memory.size": "5"}, "agent.memory.size", 5),
        ({"agent.memory.size": "5"}, "agent.memory.size", 5),
        ({"agent.memory": "none"}, "agent.memory", None),
        (
            {"agent.encoder.stem.size": "9", "agent.encoder.stem": "patch"},
            "agent.encoder.stem.size",
            9,
        ),
        ({"learner.optimizer": "adam", "adam_epsilon": "1e-5"}, "learner.optimizer.epsilon", 1e-5),
        ({"curriculum": "[{'n': 1}, {}]"}, "curriculum.stages", ({"n": 1}, {})),
        ({"curriculum": "none"}, "curriculum", None),
        ({"env.kwargs.room": "6"}, "env.kwargs", {"room": 6}),
        ({"env.id": "123"}, "env.id", "123"),
        ({"hooks": "['a:b']"}, "hooks", ("a:b",)),
        ({"run.stop_at.solved": "0.5"}, "run.stop_at.window", 1000),
    ],
)
def test_a_text_replaces_a_value(texts, path, expected):
    assert paths(override(CELLS, texts))[path] == expected


def test_a_name_of_the_environments_arguments_replaces_that_argument():
    changed = override(RICH, {"size": "19", "text": "123", "seed": "3"})
    assert changed.env.kwargs == {"size": 19, "text": "123"}
    assert changed.run.seed == 3
    assert RICH.env.kwargs["size"] == 8
    with pytest.raises(
        ConfigError, match=r"argument of the environment is config\.env\.kwargs\.colour"
    ):
        override(RICH, {"colour": "1"})


NASTY = [
    "{[]:1}", "-" * 5000 + "1", "1" + "0" * 400, "(" * 9000, "[" * 300, "{'a': {1}}", "\0",
    "1e400", "nan", "", "__import__('os')", "lambda: 0", "'" * 3, "x" * 20_000, "{}", "None",
    "True", ":" * 5000, "a" * 5000 + ":b",
]  # fmt: skip
KINDS_OF_VALUE = ["0", "-1", "1.5", "[]", "(1, 2)", "[{}]", "[None]", "{1: 2}", "b'x'", "[nan]"]


def is_a_value_or_one_clear_line(name, text):
    try:
        experiment = override(RICH, {name: text})
    except ConfigError as error:
        assert str(error)
        assert len(str(error)) < 2000
    else:
        assert from_dict(json.loads(json.dumps(to_dict(experiment)))) == experiment


@pytest.mark.parametrize("name", [*CHOICES, "env.kwargs.x.y", "curriculum.stages", "run.stop_at"])
def test_a_value_of_the_wrong_kind_is_named(name):
    for text in [*NASTY, *KINDS_OF_VALUE]:
        is_a_value_or_one_clear_line(name, text)


@settings(deadline=None)  # long texts take a slow machine longer than Hypothesis allows
@given(
    st.sampled_from([*MOVED, *CHOICES, "agent.encoder", "run", "env.kwargs.x.y", "a.b", "", "."]),
    st.one_of(st.sampled_from(NASTY), st.text(max_size=12)),
)
def test_any_text_is_a_value_or_one_clear_line(name, text):
    is_a_value_or_one_clear_line(name, text)


# The flat configuration of before version 0.2.


@pytest.mark.parametrize("path", OLD, ids=lambda path: "/".join(path.parts[-3:-1]))
def test_a_kept_configuration_means_what_it_meant(path):
    old = json.loads(path.read_text())
    experiment = from_dict(old)
    here = paths(experiment)
    for name, places in MOVED.items():
        found = [here[place] for place in places if place in here]
        if not found or found[0] is None or name in ("max_entities", "queue_size"):
            continue
        if name.endswith("_epsilon") and not name.startswith(here["learner.optimizer"]):
            continue
        before = old.get(name, found[0])
        assert found[0] == (tuple(before) if isinstance(before, list) else before), name
    assert here["agent"].removeprefix("spatial_") == old["agent"]
    assert from_dict(json.loads(json.dumps(to_dict(experiment)))) == experiment


def test_a_value_that_would_do_nothing_cannot_be_given():
    for texts in (
        {"conv_channels": "(8,)", "stem": "patch"},
        {"num_heads": "4", "agent": "control"},
    ):
        with pytest.raises(ConfigError, match=r"does nothing here: there is no agent\."):
            override(CELLS, texts)
    with pytest.raises(ConfigError, match=r"config\.agent\.num_heads is unknown"):
        override(CELLS, {"agent": "control", "agent.num_heads": "4"})
    assert Objects().size == 64


def test_an_old_name_that_is_none_is_named():
    with pytest.raises(ConfigError, match=r"config\.learning_rte is unknown; did you mean"):
        from_flat({"env_id": "x", "learning_rte": 1})
    for name, wrong in (("network", "mesh"), ("entities", "some")):
        with pytest.raises(ConfigError, match=re.escape(f"config.{name} must be ")):
            from_flat({name: wrong})
