"""Can two samples be told apart? The test of Mann and Whitney, by its normal approximation."""

from collections.abc import Sequence
from itertools import groupby
from math import erfc, sqrt


def p_value(first: Sequence[float], second: Sequence[float]) -> float:
    """Return how likely ranks at least as uneven are when both come from one distribution.

    Good from about twenty values each; ties share their mean rank.
    """
    count, other = len(first), len(second)
    total = count + other
    values = sorted([(value, True) for value in first] + [(value, False) for value in second])
    rank_sum, ties, below = 0.0, 0, 0
    for _, group in groupby(values, key=lambda pair: pair[0]):
        tied = [is_first for _, is_first in group]
        rank_sum += sum(tied) * (below + (len(tied) + 1) / 2)
        ties += len(tied) ** 3 - len(tied)
        below += len(tied)
    distance = abs(rank_sum - count * (total + 1) / 2)
    variance = count * other / 12 * (total + 1 - ties / (total * (total - 1)))
    return erfc(max(0.0, distance - 0.5) / sqrt(2 * variance)) if variance else 1.0
