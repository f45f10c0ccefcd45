"""Texts: Text, and any other space of strings; the words are the entities, or the characters.

A Text whose characters have no blank is read character by character, any other text word by word:
lower-case words, numbers and marks. A word is known by a number made of its letters, so no list of
words is needed. What a space cannot say, an environment says by attributes of it, all optional:

    tokens       "words" or "characters" (which need the `characters` of a Text)
    vocabulary   the words that there are; a word that is not among them is then an error
    max_tokens   how many words or characters a text has at most; absent: 32 words, or the
                 `max_length` of a Text
"""

import dataclasses
import re
import zlib
from collections.abc import Mapping
from typing import Any, ClassVar

import gymnasium
import numpy as np

from relational_rl.errors import ObservationError
from relational_rl.observations.check import named
from relational_rl.observations.entry import Arrays, Kind, numbered

_WORD = re.compile(r"\w+|[^\w\s]")
_MAX_WORDS = 32


@dataclasses.dataclass(frozen=True)
class TextSpec:
    """A text.

    Attributes:
      key: its key in a Dict observation, None if the observation is the text.
      length: L, how many words or characters it has at most.
      known: the words or characters that there are; None if any word may come.
      by_word: whether it is read word by word.
      name: of what `select` gives; the mask is NAME_mask.
    """

    kind: ClassVar[str] = "text"
    ragged: ClassVar[bool] = True
    key: str | None
    length: int
    known: tuple[str, ...] | None = dataclasses.field(repr=False)
    by_word: bool = True
    name: str = "text"

    @property
    def num_entities(self) -> int:
        """L."""
        return self.length

    def select(self, value: Any) -> Arrays:
        """Returns {name: int32 [B, L], name_mask: bool [B, L]} of B texts.

        A word's number is its place in `known`, or a hash in [0, 2^31) where any may come.

        Raises:
          ObservationError: one is no text, is too long, or has a word that is not known.
        """
        numbers = np.zeros((len(value), self.length), np.int32)
        present = np.zeros((len(value), self.length), bool)
        for row, text in enumerate(value):
            if not isinstance(text, str):
                raise ObservationError(f"{named(self.key)} must be a text, got {text!r:.80}")
            tokens = _WORD.findall(text.lower()) if self.by_word else list(text)
            if len(tokens) > self.length:
                what = "words" if self.by_word else "characters"
                raise ObservationError(
                    f"{named(self.key)} must have at most {self.length} {what} (attribute "
                    f"max_tokens of its space), got {len(tokens)}: {text!r:.80}"
                )
            numbers[row, : len(tokens)] = [self._number(token) for token in tokens]
            present[row, : len(tokens)] = True
        return {self.name: numbers, f"{self.name}_mask": present}

    def zeros(self, leading: tuple[int, ...]) -> Arrays:
        """Returns empty texts."""
        return {
            self.name: np.zeros((*leading, self.length), np.int32),
            f"{self.name}_mask": np.zeros((*leading, self.length), bool),
        }

    def _number(self, token: str) -> int:
        if self.known is None:
            return zlib.crc32(token.encode()) >> 1
        if token not in self.known:
            what = "vocabulary" if self.by_word else "characters"
            raise ObservationError(
                f"{named(self.key)} must be made of the {what} of its space, got {token!r}"
            )
        return self.known.index(token)


def _matches(space: gymnasium.Space) -> bool:
    return space.dtype is not None and np.issubdtype(space.dtype, np.str_)


def _read(
    key: str | None, place: int, space: Any, others: Mapping[str, gymnasium.Space]
) -> TextSpec:
    """Reads a text.

    Raises:
      ValueError: an attribute of the space does not fit it.
    """
    del others
    characters = tuple(getattr(space, "character_list", ()))
    by_character = bool(characters) and " " not in characters
    tokens = getattr(space, "tokens", "characters" if by_character else "words")
    if tokens not in ("words", "characters") or (tokens == "characters" and not characters):
        raise ValueError(
            f"tokens of {named(key)} must be 'words', or 'characters' of a Text, got {tokens!r}"
        )
    by_word = tokens == "words"
    length = getattr(space, "max_tokens", _MAX_WORDS if by_word else space.max_length)
    vocabulary = getattr(space, "vocabulary", None)
    known = characters if not by_word else vocabulary
    if known is not None:
        known = tuple(known)
    return TextSpec(key, int(length), known, by_word, numbered("text", place))


KIND = Kind("text", "a Text", _matches, _read)
