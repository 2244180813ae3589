"""From a relay's evidence to balances on the chain: what a batch of closed tasks changes for each party, signed by all.

1. The statement follows from the audited evidence alone (`propose`), so each party makes it itself and signs only what
   it made. 2. A client's tasks are paid out of its session, as many of its unsettled parts as cover them. 3. Nobody
   gains what nobody gives: what sessions give is what balances get, and what is burnt. 4. A task in which a bond was
   fined is not netted: a bond is taken by `quorum.settle`, with the votes.
The contract (`contracts/netting.vy`) checks signatures, sums, sessions and that no part is settled twice.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from antiphon.economy import accounts
from antiphon.errors import ConflictError, FundsError, InputError
from antiphon.ledger.evm.contracts import Contract
from antiphon.ledger.evm.keys import Key
from antiphon.ledger.evm.outbox import Outbox, Receipt
from antiphon.ledger.receipts import AuditReport

MAX_PARTIES = 64
WORD_PARTS = 256
_BALANCE, _ESCROW = accounts.balance(""), accounts.escrow("")
_FIELDS = {
    "Net": ("evidence bytes32", "expires uint256", "burnt uint256", "spends Spend[]", "changes Change[]"),
    "Spend": ("session uint256", "word uint256", "parts uint256", "amount uint256"),
    "Change": ("party address", "amount int256"),
}


class Purse(msgspec.Struct, frozen=True, kw_only=True):
    """A client's session, as the chain has it."""

    session: int
    client: str  # address
    parts: int
    part_nano: int
    settled: int  # bits of its first 256 parts


class Net(msgspec.Struct, frozen=True, kw_only=True):
    """What a batch changes. Addresses ascend."""

    evidence: bytes  # 32: SHA-256 over the tasks
    expires_s: int
    burnt_nano: int
    spends: tuple[tuple[int, int, int, int], ...]  # session, word, bits of its parts, nano
    changes: tuple[tuple[str, int], ...]  # address, nano
    clients: tuple[int, ...]  # for each spend: its client's place among the changes


def propose(
    reports: Sequence[AuditReport], addresses: Mapping[str, str], purses: Mapping[str, Purse], expires_s: int
) -> Net:
    """The statement on these tasks (rules 1 to 4). `addresses` by node, `purses` by client, both Ed25519 keys.

    Raises InputError, ConflictError (a fine), FundsError (a session that does not cover its tasks).
    """
    if len({report.task for report in reports}) != len(reports) or not reports:
        raise InputError("A batch has tasks, each once", "Leave out what is there twice.")
    net: Counter[str] = Counter()
    spent: Counter[str] = Counter()
    for report in sorted(reports, key=lambda one: one.task):
        for account, nano in report.net_nano.items():
            if account == accounts.BURNT or account.startswith(_BALANCE):
                net[account] += nano
            elif not account.startswith(_ESCROW):
                raise ConflictError(f"In task {report.task} a bond was fined", "Settle it by quorum, with the votes.")
        spent[report.client] -= report.net_nano.get(accounts.balance(report.client), 0)
        net[accounts.balance(report.client)] -= report.net_nano.get(accounts.balance(report.client), 0)
    changes: Counter[str] = Counter({_address(addresses, client): 0 for client in spent})
    for account, nano in net.items():
        if account != accounts.BURNT:
            changes[_address(addresses, account.removeprefix(_BALANCE))] += nano
    listed = tuple(sorted(changes.items(), key=lambda change: int(change[0], 16)))
    if len(listed) > MAX_PARTIES:
        raise InputError(f"{len(listed)} parties in one batch, more than {MAX_PARTIES}", "Settle fewer tasks at once.")
    paying = sorted((purses[client].session, client) for client in spent if spent[client] > 0)
    spends = tuple(_spend(purses[client], spent[client]) for _, client in paying)
    assert sum(one[3] for one in spends) == sum(changes.values()) + net[accounts.BURNT], "money is conserved"
    order = [address for address, _ in listed]
    return Net(
        evidence=hashlib.sha256("".join(sorted(report.task for report in reports)).encode()).digest(),
        expires_s=expires_s,
        burnt_nano=net[accounts.BURNT],
        spends=spends,
        changes=listed,
        clients=tuple(order.index(purses[client].client) for _, client in paying),
    )


def sign(quorum: Contract, chain_id: int, net: Net, key: Key) -> tuple[int, int]:
    """r and vs of a party (EIP-712, EIP-2098)."""
    from eth_account.messages import encode_typed_data
    from eth_utils.crypto import keccak

    domain = {"name": "Antiphon quorum", "version": "1", "chainId": chain_id, "verifyingContract": quorum.address}
    types = {
        kind: [dict(zip(("name", "type"), one.split(), strict=True)) for one in fields]
        for kind, fields in _FIELDS.items()
    }
    made = encode_typed_data(domain, types, _message(net))
    v, r, s = key.sign_hash(keccak(b"\x19" + made.version + made.header + made.body))
    return r, (v - 27) << 255 | s


async def settle(outbox: Outbox, quorum: Contract, net: Net, signatures: Mapping[str, tuple[int, int]]) -> Receipt:
    """Bring a batch to the chain; anybody may, and the same batch is sent once. Raises InputError naming who has not
    signed, and what the contract refuses."""
    if missing := [address for address, _ in net.changes if address not in signatures]:
        raise InputError(f"{', '.join(missing)} did not sign", "Ask for it, or settle these tasks by quorum.")
    listed = [signatures[address] for address, _ in net.changes]
    data = quorum.encode(
        "settle_net", net.evidence, net.expires_s, net.burnt_nano, net.spends, net.changes, net.clients, listed
    )
    return await outbox.send(f"net:{net.evidence.hex()}:{net.expires_s}", quorum.address, data)


async def purse(quorum: Contract, session: int) -> Purse:
    """A session with what is settled of it: one question for each of its first parts."""
    client, _, parts, part_nano, _ = await quorum.read("sessions", session)
    if int(client, 16) == 0:
        raise InputError(f"There is no session {session} on the chain", "Check its number.")
    settled = 0
    for part in range(min(parts, WORD_PARTS)):
        settled |= int(await quorum.read("is_settled", session, part)) << part
    from web3 import Web3

    return Purse(
        session=session, client=Web3.to_checksum_address(client), parts=parts, part_nano=part_nano, settled=settled
    )


def _spend(purse: Purse, nano: int) -> tuple[int, int, int, int]:
    """Rule 2: the lowest parts that are not settled."""
    wanted, bits = -(-nano // purse.part_nano), 0
    for part in range(min(purse.parts, WORD_PARTS)):
        if bits.bit_count() < wanted and not purse.settled >> part & 1:
            bits |= 1 << part
    if bits.bit_count() < wanted:
        raise FundsError(f"Session {purse.session} has too few parts left for {nano} nano", "Settle fewer tasks.")
    return purse.session, 0, bits, nano


def _address(addresses: Mapping[str, str], node: str) -> str:
    if node not in addresses:
        raise InputError(f"No address of {node[:8]} is known", "It is registered on the chain, or claimed a session.")
    return addresses[node]


def _message(net: Net) -> dict[str, Any]:
    return {
        "evidence": net.evidence,
        "expires": net.expires_s,
        "burnt": net.burnt_nano,
        "spends": [dict(zip(("session", "word", "parts", "amount"), one, strict=True)) for one in net.spends],
        "changes": [{"party": party, "amount": nano} for party, nano in net.changes],
    }
