"""Tables as text."""

import re

import pytest

from experiments.tables import in_columns, in_markdown

ROWS = [("what", "a second"), ("slow", "7"), ("much | faster", "12,345,678")]


def test_columns_are_as_wide_as_their_longest_cell():
    assert in_columns(ROWS, "lr") == [
        "what             a second",
        "slow                    7",
        "much | faster  12,345,678",
    ]
    assert in_columns(ROWS, "rl") == [
        "         what  a second",
        "         slow  7",
        "much | faster  12,345,678",
    ]


def test_a_bar_within_a_cell_is_no_column_of_markdown():
    assert in_markdown(ROWS, "lr") == [
        "| what | a second |",
        "| --- | ---: |",
        "| slow | 7 |",
        "| much / faster | 12,345,678 |",
    ]


@pytest.mark.parametrize("layout", [in_columns, in_markdown])
def test_a_row_that_does_not_fit_is_named(layout):
    message = re.escape("a row must have 2 cells as there are columns, got ('slow',)")
    with pytest.raises(ValueError, match=f"^{message}$"):
        layout([*ROWS, ("slow",)], "lr")
