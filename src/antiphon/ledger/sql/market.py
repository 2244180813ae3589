"""Nodes, their offers, load and score memory as rows."""

from __future__ import annotations

import sqlite3
from collections import Counter
from functools import lru_cache

from antiphon.economy.scores import prior, remember
from antiphon.economy.types import Offer, Role, Rules, ScoreEvent
from antiphon.errors import InputError, UnavailableError
from antiphon.ledger.base import NodeRecord
from antiphon.ledger.limits import MAX_NODES
from antiphon.ledger.matching import cheapest
from antiphon.ledger.operations import Register, Selector, ServiceOffer
from antiphon.protocol import canonical

_NODES = """
SELECT n.node, n.role, n.offers, n.seal_key, n.endpoint, n.live AND n.seen_ms >= :alive_ms AS alive,
  coalesce(s.nano, 0) AS stake, coalesce(k.nano, 0) AS locked, coalesce(l.parts, 0) AS load
FROM nodes n
LEFT JOIN accounts s ON s.name = 'stake:' || n.node
LEFT JOIN locked k ON k.node = n.node
LEFT JOIN loads l ON l.node = n.node AND l.role = n.role
WHERE n.retired = 0 AND (:role = '' OR n.role = :role)
"""


@lru_cache(maxsize=MAX_NODES)
def _offers(blob: bytes) -> tuple[ServiceOffer, ...]:
    return canonical.parse(tuple[ServiceOffer, ...], blob)


def register(db: sqlite3.Connection, node: str, operation: Register, now_ms: int, rules: Rules) -> None:
    """Add or update a node in one role.

    Coming back after a retirement starts the score memory anew, except that it never washes off a bad name: a quality
    below the prior stays.
    """
    role = operation.role.value
    row = db.execute("SELECT retired FROM nodes WHERE node = ? AND role = ?", (node, role)).fetchone()
    if row is None and db.execute("SELECT count(*) FROM nodes").fetchone()[0] >= MAX_NODES:
        raise UnavailableError(f"The ledger has {MAX_NODES} registrations already", "Use another ledger.")
    if row is not None and row[0]:
        db.execute(
            "UPDATE scores SET quality_ppm = min(quality_ppm, ?), settled = 0 WHERE node = ? AND role = ?",
            (prior(rules), node, role),
        )
    db.execute(
        "INSERT OR REPLACE INTO nodes VALUES (?, ?, ?, ?, ?, ?, 1, 0)",
        (node, role, canonical.pack(operation.offers), operation.seal_key, operation.endpoint, now_ms),
    )


def retire(db: sqlite3.Connection, node: str, role: Role) -> None:
    """Leave a role; InputError for a node that is not in it."""
    done = db.execute(
        "UPDATE nodes SET retired = 1, live = 0 WHERE node = ? AND role = ? AND retired = 0", (node, role)
    )
    _expect_registered(done.rowcount, node, role)


def heartbeat(db: sqlite3.Connection, node: str, role: Role, now_ms: int, *, live: bool) -> None:
    """Note that a node is here, or says goodbye; InputError for a node that is not in the role."""
    done = db.execute(
        "UPDATE nodes SET seen_ms = ?, live = ? WHERE node = ? AND role = ? AND retired = 0", (now_ms, live, node, role)
    )
    _expect_registered(done.rowcount, node, role)


def registered(db: sqlite3.Connection, node: str, role: Role) -> bool:
    """Whether the node is in the role now (live or not)."""
    found = db.execute("SELECT 1 FROM nodes WHERE node = ? AND role = ? AND retired = 0", (node, role)).fetchone()
    return found is not None


def offers(
    db: sqlite3.Connection, selector: Selector, role: Role, rules: Rules, now_ms: int, *, without: str = ""
) -> tuple[Offer, ...]:
    """Live offers that serve the selector in the role, except those of the node `without`."""
    found = []
    memory = _scores(db, selector.service, role)
    for node, _, blob, _, _, alive, stake, locked, load in _rows(db, role, rules, now_ms):
        if not alive or node == without or (selector.node and role is not Role.VALIDATOR and node != selector.node):
            continue
        best = cheapest(_offers(blob), selector, role)
        if best is None:
            continue
        quality_ppm, settled = memory.get(node, (prior(rules), 0))
        found.append(
            Offer(
                node=node,
                role=role,
                price_nano=best.price_nano,
                quality_ppm=quality_ppm,
                free_stake_nano=stake - locked,
                settled=settled,
                load=load,
            )
        )
    return tuple(found)


def records(db: sqlite3.Connection, role: Role | None, rules: Rules, now_ms: int) -> tuple[NodeRecord, ...]:
    """Every registered node, one record per role."""
    found = []
    for node, own_role, blob, seal_key, endpoint, alive, stake, locked, _ in _rows(db, role, rules, now_ms):
        memory = db.execute(
            "SELECT service, quality_ppm, settled FROM scores WHERE node = ? AND role = ?", (node, own_role)
        ).fetchall()
        quality_ppm = {offer.service: prior(rules) for offer in _offers(blob)}
        found.append(
            NodeRecord(
                node=node,
                role=Role(own_role),
                offers=_offers(blob),
                seal_key=seal_key,
                endpoint=endpoint,
                stake_nano=stake,
                locked_nano=locked,
                quality_ppm=quality_ppm | {service: quality for service, quality, _ in memory},
                settled=dict.fromkeys(quality_ppm, 0) | {service: settled for service, _, settled in memory},
                live=bool(alive),
            )
        )
    return tuple(found)


def load(db: sqlite3.Connection, before: Counter[tuple[str, Role]], after: Counter[tuple[str, Role]]) -> None:
    """Book who began and who ended work on a part."""
    for key in before.keys() | after.keys():
        delta = after[key] - before[key]
        if delta:
            node, role = key
            db.execute("INSERT OR IGNORE INTO loads VALUES (?, ?, 0)", (node, role))
            db.execute("UPDATE loads SET parts = parts + ? WHERE node = ? AND role = ?", (delta, node, role))


def score(db: sqlite3.Connection, service: str, event: ScoreEvent, rules: Rules) -> None:
    """One step of a node's score memory for a service."""
    key = (event.node, event.role.value, service)
    row = db.execute(
        "SELECT quality_ppm, settled FROM scores WHERE node = ? AND role = ? AND service = ?", key
    ).fetchone()
    quality_ppm, settled = row or (prior(rules), 0)
    db.execute(
        "INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?, ?)",
        (*key, remember(quality_ppm, event.score_ppm, rules), settled + 1),
    )


def _rows(db: sqlite3.Connection, role: Role | None, rules: Rules, now_ms: int) -> sqlite3.Cursor:
    return db.execute(_NODES, {"role": role.value if role else "", "alive_ms": now_ms - rules.live_s * 1000})


def _scores(db: sqlite3.Connection, service: str, role: Role) -> dict[str, tuple[int, int]]:
    rows = db.execute(
        "SELECT node, quality_ppm, settled FROM scores WHERE service = ? AND role = ?", (service, role.value)
    )
    return {node: (quality_ppm, settled) for node, quality_ppm, settled in rows}


def _expect_registered(rows: int, node: str, role: Role) -> None:
    if not rows:
        raise InputError(f"{node} is not registered as {role}", "Register first.")
