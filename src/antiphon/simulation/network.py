"""A network of nodes with strategies, epoch by epoch."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from antiphon.economy import accounts
from antiphon.economy.scores import prior
from antiphon.economy.selection import assign, sample
from antiphon.economy.shortlist import Offers
from antiphon.economy.types import PPM, Assignment, Offer, Part, Role, Transfer
from antiphon.errors import InputError, UnavailableError
from antiphon.simulation.balances import Balances
from antiphon.simulation.issuing import KNOWN_AFTER, Issuing
from antiphon.simulation.playing import Counts, Play
from antiphon.simulation.profiles import Profile
from antiphon.simulation.rounds import Client, Node, Strategy
from antiphon.simulation.strategies import strategy

POOLS = 4
"""Validators that a pool is sampled from, as a multiple of it: so the ledger chooses (`ledger.sql.offers`)."""
LEAST_NODES = 8
HONEST = Strategy.name
KNOWN_QUALITY_PPM = 850_000
"""Q of a node that has worked honestly for long: about the mean score of honest clips. Everybody begins with it."""


CLIENT = "client"


@dataclass(slots=True)
class Owner:
    """Everything of one strategy: all keys that it ever had and its clients, by role."""

    strategy: Strategy
    names: dict[str, set[str]] = field(
        default_factory=lambda: {Role.PROCESSOR: set(), Role.VALIDATOR: set(), CLIENT: set()}
    )


@dataclass(frozen=True, slots=True)
class Earned:
    """What all keys of one strategy earned in one role. Money in nano."""

    strategy: str
    role: str
    keys: int  # that it has at the end
    stake_nano: int  # that it began with
    tasks_nano: int  # of clients' tasks: fees, less penalties and costs; of a client: what it paid
    issued_nano: int  # incentives and dividends
    probing_nano: int  # cost of synthetic prompts: making and listening

    @property
    def emission_nano(self) -> int:
        """What is left of it."""
        return self.issued_nano - self.probing_nano

    @property
    def net_nano(self) -> int:
        """All together."""
        return self.tasks_nano + self.emission_nano


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to."""

    epochs: int
    earned: tuple[Earned, ...]
    counts: Counts
    history: tuple[dict[str, int], ...]  # net income of each strategy until the end of each epoch, in nano

    def net(self, name: str) -> int:
        """Of one strategy in all roles, in nano."""
        return sum(one.net_nano for one in self.earned if one.strategy == name and not _buys(one))

    def tasks(self, name: str) -> int:
        """Of clients' tasks alone, in nano."""
        return sum(one.tasks_nano for one in self.earned if one.strategy == name and not _buys(one))

    def paid(self) -> int:
        """By honest clients, in nano."""
        return -sum(one.tasks_nano for one in self.earned if _buys(one))


def _buys(earned: Earned) -> bool:
    """An honest client: what it buys is worth its price to it, so this is no loss."""
    return earned.role == CLIENT and earned.strategy == HONEST


class Network:
    """`shares`: of producers, of validators' stake and of orders, by strategy, as far as it has such a role; the rest
    is honest. `twins`: everybody behaves honestly, whatever it is called: what the same stake would earn then."""

    def __init__(
        self, profile: Profile, nodes: int, shares: Mapping[str, float], seed: int, *, twins: bool = False
    ) -> None:
        _check(nodes, shares)
        self.profile, self.rules = profile, profile.rules
        self.dice = random.Random(seed)  # noqa: S311 - a simulation, repeatable on purpose
        self.balances, self.owners = Balances(), {}
        for name in (HONEST, *(name for name in shares if name != HONEST)):
            self.owners[name] = Owner(Strategy() if twins else strategy(name))
        self._kinds = {name: strategy(name) for name in self.owners}
        self._twins = twins
        self.nodes: dict[str, Node] = {}
        validators = max(self.rules.seats + 1, min(profile.max_validators, nodes * profile.validators_ppm // PPM))
        self.makers = self._producers(nodes - validators, shares)
        self.judges = self._validators(validators, shares)
        self.clients = self._clients(shares)
        self.epoch = 0
        self.parts = max(1, len(self.makers) * profile.load_ppm // PPM)
        costs = (
            profile.maker_price_nano * profile.making_ppm // PPM,
            profile.judge_price_nano * profile.listening_ppm // PPM,
        )
        self.play = Play(self.nodes, self.balances, self.rules, costs, self.dice)
        self.play.operator = next((o.strategy for o in self.owners.values() if o.strategy.name == "silent-relay"), None)
        self.issuing = Issuing(profile, self.makers, self.judges, nodes, seed)
        self.history: list[dict[str, int]] = []

    def run(self, epochs: int) -> Outcome:
        """Raises `InputError` for fewer than one epoch."""
        if epochs < 1:
            raise InputError(f"{epochs} epochs are none", "Ask for 1 or more.")
        for _ in range(epochs):
            self._epoch()
        earned = [self._earned(name, role) for name, owner in self.owners.items() for role in owner.names]
        return Outcome(
            epochs=epochs,
            earned=tuple(one for one in earned if one.keys),
            counts=self.play.counts,
            history=tuple(self.history),
        )

    def _epoch(self) -> None:
        opened = self._open()
        seen = []
        for number, (client, one) in enumerate(opened):
            seen += self.play.part(f"{self.epoch}-{number}", client, one, self.profile.units)
        for maker in self.makers:
            maker.load = 0
            maker.changed()
        self.balances.carry_out(self.issuing.epoch(self.epoch, seen))
        self._renew()
        self.balances.check()
        self.epoch += 1
        self.history.append(self._net())

    def _open(self) -> list[tuple[Client, Assignment]]:
        """All parts of an epoch are open at the same time: a node that has one counts as dearer for the next."""
        present = [maker for maker in self.makers if maker.back <= self.epoch]
        table = _Table(present)
        by_stake = sorted(self.judges, key=lambda judge: (-judge.stake_nano, judge.name))
        offered = [judge.offer for judge in by_stake[: POOLS * self.rules.pool]]
        found: list[tuple[Client, Assignment]] = []
        while len(found) < self.parts:
            client = self._client()
            if client is None:
                break
            count = min(self.profile.parts, self.parts - len(found))
            beacon = self.dice.randbytes(32)
            makers = table.candidates(self.rules.candidates, self.rules.newcomer_parts)
            offers = Offers({Role.PROCESSOR: makers}, sample(offered, self.rules, beacon), self.rules)
            try:
                opened = assign([Part(index=n, units=self.profile.units) for n in range(count)], offers, beacon)
            except UnavailableError:
                break
            for one in opened:
                table.load(self.nodes[one.producers[0].node])
                found.append((client, one))
        return found

    def _client(self) -> Client | None:
        if self.play.lost:
            self.clients = [client for client in self.clients if not client.gone]
            self.play.lost = False
        return self.dice.choice(self.clients) if self.clients else None

    def _renew(self) -> None:
        """Keys that are thrown away, and places that somebody new takes."""
        for node in self.makers:
            if node.back > self.epoch:
                continue
            if node.strategy.renews(node, self.rules):
                self._new_key(node, back=self.epoch + 2)  # its stake is free an epoch later (`Rules.unbond_s`)
            elif self.dice.randrange(PPM) < self.profile.churn_ppm:
                self._new_key(node, back=self.epoch + 1)

    def _new_key(self, node: Node, *, back: int) -> None:
        """Its stake comes along, and nothing else."""
        old, owner = node.name, next(one for one in self.owners.values() if one.strategy is node.strategy)
        node.name = f"{old.split('/')[0]}/{self.epoch}"
        if node.stake_nano:
            bond = accounts.stake(old), accounts.stake(node.name)
            self.balances.carry_out(
                [Transfer(source=bond[0], target=bond[1], amount_nano=node.stake_nano, why="new key")]
            )
        node.quality_ppm, node.settled, node.made, node.back = prior(self.rules), 0, 0, back
        node.changed()
        del self.nodes[old]
        self.nodes[node.name] = node
        owner.names[node.role].add(node.name)
        self.issuing.renewed(node)

    def _net(self) -> dict[str, int]:
        return {
            name: sum(self._earned(name, role).net_nano for role in owner.names if (name, role) != (HONEST, CLIENT))
            for name, owner in self.owners.items()
        }

    def _earned(self, name: str, role: str) -> Earned:
        owner = self.owners[name]
        names = owner.names[role]
        held = [account(one) for one in names for account in (accounts.balance, accounts.stake)]
        moved_nano = sum(self.balances.nano[one] - self.balances.issued[one] for one in held)
        issued_nano = sum(self.issuing.paid[one] for one in names)
        mine = [node for node in (*self.makers, *self.judges) if node.strategy is owner.strategy and node.role == role]
        return Earned(
            strategy=name,
            role=role,
            keys=len(mine) if role != CLIENT else len(names),
            stake_nano=sum(self.balances.issued[accounts.stake(one)] for one in names),
            tasks_nano=moved_nano - issued_nano - sum(node.spent_nano for node in mine),
            issued_nano=issued_nano,
            probing_nano=sum(node.probing_nano for node in mine),
        )

    def _producers(self, count: int, shares: Mapping[str, float]) -> list[Node]:
        names = [n for n, share in shares.items() if self._kinds[n].makes for _ in range(round(share * count))]
        names += [HONEST] * (count - len(names))
        self.dice.shuffle(names)
        usual = self.profile.maker_price_nano
        return [self._node(n, Role.PROCESSOR, f"p{i}", usual, self.profile.stake_nano, i) for i, n in enumerate(names)]

    def _validators(self, count: int, shares: Mapping[str, float]) -> list[Node]:
        each, whole = self.profile.stake_nano, self.profile.stake_nano * count
        wanted: list[tuple[str, int]] = []
        for name, share in shares.items():
            if not self._kinds[name].judges:
                continue
            keys, stake = round(share * count), each
            if self._kinds[name].split and self._twins and keys:
                keys, stake = 1, keys * each
            wanted += [(name, stake)] * keys
        left = whole - sum(stake for _, stake in wanted)
        wanted += [(HONEST, each)] * (left // each)
        self.dice.shuffle(wanted)
        usual = self.profile.judge_price_nano
        return [self._node(n, Role.VALIDATOR, f"v{i}", usual, stake, i) for i, (n, stake) in enumerate(wanted)]

    def _node(self, owner: str, role: Role, name: str, usual_nano: int, stake_nano: int, number: int) -> Node:
        # One key or many: their owner's price must not depend on luck.
        spread = 0 if self._kinds[owner].split else self.profile.price_spread_ppm
        node = Node(
            name=name,
            strategy=self.owners[owner].strategy,
            role=role,
            price_nano=usual_nano * (PPM - spread + self.dice.randrange(2 * spread + 1)) // PPM,
            machine=self.profile.machines[number % len(self.profile.machines)],
            quality_ppm=KNOWN_QUALITY_PPM,
            stake_nano=stake_nano,
            settled=KNOWN_AFTER,
            number=number,
        )
        self.nodes[name] = node
        self.owners[owner].names[role].add(name)
        self.balances.issue(accounts.stake(name), stake_nano)
        return node

    def _clients(self, shares: Mapping[str, float]) -> list[Client]:
        count = self.profile.clients * (len(self.makers) + len(self.judges))
        names = [n for n, share in shares.items() if self._kinds[n].orders for _ in range(round(count * share))]
        names += [HONEST] * (count - len(names))
        found = []
        for number, name in enumerate(names):
            found.append(Client(name=f"c{number}", strategy=self.owners[name].strategy))
            if not self._twins or name == HONEST:  # what an honest client buys is worth its price to it
                self.owners[name].names[CLIENT].add(f"c{number}")
        return found


class _Table:
    """Offers of all producers that are there, as columns: candidates are chosen as the ledger chooses them."""

    def __init__(self, makers: list[Node]) -> None:
        self._makers = makers
        self._place = {maker.name: place for place, maker in enumerate(makers)}
        self._price = np.array([maker.price_nano for maker in makers], float)
        self._quality = np.array([maker.quality_ppm for maker in makers], float)
        self._stake = np.array([maker.stake_nano for maker in makers])
        self._settled = np.array([maker.settled for maker in makers])
        self._load = np.array([maker.load for maker in makers], float)

    def candidates(self, most: int, newcomer_parts: int) -> list[Offer]:
        """An eighth the best newcomers, a quarter those with the most stake, the rest the least (load + 1) * C/Q."""
        if len(self._makers) <= most:
            return [maker.offer for maker in self._makers]
        by_price = np.argsort((self._load + 1) * self._price / self._quality, kind="stable")
        by_stake = np.argsort(-self._stake, kind="stable")
        new = by_price[self._settled[by_price] < newcomer_parts]
        kept = list(
            dict.fromkeys([*new[: most // 8].tolist(), *by_stake[: most // 4].tolist(), *by_price[:most].tolist()])
        )
        return [self._makers[place].offer for place in kept[:most]]

    def load(self, maker: Node) -> None:
        """It has one part more."""
        maker.load += 1
        maker.changed()
        self._load[self._place[maker.name]] += 1


def _check(nodes: int, shares: Mapping[str, float]) -> None:
    if nodes < LEAST_NODES:
        raise InputError(
            f"A network of {nodes} nodes is too small to judge anything", f"Ask for {LEAST_NODES} or more."
        )
    for name, share in shares.items():
        if not 0 <= share < 1:
            raise InputError(f"{name} cannot have a share of {share:g}", "Give a share from 0 up to, but not, 1.")
    if sum(shares.values()) > 1:
        raise InputError(f"Shares of {sum(shares.values()):g} are more than the whole", "Lower some of them.")
