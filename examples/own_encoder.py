"""Your own encoder: what you know of your game makes the entities.

    python own_encoder.py
    relational-rl train --config=own_environment.py --run_dir=runs/things \
        --config.agent.encoder=own_encoder:Things

An encoder is anything with the interface of `relational_rl.agents.protocol.ObservationEncoder`. In
the room of `own_environment.py` everything has its own colour, so there is an entity for each.
"""

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import sonnet as snt
import tensorflow as tf
from own_environment import COLORS
from own_environment import experiment as fetch

import relational_rl as rrl
from relational_rl.config import Encoder, part, replace, value
from relational_rl.nn.entities import Entities, coordinates


@part
class Things(Encoder):
    """The values of the encoder; they are flags, `--config.agent.encoder.size=8`."""

    size: int = value(16, "features of an entity")

    def build(self, spec: Any, initializer: Any, likeness: bool = False) -> "ThingEncoder":
        """Makes the encoder for images of the environment's shape."""
        return ThingEncoder(self.size, initializer.input())


class ThingEncoder(snt.Module):
    """Maps images to K = 3 entities: which of the things it is, and where, seen from the agent."""

    map_shape = None  # entities are no cells of a map; the control agent needs one
    needs_background = False

    def __init__(self, size: int, w_init: Any):
        """Makes the encoder for entities of `size` features."""
        super().__init__()
        self._embed = snt.Linear(size, w_init=w_init)

    def __call__(self, observations: Mapping[str, tf.Tensor]) -> Entities:
        """Returns features [B, K, size], which things there are, and their cells."""
        images = observations["image"]  # [B, H, W, 3]
        _, height, width, _ = images.shape
        pixels = tf.reshape(images, [-1, height * width, 1, 3])
        found = tf.reduce_all(pixels == np.array(COLORS, np.uint8), axis=-1)  # [B, H * W, K]
        cells = tf.argmax(tf.cast(found, tf.int32), axis=1, output_type=tf.int32)  # [B, K]
        which = tf.tile(tf.eye(len(COLORS))[tf.newaxis], [tf.shape(cells)[0], 1, 1])
        places = coordinates(cells, (height, width))  # [B, K, 2]
        seen = tf.concat([which, places - places[:, :1]], axis=-1)  # [B, K, K + 2]; agent first
        features = tf.nn.relu(snt.BatchApply(self._embed)(seen))
        return Entities(features, tf.reduce_any(found, axis=1), cells)


def main(run_dir: str = "runs/things", frames: int = 40_000) -> rrl.TrainingRun:
    """Trains the agent of `own_environment.py` with the encoder."""
    experiment = replace(fetch, {"agent.encoder": Things()})
    run = rrl.train(experiment, run_dir=run_dir, frames=frames)
    print(f"solved {run.metrics['solved'][-1]:.0%} of the last episodes of training")
    return run


if __name__ == "__main__":
    from own_encoder import main  # by its import path, so that the run can be loaded later

    main(*sys.argv[1:2])
