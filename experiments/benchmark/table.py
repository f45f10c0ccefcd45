"""What a benchmark is: a function without arguments that returns a `Table`."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from experiments.tables import in_columns
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
    align = "l" + "r" * (len(table.columns) - 1)
    head, *body = in_columns([table.columns, *table.rows], align)
    rule = "-" * max(map(len, (head, *body)))
    about = f"{datetime.date.today().isoformat()}, {machine_class()}: {command}"
    return "\n".join([table.title, about, "", head, rule, *body, ""])
