"""The book of a relay as rows: the envelopes that were kept, numbered in their order, with the digest up to each."""

from __future__ import annotations

from antiphon.ledger.book import EMPTY, PAGE, extend
from antiphon.ledger.sql.database import Connection


def write(db: Connection) -> None:
    """Enter what was applied since."""
    place, envelope, digest = _last(db)
    rows = db.execute(
        "SELECT seq, sha256 FROM envelopes WHERE seq > ? AND raw IS NOT NULL ORDER BY seq", (envelope,)
    ).fetchall()
    entries = []
    for seq, sha256 in rows:
        place, digest = place + 1, extend(digest, [sha256])
        entries.append((place, seq, sha256, digest))
    db.executemany("INSERT INTO book VALUES (?, ?, ?, ?)", entries)


def page(db: Connection, after: int, limit: int) -> tuple[tuple[bytes, ...], int, bytes]:
    """(hashes, place of the last of them or of the book's end, digest there), from the entry behind `after` on."""
    rows = db.execute(
        "SELECT place, sha256, digest FROM book WHERE place > ? ORDER BY place LIMIT ?",
        (after, max(1, min(limit, PAGE))),
    ).fetchall()
    if not rows:
        place, _, digest = _last(db)
        return (), place, digest
    return tuple(sha256 for _, sha256, _ in rows), rows[-1][0], rows[-1][2]


def _last(db: Connection) -> tuple[int, int, bytes]:
    row = db.execute("SELECT place, envelope, digest FROM book ORDER BY place DESC LIMIT 1").fetchone()
    return row or (0, 0, EMPTY)
