"""Registered nodes as rows.

1. Only a node with `rules.min_stake_nano` of stake registers, and only with a newer envelope than the one that is kept.
2. A ledger holds `rules.max_nodes` registrations. When it is full, a newcomer takes the place of a node that has less
   than the minimum, else of one that is silent for `rules.silent_s`, else of the one with the least stake, if that is
   less than its own. A node whose stake is locked keeps its place, and so does one with the minimum that is immune
   (`EpochRules.immunity_s`).
3. Who leaves (retired, silent, pushed out) is remembered in `departed` until the indices of offers have heard of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from antiphon.economy import accounts
from antiphon.economy.scores import prior
from antiphon.economy.types import NANO, Role, Rules
from antiphon.errors import ConflictError, FundsError, InputError, UnavailableError
from antiphon.ledger import registration
from antiphon.ledger.limits import MAX_PAGE, MAX_PAGE_BYTES
from antiphon.ledger.operations import Heartbeat, Register
from antiphon.ledger.records import NodeRecord
from antiphon.ledger.sql import epochs, money
from antiphon.ledger.sql.database import Connection
from antiphon.protocol.envelope import Envelope

KEPT_DEPARTURES = 10_000
SILENT_BATCH = 256
"""Most silent nodes that leave in one transaction."""

_RECORDS = """
SELECT n.node, n.role, r.raw, n.live <> 0 AND n.seen_ms >= :alive_ms, coalesce(s.nano, 0), coalesce(k.nano, 0)
FROM nodes n
JOIN registrations r ON r.node = n.node AND r.role = n.role
LEFT JOIN accounts s ON s.name = 'stake:' || n.node
LEFT JOIN locked k ON k.node = n.node
WHERE n.seen_ms >= :known_ms AND """

_WEAKEST = """
SELECT node, role, stake, silent FROM (
SELECT n.node, n.role, coalesce(s.nano, 0) AS stake, n.seen_ms, n.seen_ms < :known_ms AS silent, u.since_ms
FROM nodes n
LEFT JOIN accounts s ON s.name = 'stake:' || n.node
LEFT JOIN locked k ON k.node = n.node
JOIN uids u ON u.node = n.node
WHERE coalesce(k.nano, 0) = 0
) known
WHERE stake < :min_stake OR since_ms <= :mortal_ms
ORDER BY stake < :min_stake DESC, silent DESC, stake, seen_ms, node LIMIT 1
"""


def register(db: Connection, message: Envelope, operation: Register, raw: bytes, now_ms: int, rules: Rules) -> None:
    """Add or update a node in one role (rules 1 and 2)."""
    node, role = message.sender, operation.role.value
    stake_nano = money.holds(db, accounts.stake(node))
    if stake_nano < rules.min_stake_nano:
        raise FundsError(
            f"A node registers with a stake of {rules.min_stake_nano / NANO:g} ANT, and this one has "
            f"{stake_nano / NANO:g}",
            "Stake first.",
        )
    row = db.execute("SELECT signed_ms FROM nodes WHERE node = ? AND role = ?", (node, role)).fetchone()
    if row is None:
        if db.execute("SELECT count(*) FROM nodes").fetchone()[0] >= rules.max_nodes:
            _make_room(db, stake_nano, now_ms, rules)
    elif row[0] > message.time_ms:
        raise ConflictError("A later registration of this node is known", "Sign a new one.")
    revision = next_revision(db)
    db.execute(
        # Not REPLACE: that would end the row, and with it the uid (trigger node_left).
        "INSERT INTO nodes VALUES (?, ?, ?, ?, ?, 1, ?, ?) ON CONFLICT (node, role) DO UPDATE SET "
        "endpoint = excluded.endpoint, signed_ms = excluded.signed_ms, seen_ms = excluded.seen_ms, live = 1, "
        "registered = excluded.registered, revision = excluded.revision",
        (node, role, operation.endpoint, message.time_ms, now_ms, revision, revision),
    )
    db.execute(
        "INSERT INTO registrations (node, role, raw) VALUES (?, ?, ?) "
        "ON CONFLICT (node, role) DO UPDATE SET raw = excluded.raw",
        (node, role, raw),
    )


def retire(db: Connection, node: str, role: Role, rules: Rules) -> None:
    """Leave a role; InputError for a node that is not in it.

    Coming back starts the score memory anew, except that it never washes off a bad name: a quality below the prior
    stays.
    """
    _expect_registered(_remove(db, node, role.value), node, role)
    db.execute(
        "UPDATE scores SET quality_ppm = CASE WHEN quality_ppm > :prior THEN :prior ELSE quality_ppm END, settled = 0 "
        "WHERE node = :node AND role = :role",
        {"prior": prior(rules), "node": node, "role": role.value},
    )


def heartbeat(db: Connection, node: str, operation: Heartbeat, now_ms: int) -> None:
    """Note that a node is here, or says goodbye. InputError: not registered. ConflictError: at another endpoint."""
    key = (node, operation.role.value)
    row = db.execute("SELECT endpoint FROM nodes WHERE node = ? AND role = ?", key).fetchone()
    _expect_registered(row is not None, node, operation.role)
    if row[0] != operation.endpoint:
        raise ConflictError(f"{node} is registered at {row[0]}, not at {operation.endpoint}", "Register anew.")
    db.execute(
        "UPDATE nodes SET seen_ms = ?, live = ?, revision = ? WHERE node = ? AND role = ?",
        (now_ms, int(operation.live), next_revision(db), *key),
    )


def is_bonded(db: Connection, node: str, role: Role, rules: Rules) -> bool:
    """Whether the node is in the role now (live or not), with the stake that it takes."""
    found = db.execute("SELECT 1 FROM nodes WHERE node = ? AND role = ?", (node, role.value)).fetchone()
    return found is not None and money.holds(db, accounts.stake(node)) >= rules.min_stake_nano


def silent(db: Connection, rules: Rules, now_ms: int) -> list[tuple[str, str]]:
    """(node, role) of nodes that were not heard of for too long."""
    return db.execute(
        "SELECT node, role FROM nodes WHERE seen_ms < ? ORDER BY seen_ms LIMIT ?",
        (now_ms - rules.silent_s * 1000, SILENT_BATCH),
    ).fetchall()


def forget(db: Connection, found: Iterable[tuple[str, str]], rules: Rules, now_ms: int) -> None:
    """Remove nodes that are silent still."""
    for node, role in found:
        row = db.execute("SELECT seen_ms FROM nodes WHERE node = ? AND role = ?", (node, role)).fetchone()
        if row is not None and row[0] < now_ms - rules.silent_s * 1000:
            _remove(db, node, role)


def node(db: Connection, node_: str, role: Role, rules: Rules, now_ms: int) -> NodeRecord:
    """One node's record. Raises InputError."""
    values = {"node": node_, "role": role.value} | _times(rules, now_ms)
    row = db.execute(_RECORDS + "n.node = :node AND n.role = :role", values).fetchone()
    _expect_registered(row is not None, node_[:64], role)
    return _record(db, row, rules)


def page(
    db: Connection, role: Role | None, after: str, limit: int, rules: Rules, now_ms: int
) -> tuple[NodeRecord, ...]:
    """The records that follow `after`: at most `limit`, MAX_PAGE, and what fits MAX_PAGE_BYTES."""
    last, _, last_role = after.partition("/")
    values = {
        "last": last,
        "last_role": last_role,
        "role": role.value if role else "",
        "limit": max(1, min(limit, MAX_PAGE)),
    } | _times(rules, now_ms)
    where = "(n.node, n.role) > (:last, :last_role) AND (:role = '' OR n.role = :role) "
    found: list[NodeRecord] = []
    size = 0
    for row in db.execute(_RECORDS + where + "ORDER BY n.node, n.role LIMIT :limit", values):
        size += 2 * len(row[2])  # as it was signed, and as it is read
        if found and size > MAX_PAGE_BYTES:
            break
        found.append(_record(db, row, rules))
    return tuple(found)


def next_revision(db: Connection) -> int:
    """A number that no row has yet."""
    db.execute("UPDATE revisions SET latest = latest + 1")
    return int(db.execute("SELECT latest FROM revisions").fetchone()[0])


def _make_room(db: Connection, stake_nano: int, now_ms: int, rules: Rules) -> None:
    values = {
        "min_stake": rules.min_stake_nano,
        "known_ms": now_ms - rules.silent_s * 1000,
        "mortal_ms": now_ms - epochs.read(db).rules.immunity_s * 1000,
    }
    row = db.execute(_WEAKEST, values).fetchone()
    if row is not None:
        other, role, weakest_nano, is_silent = row
        if weakest_nano < rules.min_stake_nano or is_silent or weakest_nano < stake_nano:
            _remove(db, other, role)
            return
    raise UnavailableError(
        f"The ledger has {rules.max_nodes} registrations, and none has less stake than this node",
        "Stake more, or use another ledger.",
    )


def _remove(db: Connection, node_: str, role: str) -> bool:
    done = db.execute("DELETE FROM nodes WHERE node = ? AND role = ? RETURNING 1", (node_, role)).fetchall()
    if done:
        db.execute("DELETE FROM registrations WHERE node = ? AND role = ?", (node_, role))
        revision = next_revision(db)
        db.execute("INSERT INTO departed VALUES (?, ?, ?)", (revision, node_, role))
        kept = db.execute(
            "SELECT revision FROM departed ORDER BY revision DESC LIMIT 1 OFFSET ?", (KEPT_DEPARTURES,)
        ).fetchone()
        if kept is not None:
            db.execute("DELETE FROM departed WHERE revision <= ?", kept)
            db.execute("UPDATE revisions SET forgotten = ?", kept)
    return bool(done)


def _record(db: Connection, row: tuple[str, str, bytes, int, int, int], rules: Rules) -> NodeRecord:
    node_, role, raw, alive, stake_nano, locked_nano = row
    operation, _ = registration.read(raw)
    memory = db.execute(
        "SELECT service, quality_ppm, settled FROM scores WHERE node = ? AND role = ?", (node_, role)
    ).fetchall()
    quality_ppm = {offer.service: prior(rules) for offer in operation.offers}
    return NodeRecord(
        node=node_,
        role=Role(role),
        registration=raw,
        offers=operation.offers,
        seal_key=operation.seal_key,
        endpoint=operation.endpoint,
        stake_nano=stake_nano,
        locked_nano=locked_nano,
        quality_ppm=quality_ppm | {service: quality for service, quality, _ in memory},
        settled=dict.fromkeys(quality_ppm, 0) | {service: settled for service, _, settled in memory},
        live=bool(alive),
    )


def _times(rules: Rules, now_ms: int) -> dict[str, object]:
    return {"alive_ms": now_ms - rules.live_s * 1000, "known_ms": now_ms - rules.silent_s * 1000}


def _expect_registered(found: object, node_: str, role: Role) -> None:
    if not found:
        raise InputError(f"{node_} is not registered as {role}", "Register first.")
