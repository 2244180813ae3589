"""What audits deter: how likely a cheat is caught, and the stake at which cheating does not pay."""

from __future__ import annotations

from math import comb

from antiphon.errors import InputError


def caught(passes: int, altered: int, opened: int, *, seen: float = 1.0) -> float:
    """Probability that at least one of `altered` passes of `passes` is found when `opened` are drawn without return.

    Hypergeometric: 1 - sum_h C(altered, h) C(passes - altered, opened - h) / C(passes, opened) * (1 - seen)^h, where
    `seen` is the probability that an opened altered pass is found invalid. A single one: seen * opened / passes.
    """
    if not (0 <= altered <= passes and 0 <= opened <= passes and 0 <= seen <= 1):
        raise InputError(f"{altered} altered and {opened} opened of {passes} passes", "Neither can exceed the whole.")
    missed = sum(
        comb(altered, hits) * comb(passes - altered, opened - hits) * (1.0 - seen) ** hits
        for hits in range(min(altered, opened) + 1)
    )
    return 1.0 - missed / comb(passes, opened)


def curve(passes: int, altered: int = 1, *, seen: float = 1.0) -> tuple[float, ...]:
    """`caught` for 0, 1, ... `passes` opened passes."""
    return tuple(caught(passes, altered, opened, seen=seen) for opened in range(passes + 1))


def break_even_stake(fee: float, detection: float, *, rate: float = 1.0, gain: float | None = None) -> float:
    """The least penalty out of stake at which a cheat that earns `gain` does not pay.

    Tasks are audited at `rate` r, an audited cheat is found with `detection` d. Undetected, it earns `gain` g, which
    is the whole fee k for work that was not done (default), and more where altered audio is worth something to it.
    Detected, it earns nothing and loses s. Its profit (1 - r d) g - r d s is zero at

        s = (1 - r d) g / (r d).

    With d = 1 - p and g = k this is Crynux's s = ((1 - r) k + r p k) / (r (1 - p)). Infinite when nothing is found.
    """
    if fee < 0 or not 0 <= detection <= 1 or not 0 <= rate <= 1:
        raise InputError("A fee is not negative, and probabilities lie within 0..1", "Give shares, not percent.")
    found = rate * detection
    won = fee if gain is None else gain
    return float("inf") if found == 0 else (1.0 - found) * won / found
