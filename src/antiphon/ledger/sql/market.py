"""Load and score memory as rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from antiphon.economy import accounts
from antiphon.economy.quote import seat_count
from antiphon.economy.scores import attend as attended
from antiphon.economy.scores import prior, remember
from antiphon.economy.settlement import exposure
from antiphon.economy.types import PPM, Candidate, Offer, Role, Rules, ScoreEvent, Turnout
from antiphon.ledger.panel import sitting
from antiphon.ledger.records import OpenSeat, PartRecord
from antiphon.ledger.sql.database import Connection, marks


def load(db: Connection, before: Counter[tuple[str, Role]], after: Counter[tuple[str, Role]]) -> None:
    """Book who began and who ended work on a part."""
    for key in before.keys() | after.keys():
        delta = after[key] - before[key]
        if delta:
            node, role = key
            db.execute("INSERT INTO loads VALUES (?, ?, 0) ON CONFLICT DO NOTHING", (node, role))
            db.execute("UPDATE loads SET parts = parts + ? WHERE node = ? AND role = ?", (delta, node, role))


def score(db: Connection, service: str, event: ScoreEvent, rules: Rules) -> None:
    """One step of a node's score memory for a service."""
    key = (event.node, event.role.value, service)
    row = db.execute(
        "SELECT quality_ppm, settled FROM scores WHERE node = ? AND role = ? AND service = ?", key
    ).fetchone()
    quality_ppm, settled = row or (prior(rules), 0)
    db.execute(
        "INSERT INTO scores VALUES (?, ?, ?, ?, ?) ON CONFLICT (node, role, service) DO UPDATE SET "
        "quality_ppm = excluded.quality_ppm, settled = excluded.settled",
        (*key, remember(quality_ppm, event.score_ppm, rules), settled + 1),
    )


def conduct(db: Connection, offers: Sequence[Offer], service: str, client: str, rules: Rules) -> tuple[Offer, ...]:
    """The offers with how much of each node's stake the client may still hold, and how often the node abstains."""
    rows = db.execute(
        "SELECT substr(s.name, 7), s.nano, coalesce(h.nano, 0), coalesce(t.abstained_ppm, 0) FROM accounts s "  # noqa: S608
        "LEFT JOIN holds h ON h.node = substr(s.name, 7) AND h.client = ? "
        "LEFT JOIN turnouts t ON t.node = substr(s.name, 7) AND t.service = ? "
        f"WHERE s.name IN ({marks(len(offers))})",
        (client, service, *(accounts.stake(offer.node) for offer in offers)),
    )
    found = {node: (stake * rules.client_share_ppm // PPM - held, abstained) for node, stake, held, abstained in rows}

    def known(offer: Offer) -> Offer:
        room_nano, abstained_ppm = found.get(offer.node, (0, 0))
        return msgspec.structs.replace(offer, room_nano=max(0, room_nano), abstained_ppm=abstained_ppm)

    return tuple(map(known, offers))


def able(db: Connection, pool: Sequence[Candidate], rules: Rules, now_ms: int) -> set[str]:
    """Who of a part's pool can be drawn now: validators with free stake for one seat.

    Silent ones only when the others do not fill a round: right after the ledger was away everybody seems silent.
    """
    rows = db.execute(
        f"SELECT n.node, n.live <> 0 AND n.seen_ms >= ?, coalesce(s.nano, 0) - coalesce(k.nano, 0) FROM nodes n "  # noqa: S608
        "LEFT JOIN accounts s ON s.name = 'stake:' || n.node LEFT JOIN locked k ON k.node = n.node "
        f"WHERE n.role = 'validator' AND n.node IN ({marks(len(pool))})",
        (now_ms - rules.live_s * 1000, *(judge.node for judge in pool)),
    )
    known = {node: (alive, free_nano) for node, alive, free_nano in rows}
    bonded = [
        judge.node for judge in pool if known.get(judge.node, (0, -1))[1] >= exposure(judge, rules, Role.VALIDATOR)
    ]
    live = {node for node in bonded if known[node][0]}
    return live if len(live) >= seat_count(len(pool), rules) else set(bonded)


def hold(db: Connection, client: str, deltas: Mapping[str, int]) -> None:
    """Book whose tasks hold how much of whose stake."""
    moved = [(client, node, nano) for node, nano in deltas.items() if nano]
    db.executemany(
        "INSERT INTO holds VALUES (?, ?, 0) ON CONFLICT DO NOTHING", [(client, node) for _, node, _ in moved]
    )
    db.executemany(
        "UPDATE holds SET nano = nano + ? WHERE client = ? AND node = ?", [(n, c, who) for c, who, n in moved]
    )
    db.executemany("DELETE FROM holds WHERE client = ? AND node = ? AND nano = 0", [(c, who) for c, who, _ in moved])


def attend(db: Connection, service: str, turn: Turnout, rules: Rules) -> None:
    """One step of the memory of how often a validator abstains."""
    row = db.execute(
        "SELECT abstained_ppm FROM turnouts WHERE node = ? AND service = ?", (turn.node, service)
    ).fetchone()
    abstained_ppm = attended(row[0] if row else 0, rules, voted=turn.voted)
    db.execute(
        "INSERT INTO turnouts VALUES (?, ?, ?) "
        "ON CONFLICT (node, service) DO UPDATE SET abstained_ppm = excluded.abstained_ppm",
        (turn.node, service, abstained_ppm),
    )


def seat(db: Connection, before: PartRecord, after: PartRecord) -> set[str]:
    """Keep the open seats of a part; returns who has a new one."""
    had, has = ({s.node for s in sitting(record)} for record in (before, after))
    key = (after.task, after.part.index)
    db.executemany("DELETE FROM seats WHERE task = ? AND idx = ? AND node = ?", [(*key, node) for node in had - has])
    db.executemany(
        "INSERT INTO seats (node, task, idx, attempt, round, deadline_ms) VALUES (?, ?, ?, ?, ?, ?)",
        [(node, *key, after.attempt, after.round, after.deadline_ms) for node in has - had],
    )
    return has - had


def seats(db: Connection, node: str, newer_than: int, limit: int) -> tuple[OpenSeat, ...]:
    """A node's open seats that were drawn after the seat `newer_than`, in the order of their draws."""
    rows = db.execute(
        "SELECT seq, task, idx, attempt, round, deadline_ms FROM seats WHERE node = ? AND seq > ? ORDER BY seq LIMIT ?",
        (node, newer_than, limit),
    )
    return tuple(
        OpenSeat(number=seq, task=task, index=index, attempt=attempt, round=round_, deadline_ms=deadline_ms)
        for seq, task, index, attempt, round_, deadline_ms in rows
    )
