"""Initial values of weights, by the role that a layer plays: one object for a whole network.

A module asks for a weight initialiser by the role of the layer:

    input      sees observations: pixels, random features of them
    hidden     everything between
    output     gives logits or values
    embedding  a table, one row for each category

What it gets is a Sonnet initialiser, a function of the variable's shape, so that it can depend on
the width: [fan_in, fan_out] of a linear layer, [k, k, in, out] of a convolution, [k, k, out, in] of
a transposed one. Biases start at 0, layer norms at the identity.
"""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import sonnet as snt

from relational_rl._quiet import tf

WeightInitializer = Callable[[Sequence[int], Any], tf.Tensor]


class Initializer(Protocol):
    """Chooses the initial weights of every layer; None stands for Sonnet's default."""

    def input(self) -> WeightInitializer | None:
        """Returns the initialiser of a layer that sees observations."""

    def hidden(self, parts: int = 1) -> WeightInitializer | None:
        """Returns the initialiser of a layer between others.

        Args:
          parts: how many matrices lie side by side in the variable, as queries, keys and values.
        """

    def output(self, scale: float | None = None) -> WeightInitializer | None:
        """Returns the initialiser of a layer that gives logits or values.

        Args:
          scale: factor on the weights that the module asks for, 0 for zeros; None for no wish.
        """

    def embedding(self, stddev: float) -> WeightInitializer:
        """Returns the initialiser of a table, whose numbers have this standard deviation."""


@dataclasses.dataclass(frozen=True)
class Standard:
    """Sonnet's initial values: standard deviation 1 / sqrt(fan_in), whatever the role."""

    def input(self) -> WeightInitializer | None:
        """Returns None: Sonnet's default."""
        return None

    def hidden(self, parts: int = 1) -> WeightInitializer | None:
        """Returns None: Sonnet's default."""
        del parts
        return None

    def output(self, scale: float | None = None) -> WeightInitializer | None:
        """Returns weights of standard deviation scale / sqrt(fan_in)."""
        if scale is None:
            return None
        return snt.initializers.VarianceScaling(scale**2) if scale else snt.initializers.Zeros()

    def embedding(self, stddev: float) -> WeightInitializer:
        """Returns a truncated normal distribution."""
        return snt.initializers.TruncatedNormal(stddev=stddev)


STANDARD = Standard()


@dataclasses.dataclass(frozen=True)
class Orthogonal:
    """Orthogonal matrices (Saxe et al. 2014), small ones where a network's outputs are made.

    Attributes:
      gain: factor on the matrices of input and hidden layers; sqrt(2) keeps the size of what goes
        through a ReLU.
      output_gain: likewise of output layers whose module has no wish of its own.
    """

    gain: float = 2**0.5
    output_gain: float = 0.01

    def __post_init__(self) -> None:
        """Raises ValueError if a gain is not positive."""
        for name in ("gain", "output_gain"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"{name} must be positive, got {value!r}")

    def input(self) -> WeightInitializer | None:
        """Returns an orthogonal matrix times the gain."""
        return snt.initializers.Orthogonal(self.gain)

    def hidden(self, parts: int = 1) -> WeightInitializer | None:
        """Returns orthogonal matrices times the gain, one for each part."""
        if parts == 1:
            return snt.initializers.Orthogonal(self.gain)
        return _SideBySide(snt.initializers.Orthogonal(self.gain), parts)

    def output(self, scale: float | None = None) -> WeightInitializer | None:
        """Returns an orthogonal matrix times the scale, or times the output gain without one."""
        if scale == 0:
            return snt.initializers.Zeros()
        return snt.initializers.Orthogonal(self.output_gain if scale is None else scale)

    def embedding(self, stddev: float) -> WeightInitializer:
        """Returns a truncated normal distribution, as `Standard` does: rows are looked up."""
        return STANDARD.embedding(stddev)


@dataclasses.dataclass(frozen=True)
class _SideBySide:
    """Initialises a variable [..., parts * size] as `parts` variables [..., size]."""

    one: WeightInitializer
    parts: int

    def __call__(self, shape: Sequence[int], dtype: Any) -> tf.Tensor:
        """Returns the initial value.

        Raises:
          ValueError: the last dimension is not a multiple of the number of parts.
        """
        *leading, size = shape
        if size % self.parts:
            raise ValueError(
                f"the last dimension must be a multiple of {self.parts} parts, got shape "
                f"{list(shape)}"
            )
        share = [*leading, size // self.parts]
        return tf.concat([self.one(share, dtype) for _ in range(self.parts)], axis=-1)
