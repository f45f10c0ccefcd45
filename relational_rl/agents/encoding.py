"""Builds encoders of their configuration and an environment's spec: who makes entities of what."""

from collections.abc import Collection

from relational_rl.agents.protocol import ObservationEncoder
from relational_rl.config import encoders
from relational_rl.config.base import kind_of
from relational_rl.errors import ConfigError
from relational_rl.nn import mixed
from relational_rl.nn.encoders import EntityEncoder
from relational_rl.nn.initializers import Initializer
from relational_rl.nn.objects import ObjectEncoder, VectorEncoder
from relational_rl.nn.references import References
from relational_rl.nn.stems import ConvStem, PatchStem
from relational_rl.observations.entry import Entry
from relational_rl.observations.image import ImageSpec
from relational_rl.observations.spec import EnvironmentSpec
from relational_rl.observations.text import TextSpec

# Kinds whose places are entities; the vector joins what the policy sees, or is entities alone.
_ROWS = {"objects", "sequence", "graph"}


def default_encoder(spec: EnvironmentSpec) -> encoders.Encoder:
    """Returns the encoder for the kinds of observations, where none is chosen."""
    kinds = [entry.kind for entry in _seen(spec)]
    if "image" not in kinds:
        return encoders.Objects()
    return encoders.Cells() if kinds == ["image"] else encoders.Mixed()


def _seen(spec: EnvironmentSpec) -> list[Entry]:
    """Returns the entries that are neither numbers nor about actions."""
    return [
        entry
        for entry in spec.entries
        if entry.name != "vector" and entry.kind not in ("vector", "availability")
    ]


def check_seen(who: str, spec: EnvironmentSpec, kinds: Collection[str]) -> None:
    """Checks that nothing is observed that an agent or an encoder would not look at.

    Raises:
      ConfigError: something is; the message names it.
    """
    for entry in _seen(spec):
        if entry.kind not in kinds:
            raise ConfigError(
                f"{who} does not see {entry.name} ({entry.kind}); leave it out with "
                "observation_keys, or take another encoder: encoder=mixed sees everything"
            )


def cell_encoder(
    description: encoders.Cells, spec: EnvironmentSpec, initializer: Initializer, likeness: bool
) -> EntityEncoder:
    """Makes entities of the cells of an image.

    Raises:
      ConfigError: there is no image, the stem cannot tell the likeness of colours, or its map is
        smaller than the image although cells are to be chosen.
    """
    if not spec.images:
        raise ConfigError(f"encoder=cells needs an image, got {spec.kind} observations")
    check_seen("encoder=cells", spec, {"image"})
    if len(spec.images) > 1:
        raise ConfigError(
            f"encoder=cells sees one image, got {list(spec.images)}; encoder=mixed sees all"
        )
    stem: ConvStem | PatchStem
    choice = description.stem
    if isinstance(choice, encoders.Convolutions):
        stem = ConvStem(choice.channels, padding=choice.padding, initializer=initializer)
    elif isinstance(choice, encoders.Patch):
        stem = PatchStem(
            choice.size,
            (choice.shape[0], choice.shape[1]),
            choice.num_frequencies,
            choice.frequency_scale,
            choice.place_scale,
            initializer,
        )
    else:
        raise ConfigError(f"stem must be conv or patch, got {kind_of(choice)!r}")
    if likeness and not (isinstance(choice, encoders.Patch) and choice.num_frequencies):
        raise ConfigError(
            "likeness must be false without random Fourier features of colours (stem=patch with "
            "num_frequencies >= 1), got true"
        )
    references = description.references
    try:
        return EntityEncoder(
            stem,
            spec.image_shape,
            spec.image_dtype,
            spec.image_scale,
            max_entities=description.max_entities,
            references=(
                References(references.count, references.match_size, initializer)
                if references
                else None
            ),
            likeness=likeness,
            initializer=initializer,
        )
    except ValueError as error:
        raise ConfigError(str(error)) from error


def object_encoder(
    description: encoders.Objects, spec: EnvironmentSpec, initializer: Initializer, likeness: bool
) -> ObservationEncoder:
    """Makes entities of all but images: objects, graphs, texts; else of the numbers of a vector.

    Raises:
      ConfigError: there is nothing to make entities of, or a likeness of colours is asked for.
    """
    if likeness:
        raise ConfigError("likeness must be false with encoder=objects, got true")
    seen = _seen(spec)
    kinds = {entry.kind for entry in seen}
    if kinds == {"objects"}:
        return ObjectEncoder(description.size, initializer=initializer)
    if not kinds and spec.vector_size:
        return VectorEncoder(description.size, initializer, spec.vector_groups)
    if not kinds or not kinds <= _ROWS | {"text"}:
        raise ConfigError(
            "encoder=objects needs a set of objects Box(N, F), a sequence, a graph, a text or a "
            f"vector, got {sorted(kinds)} observations"
        )
    parts = [(each.name, _part(each, description.size, initializer)) for each in seen]
    return mixed.MixedEncoder(parts)


def mixed_encoder(
    description: encoders.Mixed, spec: EnvironmentSpec, initializer: Initializer, likeness: bool
) -> ObservationEncoder:
    """Makes entities of everything that is seen.

    Raises:
      ConfigError: a kind has no entities, or a likeness of colours is asked for.
    """
    if likeness:
        raise ConfigError("likeness must be false with encoder=mixed, got true")
    check_seen("encoder=mixed", spec, {*_ROWS, "text", "image"})
    seen = _seen(spec)
    parts = [
        (each.name, _part(each, description.size, initializer, description.channels))
        for each in seen
    ]
    if not parts:
        raise ConfigError("encoder=mixed needs more than a vector; take encoder=objects")
    return mixed.MixedEncoder(parts)


def _part(
    entry: Entry, size: int, initializer: Initializer, channels: tuple[int, ...] = ()
) -> mixed.Part:
    """Makes the part of a mixed encoder for an entry."""
    if isinstance(entry, ImageSpec):
        stem = ConvStem(channels, initializer=initializer)
        cells = EntityEncoder(stem, entry.shape, entry.dtype, entry.scale, initializer=initializer)
        return mixed.Cells(cells, size, initializer)
    if isinstance(entry, TextSpec):
        count = None if entry.known is None else len(entry.known)
        return mixed.Words(size, entry.length, count, initializer)
    return mixed.Rows(size, initializer)
