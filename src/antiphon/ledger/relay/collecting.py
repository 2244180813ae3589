"""The two ends of a voucher where a relay is used: the key of a client that signs it, a producer that keeps it.

What a producer was given lies in `vouchers.db` until the session is over, so that it can be brought to the chain though
relay and client are gone: `antiphon chain redeem`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from antiphon.errors import ConflictError, FundsError, InputError, StateError
from antiphon.ledger.evm.keys import Key
from antiphon.ledger.evm.outbox import Outbox
from antiphon.ledger.relay.facts import Facts
from antiphon.ledger.relay.vouchers import MAX_VOUCHERS, Voucher, Vouchers
from antiphon.ledger.relay.vouchers import redeem as bring
from antiphon.ledger.vouchers import Funds, Heard

FILE = "vouchers.db"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS vouchers (
  chain TEXT NOT NULL, session INTEGER NOT NULL, part INTEGER NOT NULL, due INTEGER NOT NULL, voucher BLOB NOT NULL,
  PRIMARY KEY (chain, session, part)
) WITHOUT ROWID;
"""


class ChainAddresses:
    """Of nodes by their Ed25519 keys: bound both ways, as the chain says; each is asked for once."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._known: dict[str, str] = {}

    async def of(self, node: str) -> str:
        """Raises InputError for a node that the chain does not know."""
        if node not in self._known:
            for address in await self._facts.addresses(node):
                bond = await self._facts.bond(address, "latest")
                if bond is not None and bond.node == node:
                    self._known[node] = address
        if node not in self._known:
            raise InputError(f"The chain knows no node {node[:8]}", "A producer registers first: antiphon chain stake")
        return self._known[node]


class SessionWallet:
    """`parties.vouchers.Wallet` of one chain key."""

    def __init__(self, facts: Facts, key: Key) -> None:
        self._vouchers, self._key, self._addresses = Vouchers(facts.contracts.chain), key, ChainAddresses(facts)

    @property
    def address(self) -> str:
        return self._key.address

    async def sign(self, funds: Funds, producer: str, heard: Heard) -> Heard:
        if funds.payer.lower() != self._key.address.lower():
            raise InputError(
                f"Session {funds.session} belongs to {funds.payer}, and the chain key is {self._key.address}",
                "Use the key that opened it: ANTIPHON_CHAIN_KEY.",
            )
        voucher = Voucher.of(funds, await self._addresses.of(producer), heard)
        return msgspec.structs.replace(heard, signature=self._vouchers.sign(voucher, self._key))


class VoucherStore:
    """`parties.vouchers.Collector` of one producer, over a file."""

    def __init__(self, facts: Facts, node: str, file: Path) -> None:
        self._facts, self._node, self._file = facts, node, file
        self._vouchers, self._addresses = Vouchers(facts.contracts.chain), ChainAddresses(facts)
        self._own = ""
        self._db = _open(file)
        self._chain = facts.contracts.chain.contracts["quorum"].address.lower()

    async def expect(self, funds: Funds) -> None:
        self._own = self._own or await self._addresses.of(self._node)
        found = await self._facts.session(funds.session, "latest")
        told = (found.client.lower(), found.part_nano)
        if told != (funds.payer.lower(), funds.part_nano) or not 0 <= funds.part < found.parts:
            raise InputError(f"Session {funds.session} is not what the relay says of it", "Use another relay.")
        now_s = (await self._facts.contracts.rpc.block("latest")).time_s
        if not now_s < funds.due_s < found.expires_s:
            raise FundsError(
                f"Session {funds.session} ends too soon for vouchers", "Open another: antiphon chain session"
            )
        if await self._facts.contracts.quorum.read("is_settled", funds.session, funds.part):
            raise ConflictError(
                f"Part {funds.part} of session {funds.session} is settled already", "Use another relay."
            )

    def take(self, funds: Funds, heard: Heard) -> None:
        voucher = Voucher.of(funds, self._own, heard)
        self._vouchers.check(voucher, funds.payer)
        row = (self._chain, funds.session, funds.part, funds.due_s, msgspec.msgpack.encode(voucher))
        self._db.execute("INSERT OR REPLACE INTO vouchers VALUES (?, ?, ?, ?, ?)", row)

    def close(self) -> None:
        self._db.close()


def due(file: Path, quorum: str, now_s: int) -> tuple[Voucher, ...]:
    """What is kept in a file for this contract and may be redeemed now, oldest sessions first."""
    if not file.exists():
        return ()
    with closing(_open(file)) as db:
        rows = db.execute(
            "SELECT voucher FROM vouchers WHERE chain = ? AND due <= ? ORDER BY session, part", (quorum.lower(), now_s)
        ).fetchall()
    return tuple(msgspec.msgpack.decode(blob, type=Voucher) for (blob,) in rows)


async def redeem(facts: Facts, outbox: Outbox, file: Path, own: str) -> int:
    """Bring to the chain what is kept and due, of the node with this address: what it was paid, in nano. Vouchers whose
    part is settled, or whose session is over, are forgotten. Raises what the chain refuses."""
    contracts = facts.contracts
    quorum, now_s = contracts.quorum, (await contracts.rpc.block("latest")).time_s
    worth: list[Voucher] = []
    for one in due(file, quorum.address, now_s):
        if one.producer.lower() != own.lower():
            continue
        over = now_s >= (await facts.session(one.session, "latest")).expires_s
        if over or await quorum.read("is_settled", one.session, one.part):
            forget(file, quorum.address, [one])
        else:
            worth.append(one)
    for first in range(0, len(worth), MAX_VOUCHERS):
        some = worth[first : first + MAX_VOUCHERS]
        await bring(outbox, quorum, some)
        forget(file, quorum.address, some)
    return sum(one.amount for one in worth)


def forget(file: Path, quorum: str, vouchers: Sequence[Voucher]) -> None:
    """These are redeemed, or worth nothing any more."""
    with closing(_open(file)) as db:
        keys = [(quorum.lower(), one.session, one.part) for one in vouchers]
        db.executemany("DELETE FROM vouchers WHERE chain = ? AND session = ? AND part = ?", keys)


def _open(file: Path) -> sqlite3.Connection:
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        db = sqlite3.connect(file, isolation_level=None, check_same_thread=False, timeout=10)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last chunk's voucher, no more
        db.executescript(_SCHEMA)
    except (OSError, sqlite3.Error) as e:
        raise StateError(f"{file} cannot be opened: {e}", "Restore it from a backup, or choose another --home.") from e
    return db
