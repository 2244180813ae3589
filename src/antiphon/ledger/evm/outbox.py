"""Transactions that arrive once, whatever dies in between.

1. Each has a key that its caller chose. The same key is the same transaction, for ever: whoever asks again gets its
   receipt, or waits on with it.
2. It is estimated first; what would revert is refused and costs nothing.
3. Its number (nonce) and its signed bytes are on disk before anybody hears of them, so a killed process sends the same
   bytes again. Processes that share the file take different numbers.
4. One that is not in a block after `stuck_s` is replaced by itself with higher fees, up to `max_fee`. One that is no
   longer known (a re-org, a node that lost its memory) is sent again.
5. It counts when its block is final. Whether it reverted is read there.
6. If another program used its number with the same key, that one counts, and the caller hears so.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from antiphon.errors import AntiphonError, ConflictError, FundsError, StateError, UnavailableError
from antiphon.ledger.evm import reverts
from antiphon.ledger.evm.keys import Key
from antiphon.ledger.evm.rpc import RefusedError, Rpc

GWEI = 10**9
SPARE_GAS = 200_000
"""Beyond the estimate, at least: whoever stakes first may have given the tree of stakes another level. What is not used
costs nothing."""
POLL_S = 0.25
STUCK_S = 30.0
PATIENCE_S = 600.0
"""How long a caller waits for a block that is final; the transaction itself waits on."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS transactions (
  chain TEXT NOT NULL, sender TEXT NOT NULL, key TEXT NOT NULL, nonce INTEGER NOT NULL,
  target TEXT NOT NULL, data BLOB NOT NULL, gas INTEGER NOT NULL, sent TEXT NOT NULL,
  done TEXT NOT NULL,
  PRIMARY KEY (chain, sender, key), UNIQUE (chain, sender, nonce)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS operations (
  chain TEXT NOT NULL, sender TEXT NOT NULL, label TEXT NOT NULL, name TEXT NOT NULL, done INTEGER NOT NULL,
  PRIMARY KEY (chain, sender, name)
) WITHOUT ROWID;
"""


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A transaction in a final block."""

    hash: str
    block: int
    gas: int
    made: str  # address of the contract that it created, or empty


class Fees(msgspec.Struct, frozen=True):
    """What a transaction may cost, and how long it is waited for."""

    max_fee: int = 200 * GWEI  # wei per gas, never more
    stuck_s: float = STUCK_S
    patience_s: float = PATIENCE_S
    poll_s: float = POLL_S


class _Sent(msgspec.Struct, frozen=True):
    hash: str
    raw: str
    fee: int
    tip: int


class _Row(msgspec.Struct, frozen=True):
    key: str
    nonce: int
    target: str
    data: bytes
    gas: int
    sent: list[_Sent]
    done: Receipt | None


class Outbox:
    """Transactions of one key on one chain. `file` may be shared by keys, chains and processes."""

    def __init__(self, rpc: Rpc, key: Key, file: Path, chain: str, confirmations: int, fees: Fees) -> None:
        self._rpc, self.key, self._file = rpc, key, file
        self._chain, self._confirmations, self._fees = chain, confirmations, fees
        self._chain_id = int(chain.partition(":")[0])
        try:
            file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with closing(self._open()) as db:
                db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as e:
            raise StateError(f"{file} cannot be used: {e}", "Check its owner, its mode and the disk.") from e

    @classmethod
    async def open(cls, rpc: Rpc, key: Key, file: Path, *, confirmations: int, fees: Fees = Fees()) -> Outbox:  # noqa: B008 - frozen
        """A chain is known by its id and its first block: one that was begun anew has numbers of its own."""
        return cls(rpc, key, file, f"{await rpc.chain_id()}:{(await rpc.block(0)).hash}", confirmations, fees)

    def begin(self, label: str) -> str:
        """The name of an operation of one or more transactions: of the one that was begun and not ended, or a new one.
        So a command that was killed and is given again goes on with what it had begun."""
        with closing(self._open()) as db:
            db.execute("BEGIN IMMEDIATE")
            rows = db.execute(
                "SELECT name, done FROM operations WHERE chain = ? AND sender = ? AND label = ?",
                (self._chain, self.key.address, label),
            ).fetchall()
            name = next((name for name, done in rows if not done), f"{label}#{len(rows)}")
            values = (self._chain, self.key.address, label, name)
            db.execute("INSERT OR IGNORE INTO operations VALUES (?, ?, ?, ?, 0)", values)
            db.execute("COMMIT")
        return name

    def end(self, name: str) -> None:
        """The operation is done: the next one of its label is another one."""
        with closing(self._open()) as db:
            where = (self._chain, self.key.address, name)
            db.execute("UPDATE operations SET done = 1 WHERE chain = ? AND sender = ? AND name = ?", where)

    def knows(self, key: str) -> bool:
        """Whether a transaction with this key was begun."""
        return self._find(key) is not None

    async def send(self, key: str, target: str, data: bytes) -> Receipt:
        """Call a contract (or create one: no target) once. Raises FundsError, ConflictError, UnavailableError, ..."""
        row = self._find(key)
        if row is None:
            row = await self._prepare(key, target, data)
        elif (row.target, row.data) != (target, data):
            raise StateError(f"The key {key!r} was used for another transaction", "Choose another key.")
        return row.done or await self._finish(row)

    async def resume(self, key: str) -> Receipt:
        """Wait on for a transaction that was begun. Raises StateError when there is none."""
        row = self._find(key)
        if row is None:
            raise StateError(f"No transaction {key!r} was begun", "Send it first.")
        return row.done or await self._finish(row)

    async def _prepare(self, key: str, target: str, data: bytes) -> _Row:
        call = {"from": self.key.address, "data": "0x" + data.hex()} | ({"to": target} if target else {})
        try:
            gas = await self._rpc.number("eth_estimateGas", call)
        except RefusedError as e:
            raise reverts.told(e) from e
        gas += max(gas // 5, SPARE_GAS)  # other transactions may come first
        fee, tip = await self._price()
        await self._expect_coin(gas * fee)
        used = await self._rpc.number("eth_getTransactionCount", self.key.address, "latest")
        with closing(self._open()) as db:
            db.execute("BEGIN IMMEDIATE")
            known = db.execute(
                "SELECT max(nonce) FROM transactions WHERE chain = ? AND sender = ?", (self._chain, self.key.address)
            ).fetchone()[0]
            # What another program has under way with this key is not known here: rule 6.
            nonce = used if known is None else max(used, known + 1)
            row = _Row(key, nonce, target, data, gas, [], None)
            row = msgspec.structs.replace(row, sent=[self._sign(row, fee, tip)])
            db.execute(
                "INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?, ?, ?, '')",
                (self._chain, self.key.address, key, nonce, target, data, gas, _json(row.sent)),
            )
            db.execute("COMMIT")
        return row

    async def _finish(self, row: _Row) -> Receipt:
        end_s = time.monotonic() + self._fees.patience_s
        replace_s = time.monotonic() + self._fees.stuck_s
        taken = 0  # the block in which another transaction was seen to have the number; 0 = none has
        await self._broadcast(row)
        while True:
            final = await self._rpc.final(self._confirmations)
            found = await self._mined(row)
            if found is None:
                taken = await self._taken(row, taken)
                if taken and final.number >= taken:
                    raise self._replaced(row)
                if time.monotonic() >= replace_s:
                    row = await self._raise(row)
                    replace_s = time.monotonic() + self._fees.stuck_s
                if await self._rpc.ask("eth_getTransactionByHash", row.sent[-1].hash) is None:
                    await self._broadcast(row)
            elif int(found["blockNumber"], 16) <= final.number:
                return await self._end(row, found)
            if time.monotonic() >= end_s:
                raise UnavailableError(
                    f"Transaction {row.sent[-1].hash} is not final after {self._fees.patience_s:.0f} s",
                    "It stays under way: give the same command again to wait on.",
                )
            await asyncio.sleep(self._fees.poll_s)

    async def _mined(self, row: _Row) -> dict[str, Any] | None:
        """The receipt of whichever of its versions is in a block."""
        for sent in reversed(row.sent):
            found = await self._rpc.ask("eth_getTransactionReceipt", sent.hash)
            if found is not None and found.get("blockNumber"):
                return dict(found)
        return None

    async def _end(self, row: _Row, found: dict[str, Any]) -> Receipt:
        block = int(found["blockNumber"], 16)
        if int(found["status"], 16) != 1:
            self._forget(row)
            raise await self._why(row, block)
        receipt = Receipt(
            found["transactionHash"], block, int(found["gasUsed"], 16), found.get("contractAddress") or ""
        )
        self._update(row, done=json.dumps(msgspec.to_builtins(receipt)))
        return receipt

    async def _why(self, row: _Row, block: int) -> AntiphonError:
        call = {"from": self.key.address, "to": row.target, "data": "0x" + row.data.hex(), "gas": hex(row.gas)}
        try:
            await self._rpc.ask("eth_call", call, hex(block))
        except RefusedError as e:
            if reverts.reason(e.data):
                return reverts.told(e)
        return ConflictError(
            f"Transaction {row.sent[-1].hash} failed, out of gas or because others came first",
            "Give the command again.",
        )

    async def _taken(self, row: _Row, since: int) -> int:
        """Rule 6: since which block the number belongs to a transaction that is not ours."""
        used = await self._rpc.number("eth_getTransactionCount", self.key.address, "latest")
        if used <= row.nonce or await self._mined(row) is not None:
            return 0
        return since or await self._rpc.number("eth_blockNumber")

    def _replaced(self, row: _Row) -> ConflictError:
        self._forget(row)
        return ConflictError(
            f"Another program sent transaction number {row.nonce} of {self.key.address}; this one was replaced",
            "Use a key of its own for each program, then give the command again.",
        )

    async def _broadcast(self, row: _Row) -> None:
        try:
            await self._rpc.ask("eth_sendRawTransaction", row.sent[-1].raw)
        except RefusedError as e:
            words = e.what.lower()
            # Known, mined just now, or cheaper than what the node has: the loop sees which, and raises the fee in time.
            if not any(one in words for one in ("already", "nonce", "underpriced", "imported", "known")):
                raise reverts.told(e) from e

    async def _raise(self, row: _Row) -> _Row:
        """The same with higher fees (rule 4): nodes want a tenth more."""
        last = row.sent[-1]
        fee, tip = await self._price()
        fee, tip = max(fee, last.fee * 5 // 4 + 1), max(tip, last.tip * 5 // 4 + 1)
        if fee > self._fees.max_fee:
            return row  # as it is: it may still get in
        row = msgspec.structs.replace(row, sent=[*row.sent, self._sign(row, fee, tip)])
        self._update(row, sent=_json(row.sent))
        return row

    async def _price(self) -> tuple[int, int]:
        """(max fee, tip) per gas, in wei. Raises UnavailableError when the limit is below what blocks ask for."""
        head = await self._rpc.block("latest")
        tip = min(await self._rpc.number("eth_maxPriorityFeePerGas"), self._fees.max_fee)
        if head.base_fee > self._fees.max_fee:
            raise UnavailableError(
                f"Gas costs {head.base_fee / GWEI:.3g} gwei now, more than the limit {self._fees.max_fee / GWEI:.3g}",
                "Raise --max-fee, or try again later.",
            )
        return min(2 * head.base_fee + tip, self._fees.max_fee), tip

    async def _expect_coin(self, cost: int) -> None:
        held = await self._rpc.number("eth_getBalance", self.key.address, "latest")
        if held < cost:
            raise FundsError(
                f"{self.key.address} holds {held / 10**18:.6g} of the chain's coin, gas may cost {cost / 10**18:.6g}",
                "Send it some; it is not ANT.",
            )

    def _sign(self, row: _Row, fee: int, tip: int) -> _Sent:
        fields = {
            "chainId": self._chain_id,
            "nonce": row.nonce,
            "data": row.data,
            "gas": row.gas,
            "maxFeePerGas": fee,
            "maxPriorityFeePerGas": min(tip, fee),
            "value": 0,
        }
        raw, digest = self.key.sign_transaction(fields | ({"to": row.target} if row.target else {}))
        return _Sent(digest, "0x" + raw.hex(), fee, tip)

    def _find(self, key: str) -> _Row | None:
        with closing(self._open()) as db:
            row = db.execute(
                "SELECT nonce, target, data, gas, sent, done FROM transactions "
                "WHERE chain = ? AND sender = ? AND key = ?",
                (self._chain, self.key.address, key),
            ).fetchone()
        if row is None:
            return None
        sent = msgspec.json.decode(row[4], type=list[_Sent])
        done = msgspec.json.decode(row[5], type=Receipt) if row[5] else None
        return _Row(key, row[0], row[1], row[2], row[3], sent, done)

    def _update(self, row: _Row, **columns: str) -> None:
        with closing(self._open()) as db:
            for column, value in columns.items():
                db.execute(
                    f"UPDATE transactions SET {column} = ? WHERE chain = ? AND sender = ? AND key = ?",  # noqa: S608
                    (value, self._chain, self.key.address, row.key),
                )

    def _forget(self, row: _Row) -> None:
        """A number that is spent for nothing: the key may be used again."""
        with closing(self._open()) as db:
            db.execute(
                "DELETE FROM transactions WHERE chain = ? AND sender = ? AND key = ?",
                (self._chain, self.key.address, row.key),
            )

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, isolation_level=None, timeout=10.0)


def _json(sent: list[_Sent]) -> str:
    return json.dumps(msgspec.to_builtins(sent))
