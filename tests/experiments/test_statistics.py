"""Intervals against published values and their defining equation, pass@k by enumeration."""

import itertools
import math

import pytest

from experiments.statistics import (
    mean_of,
    mean_pass_at_k,
    pass_at_k,
    share_of,
    t_quantile,
    wilson_share,
)


def test_wilson_interval_has_the_published_values():
    share = wilson_share(8, 10)
    assert share.value == 0.8
    # The values of R's prop.test(8, 10, correct = FALSE).
    assert share.low == pytest.approx(0.4901625, abs=1e-6)
    assert share.high == pytest.approx(0.9433178, abs=1e-6)


@pytest.mark.parametrize(("successes", "trials"), [(1, 7), (50, 100), (1946, 2000), (3.5, 9)])
def test_wilson_ends_solve_the_equation_that_defines_them(successes, trials):
    share = wilson_share(successes, trials)
    for end in (share.low, share.high):
        distance = abs(share.value - end)
        assert distance == pytest.approx(1.959964 * math.sqrt(end * (1 - end) / trials), rel=1e-5)
    assert share.low < share.value < share.high


def test_wilson_interval_at_the_extremes_keeps_its_width():
    none, all_of_them = wilson_share(0, 10), wilson_share(10, 10)
    assert (none.low, all_of_them.high) == (0.0, 1.0)
    assert none.high == pytest.approx(0.2775328, abs=1e-6)
    assert all_of_them.low == pytest.approx(1 - 0.2775328, abs=1e-6)
    unknown = wilson_share(0, 0)
    assert (unknown.low, unknown.high) == (0.0, 1.0)
    assert math.isnan(unknown.value)


def test_share_of_counts_true_outcomes():
    share = share_of([True, False, True, True])
    assert (share.successes, share.trials) == (3, 4)
    assert share.to_dict() == {
        "share": 0.75,
        "successes": 3,
        "trials": 4,
        "low": share.low,
        "high": share.high,
    }


@pytest.mark.parametrize("num_tries", [1, 4, 6])
def test_pass_at_k_is_the_share_of_choices_that_hold_a_success(num_tries):
    for num_solved in range(num_tries + 1):
        tries = [index < num_solved for index in range(num_tries)]
        for k in range(1, num_tries + 1):
            chosen = [any(choice) for choice in itertools.combinations(tries, k)]
            expected = sum(chosen) / len(chosen)
            assert pass_at_k(num_tries, num_solved, k) == pytest.approx(expected, abs=1e-12)


def test_pass_at_k_is_unbiased():
    chance, num_tries, k = 0.3, 8, 3
    mean = sum(
        math.comb(num_tries, c)
        * chance**c
        * (1 - chance) ** (num_tries - c)
        * pass_at_k(num_tries, c, k)
        for c in range(num_tries + 1)
    )
    assert mean == pytest.approx(1 - (1 - chance) ** k, abs=1e-12)


def test_mean_pass_at_k_is_the_mean_over_levels():
    share = mean_pass_at_k(4, [0, 1, 4], k=2)
    assert share.value == pytest.approx((0 + 0.5 + 1) / 3)
    assert share.trials == 3
    assert mean_pass_at_k(3, [3] * 7, k=2).value == 1.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: wilson_share(3, 2), r"successes must be in \[0, trials=2\], got 3"),
        (lambda: wilson_share(0, -1), "trials must be at least 0, got -1"),
        (lambda: pass_at_k(4, 1, 5), r"k must be in \[1, num_tries=4\], got 5"),
        (lambda: pass_at_k(4, 5, 1), r"num_solved must be in \[0, num_tries=4\], got 5"),
    ],
)
def test_wrong_numbers_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# Student's table, two-sided 5 %.
@pytest.mark.parametrize(
    ("degrees", "quantile"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (29, 2.045), (1000, 1.962)],
)
def test_t_quantile_is_that_of_the_tables(degrees, quantile):
    assert t_quantile(degrees) == pytest.approx(quantile, abs=5e-4)


def test_a_mean_has_the_interval_of_a_t_test():
    mean = mean_of([2, 4, 4, 6, 9])  # deviations -3, -1, -1, 1, 4: variance 28 / 4
    assert (mean.value, mean.trials) == (5.0, 5)
    assert mean.high - 5 == pytest.approx(2.776445 * math.sqrt(7 / 5), rel=1e-6)
    assert 5 - mean.low == pytest.approx(mean.high - 5)


def test_few_trials_have_no_interval():
    assert mean_of([3]).value == 3.0
    assert math.isnan(mean_of([3]).low) and math.isnan(mean_of([3]).high)
    assert math.isnan(mean_of([]).value)
    with pytest.raises(ValueError, match="degrees must be at least 1, got 0"):
        t_quantile(0)
