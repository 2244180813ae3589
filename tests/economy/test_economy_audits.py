"""Which draws audit a delivery, and that what an audit finds costs more than what it misses earns."""

from __future__ import annotations

import pytest

from antiphon.economy.audits import audit_beacon
from antiphon.economy.deterrence import break_even_stake
from antiphon.economy.types import DEFAULT_RULES, PPM, Rules


def test_draws_audit_as_often_as_the_rules_say() -> None:
    drawn = [audit_beacon(b"draw %d" % n, DEFAULT_RULES) for n in range(4_000)]
    assert sum(one is not None for one in drawn) / 4_000 == pytest.approx(DEFAULT_RULES.audit_ppm / PPM, abs=0.03)
    found = [one for one in drawn if one is not None]
    assert len(set(found)) == len(found)
    assert {len(one) for one in found} == {32}


def test_a_draw_audits_always_the_same_or_nothing() -> None:
    assert audit_beacon(b"one", Rules(audit_ppm=PPM)) == audit_beacon(b"one", Rules(audit_ppm=PPM)) != b"one"
    assert {audit_beacon(b"%d" % n, Rules(audit_ppm=0)) for n in range(100)} == {None}


def test_what_was_audited_once_is_audited_in_every_later_round() -> None:
    draws = [b"draw %d" % n for n in range(200)]
    once = next(draw for draw in draws if audit_beacon(draw, DEFAULT_RULES))
    never = [draw for draw in draws if not audit_beacon(draw, DEFAULT_RULES)]
    assert all(audit_beacon(draw, DEFAULT_RULES, [never[0], once]) for draw in never)
    assert not any(audit_beacon(draw, DEFAULT_RULES, never[:1]) for draw in never)


def test_the_penalty_is_never_below_the_break_even_stake() -> None:
    rate, seen = DEFAULT_RULES.audit_ppm / PPM, DEFAULT_RULES.audit_seen_ppm / PPM
    assert DEFAULT_RULES.penalty_ppm >= PPM * break_even_stake(1.0, seen, rate=rate)
    # At the penalty, a cheat that saves its whole reward earns at most what honest work without any cost earns.
    lost, won = DEFAULT_RULES.penalty_ppm, PPM
    assert (1 - rate * seen) * won - rate * seen * lost <= 0
    with pytest.raises(ValueError, match="penalty_ppm of 10111111"):
        Rules(audit_ppm=100_000)
    assert Rules(audit_ppm=100_000, penalty_ppm=11 * PPM).audit_ppm == 100_000
    for wrong in ({"audit_ppm": -1}, {"audit_ppm": PPM + 1}, {"audit_seen_ppm": 0}):
        with pytest.raises(ValueError, match="audit_ppm"):
            Rules(**wrong)
