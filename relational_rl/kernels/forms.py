"""Which modules have a packed implementation, and how it is made.

A stem is packed by the `StemForm` that is registered for its class. Another stem gets one by

    stem_forms[MyStem] = StemForm(unsupported, make, constants)
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from relational_rl._quiet import tf
from relational_rl.kernels.parameters import Sizes
from relational_rl.kernels.simd import LANES
from relational_rl.kernels.stems import Convolutions, PackedStem, Patches
from relational_rl.nn.encoders import EntityEncoder
from relational_rl.nn.references import References
from relational_rl.nn.relational import RelationalModule
from relational_rl.nn.stems import ConvStem, PatchStem


class StemForm(NamedTuple):
    """How a class of stems is packed; each function takes the encoder whose stem it is.

    Attributes:
      unsupported: returns why this encoder cannot be packed, None if it can.
      make: returns the packed stem; the parameters it gets are those of `stem.parameters()`.
      constants: returns the variables that are not learned and that the packed stem reads.
    """

    unsupported: Callable[[EntityEncoder], str | None]
    make: Callable[[EntityEncoder], PackedStem]
    constants: Callable[[EntityEncoder], list[tf.Variable]]


class PackedForm(NamedTuple):
    """What a packed network is made of.

    Attributes:
      sizes: of everything.
      stem: packed.
      variables: all that is learned, in the order of `Parameters.flat`.
      constants: what the stem reads and nobody learns.
    """

    sizes: Sizes
    stem: PackedStem
    variables: list[tf.Variable]
    constants: list[tf.Variable]


def unsupported(encoder: object, core: object) -> str | None:
    """Returns why an agent cannot be computed over packed rows, None if it can."""
    # Not isinstance: a subclass may compute something else.
    if type(encoder) is not EntityEncoder:
        return _no_form("encoder", encoder)
    if type(core) is not RelationalModule:
        return _no_form("core", core)
    if type(encoder.stem) not in stem_forms:
        return _no_form("stem", encoder.stem)
    if encoder.references is not None and type(encoder.references) is not References:
        return _no_form("references", encoder.references)
    if core.mlp:
        return "its blocks have hidden layers of other sizes than the entity's"
    if encoder.image_dtype != "uint8":  # others may hold what is not a finite number
        return "its images are not uint8"
    why = stem_forms[type(encoder.stem)].unsupported(encoder)
    if why is None and core.head_size % LANES:
        why = f"its head size is not a multiple of {LANES}"
    return why


def pack_modules(encoder: object, core: object) -> PackedForm:
    """Returns the packed form of an agent's modules, whose variables must exist.

    Raises:
      ValueError: they have none; the message says why.
    """
    why = unsupported(encoder, core)
    if why is not None or not isinstance(encoder, EntityEncoder):
        raise ValueError(f"implementation=packed is not possible: {why}")
    assert isinstance(core, RelationalModule)
    stem, references, form = encoder.stem, encoder.references, stem_forms[type(encoder.stem)]
    height, width = encoder.map_shape
    sizes = Sizes(
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
    variables = [*stem.parameters()]
    if references:
        variables += [*references.parameters(), *encoder.merge_parameters()]
    for block in core.blocks:
        variables += block.parameters()
    return PackedForm(sizes, form.make(encoder), variables, form.constants(encoder))


def _no_form(part: str, module: object) -> str:
    return f"its {part} {type(module).__name__} has no packed implementation"


def _convolutions_unsupported(encoder: EntityEncoder) -> str | None:
    if encoder.max_entities is not None or encoder.references is not None:
        return "its convolutions are not followed by all cells, without references"
    return None


def _make_convolutions(encoder: EntityEncoder) -> PackedStem:
    assert isinstance(encoder.stem, ConvStem)
    lost = encoder.image_shape[0] - encoder.map_shape[0]
    return Convolutions(encoder.stem.padding, encoder.image_scale, lost)


def _patches_unsupported(encoder: EntityEncoder) -> str | None:
    if encoder.max_entities is None:
        return "its patch stem looks at all cells, not at occupied ones"
    if encoder.image_shape[2] > 7:
        return "its images have more than 7 channels"
    return None


def _make_patches(encoder: EntityEncoder) -> PackedStem:
    stem = encoder.stem
    assert isinstance(stem, PatchStem) and encoder.max_entities is not None
    return Patches(
        stem.patch,
        encoder.max_entities,
        encoder.image_scale,
        encoder.map_shape,
        stem.num_frequencies,
    )


def _patch_constants(encoder: EntityEncoder) -> list[tf.Variable]:
    assert isinstance(encoder.stem, PatchStem)
    return [encoder.background, encoder.stem.projections, encoder.stem.place_projections]


stem_forms: dict[type[Any], StemForm] = {
    ConvStem: StemForm(_convolutions_unsupported, _make_convolutions, lambda encoder: []),
    PatchStem: StemForm(_patches_unsupported, _make_patches, _patch_constants),
}
