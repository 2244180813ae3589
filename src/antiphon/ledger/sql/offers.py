"""All offers of registered nodes in memory, as columns: which of ten thousand a task is drawn from, in a millisecond.

The index follows the rows: `refresh` reads what has a newer revision (`schema`). A connection has its own index; one
whose transaction was lost reads everything again (`forget`).

Candidates (what the operator is trusted for) are live nodes with enough free stake for the largest part. Producers, at
most `rules.candidates`: an eighth are the best newcomers, a quarter those with the most free stake (so that many cheap
nodes cannot set the market's price alone), the rest the least (load + 1) * C/Q. Validators: those with the most free
stake, four times as many as the pool that is drawn from them. Ties go by a keyed hash of the node's name, which no node
can choose.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, field

import msgspec
import numpy as np
from numpy.typing import NDArray

from antiphon.economy.scores import prior
from antiphon.economy.types import PPM, Offer, Role, Rules
from antiphon.ledger import registration
from antiphon.ledger.matching import serves
from antiphon.ledger.operations import Selector, ServiceOffer
from antiphon.ledger.sql.database import Connection

MAX_SELECTORS = 64
"""Most selectors whose matches are remembered."""

POOLS = 4
"""Most validators that a task's pool is drawn from, as a multiple of the pool."""

_ROLES = {role: code for code, role in enumerate(Role)}
_NOBODY = -1
_COLUMNS = ("role", "seat", "shape", "price", "quality", "settled", "seen", "live", "free", "load", "lot")

_CHANGED = """
SELECT n.node, n.role, n.registered, n.seen_ms, n.live, n.revision, coalesce(s.nano, 0) - coalesce(k.nano, 0),
  coalesce(l.parts, 0)
FROM nodes n
LEFT JOIN accounts s ON s.name = 'stake:' || n.node
LEFT JOIN locked k ON k.node = n.node
LEFT JOIN loads l ON l.node = n.node AND l.role = n.role
WHERE n.revision > ? ORDER BY n.revision
"""


@dataclass(slots=True)
class _Seat:
    """One node in one role, and the rows of its offers."""

    number: int
    node: str
    registered: int
    offers: tuple[ServiceOffer, ...]
    rows: list[int] = field(default_factory=list)


class OfferIndex:
    """One connection's view. `salt` keys the hash that ties go by; it is the same for all of a ledger's.

    `seen` is the latest revision it has taken in.
    """

    def __init__(self, salt: bytes, rules: Rules) -> None:
        self._salt = hashlib.sha256(b"ties\n" + salt).digest()
        self._rules = rules
        self.forget()

    def forget(self) -> None:
        """Read everything again at the next refresh."""
        self.seen = 0
        self._seats: dict[tuple[str, str], _Seat] = {}
        self._by_number: dict[int, _Seat] = {}
        self._next = 0
        self._size = 0
        self._table = {name: np.empty(0, np.int64) for name in _COLUMNS}
        self._free_rows: list[int] = []
        self._shapes = _Shapes()

    def refresh(self, db: Connection) -> None:
        """Take in every change that the connection sees."""
        latest, forgotten = db.execute("SELECT latest, forgotten FROM revisions").fetchone()
        if latest == self.seen:
            return
        if db.in_transaction:
            self._catch_up(db, latest, forgotten)
            return
        db.execute("BEGIN")  # one view of all tables
        try:
            self._catch_up(db, *db.execute("SELECT latest, forgotten FROM revisions").fetchone())
        finally:
            db.execute("COMMIT")

    def _catch_up(self, db: Connection, latest: int, forgotten: int) -> None:
        if self.seen < forgotten or latest < self.seen:
            self.forget()
        for node, role in db.execute("SELECT node, role FROM departed WHERE revision > ?", (self.seen,)):
            self._remove(node, role)
        for row in db.execute(_CHANGED, (self.seen,)).fetchall():
            self._update(db, row)
        self.seen = latest

    def choose(
        self,
        selector: Selector,
        role: Role,
        *,
        now_ms: int,
        units: int = 1,
        without: Collection[str] = (),
    ) -> tuple[Offer, ...]:
        """The candidates for parts of up to `units`, none of them a node in `without`."""
        rules, table = self._rules, self._table
        fits = self._shapes.matching(selector, role)
        rows = np.nonzero(
            (table["role"][: self._size] == _ROLES[role])
            & fits[table["shape"][: self._size]]
            & (table["live"][: self._size] != 0)
            & (table["seen"][: self._size] >= now_ms - rules.live_s * 1000)
        )[0]
        rows = self._except(rows, role, without)
        rows = rows[np.lexsort((table["price"][rows], table["seat"][rows]))]
        rows = rows[np.unique(table["seat"][rows], return_index=True)[1]]  # each node's cheapest
        able = rows[self._has_stake(rows, role, units)]
        chosen = self._ranked(able if len(able) else rows, role)
        if selector.node:
            chosen = self._wanted(able, chosen, selector.node, role)
        return tuple(self._offer(int(row), role) for row in chosen)

    def _except(self, rows: NDArray[np.intp], role: Role, without: Collection[str]) -> NDArray[np.intp]:
        for node in without:
            if (seat := self._seats.get((node, role.value))) is not None:
                rows = rows[self._table["seat"][rows] != seat.number]
        return rows

    def _wanted(self, able: NDArray[np.intp], chosen: NDArray[np.intp], node: str, role: Role) -> NDArray[np.intp]:
        """The choice with the offer of one particular producer in it."""
        seat = self._seats.get((node, role.value))
        if seat is None or role is Role.VALIDATOR:
            return chosen
        own = able[self._table["seat"][able] == seat.number]
        return chosen if not len(own) or own[0] in chosen else np.append(chosen[:-1], own[0])

    def _has_stake(self, rows: NDArray[np.intp], role: Role, units: int) -> NDArray[np.bool_]:
        """As `economy.shortlist.has_stake` asks, about: it decides again, exactly."""
        rules, price = self._rules, self._table["price"][rows].astype(np.float64)
        share = PPM + rules.dissent_ppm if role is Role.VALIDATOR else rules.penalty_ppm
        needed = np.maximum(price * units * share / PPM, rules.min_stake_nano)
        enough: NDArray[np.bool_] = self._table["free"][rows] >= needed
        return enough

    def _ranked(self, rows: NDArray[np.intp], role: Role) -> NDArray[np.intp]:
        table, validators = self._table, role is Role.VALIDATOR
        max_rows = POOLS * self._rules.pool if validators else self._rules.candidates
        if len(rows) <= max_rows:
            return rows
        lot = table["lot"][rows]
        by_stake = rows[np.lexsort((lot, -table["free"][rows]))]
        if validators:
            return by_stake[:max_rows]
        asked = (table["load"][rows] + 1) * table["price"][rows] / table["quality"][rows]
        by_price = rows[np.lexsort((lot, asked))]
        newcomers = by_price[table["settled"][by_price] < self._rules.newcomer_parts]
        kept = np.concatenate((newcomers[: max_rows // 8], by_stake[: max_rows // 4], by_price))
        first = np.sort(np.unique(kept, return_index=True)[1])
        return kept[first[:max_rows]]

    def _offer(self, row: int, role: Role) -> Offer:
        def value(name: str) -> int:
            return int(self._table[name][row])

        return Offer(
            node=self._by_number[value("seat")].node,
            role=role,
            price_nano=value("price"),
            quality_ppm=value("quality"),
            free_stake_nano=value("free"),
            settled=value("settled"),
            load=value("load"),
            asset=self._shapes.form(value("shape")).asset if role is not Role.VALIDATOR else "",
        )

    def _update(self, db: Connection, row: tuple[str, str, int, int, int, int, int, int]) -> None:
        node, role, registered, seen_ms, live, _, free_nano, load = row
        seat = self._seats.get((node, role))
        if seat is None or seat.registered != registered or not seat.rows:
            seat = self._enter(db, node, role, registered)
        memory = {
            service: (quality_ppm, settled)
            for service, quality_ppm, settled in db.execute(
                "SELECT service, quality_ppm, settled FROM scores WHERE node = ? AND role = ?", (node, role)
            )
        }
        new = (prior(self._rules), 0)
        table = self._table
        for index, offer in zip(seat.rows, seat.offers, strict=True):
            quality_ppm, settled = memory.get(offer.service, new)
            table["quality"][index], table["settled"][index] = quality_ppm, settled
            table["seen"][index], table["live"][index] = seen_ms, bool(live)
            table["free"][index], table["load"][index] = free_nano, load

    def _enter(self, db: Connection, node: str, role: str, registered: int) -> _Seat:
        """A new registration, or one that takes an older one's place."""
        self._remove(node, role)
        raw = db.execute("SELECT raw FROM registrations WHERE node = ? AND role = ?", (node, role)).fetchone()[0]
        operation, _ = registration.read(raw)
        seat = _Seat(self._next, node, registered, operation.offers)
        self._next += 1
        lot = int.from_bytes(hashlib.blake2b(node.encode(), digest_size=7, key=self._salt).digest(), "big")
        for offer in operation.offers:
            row = self._free_rows.pop() if self._free_rows else self._grow()
            seat.rows.append(row)
            for name, value in (
                ("role", _ROLES[Role(role)]),
                ("seat", seat.number),
                ("shape", self._shapes.add(offer)),
                ("price", offer.price_nano),
                ("lot", lot),
            ):
                self._table[name][row] = value
        self._seats[node, role] = seat
        self._by_number[seat.number] = seat
        return seat

    def _remove(self, node: str, role: str) -> None:
        seat = self._seats.pop((node, role), None)
        if seat is None:
            return
        del self._by_number[seat.number]
        for row, offer in zip(seat.rows, seat.offers, strict=True):
            self._table["role"][row], self._table["shape"][row] = _NOBODY, 0
            self._shapes.drop(offer)
        self._free_rows += seat.rows

    def _grow(self) -> int:
        if self._size == len(self._table["role"]):
            room = max(64, 2 * self._size)
            self._table = {name: np.resize(column, room) for name, column in self._table.items()}
        self._size += 1
        return self._size - 1


class _Shapes:
    """What offers say besides their price, each form once: thousands of nodes run the same few engines."""

    def __init__(self) -> None:
        self._numbers: dict[ServiceOffer, int] = {}
        self._uses: dict[int, int] = {}
        self._forms: dict[int, ServiceOffer] = {}
        self._unused: list[int] = []
        self._matches: OrderedDict[tuple[Selector, Role], NDArray[np.bool_]] = OrderedDict()

    def add(self, offer: ServiceOffer) -> int:
        form = msgspec.structs.replace(offer, price_nano=1)
        number = self._numbers.get(form)
        if number is None:
            number = self._unused.pop() if self._unused else len(self._forms)
            self._numbers[form], self._forms[number], self._uses[number] = number, form, 0
            for key in self._matches:
                if number >= len(self._matches[key]):
                    self._matches[key] = np.resize(self._matches[key], 2 * number + 64)
                self._matches[key][number] = serves(form, *key)
        self._uses[number] += 1
        return number

    def form(self, number: int) -> ServiceOffer:
        return self._forms[number]

    def drop(self, offer: ServiceOffer) -> None:
        form = msgspec.structs.replace(offer, price_nano=1)
        number = self._numbers[form]
        self._uses[number] -= 1
        if not self._uses[number]:
            del self._numbers[form], self._forms[number], self._uses[number]
            self._unused.append(number)

    def matching(self, selector: Selector, role: Role) -> NDArray[np.bool_]:
        """Whether each form serves the selector, by its number. Longer than there are forms."""
        key = (msgspec.structs.replace(selector, node=""), role)
        fits = self._matches.get(key)
        if fits is None:
            fits = np.zeros(max((*self._forms, 0)) + 64, np.bool_)
            for number, form in self._forms.items():
                fits[number] = serves(form, *key)
            self._matches[key] = fits
            if len(self._matches) > MAX_SELECTORS:
                self._matches.popitem(last=False)
        self._matches.move_to_end(key)
        return fits
