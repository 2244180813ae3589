"""What differential privacy has been spent: the Gaussian mechanism, exactly.

Each released round is the sum of updates clipped to L2 norm C, plus N(0, (noise C)^2): adding or removing one party
moves the sum by at most C. Gaussian mechanisms compose to one whose 1/noise^2 is the sum of theirs, and for one the
smallest epsilon at a delta is known exactly (Balle and Wang, "Improving the Gaussian mechanism", arXiv:1805.06530,
theorem 8). No amplification by sampling is claimed: whoever is there takes part. (Flower's accountant needs another
package, and its Renyi bound is looser than this; a test compares with that bound.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

_MOST = 1e6


def epsilon(noises: Sequence[float], delta: float) -> float:
    """The smallest epsilon that the releases with these noise multipliers keep at `delta`; inf if one had no noise."""
    if not noises:
        return 0.0
    if min(noises) <= 0:
        return math.inf
    mu = math.sqrt(sum(noise**-2 for noise in noises))
    low, high = 0.0, 1.0
    while _delta(mu, high) > delta:
        high *= 2
        if high > _MOST:
            return math.inf
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _delta(mu, middle) > delta else (low, middle)
    return high


def _delta(mu: float, at: float) -> float:
    """Phi(mu/2 - e/mu) - exp(e) Phi(-mu/2 - e/mu), the second in logarithms: exp(e) overflows where Phi vanishes."""
    tail = _log_phi(-mu / 2 - at / mu)
    return _phi(mu / 2 - at / mu) - math.exp(min(at + tail, 0.0))


def _phi(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def _log_phi(x: float) -> float:
    """The logarithm of the normal distribution below x; far out by the first terms of its asymptotic series."""
    if x > -30:
        return math.log(_phi(x))
    return -x * x / 2 - math.log(-x * math.sqrt(2 * math.pi)) + math.log1p(-1 / (x * x) + 3 / x**4)
