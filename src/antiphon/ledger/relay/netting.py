"""From a relay's evidence to balances on the chain: what a batch of closed tasks changes for each party, signed by all.

1. The statement follows from the audited evidence alone (`propose`), so each party makes it itself and signs only what
   it made. 2. A client's tasks are paid out of its session: by the parts that its own signatures name for them, and as
   many of the lowest that are not settled as are missing. Who has no session pays out of its balance. 3. Nobody gains
   what nobody gives: what sessions give is what balances get, and what is burnt. 4. A task in which a bond was fined is
   not netted: a bond is taken by `quorum.settle`, with the votes.
The contract (`contracts/netting.vy`) checks signatures, sums, sessions and that no part is settled twice.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from antiphon.economy import accounts
from antiphon.errors import ConflictError, FundsError, InputError
from antiphon.ledger.evm.contracts import Contract
from antiphon.ledger.evm.keys import Key
from antiphon.ledger.evm.outbox import Outbox, Receipt

MAX_PARTIES = 64
WORD_PARTS = 256
LOOKED_AT = 64
"""So many more of the lowest unsettled parts of a session are asked for than are needed."""
MAX_LOOKED_AT = 2_048
_BALANCE, _ESCROW = accounts.balance(""), accounts.escrow("")
_FIELDS = {
    "Net": ("evidence bytes32", "expires uint256", "burnt uint256", "spends Spend[]", "changes Change[]"),
    "Spend": ("session uint256", "word uint256", "parts uint256", "amount uint256"),
    "Change": ("party address", "amount int256"),
}


class Due(Protocol):
    """What is needed of an audited task."""

    @property
    def task(self) -> str: ...
    @property
    def client(self) -> str: ...
    @property
    def net_nano(self) -> Mapping[str, int]: ...
    @property
    def drawn(self) -> Sequence[tuple[int, int, int]]: ...
    @property
    def named(self) -> Sequence[tuple[int, int]]: ...  # (session, part) that its client has signed for the quorum


class Purse(msgspec.Struct, frozen=True, kw_only=True):
    """A client's session, as the chain has it."""

    session: int
    client: str  # address
    parts: int
    part_nano: int
    settled: int  # bits of its parts; those that were not asked for count as settled


class Net(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch changes. Addresses ascend."""

    evidence: bytes  # 32: SHA-256 over the tasks
    expires_s: int
    burnt_nano: int
    spends: tuple[tuple[int, int, bytes, int], ...]  # session, word, bits of its parts (32 bytes), nano
    changes: tuple[tuple[str, int], ...]  # address, nano
    clients: tuple[int, ...]  # for each spend: its client's place among the changes


def propose(
    due: Sequence[Due],
    addresses: Mapping[str, str],
    purses: Mapping[str, Purse],
    expires_s: int,
    named: Mapping[str, Sequence[int]] = {},
) -> Net:
    """The statement on these tasks (rules 1 to 4). `addresses` by node, `purses` by client, both Ed25519 keys; `named`:
    the parts of its session that a client has signed for these tasks.

    Raises InputError, ConflictError (a fine), FundsError (a session that does not cover its tasks).
    """
    if len({one.task for one in due}) != len(due) or not due:
        raise InputError("A batch has tasks, each once", "Leave out what is there twice.")
    net, spent = _summed(due, purses)
    changes: Counter[str] = Counter({purses[client].client: 0 for client in spent})
    known = {client: purses[client].client for client in purses} | dict(addresses)
    for account, nano in net.items():
        if account != accounts.BURNT and nano:
            changes[_address(known, account.removeprefix(_BALANCE))] += nano
    listed = tuple(sorted(changes.items(), key=lambda change: int(change[0], 16)))
    if len(listed) > MAX_PARTIES:
        raise InputError(f"{len(listed)} parties in one batch, more than {MAX_PARTIES}", "Settle fewer tasks at once.")
    paying = sorted((purses[client].session, client) for client in spent)
    order = [address for address, _ in listed]
    spends, clients = [], []
    for _, client in paying:
        made = _spends(purses[client], spent[client], named.get(client, ()))
        spends += made
        clients += [order.index(purses[client].client)] * len(made)
    if not spends or len(spends) > MAX_PARTIES:
        raise InputError("These tasks end no part of a session, or too many", "Settle other tasks, or fewer.")
    assert sum(one[3] for one in spends) == sum(changes.values()) + net[accounts.BURNT], "money is conserved"
    return Net(
        evidence=hashlib.sha256("".join(sorted(one.task for one in due)).encode()).digest(),
        expires_s=expires_s,
        burnt_nano=net[accounts.BURNT],
        spends=tuple(spends),
        changes=listed,
        clients=tuple(clients),
    )


def named_parts(due: Sequence[Due], sessions: Mapping[str, int]) -> dict[str, list[int]]:
    """The parts of their sessions that clients have signed for these tasks, by vouchers that took money or for the
    quorum; by client. Raises ConflictError: a part of another session was signed, which this batch would not end."""
    found: dict[str, set[int]] = {client: set() for client in sessions}
    for one in due:
        if any(number != sessions.get(one.client) for number, _ in one.named):
            raise ConflictError(f"For task {one.task} another session was signed", "Settle it by quorum.")
        signed = [*one.named, *((number, part) for number, part, _ in one.drawn)]
        found.get(one.client, set()).update(part for number, part in signed if number == sessions.get(one.client))
    return {client: sorted(parts) for client, parts in found.items()}


def booked(due: Sequence[Due], clients: Iterable[str]) -> dict[str, int]:
    """What leaves each account at the relay when these tasks are settled; what `clients` paid, they paid out of their
    sessions before."""
    net, _ = _summed(due, dict.fromkeys(clients))
    return {account: nano for account, nano in sorted(net.items()) if nano}


def costs(due: Sequence[Due], clients: Iterable[str]) -> Counter[str]:
    """What each of these clients gives out of its session for the tasks, in nano."""
    return _summed(due, dict.fromkeys(clients))[1]


def expect_nettable(one: Due) -> None:
    """Rule 4. Raises ConflictError."""
    for account in one.net_nano:
        if account != accounts.BURNT and not account.startswith((_BALANCE, _ESCROW)):
            raise ConflictError(f"In task {one.task} a bond was fined", "Settle it by quorum, with the votes.")


def _summed(due: Sequence[Due], sessions: Mapping[str, object]) -> tuple[Counter[str], Counter[str]]:
    """(what each account gets, what each client with a session gives out of it)."""
    net: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    for one in due:
        expect_nettable(one)
        for account, nano in one.net_nano.items():
            if account == accounts.BURNT or account.startswith(_BALANCE):
                net[account] += nano
        own = accounts.balance(one.client)
        if one.client in sessions and (cost := -one.net_nano.get(own, 0)) > 0:
            spent[one.client] += cost
            net[own] += cost
    return net, spent


def digest(quorum: Contract, chain_id: int, net: Net) -> bytes:
    """What a party signs (EIP-712), 32 bytes."""
    from eth_utils.crypto import keccak

    made = _typed(quorum, chain_id, net)
    return bytes(keccak(b"\x19" + made.version + made.header + made.body))


def batch_hash(quorum: Contract, chain_id: int, net: Net) -> bytes:
    """How the contract's event `Netted` names the batch, 32 bytes."""
    return bytes(_typed(quorum, chain_id, net).body)


def sign(quorum: Contract, chain_id: int, net: Net, key: Key) -> tuple[int, int]:
    """r and vs of a party (EIP-712, EIP-2098)."""
    return compact(key.sign_hash(digest(quorum, chain_id, net)))


def compact(vrs: tuple[int, int, int]) -> tuple[int, int]:
    """r and vs (EIP-2098)."""
    v, r, s = vrs
    return r, (v - 27) << 255 | s


def _typed(quorum: Contract, chain_id: int, net: Net) -> Any:
    from eth_account.messages import encode_typed_data

    domain = {"name": "Antiphon quorum", "version": "1", "chainId": chain_id, "verifyingContract": quorum.address}
    types = {
        kind: [dict(zip(("name", "type"), one.split(), strict=True)) for one in fields]
        for kind, fields in _FIELDS.items()
    }
    return encode_typed_data(domain, types, _message(net))


async def settle(outbox: Outbox, quorum: Contract, net: Net, signatures: Mapping[str, tuple[int, int]]) -> Receipt:
    """Bring a batch to the chain; anybody may, and the same batch is sent once. Raises InputError naming who has not
    signed, and what the contract refuses."""
    if missing := [address for address, _ in net.changes if address not in signatures]:
        raise InputError(f"{', '.join(missing)} did not sign", "Ask for it, or settle these tasks by quorum.")
    listed = [signatures[address] for address, _ in net.changes]
    data = quorum.encode(
        "settle_net", net.evidence, net.expires_s, net.burnt_nano, _numbers(net), net.changes, net.clients, listed
    )
    return await outbox.send(f"net:{net.evidence.hex()}:{net.expires_s}", quorum.address, data)


async def purse(
    quorum: Contract, session: int, nano: int = 0, named: Sequence[int] = (), block: int | str = "latest"
) -> Purse:
    """A session with what is settled of it: of `named` parts, and of the lowest that are not, enough for `nano`. Raises
    InputError."""
    from web3 import Web3

    client, _, parts, part_nano, _ = await quorum.read("sessions", session, block=block)
    if int(client, 16) == 0:
        raise InputError(f"There is no session {session} on the chain", "Check its number.")
    low, high = 0, 1  # netted parts are the lowest, those of vouchers the highest: the first between them is looked for
    while high <= parts and await quorum.read("is_settled", session, high - 1, block=block):
        low, high = high, 2 * high
    high = min(high - 1, parts)
    while low < high:
        middle = (low + high) // 2
        if await quorum.read("is_settled", session, middle, block=block):
            low = middle + 1
        else:
            high = middle
    looked_at = min(LOOKED_AT - nano // -part_nano, MAX_LOOKED_AT)
    asked = sorted({*range(low, min(low + looked_at, parts)), *(part for part in named if part < parts)})
    settled = (1 << parts) - 1
    for found in range(0, len(asked), LOOKED_AT):
        some = asked[found : found + LOOKED_AT]
        told = await asyncio.gather(*(quorum.read("is_settled", session, part, block=block) for part in some))
        for part in (part for part, is_settled in zip(some, told, strict=True) if not is_settled):
            settled ^= 1 << part
    address = Web3.to_checksum_address(client)
    return Purse(session=session, client=address, parts=parts, part_nano=part_nano, settled=settled)


def _spends(purse: Purse, nano: int, named: Sequence[int]) -> list[tuple[int, int, bytes, int]]:
    """Rule 2: session, word, bits of its parts, nano."""
    if any(purse.settled >> part & 1 for part in named):
        raise ConflictError(f"A part of session {purse.session} was settled by quorum", "Leave its task out.")
    chosen, wanted = set(named), -(-nano // purse.part_nano)
    for part in range(purse.parts):
        if len(chosen) >= wanted:
            break
        if not purse.settled >> part & 1:
            chosen.add(part)
    if len(chosen) < wanted:
        raise FundsError(f"Session {purse.session} has too few parts left for {nano} nano", "Settle fewer tasks.")
    words: dict[int, int] = {}
    for part in sorted(chosen):
        words[part // WORD_PARTS] = words.get(part // WORD_PARTS, 0) | 1 << part % WORD_PARTS
    made, left = [], nano
    for word, bits in words.items():
        given = min(left, bits.bit_count() * purse.part_nano)
        made.append((purse.session, word, bits.to_bytes(32), given))
        left -= given
    return made


def _address(addresses: Mapping[str, str], node: str) -> str:
    if node not in addresses:
        raise InputError(f"No address of {node[:8]} is known", "It is registered on the chain, or claimed a session.")
    return addresses[node]


def _message(net: Net) -> dict[str, Any]:
    return {
        "evidence": net.evidence,
        "expires": net.expires_s,
        "burnt": net.burnt_nano,
        "spends": [dict(zip(("session", "word", "parts", "amount"), one, strict=True)) for one in _numbers(net)],
        "changes": [{"party": party, "amount": nano} for party, nano in net.changes],
    }


def _numbers(net: Net) -> list[tuple[int, int, int, int]]:
    return [(session, word, int.from_bytes(bits), nano) for session, word, bits, nano in net.spends]
