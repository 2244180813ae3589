"""Load and score memory as rows."""

from __future__ import annotations

import sqlite3
from collections import Counter

from antiphon.economy.scores import prior, remember
from antiphon.economy.types import Role, Rules, ScoreEvent


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
