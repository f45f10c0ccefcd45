"""The packed network as a differentiable TensorFlow function of an agent's variables."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, NoReturn

import numpy as np
from threadpoolctl import ThreadpoolController

from relational_rl._quiet import tf
from relational_rl.kernels.forms import pack_modules, unsupported
from relational_rl.kernels.network import PackedNetwork, Pass
from relational_rl.kernels.parameters import Parameters
from relational_rl.kernels.saved import SavedPasses, Slot
from relational_rl.stopwatch import Stopwatch, timed

__all__ = ["PackedFeatures", "unsupported"]

# Fewer images than this are not worth a second thread.
_MIN_SHARE = 128


class PackedFeatures:
    """images -> pooled features, the same numbers as encoder, core and max pool.

    The images of a batch are shared out over threads; NumPy's BLAS is limited to one thread in the
    whole process, because these threads take its place.

    Several threads may call it at once, and any number of calls may lie on one tape. A forward pass
    gives a ticket with which its backward pass finds what it computed; where that has been dropped
    since (see saved.py), it is computed again from the same images and the same values of the
    variables.

    Attributes:
      stopwatch: times the parts "forward" and "backward"; None for none.
    """

    stopwatch: Stopwatch | None = None

    def __init__(self, encoder: object, core: object, num_threads: int = 0):
        """Makes the function for modules whose variables exist.

        Args:
          encoder: an `EntityEncoder` whose stem has a packed form, see forms.py.
          core: a `RelationalModule`.
          num_threads: over how many threads a batch is shared; 0 for one a core.

        Raises:
          ValueError: these modules cannot be computed over packed rows.
        """
        form = pack_modules(encoder, core)
        self._sizes = form.sizes
        self.variables = form.variables
        self._constants = form.constants
        self._network = PackedNetwork(form.sizes, form.stem)
        self._saved = SavedPasses()
        self._num_threads = num_threads or os.cpu_count() or 1
        others = self._num_threads - 1
        self._pool = ThreadPoolExecutor(others) if others else None
        # Each thread has a core to itself; NumPy's own threads would only get in the way.
        ThreadpoolController().limit(limits=1, user_api="blas")

    def limit_threads(self, count: int) -> None:
        """Shares a batch over at most `count` threads from now on."""
        self._num_threads = min(self._num_threads, count)

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        """Returns the features float32 [B, F] of uint8 images [B, H, W, C].

        They can be differentiated once with respect to the variables.

        Raises:
          NotImplementedError: when a second derivative is asked for.
        """
        constants = [tf.convert_to_tensor(constant) for constant in self._constants]

        @tf.custom_gradient
        def features(*variables: tf.Tensor) -> Any:
            pooled, ticket = tf.numpy_function(
                self._forward, [images, *constants, *variables], [tf.float32, tf.int64]
            )
            pooled = tf.ensure_shape(pooled, [images.shape[0], self._sizes.entity_size])

            def gradient(d_pooled: tf.Tensor) -> list[tf.Tensor]:
                return self._gradients(ticket, d_pooled, images, constants, variables)

            return pooled, gradient

        return features(*[tf.convert_to_tensor(variable) for variable in self.variables])

    def _gradients(
        self,
        ticket: tf.Tensor,
        d_pooled: tf.Tensor,
        images: tf.Tensor,
        constants: Sequence[tf.Tensor],
        variables: Sequence[tf.Tensor],
    ) -> list[tf.Tensor]:
        """Returns the gradients of the variables, which cannot be differentiated again."""

        @tf.custom_gradient
        def once(d_pooled: tf.Tensor, *variables: tf.Tensor) -> Any:
            gradients = tf.numpy_function(
                self._backward,
                [ticket, d_pooled, images, *constants, *variables],
                [tf.float32] * len(variables),
            )
            shaped = [
                tf.ensure_shape(value, variable.shape)
                for value, variable in zip(gradients, variables, strict=True)
            ]
            return shaped, _no_second_derivative

        return once(d_pooled, *variables)

    def _forward(self, images: np.ndarray, *arrays: np.ndarray) -> tuple[np.ndarray, np.int64]:
        """Returns the pooled features and the ticket of this pass."""
        slot = self._saved.take()
        try:
            with timed(self.stopwatch, "forward"):
                self._compute(slot, images, arrays)
        except BaseException:
            self._saved.release(slot)
            raise
        pooled = np.concatenate([part.pooled for part in slot.passes])
        return pooled, np.int64(self._saved.save(slot, len(images)))

    def _backward(
        self, ticket: np.ndarray, d_pooled: np.ndarray, images: np.ndarray, *arrays: np.ndarray
    ) -> list[np.ndarray]:
        """Returns the gradients of the variables; arguments as those of the forward pass."""
        parameters = self._parameters(arrays)
        found = self._saved.find(int(ticket))
        slot = found or self._saved.take()
        valid = None
        try:
            if found is None:
                self._compute(slot, images, arrays)
            bounds = np.cumsum([0, *(len(part.pooled) for part in slot.passes)])

            def backward(i: int) -> list[np.ndarray]:
                share = np.ascontiguousarray(d_pooled[bounds[i] : bounds[i + 1]])
                return self._network.backward(slot.passes[i], parameters, share).flat()

            with timed(self.stopwatch, "backward"):
                total, *others = self._share(backward, len(slot.passes))
            valid = int(ticket)  # a persistent tape may come again
        finally:
            self._saved.release(slot, valid)
        for other in others:
            for into, value in zip(total, other, strict=True):
                into += value
        return total

    def _compute(self, slot: Slot, images: np.ndarray, arrays: Sequence[np.ndarray]) -> None:
        """Computes the forward pass of all shares in a slot."""
        parameters, constants = self._parameters(arrays), arrays[: len(self._constants)]
        shares = min(self._num_threads, max(len(images) // _MIN_SHARE, 1))
        bounds = np.linspace(0, len(images), shares + 1).astype(int)
        buffers = [slot.buffer(i) for i in range(shares)]

        def forward(i: int) -> Pass:
            share = images[bounds[i] : bounds[i + 1]]
            return self._network.forward(share, constants, parameters, buffers[i])

        slot.passes = self._share(forward, shares)

    def _parameters(self, arrays: Sequence[np.ndarray]) -> Parameters:
        return Parameters.of(arrays[len(self._constants) :], self._sizes)

    def _share(self, function: Callable[[int], Any], count: int) -> list[Any]:
        """Calls function(0) .. function(count - 1) at the same time.

        Weights that diverge overflow without a warning, as in TensorFlow.
        """

        def quiet(i: int) -> Any:
            with np.errstate(over="ignore", invalid="ignore"):  # of this thread alone
                return function(i)

        if self._pool is None or count == 1:
            return [quiet(i) for i in range(count)]
        others = [self._pool.submit(quiet, i) for i in range(1, count)]
        try:
            first = quiet(0)
        finally:
            wait(others)  # nobody computes in buffers that have been given back
        return [first, *(other.result() for other in others)]


def _no_second_derivative(*gradients: tf.Tensor) -> NoReturn:
    del gradients
    raise NotImplementedError(
        "packed features can be differentiated once; second derivatives need implementation=plain"
    )
