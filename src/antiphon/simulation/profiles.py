"""Named worlds: rules, prices and costs. Each says which of its numbers are measured, and which are chosen."""

from __future__ import annotations

import msgspec

from antiphon.economy.epochs import EpochRules
from antiphon.economy.types import DEFAULT_RULES, NANO, PPM, Rules
from antiphon.plugins import unknown


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a network of this kind is like. Money in nano."""

    name: str
    summary: str
    rules: Rules = DEFAULT_RULES
    epochs: EpochRules = EpochRules()
    machines: tuple[str, ...] = ("usual", "two-threads", "avx2", "unfused")  # of validators, in turn
    maker_price_nano: int = 100_000  # per unit: the shipped price of soundstorm, whose work can be audited
    judge_price_nano: int = 15_000  # per unit: the shipped price of a validator
    price_spread_ppm: int = 200_000  # nodes ask up to so much less or more (chosen)
    making_ppm: int = 500_000  # cost of honest work, of the usual price (chosen: high, so that cheating tempts)
    listening_ppm: int = 200_000  # cost of judging, of the usual fee (chosen, as in docs/economy.md)
    validators_ppm: int = 250_000  # of all nodes
    max_validators: int = 64  # and no more than there are permits
    stake_nano: int = 100 * NANO  # of each node: what an embedded network's nodes bond
    units: int = 200  # of a part
    parts: int = 8  # of a task
    clients: int = 10  # for each node (chosen)
    load_ppm: int = 100_000  # parts in an epoch, as a share of all producers (chosen, so that 200 epochs take a minute)
    probes_ppm: int = PPM // 3 + 1  # of all producers: whom each validator asks in an epoch: all, while evidence counts
    probe_units: int = 20  # of a synthetic prompt (chosen: short)
    emission_nodes: int = 100  # so many nodes share the emission that ships (chosen)
    churn_ppm: int = 0  # of all producers: those that an honest newcomer replaces in an epoch
    delay: int = 1  # epochs until others see the rows that were committed

    @property
    def part_nano(self) -> int:
        """Usual cost of one part."""
        return self.units * (self.maker_price_nano + self.rules.seats * self.judge_price_nano)


PROFILES = {
    one.name: one
    for one in (
        Profile(name="default", summary="the rules as they ship"),
        Profile(
            name="yuma3",
            summary="the rules as they ship, emission by Yuma 3 with liquid alpha",
            epochs=EpochRules(yuma3=True, liquid_ppm=(700_000, 900_000)),
        ),
        Profile(
            name="crynux",
            summary="audits as rare as Crynux samples (10%), with the penalty that this needs",
            rules=Rules(audit_ppm=100_000, penalty_ppm=10_200_000),
        ),
        Profile(
            name="machines",
            summary="a fifth of the validators recognise in float32, which no shipped node does",
            machines=("usual", "two-threads", "avx2", "unfused", "float32"),
        ),
        Profile(
            name="declared",
            summary="weights count as they are declared, whatever was judged",
            epochs=EpochRules(evidence_epochs=0),
        ),
        Profile(
            name="cheap",
            summary="hibari's prices: three seats cost more than the work that they judge",
            maker_price_nano=20_000,
        ),
    )
}


def profile(name: str) -> Profile:
    """Raises `InputError` with the nearest name."""
    if name not in PROFILES:
        raise unknown("profile", name, PROFILES)
    return PROFILES[name]
