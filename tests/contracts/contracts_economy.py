"""The market's arithmetic, as `antiphon.economy` computes it: the model that the contract is held against."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from antiphon.economy import accounts
from antiphon.economy.settlement import settle
from antiphon.economy.types import PPM, Outcome, Reading, Rules, Terms, Verdict, Vote
from antiphon.economy.votes import tally

VERDICTS = {1: Verdict.VALID, 2: Verdict.INVALID, 3: Verdict.INCONCLUSIVE, 4: Verdict.ABSENT}
NUMBERS = {verdict: number for number, verdict in VERDICTS.items()}


@dataclass(frozen=True)
class Due:
    """What follows from one round: the fields of the contract's `Result`."""

    verdict: int
    reward: int
    fees: list[int]
    fines: list[int]
    penalty: int
    to_client: int
    absent: bool = field(default=False)


def packed(rules: Rules) -> tuple[int, ...]:
    """The rules as the contract takes them."""
    return (
        rules.seats,
        rules.redraws,
        rules.penalty_ppm,
        rules.dissent_ppm,
        rules.absent_ppm,
        rules.score_tolerance_ppm,
        rules.missed_reading_ppm,
        rules.deliver_s,
        rules.draw_s,
        rules.commit_s,
        rules.reveal_s,
    )


def word(reading: Reading) -> int:
    """A reading as the contract takes it: 24 bytes of its key's hash, then its value + 2**63."""
    return int.from_bytes(hashlib.sha256(reading.key.encode()).digest()[:24], "big") << 64 | reading.value + 2**63


def cast(vote: Vote | None) -> tuple[int, int, list[int]]:
    """A vote as the contract takes it; None = not revealed."""
    if vote is None:
        return 0, 0, []
    return NUMBERS[vote.verdict], vote.score_ppm or 0, sorted(word(reading) for reading in vote.readings)


def due(
    reward: int,
    fees: Sequence[int],
    votes: Sequence[Vote | None],
    committed: Sequence[bool],
    absent_stands: bool,
    rules: Rules,
    *,
    stakes: Sequence[int] | None = None,
    bond: int = 10**40,
) -> Due:
    """What the pure economy says of one round, seat by seat. Stakes (the seats') and bond (the producer's) are as large
    as any penalty, unless given."""
    names = [f"seat-{n}" for n in range(len(fees))]
    cast_votes = {name: vote for name, vote in zip(names, votes, strict=True) if vote is not None}
    hidden = [name for name, bound in zip(names, committed, strict=True) if bound and name not in cast_votes]
    outcome = tally(cast_votes, names, rules.seats, len(hidden))
    absent = bool(outcome.absent)
    if absent and not absent_stands:  # ledger/machine/judging.py, rule 10
        outcome = Outcome(verdict=None, score_ppm=None)
    done = settle(
        client="client",
        task="task",
        producer=Terms(node="producer", price_nano=reward, quality_ppm=PPM),
        units=1,
        seats=[Terms(node=name, price_nano=fee, quality_ppm=PPM) for name, fee in zip(names, fees, strict=True)],
        votes=cast_votes,
        outcome=outcome,
        reserve_nano=reward + sum(fees),
        stakes={"producer": bond, **dict(zip(names, stakes or [10**40] * len(names), strict=True))},
        rules=rules,
        last=False,
        hidden=hidden,
        missing=[name for name, bound in zip(names, committed, strict=True) if not bound],
    )

    def moved(source: str, *targets: str) -> int:
        return sum(m.amount_nano for m in done.transfers if m.source == source and m.target in targets)

    escrow, burnt, client = accounts.escrow("task"), accounts.BURNT, accounts.balance("client")
    return Due(
        verdict=NUMBERS[outcome.verdict] if outcome.verdict else 0,
        reward=moved(escrow, accounts.balance("producer")),
        fees=[moved(escrow, accounts.balance(name)) for name in names],
        fines=[moved(accounts.stake(name), burnt) for name in names],
        penalty=moved(accounts.stake("producer"), burnt, client),
        to_client=moved(accounts.stake("producer"), client),
        absent=absent,
    )
