"""Random markets for the properties."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from hypothesis import strategies as st

from antiphon.economy.types import NANO, PPM, Offer, Part, Reading, Role, Rules, Verdict, Vote


def node(name: str, role: Role = Role.PROCESSOR, price: int = 100, quality: int = 500_000, **more: int) -> Offer:
    stake = more.pop("stake", 20 * NANO)
    return Offer(node=name, role=role, price_nano=price, quality_ppm=quality, free_stake_nano=stake, **more)


def judges(count: int, **more: int) -> list[Offer]:
    return [node(f"v{i}", Role.VALIDATOR, 10, **more) for i in range(count)]


def makers(count: int, **more: int) -> dict[Role, list[Offer]]:
    return {Role.PROCESSOR: [node(f"p{i}", **more) for i in range(count)]}


@st.composite
def offers(draw: st.DrawFn, role: Role, prefix: str, *, most: int = 7) -> list[Offer]:
    names = draw(st.lists(st.integers(0, 9), min_size=1, max_size=most, unique=True))
    return [
        Offer(
            node=f"{prefix}{name}",
            role=role,
            price_nano=draw(st.integers(0, 5_000)),
            quality_ppm=draw(st.integers(10_000, PPM)),
            free_stake_nano=draw(st.integers(5 * NANO, 100 * NANO)),
            settled=draw(st.integers(0, 9)),
            load=draw(st.integers(0, 3)),
        )
        for name in names
    ]


separate = st.tuples(offers(Role.PROCESSOR, "p"), offers(Role.VALIDATOR, "v"))
# Half of the markets have nodes that produce and judge: the case that the rule against self-judging is for.
markets = separate | st.tuples(offers(Role.PROCESSOR, "n"), offers(Role.VALIDATOR, "n"))
tasks = st.lists(st.integers(1, 2_000), min_size=1, max_size=5).map(
    lambda sizes: [Part(index=i, units=units) for i, units in enumerate(sizes)]
)
rule_sets = st.builds(
    Rules,
    seats=st.sampled_from([1, 2, 3, 5]),
    redraws=st.integers(0, 2),
    failovers=st.integers(0, 3),
    exploration_ppm=st.sampled_from([0, 50_000, PPM]),
)
votes = st.one_of(
    st.none(),
    st.just(Vote(verdict=Verdict.INCONCLUSIVE, score_ppm=None)),
    st.just(Vote(verdict=Verdict.ABSENT, score_ppm=None)),
    st.builds(
        Vote,
        verdict=st.sampled_from([Verdict.VALID, Verdict.INVALID]),
        score_ppm=st.integers(0, PPM),
        readings=st.dictionaries(st.sampled_from("abc"), st.integers(-3_000, 3_000)).map(
            lambda given: tuple(Reading(key=key, value=value) for key, value in given.items())
        ),
    ),
)

matrices = st.integers(1, 6).flatmap(
    lambda n: st.lists(st.lists(st.integers(0, 1_000_000), min_size=n, max_size=n), min_size=1, max_size=6)
)
"""Weights of up to six validators for up to six nodes."""


def numbers(value: Any) -> Iterator[Any]:
    """Every number inside a value object."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from numbers(item)
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from numbers(getattr(value, name))
