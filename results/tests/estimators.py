#!/usr/bin/env python3
"""Which interval of a ratio of medians holds it how often: the table of docs/methodology.md.

    python3 -m venv DIR && DIR/bin/pip install numpy==2.4.6 scipy==1.17.1 && DIR/bin/python results/tests/estimators.py

The candidates beside the one that benchgrid has (`wider`), on values whose truth is known, for each shape of the two sides' logarithms:
the least coverage at 4, 5, 7 and 10 trials a side, and the median half-width at 5.
"""

from math import comb

import numpy as np
from scipy import stats

RANDOM = np.random.default_rng(7)
CAMPAIGNS = 6000
BOOTSTRAPS = 1500
TRIALS = (4, 5, 7, 10)


def normal(sd):
    return lambda shape: RANDOM.normal(0, sd, shape)


def tailed(sd):
    return lambda shape: RANDOM.standard_t(3, shape) * sd


def skewed(sd):
    return lambda shape: RANDOM.exponential(sd, shape)


def mixed(sd, share, times):
    return lambda shape: RANDOM.normal(0, sd, shape) + np.log(times) * (RANDOM.random(shape) < share)


SHAPES = {
    "both 0.02": (normal(0.02), normal(0.02)),
    "both 0.10": (normal(0.10), normal(0.10)),
    "0.10 and 0.01": (normal(0.10), normal(0.01)),
    "both t with 3 degrees": (tailed(0.05), tailed(0.05)),
    "exponential and 0.02": (skewed(0.10), normal(0.02)),
    "both: a tenth x2": (mixed(0.05, 0.1, 2), mixed(0.05, 0.1, 2)),
    "one: a fifth x1.5": (mixed(0.05, 0.2, 1.5), normal(0.05)),
    "both: 30 % x1.2": (mixed(0.02, 0.3, 1.2), mixed(0.02, 0.3, 1.2)),
    "one: 30 % x1.2": (mixed(0.02, 0.3, 1.2), normal(0.02)),
    "one: 45 % x1.2": (mixed(0.02, 0.45, 1.2), normal(0.02)),
}


def paired(a, b):
    n = a.shape[1]
    half = stats.t.ppf(0.975, n - 1) * (a - b).std(1, ddof=1) / np.sqrt(n)
    middle = (a - b).mean(1)
    return middle - half, middle + half


def welch(a, b):
    n = a.shape[1]
    p, q = a.var(1, ddof=1) / n, b.var(1, ddof=1) / n
    half = stats.t.ppf(0.975, (p + q) ** 2 / (p**2 + q**2) * (n - 1)) * np.sqrt(p + q)
    middle = a.mean(1) - b.mean(1)
    return middle - half, middle + half


def left_out(n):
    """Differences that the exact rank sum test leaves out at each end."""
    ways = [[1] + [0] * n * n] + [[0] * (n * n + 1) for _ in range(n)]
    for rank in range(2 * n):
        for chosen in range(min(rank, n - 1), -1, -1):
            for sum_ in range(n * n - (rank - chosen), -1, -1):
                ways[chosen + 1][sum_ + rank - chosen] += ways[chosen][sum_]
    tail = np.cumsum(ways[n]) / comb(2 * n, n)
    return int(np.searchsorted(tail, 0.025, side="right")) - 1


def ranks(a, b):
    n = a.shape[1]
    differences = np.sort((a[:, :, None] - b[:, None, :]).reshape(len(a), -1), 1)
    skipped = left_out(n)
    return differences[:, skipped], differences[:, n * n - 1 - skipped]


def wider(a, b):
    (low, high), (lower, higher) = welch(a, b), ranks(a, b)
    return np.minimum(low, lower), np.maximum(high, higher)


def bootstrap(a, b):
    n = a.shape[1]
    again = lambda side: np.median(side[RANDOM.integers(0, n, (1000, n))], 1)
    ends = [np.quantile(again(x) - again(y), [0.025, 0.975]) for x, y in zip(a[:BOOTSTRAPS], b[:BOOTSTRAPS])]
    return np.array(ends).T


def main():
    methods = [bootstrap, ranks, welch, paired, wider]
    names = [method.__name__ for method in methods]
    print(f"| logarithms of the two sides | {' | '.join(names)} |\n| --- |{' ---: |' * len(names)}")
    for shape, (one, other) in SHAPES.items():
        truth = np.median(one(2_000_000)) - np.median(other(2_000_000))
        least, width = dict.fromkeys(names, 1.0), {}
        for n in TRIALS:
            a, b = one((CAMPAIGNS, n)), other((CAMPAIGNS, n))
            for name, method in zip(names, methods):
                low, high = method(a, b)
                least[name] = min(least[name], np.mean((low <= truth) & (truth <= high)))
                if n == 5:
                    width[name] = np.expm1(np.median(high - low) / 2)
        print(f"| {shape} | {' | '.join(f'{least[name]:.1%} ±{width[name]:.1%}' for name in names)} |", flush=True)


if __name__ == "__main__":
    main()
