"""Any configuration survives its file, and the replacement of each of its values by itself."""

import json
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from relational_rl.config import (
    LSTM,
    Adam,
    Cells,
    Cloning,
    Control,
    ConvLSTM,
    Convolutions,
    Curriculum,
    EnvSpec,
    Experiment,
    Objects,
    Online,
    OrthogonalInitialization,
    Patch,
    Random,
    References,
    Relational,
    RMSProp,
    Run,
    SpatialControl,
    SpatialRelational,
    StandardInitialization,
    StopAt,
    VTrace,
    describe,
    from_dict,
    replace,
    to_dict,
)
from relational_rl.config.tree import paths

counts = st.integers(1, 2**62)
sizes = st.lists(counts, max_size=3).map(tuple)
positive = st.floats(1e-300, 1e300)
names = st.text(string.ascii_letters + "_", min_size=1, max_size=5)
scalars = st.one_of(st.none(), st.booleans(), st.integers(), positive, st.text(max_size=5))
kwargs = st.dictionaries(names, st.one_of(scalars, st.lists(scalars, max_size=2)), max_size=3)
initializations = st.one_of(
    st.builds(StandardInitialization), st.builds(OrthogonalInitialization, gain=positive)
)
stems = st.one_of(
    st.builds(
        Convolutions,
        channels=st.lists(counts, min_size=1, max_size=3).map(tuple),
        padding=st.sampled_from(["SAME", "VALID"]),
    ),
    st.builds(Patch, size=counts, shape=st.sampled_from([(1, 3), (5, 1)]), place_scale=positive),
)
encoders = st.one_of(
    st.none(),
    st.builds(Objects, size=counts),
    st.builds(
        Cells,
        stem=stems,
        max_entities=st.none() | counts,
        references=st.none() | st.builds(References, count=counts, match_size=counts),
    ),
)
common = {"mlp": sizes, "policy_scale": positive, "initialization": initializations}
entities = {
    **common,
    "encoder": encoders,
    "memory": st.none() | st.builds(LSTM, size=counts, shortcut=st.booleans()),
}
spatial = {
    **common,
    "map_size": counts,
    "vector_mlp": sizes,
    "argument_entropy": st.sampled_from(["sampled", "exact"]),
    "memory": st.none() | st.builds(ConvLSTM, size=counts, shortcut=st.booleans()),
}
attention = {"num_blocks": counts, "block_mlp": sizes, "share_weights": st.booleans()}
agents = st.one_of(
    st.builds(Random),
    st.builds(Relational, **entities, **attention, likeness=st.booleans()),
    st.builds(Control, **entities, residual_channels=st.integers(0, 99)),
    st.builds(SpatialRelational, **spatial, **attention),
    st.builds(SpatialControl, **spatial, residual_blocks=counts),
)
steps = {
    "batch_size": counts,
    "learning_rate": positive,
    "learning_rate_schedule": st.sampled_from(["constant", "linear"]),
    "optimizer": st.one_of(
        st.builds(Adam, epsilon=positive),
        st.builds(RMSProp, decay=st.floats(0.0, 1.0, exclude_max=True), epsilon=positive),
    ),
}
learners = st.one_of(
    st.builds(Cloning, **steps),
    st.builds(
        VTrace,
        **steps,
        discount_factor=st.floats(0.0, 1.0),
        min_advantage_deviation=st.none() | positive,
        reduction=st.sampled_from(["sum", "mean"]),
    ),
)
experiments = st.builds(
    Experiment,
    env=st.builds(
        EnvSpec,
        id=names,
        kwargs=kwargs,
        observation_keys=st.lists(names, max_size=2).map(tuple),
        vectorization=st.sampled_from(["auto", "sync", "async"]),
    ),
    curriculum=st.none()
    | st.builds(
        Curriculum,
        stages=st.lists(kwargs, min_size=1, max_size=3).map(tuple),
        threshold=st.floats(0.0, 1.0, exclude_min=True),
        window=counts,
    ),
    agent=agents,
    learner=learners,
    source=st.builds(Online, num_actors=counts, transforms=st.lists(names, max_size=2).map(tuple)),
    run=st.builds(
        Run,
        seed=st.integers(0, 2**31 - 1),
        total_frames=counts,
        stop_at=st.none() | st.builds(StopAt, solved=st.floats(0.01, 1.0), window=counts),
    ),
    hooks=st.lists(names, max_size=2).map(tuple),
)


@given(experiments)
@settings(max_examples=60, deadline=None)
def test_any_experiment_survives_its_file(experiment):
    plain = json.loads(json.dumps(to_dict(experiment), allow_nan=False))
    again = from_dict(plain)
    assert again == experiment
    assert to_dict(again) == plain
    for path, value in paths(experiment).items():
        assert replace(experiment, {path: value}) == experiment, path
    assert all(each.meaning for each in describe(experiment))
