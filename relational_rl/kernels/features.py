"""The packed network as a differentiable TensorFlow function of an agent's variables."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import ThreadpoolController

from relational_rl._quiet import tf
from relational_rl.kernels.network import PackedNetwork, Parameters, Sizes
from relational_rl.kernels.scenes import Scenes
from relational_rl.kernels.simd import LANES
from relational_rl.kernels.stems import Convolutions, PackedStem, Patches
from relational_rl.nn.encoders import EntityEncoder
from relational_rl.nn.relational import RelationalModule
from relational_rl.nn.stems import ConvStem

# Fewer images than this are not worth a second thread.
_MIN_SHARE = 128


def unsupported(encoder: EntityEncoder, core: object) -> str | None:
    """Returns why an agent cannot be computed over packed rows, None if it can."""
    if not isinstance(core, RelationalModule):
        return "its core is not the relational module"
    if core.mlp:
        return "its blocks have hidden layers of other sizes than the entity's"
    if encoder.image_dtype != "uint8":  # others may hold what is not a finite number
        return "its images are not uint8"
    if isinstance(encoder.stem, ConvStem):
        if encoder.max_entities is not None or encoder.references is not None:
            return "its convolutions are not followed by all cells, without references"
    elif encoder.max_entities is None:
        return "its patch stem looks at all cells, not at occupied ones"
    elif encoder.image_shape[2] > 7:
        return "its images have more than 7 channels"
    if core.head_size % LANES:
        return f"its head size is not a multiple of {LANES}"
    return None


def _make_stem(encoder: EntityEncoder) -> PackedStem:
    stem, map_shape = encoder.stem, encoder.map_shape
    if isinstance(stem, ConvStem):
        return Convolutions(stem.padding, encoder.image_scale, stem.map_shape)
    places = stem.place_features(tf.range(map_shape[0] * map_shape[1]), map_shape).numpy()
    projections = stem.projections.numpy()
    assert encoder.max_entities is not None
    return Patches(stem.patch, encoder.max_entities, encoder.image_scale, projections, places)


class PackedFeatures:
    """images -> pooled features, the same numbers as encoder, core and max pool.

    The images of a batch are shared out over threads; NumPy's BLAS is limited to one thread in the
    whole process, because these threads take its place. The object keeps what the last forward pass
    computed for the backward pass that follows; it serves one caller at a time.
    """

    def __init__(self, encoder: EntityEncoder, core: object, num_threads: int = 0):
        """Makes the function for modules whose variables exist.

        Args:
          encoder: with a patch stem over occupied cells, or convolutions over all.
          core: relational.
          num_threads: over how many threads a batch is shared; 0 for one a core.

        Raises:
          ValueError: these modules cannot be computed over packed rows.
        """
        why = unsupported(encoder, core)
        stem, references = encoder.stem, encoder.references
        if why is not None or not isinstance(core, RelationalModule):
            raise ValueError(f"implementation=packed is not possible: {why}")
        height, width = encoder.map_shape
        self._sizes = Sizes(
            map_shape=(height, width),
            max_entities=encoder.max_entities or height * width,
            num_stem_arrays=len(stem.parameters()),
            entity_size=stem.entity_size,
            num_references=references.num_references if references else 0,
            match_size=references.match_size if references else 0,
            likeness=encoder.likeness,
            num_blocks=core.num_blocks,
            num_heads=core.num_heads,
            head_size=core.head_size,
        )
        self.variables = [*stem.parameters()]
        if references:
            self.variables += [*references.parameters(), *encoder.merge_parameters()]
        for block in core.blocks:
            self.variables += block.parameters()
        # Without a background every cell is an entity, so what stands in for it is not looked at.
        self._background = encoder.background if encoder.needs_background else tf.zeros([0])
        num_threads = num_threads or os.cpu_count() or 1
        self._networks = [
            PackedNetwork(self._sizes, _make_stem(encoder)) for _ in range(num_threads)
        ]
        self._pool = ThreadPoolExecutor(num_threads - 1) if num_threads > 1 else None
        self._scenes: list[Scenes] = []
        # Each thread has a core to itself; NumPy's own threads would only get in the way.
        ThreadpoolController().limit(limits=1, user_api="blas")

    def limit_threads(self, count: int) -> None:
        """Shares a batch over at most `count` threads from now on."""
        self._networks = self._networks[:count]

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the features float32 [B, F] of uint8 images [B, H, W, C]."""

        @tf.custom_gradient
        def features(*variables: tf.Tensor):
            pooled = tf.numpy_function(
                self._forward,
                [images, tf.convert_to_tensor(self._background), *variables],
                tf.float32,
            )
            pooled = tf.ensure_shape(pooled, [images.shape[0], self._sizes.entity_size])

            def gradient(d_pooled: tf.Tensor):
                gradients = tf.numpy_function(
                    self._backward, [d_pooled, *variables], [tf.float32] * len(variables)
                )
                return [
                    tf.ensure_shape(value, variable.shape)
                    for value, variable in zip(gradients, variables, strict=True)
                ]

            return pooled, gradient

        return features(*[tf.convert_to_tensor(variable) for variable in self.variables])

    def _forward(self, images: np.ndarray, background: np.ndarray, *arrays: np.ndarray):
        parameters = Parameters.of(arrays, self._sizes)
        shares = min(len(self._networks), max(len(images) // _MIN_SHARE, 1))
        bounds = np.linspace(0, len(images), shares + 1).astype(int)

        def forward(i: int) -> tuple[Scenes, np.ndarray]:
            network = self._networks[i]
            scenes = network.pack(images[bounds[i] : bounds[i + 1]], background)
            return scenes, network.forward(scenes, parameters)

        results = self._share(forward, shares)
        self._scenes = [scenes for scenes, _ in results]
        return np.concatenate([pooled for _, pooled in results])

    def _backward(self, d_pooled: np.ndarray, *arrays: np.ndarray) -> list[np.ndarray]:
        parameters = Parameters.of(arrays, self._sizes)
        counts = [len(scenes.starts) - 1 for scenes in self._scenes]
        bounds = np.cumsum([0, *counts])

        def backward(i: int) -> list[np.ndarray]:
            share = np.ascontiguousarray(d_pooled[bounds[i] : bounds[i + 1]])
            return self._networks[i].backward(self._scenes[i], parameters, share).flat()

        total, *others = self._share(backward, len(counts))
        for other in others:
            for into, value in zip(total, other, strict=True):
                into += value
        return total

    def _share(self, function, count: int) -> list:
        """Calls function(0) .. function(count - 1) at the same time."""
        if self._pool is None or count == 1:
            return [function(i) for i in range(count)]
        others = [self._pool.submit(function, i) for i in range(1, count)]
        return [function(0), *(other.result() for other in others)]
