"""Tables as text, in columns for a terminal or in Markdown.

`align` has a letter for each column: "l" left, "r" right.
"""

from collections.abc import Sequence


def in_columns(rows: Sequence[Sequence[str]], align: str) -> list[str]:
    """Returns rows as lines whose columns are as wide as their longest cell.

    Raises:
      ValueError: a row has another number of cells than there are columns.
    """
    _check(rows, align)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = ["<" if side == "l" else ">" for side in align]
    return [
        "  ".join(
            f"{cell:{side}{width}}" for cell, side, width in zip(row, sides, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def in_markdown(rows: Sequence[Sequence[str]], align: str) -> list[str]:
    """Returns rows, of which the first is the head, as the lines of a Markdown table.

    Raises:
      ValueError: a row has another number of cells than there are columns.
    """
    _check(rows, align)
    marks = ["---" if side == "l" else "---:" for side in align]
    lines = [rows[0], marks, *rows[1:]]
    return [f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines]


def _check(rows: Sequence[Sequence[str]], align: str) -> None:
    for row in rows:
        if len(row) != len(align):
            raise ValueError(
                f"a row must have {len(align)} cells as there are columns, got {row!r}"
            )
