"""Places for orders, and the queue for them, of all processes that share a store.

1. A place is given to whoever waits longest of those in the lowest round; a key's next order is a round later than its
   last one that waits. So keys take turns, and within a key the order of coming holds.
2. What a process that was killed held or waited for is given back.
"""

from __future__ import annotations

from antiphon.gateway.database import Storage
from antiphon.gateway.schemas import Schema

_FOUNDATION = """
CREATE TABLE turns (
    id INTEGER PRIMARY KEY AUTOINCREMENT, whose TEXT NOT NULL, owner TEXT NOT NULL, placed INTEGER NOT NULL,
    round INTEGER NOT NULL);
"""
SCHEMA = Schema("turns", 4, "api-turns.db", "The turns", (_FOUNDATION,))


class TurnStore:
    """Raises as `Database`. Used in one thread."""

    def __init__(self, storage: Storage, places: int) -> None:
        self._file, self._places = storage.open(SCHEMA), places
        self._file.join()
        self._mine: set[int] = set()

    def close(self) -> None:
        self._file.close()

    def ask(self, whose: str, waiting: int, of_key: int) -> tuple[int, bool] | str:
        """The number of a new order, and whether it has a place already; or who has too many that wait: "all", "key"
        (`of_key`: most of one)."""
        with self._file.transaction(durable=False):
            placed = self._count("placed = 1")
            queued = self._count("placed = 0")
            if placed < self._places and not queued:
                number, has = self._add(whose, 1, 0), True
            elif whose and self._count("placed = 0 AND whose = ?", whose) >= of_key:
                return "key"
            elif queued >= waiting:
                return "all"
            else:
                number, has = self._add(whose, 0, self._round(whose)), False
        self._mine.add(number)
        return number, has

    def _round(self, whose: str) -> int:
        first = self._file.one("SELECT coalesce(min(round), 0) FROM turns WHERE placed = 0")[0]
        query = "SELECT coalesce(max(round), -1) FROM turns WHERE placed = 0 AND whose = ?"
        return int(max(first, self._file.one(query, whose)[0] + 1))

    def place(self, number: int) -> bool:
        """Rule 1, for whoever waits; whether this one has a place."""
        with self._file.transaction(durable=False):
            free = self._places - self._count("placed = 1")
            query = "SELECT id FROM turns WHERE placed = 0 ORDER BY round, id LIMIT ?"
            for (one,) in self._file.execute(query, max(0, free)).fetchall():
                self._file.execute("UPDATE turns SET placed = 1 WHERE id = ?", one)
            return self._count("id = ? AND placed = 1", number) > 0

    def leave(self, number: int) -> None:
        with self._file.transaction(durable=False):
            self._file.execute("DELETE FROM turns WHERE id = ?", number)
        self._mine.discard(number)

    def clear(self) -> None:
        """Rule 2."""
        with self._file.transaction(durable=False):
            owners = {row[0] for row in self._file.execute("SELECT DISTINCT owner FROM turns").fetchall()}
            for owner in self._file.dead(owners - {self._file.owner}):
                self._file.execute("DELETE FROM turns WHERE owner = ?", owner)
            mine = self._file.execute("SELECT id FROM turns WHERE owner = ?", self._file.owner).fetchall()
            for (number,) in mine:
                if number not in self._mine:  # its answer was lost
                    self._file.execute("DELETE FROM turns WHERE id = ?", number)

    def _count(self, where: str, *values: object) -> int:
        return int(self._file.one(f"SELECT count(*) FROM turns WHERE {where}", *values)[0])  # noqa: S608 - our words

    def _add(self, whose: str, placed: int, round_: int) -> int:
        query = "INSERT INTO turns (whose, owner, placed, round) VALUES (?, ?, ?, ?) RETURNING id"
        return int(self._file.one(query, whose, self._file.owner, placed, round_)[0])
