"""What a benchmark is: a function without arguments that returns a `Table`."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from relational_rl.run.machine import machine_class


class Table(NamedTuple):
    """What a benchmark found.

    Attributes:
        title: what was measured, and how; one line or more.
        columns: the heads of the columns.
        rows: a string for each column.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def best_rate(
    count: int,
    work: Callable[[], object],
    repeats: int,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Times `work` several times over, and returns its best rate per second.

    The best, because other programs on the machine can only slow it down. It is run once before
    that, so that nothing is compiled while the clock runs.

    Args:
        count: how much one call of `work` does.
        work: what to time.
        repeats: how often, at least 1.
        clock: tells the seconds; `time.process_time` counts those that this process computes in,
            which is fairer to one thread on a busy machine.

    Raises:
        ValueError: if `repeats` is less than 1.
    """
    if repeats < 1:
        raise ValueError(f"repeats must be at least 1, got {repeats}")
    work()
    seconds = []
    for _ in range(repeats):
        start = clock()
        work()
        seconds.append(clock() - start)
    return count / min(seconds)


def format_table(table: Table, command: str) -> str:
    """Returns a table as text, with the date, the machine class and the command that made it.

    Args:
        table: what to print; the first column is aligned left, the others right.
        command: what to type to measure it again.

    Raises:
        ValueError: if a row has another number of cells than there are columns.
    """
    for row in table.rows:
        if len(row) != len(table.columns):
            raise ValueError(
                f"a row must have {len(table.columns)} cells as there are columns, got {row!r}"
            )
    lines = [table.columns, *table.rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    body = [
        "  ".join(
            cell.ljust(width) if index == 0 else cell.rjust(width)
            for index, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    about = f"{datetime.date.today().isoformat()}, {machine_class()}: {command}"
    return "\n".join([table.title, about, "", body[0], rule, *body[1:], ""])
