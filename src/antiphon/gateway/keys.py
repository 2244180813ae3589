"""API keys and what each may spend.

1. A key's secret is shown once and kept as its SHA-256: 256 random bits need no slower hash.
2. Once one key was made, every request needs one, also after all were revoked.
3. An order is reserved in full before it begins. What was paid plus what is reserved never exceeds the budget then.
4. Reconciling replaces a reservation by what was paid, in one transaction; a second time changes nothing.
5. How often a key may ask is counted here too, so that it does not matter which process it asks.
6. What a process that was killed had reserved counts as paid: nobody knows how much of it was.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import Any

from antiphon.errors import InputError
from antiphon.gateway.database import Storage
from antiphon.gateway.schemas import Schema

SCOPES = ("speech", "music", "clone", "read")
PER_MINUTE = 60
MAX_PER_MINUTE = 100_000
MAX_NAME = 64
PREFIX = "ak_"
_FOUNDATION = """
CREATE TABLE keys (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, digest BLOB NOT NULL UNIQUE, scopes TEXT NOT NULL,
    budget_nano INTEGER CHECK (budget_nano >= 0), per_minute INTEGER NOT NULL CHECK (per_minute > 0),
    created_s INTEGER NOT NULL, revoked_s INTEGER);
CREATE UNIQUE INDEX live_names ON keys (name) WHERE revoked_s IS NULL;
CREATE TABLE holds (
    id TEXT PRIMARY KEY, key TEXT NOT NULL REFERENCES keys, owner TEXT NOT NULL, scope TEXT NOT NULL,
    nano INTEGER NOT NULL CHECK (nano >= 0));
CREATE TABLE usage (
    key TEXT NOT NULL REFERENCES keys, day TEXT NOT NULL, scope TEXT NOT NULL,
    orders INTEGER NOT NULL, paid_nano INTEGER NOT NULL, PRIMARY KEY (key, day, scope));
"""
_REQUESTS = """
CREATE TABLE requests (key TEXT PRIMARY KEY REFERENCES keys, allowance REAL NOT NULL, at_s REAL NOT NULL);
"""
SCHEMA = Schema("keys", 1, "api-keys.db", "The keys", (_FOUNDATION, _REQUESTS))
_KEY = "SELECT id, name, scopes, budget_nano, per_minute, created_s, revoked_s FROM keys"


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret. `budget_nano` None: no limit but the account's. `per_minute`: requests."""

    id: str
    name: str
    scopes: tuple[str, ...]
    budget_nano: int | None
    per_minute: int
    created_s: int
    revoked_s: int | None


@dataclass(frozen=True, slots=True)
class Usage:
    """What a key has cost: orders and nano by (day in UTC, scope), and what is reserved now."""

    days: tuple[tuple[str, str, int, int], ...]
    held_nano: int

    @property
    def paid_nano(self) -> int:
        return sum(nano for *_, nano in self.days)


class KeyStore:
    """It belongs to one thread at a time; other processes may have one too."""

    def __init__(self, storage: Storage) -> None:
        """Raises as `Storage.open`."""
        self._file = storage.open(SCHEMA)

    def close(self) -> None:
        self._file.close()

    def create(
        self,
        name: str,
        scopes: tuple[str, ...] = SCOPES,
        *,
        budget_nano: int | None = None,
        per_minute: int = PER_MINUTE,
    ) -> tuple[Key, str]:
        """A new key and its secret, which is not kept. Raises `InputError`."""
        if not name.isprintable() or not 0 < len(name.strip()) <= MAX_NAME:
            raise InputError(f"{name[:80]!r} is no name of a key", f"Give up to {MAX_NAME} printable characters.")
        secret = PREFIX + secrets.token_urlsafe(32)
        row = (f"key_{secrets.token_hex(8)}", name, ",".join(scopes), budget_nano, per_minute, int(time.time()), None)
        with self._file.transaction():
            if self._file.one("SELECT count(*) FROM keys WHERE name = ? AND revoked_s IS NULL", name)[0]:
                raise InputError(f"There is a key {name!r} already", "Choose another name, or revoke it first.")
            self._file.execute("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *row[:2], _digest(secret), *row[2:])
        return _key(row), secret

    def keys(self) -> tuple[Key, ...]:
        """All, the revoked ones too, the oldest first."""
        with self._file.translated():
            return tuple(map(_key, self._file.execute(f"{_KEY} ORDER BY created_s, name")))

    def revoke(self, name: str) -> Key:
        """Its next request is refused; what it has under way ends by itself. Raises `InputError`."""
        with self._file.transaction():
            row = self._file.one(f"{_KEY} WHERE name = ? AND revoked_s IS NULL", name)
            if row is None:
                known = ", ".join(key.name for key in self.keys() if key.revoked_s is None) or "none"
                raise InputError(f"There is no key {name[:80]!r}", f"Keys: {known}.")
            self._file.execute("UPDATE keys SET revoked_s = ? WHERE id = ?", int(time.time()), row[0])
        return _key(row)

    def find(self, secret: str) -> Key | None:
        """The key of a secret that is in force."""
        with self._file.translated():
            row = self._file.one(f"{_KEY} WHERE digest = ? AND revoked_s IS NULL", _digest(secret))
        return None if row is None else _key(row)

    def any_made(self) -> bool:
        """Whether requests need one (rule 2)."""
        with self._file.translated():
            return bool(self._file.one("SELECT EXISTS (SELECT 1 FROM keys)")[0])

    def begin(self) -> int:
        """Before the first reservation; as `settle_lost`."""
        self._file.join()
        return self.settle_lost()

    def settle_lost(self) -> int:
        """What killed processes had reserved counts as paid (rule 6); how many orders there were."""
        with self._file.transaction():
            rows = self._file.execute("SELECT id, owner, nano FROM holds").fetchall()
            dead = self._file.dead({owner for _, owner, _ in rows})
            lost = [(hold, nano) for hold, owner, nano in rows if owner in dead]
            for hold, nano in lost:
                self._reconcile(hold, nano)
        return len(lost)

    def wait_s(self, key: Key, now_s: float) -> float:
        """0: it may ask now, and has; else how long it has to wait. A minute's requests may come at once; then they
        grow back evenly, whichever process is asked."""
        rate = key.per_minute / 60
        with self._file.transaction(durable=False):
            row = self._file.one("SELECT allowance, at_s FROM requests WHERE key = ?", key.id)
            allowance, at_s = row or (float(key.per_minute), now_s)
            allowance = min(key.per_minute, allowance + max(0.0, now_s - at_s) * rate)
            may = allowance >= 1
            self._file.execute(
                "INSERT INTO requests VALUES (?, ?, ?) ON CONFLICT (key)"
                " DO UPDATE SET allowance = excluded.allowance, at_s = excluded.at_s",
                key.id,
                allowance - may,
                max(now_s, at_s),
            )
        return 0.0 if may else (1 - allowance) / rate

    def reserve(self, hold: str, key: Key, scope: str, nano: int) -> int | None:
        """Hold `nano` for an order (rule 3). None: done; else what the key has left, which is less."""
        with self._file.transaction():
            if key.budget_nano is not None:
                left_nano = key.budget_nano - self._paid_nano(key.id) - self._held_nano(key.id)
                if nano > left_nano:
                    return max(0, left_nano)
            self._file.execute("INSERT INTO holds VALUES (?, ?, ?, ?, ?)", hold, key.id, self._file.owner, scope, nano)
        return None

    def reconcile(self, hold: str, paid_nano: int) -> None:
        """The order has ended and cost so much (rule 4)."""
        with self._file.transaction():
            self._reconcile(hold, paid_nano)

    def usage(self, key: Key) -> Usage:
        with self._file.transaction():
            query = "SELECT day, scope, orders, paid_nano FROM usage WHERE key = ? ORDER BY day, scope"
            return Usage(tuple(map(tuple, self._file.execute(query, key.id))), self._held_nano(key.id))

    def _reconcile(self, hold: str, paid_nano: int) -> None:
        row = self._file.one("DELETE FROM holds WHERE id = ? RETURNING key, scope", hold)
        if row is None:
            return
        day = time.strftime("%Y-%m-%d", time.gmtime())
        self._file.execute(
            "INSERT INTO usage VALUES (?, ?, ?, 1, ?) ON CONFLICT (key, day, scope)"
            " DO UPDATE SET orders = usage.orders + 1, paid_nano = usage.paid_nano + excluded.paid_nano",
            row[0],
            day,
            row[1],
            paid_nano,
        )

    def _paid_nano(self, key: str) -> int:
        return int(self._file.one("SELECT coalesce(sum(paid_nano), 0) FROM usage WHERE key = ?", key)[0])

    def _held_nano(self, key: str) -> int:
        return int(self._file.one("SELECT coalesce(sum(nano), 0) FROM holds WHERE key = ?", key)[0])


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _key(row: tuple[Any, ...]) -> Key:
    return Key(row[0], row[1], tuple(row[2].split(",")), *row[3:])
