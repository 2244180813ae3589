from antiphon.economy.quote import quote
from antiphon.economy.selection import assign, seated
from antiphon.economy.settlement import settle
from antiphon.economy.types import DEFAULT_RULES, NANO, Offer, Part, Role, Verdict, Vote
from antiphon.economy.votes import tally


def test_a_part_runs_from_quote_to_settlement() -> None:
    makers = [
        Offer(node=f"p{i}", role=Role.PROCESSOR, price_nano=100 + i, quality_ppm=500_000, free_stake_nano=20 * NANO)
        for i in range(4)
    ]
    judges = [
        Offer(node=f"v{i}", role=Role.VALIDATOR, price_nano=10 + i, quality_ppm=500_000, free_stake_nano=20 * NANO)
        for i in range(6)
    ]
    parts = [Part(index=0, units=7), Part(index=1, units=9)]
    ceiling = quote(parts, {Role.PROCESSOR: makers}, judges, DEFAULT_RULES)
    first, second = assign(parts, {Role.PROCESSOR: makers}, judges, DEFAULT_RULES, b"beacon")
    assert first.reserve_nano + second.reserve_nano <= ceiling.total_nano
    seats = seated(first, 0, DEFAULT_RULES)
    votes = {seat.node: Vote(verdict=Verdict.VALID, score_ppm=800_000) for seat in seats}
    done = settle(
        client="c",
        task="t",
        producer=first.producers[0],
        units=7,
        seats=seats,
        votes=votes,
        outcome=tally(votes, [seat.node for seat in seats]),
        reserve_nano=first.reserve_nano,
        stakes={},
        rules=DEFAULT_RULES,
        last=False,
    )
    assert done.remaining_nano == 0
    assert sum(move.amount_nano for move in done.transfers) == first.reserve_nano
