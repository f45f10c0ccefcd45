"""Agents with maps, memory and arguments, small enough to be enumerated."""

import by_hand
import numpy as np
import tensorflow as tf
from flat import make_agent

from relational_rl.observations.actions import ArgumentSpec, LastActionSpec, MaskSpec
from relational_rl.observations.image import ImageSpec
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.observations.vector import VectorSpec

T, B, A = 4, 3, 4
# Two images of 8x8 and of 4x4; arguments: a cell of either, and one of three values.
ARGUMENTS = ArgumentSpec(
    sizes=(64, 3, 16), taken_by=((), (0,), (0, 1), (1, 2)), images=("image", None, "image_1")
)
SPEC = EnvironmentSpec(
    (
        ImageSpec("screen", (8, 8, 2), "int16", (0, 5), scale=10.0),
        ImageSpec("minimap", (4, 4, 1), "int16", name="image_1"),
        VectorSpec("player", 2),
        MaskSpec("available", A),
        LastActionSpec("last", 4),
    ),
    A,
    arguments=ARGUMENTS,
)
SMALL = {
    "network": "spatial",
    "memory": "convlstm",
    "memory_size": 6,
    "map_size": 4,
    "map_channels": 4,
    "embedding_size": 3,
    "num_heads": 2,
    "head_size": 4,
    "block_mlp": (8, 8),
    "vector_mlp": (6, 5),
    "mlp": (8,),
    "head_mlp": (8,),
    "action_embedding": 4,
    "argument_channels": 4,
    "control_convolutions": 3,
    "control_channels": 5,
}


def make(spec=SPEC, **values):
    agent = make_agent(spec, **{**SMALL, **values})
    by_hand.randomize(agent)
    return agent


def observations(*leading, seed=0):
    random = np.random.default_rng(seed)
    mask = random.random((*leading, A)) < 0.7
    mask[..., 2] = True
    last = np.stack(
        [random.integers(size, size=leading) for size in (A, *ARGUMENTS.sizes)], axis=-1
    )
    values = {
        "image": random.integers(0, 6, (*leading, 8, 8, 2)).astype(np.int16),
        "image_1": random.integers(0, 6, (*leading, 4, 4, 1)).astype(np.int16),
        "vector": random.integers(0, 1000, (*leading, 2)).astype(np.float32),
        "mask": mask,
        "last_action": last.astype(np.int32),
    }
    return {name: tf.constant(value) for name, value in values.items()}
