"""The statistics of an evaluation: shares and means with intervals, chances of success in k tries.

Symbols: n tries of a level, c of them solved, k tries allowed.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from scipy import special

# 95 % of the normal distribution lie between minus and plus this.
_Z_95 = float(special.ndtri(0.975))


class Mean(NamedTuple):
    """A mean and its 95 % interval.

    Attributes:
      value: the mean; NaN of no trials.
      trials: of how many.
      low: lower end of the interval; NaN of fewer than two trials.
      high: upper end of the interval, likewise.
    """

    value: float
    trials: int
    low: float
    high: float


def mean_of(values: Iterable[float]) -> Mean:
    """Returns a mean with its 95 % interval, mean +- t s / sqrt(n) (Student 1908).

    Args:
      values: n trials.
    """
    values = list(values)
    count = len(values)
    value = math.fsum(values) / count if count else math.nan
    if count < 2:
        return Mean(value, count, math.nan, math.nan)
    variance = math.fsum((x - value) ** 2 for x in values) / (count - 1)
    spread = t_quantile(count - 1) * math.sqrt(variance / count)
    return Mean(value, count, value - spread, value + spread)


def t_quantile(degrees: int) -> float:
    """Returns the t between whose negative and itself Student's distribution has 95 %.

    Args:
      degrees: of freedom, at least 1.

    Raises:
      ValueError: there are none.
    """
    if degrees < 1:
        raise ValueError(f"degrees must be at least 1, got {degrees}")
    return float(special.stdtrit(degrees, 0.975))


class Share(NamedTuple):
    """A share of successes and its 95 % interval.

    Attributes:
      successes: how many; fractional where every trial is itself a mean.
      trials: of how many.
      low: lower end of the interval, in [0, 1].
      high: upper end of the interval, in [0, 1].
    """

    successes: float
    trials: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share, in [0, 1]; NaN of no trials."""
        return self.successes / self.trials if self.trials else math.nan

    def to_dict(self) -> dict[str, float]:
        """Returns the share with its value, JSON-able."""
        return {"share": self.value, **self._asdict()}


def wilson_share(successes: float, trials: int) -> Share:
    """Returns a share with its 95 % Wilson score interval (Wilson 1927, equation 1).

    Unlike the textbook interval it stays inside [0, 1] and keeps its width where every trial
    succeeded. Where the trials are means of values in [0, 1], their variance is at most that of
    trials that succeed or fail, so the interval is on the safe side.

    Args:
      successes: sum of the trials' outcomes, in [0, trials].
      trials: how many, at least 0; of no trials nothing is known and the interval is [0, 1].

    Raises:
      ValueError: a number is out of range.
    """
    if trials < 0:
        raise ValueError(f"trials must be at least 0, got {trials}")
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must be in [0, trials={trials}], got {successes}")
    if trials == 0:
        return Share(0.0, 0, 0.0, 1.0)
    share, z2 = successes / trials, _Z_95**2
    centre = share + z2 / (2 * trials)
    spread = _Z_95 * math.sqrt(share * (1 - share) / trials + z2 / (4 * trials**2))
    scale = 1 + z2 / trials
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == trials else (centre + spread) / scale
    return Share(successes, trials, low, high)


def share_of(outcomes: Iterable[bool]) -> Share:
    """Returns the share of true outcomes with its interval."""
    outcomes = list(outcomes)
    return wilson_share(sum(outcomes), len(outcomes))


def pass_at_k(num_tries: int, num_solved: int, k: int) -> float:
    """Estimates without bias the chance that at least one of k tries solves a level.

    1 - C(n - c, k) / C(n, k): the share of the ways to choose k of the n tries that have a
    success among them (Chen et al. 2021, arXiv:2107.03374, equation 1).

    Args:
      num_tries: n, how often the level was tried.
      num_solved: c, how many of the tries solved it, in [0, n].
      k: how many tries are allowed, in [1, n].

    Raises:
      ValueError: a number is out of range.
    """
    if not 1 <= k <= num_tries:
        raise ValueError(f"k must be in [1, num_tries={num_tries}], got {k}")
    if not 0 <= num_solved <= num_tries:
        raise ValueError(f"num_solved must be in [0, num_tries={num_tries}], got {num_solved}")
    return 1.0 - math.comb(num_tries - num_solved, k) / math.comb(num_tries, k)


def mean_pass_at_k(num_tries: int, solved_per_level: Sequence[int], k: int) -> Share:
    """Returns the mean of `pass_at_k` over levels, with an interval over the levels.

    Args:
      num_tries: n, the same for every level.
      solved_per_level: c of every level.
      k: how many tries are allowed, in [1, n].
    """
    chances = [pass_at_k(num_tries, solved, k) for solved in solved_per_level]
    return wilson_share(min(math.fsum(chances), float(len(chances))), len(chances))
