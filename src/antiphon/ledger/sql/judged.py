"""Who judged whom, as rows: written with each settled round, read when an epoch closes."""

from __future__ import annotations

from antiphon.economy import evidence
from antiphon.economy.evidence import Evidence
from antiphon.ledger import judgements
from antiphon.ledger.flow import Facts
from antiphon.ledger.records import PartRecord
from antiphon.ledger.sql.database import Connection

_KNOWN = """
SELECT j.uid, n.uid, e.quality_ppm FROM uids j CROSS JOIN uids n
LEFT JOIN evidence e ON e.service = ? AND e.judge = j.uid AND e.node = n.uid
WHERE j.node = ? AND n.node = ?
"""
_NOTE = """
INSERT INTO evidence VALUES (?, ?, ?, ?, ?) ON CONFLICT (service, judge, node)
DO UPDATE SET quality_ppm = excluded.quality_ppm, epoch = excluded.epoch
"""
_STAKES = """
SELECT n.node, s.nano FROM nodes n JOIN accounts s ON s.name = 'stake:' || n.node WHERE n.role = 'validator'
"""
_FRESH = "SELECT judge, node, quality_ppm FROM evidence WHERE service = ? AND epoch > ? AND epoch <= ?"


def sponsor(db: Connection, task: str, node: str) -> None:
    """Keep who ordered a synthetic task."""
    db.execute("INSERT INTO sponsors VALUES (?, ?)", (task, node))


def note(db: Connection, facts: Facts, before: PartRecord, after: PartRecord) -> None:
    """What a step of a part adds; nothing for who has left meanwhile."""
    rulings, rules, service = judgements.certain(before, after), facts.rules, facts.service
    if not rulings or after.part.units < evidence.MIN_UNITS:
        return
    row = db.execute("SELECT node FROM sponsors WHERE task = ?", (after.task,)).fetchone()
    makers = {producer.node for producer in after.assignment.producers}
    without = {facts.client, *makers, *(row or ())}
    stakes = {node: nano for node, nano in db.execute(_STAKES) if node not in without}
    if not evidence.broad(*judgements.pools(before), stakes, rules):
        return
    (epoch,) = db.execute("SELECT coalesce(max(number), 0) FROM epochs").fetchone()
    for ruling in rulings:
        for judge in judgements.judges(ruling, row[0] if row else "", rules):
            pair = db.execute(_KNOWN, (service, judge, ruling.producer.node)).fetchone()
            if pair is None:
                continue
            quality_ppm = evidence.remember(pair[2], evidence.score(ruling.outcome, rules), rules)
            db.execute(_NOTE, (service, *pair[:2], quality_ppm, epoch))


def read(db: Connection, epoch: int, last: int) -> dict[str, Evidence]:
    """By service: what counts in an epoch, out of the `last` ones."""
    names = db.execute("SELECT DISTINCT service FROM evidence ORDER BY service").fetchall()
    found = {service: db.execute(_FRESH, (service, epoch - last, epoch)).fetchall() for (service,) in names}
    return {service: evidence.of(rows) for service, rows in found.items() if rows}
