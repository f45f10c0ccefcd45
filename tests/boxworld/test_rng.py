"""The integer random stream: published values, a plain second version, and no bias."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from boxworld.rng import next_below, next_uint64, start

MASK = 2**64 - 1


class Reference:
    """SplitMix64 in Python's own integers."""

    def __init__(self, counter):
        self.counter = counter

    def next(self):
        self.counter = (self.counter + 0x9E3779B97F4A7C15) & MASK
        z = self.counter
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def below(self, bound):
        """Uniform, by throwing away the incomplete last run of 2**32 / bound."""
        while True:
            product = (self.next() >> 32) * bound
            if product % 2**32 >= 2**32 % bound:
                return product >> 32


def test_the_stream_is_splitmix64():
    # Values published with the algorithm for the counter 1234567.
    counter = np.array([1234567], np.uint64)
    assert [int(next_uint64(counter)) for _ in range(5)] == [
        6457827717110365317,
        3203168211198807973,
        9817491932198370423,
        4593380528125082431,
        16408922859458223821,
    ]


@settings(deadline=None, max_examples=100)
@given(
    counter=st.integers(0, MASK),
    bounds=st.lists(
        st.sampled_from([1, 2, 3, 5, 12, 144, 3 * 2**30, 2**31 + 1, 2**32]), min_size=1
    ),
)
def test_bounded_numbers_equal_the_plain_version(counter, bounds):
    stream, reference = np.array([counter], np.uint64), Reference(counter)
    for bound in bounds:
        assert next_below(stream, bound) == reference.below(bound)
    assert int(stream[0]) == reference.counter


def test_numbers_are_thrown_away_where_they_would_bias():
    # With a bound of 3 * 2**30 one number in four is thrown away.
    stream = np.zeros(1, np.uint64)
    for _ in range(1000):
        next_below(stream, 3 * 2**30)
    drawn = int(stream[0]) * pow(0x9E3779B97F4A7C15, -1, 2**64) % 2**64
    assert 1250 < drawn < 1420


@pytest.mark.parametrize("bound", [2, 3, 7, 12])
def test_bounded_numbers_are_uniform(bound):
    stream = np.zeros(1, np.uint64)
    counts = np.bincount([next_below(stream, bound) for _ in range(12_000)], minlength=bound)
    expected = 12_000 / bound
    assert counts.size == bound
    assert np.sum((counts - expected) ** 2 / expected) < 35  # p < 0.001 for 11 degrees of freedom


def test_streams_of_neighbouring_seeds_do_not_overlap():
    first = set()
    for seed in range(200):
        stream = np.zeros(1, np.uint64)
        start(stream, seed)
        numbers = {int(next_uint64(stream)) for _ in range(50)}
        assert not numbers & first
        first |= numbers
