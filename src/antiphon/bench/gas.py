"""What settling costs on the chain, in gas as receipts of a real one have it: exact, whatever the machine does."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from antiphon.bench.anvil import OwnChain
from antiphon.economy import accounts
from antiphon.economy.types import NANO, Verdict, Vote
from antiphon.ledger.evm.keys import Key, from_hex
from antiphon.ledger.evm.outbox import Fees, Outbox
from antiphon.ledger.evm.wallet import Wallet
from antiphon.ledger.relay import netting, quorum
from antiphon.protocol import Identity

REWARD, FEES = 2_000_000, (150_000, 160_000, 170_000)
COST = REWARD + sum(FEES)
BOND = 100 * NANO
LASTS_S = 86_400
VALID, SCORE_PPM = 1, 900_000
ZERO = bytes(32)
SALT = b"s" * 32
_BATCH = ("evidence bytes32", "sessions uint256[]", "parties address[]", "rows uint256[]")


@dataclass(frozen=True)
class People:
    """A client with money, a producer and validators with bonds, all registered."""

    client: Key
    producer: Key
    validators: tuple[Key, ...]


@dataclass(frozen=True)
class _Due:
    task: str
    client: str
    net_nano: Mapping[str, int]
    drawn: tuple[tuple[int, int, int], ...] = ()
    named: tuple[tuple[int, int], ...] = ()


def key_of(name: str) -> Key:
    return from_hex(hashlib.sha256(f"bench {name}".encode()).hexdigest())


async def people(chain: OwnChain, validators: int = 5) -> People:
    """As `antiphon chain stake` and `deposit` make them."""
    made = People(key_of("client"), key_of("producer"), tuple(key_of(f"validator {n}") for n in range(validators)))

    async def join(key: Key, role: str) -> None:
        await chain.endow(key, 2 * BOND)
        file = chain.folder / f"{key.address}.db"
        outbox = await Outbox.open(chain.rpc, key, file, confirmations=1, fees=Fees())
        await Wallet(chain.contracts, outbox).stake(BOND, Identity.generate(), role, "")
        registry = chain.contracts.registry  # what the market locks is beside the quorum's bond
        await chain.send(key.address, chain.contracts.token, "approve", registry.address, BOND)
        await chain.send(key.address, registry, "stake", BOND)
        await chain.send(key.address, registry, "trust", chain.contracts.market.address, True)

    await chain.endow(made.client, 10_000 * NANO)
    await asyncio.gather(join(made.producer, "processor"), *(join(key, "validator") for key in made.validators))
    for contract in (chain.contracts.quorum, chain.contracts.market):
        await chain.send(made.client.address, chain.contracts.token, "approve", contract.address, 2**255)
        await chain.send(made.client.address, contract, "deposit", 1_000 * NANO)
    return made


async def netted(chain: OwnChain, given: People, tasks: int = 1_000) -> float:
    """Gas a task of a batch of 10 parties: 3 clients, 2 producers, 5 validators. It is the second batch's, which finds
    the accounts there."""
    purse, token = chain.contracts.quorum, chain.contracts.token
    clients = [given.client, key_of("client 1"), key_of("client 2")]
    for key in clients[1:]:
        await chain.endow(key, 400 * NANO)
        await chain.send(key.address, token, "approve", purse.address, 2**255)
        await chain.send(key.address, purse, "deposit", 300 * NANO)
    makers = [given.producer, key_of("producer 1")]
    keys = {key.address: key for key in (*clients, *makers, *given.validators)}
    addresses = {key.address: key.address for key in keys.values()}
    gas = 0
    for batch in range(2):
        expires = await chain.now_s() + LASTS_S
        purses = {}
        for key in clients:
            count = -(-tasks // len(clients))
            await chain.send(key.address, purse, "open_session", count, COST, expires)
            number = await purse.read("session_count")
            purses[key.address] = await netting.purse(purse, number, count * COST)
        due = [_due(batch * tasks + n, clients, makers, given.validators) for n in range(tasks)]
        net = netting.propose(due, addresses, purses, await chain.now_s() + 600)
        signed = {one: netting.sign(purse, chain.chain.chain_id, net, keys[one]) for one, _ in net.changes}
        outbox = await Outbox.open(chain.rpc, given.client, chain.folder / "net.db", confirmations=1, fees=Fees())
        gas = (await netting.settle(outbox, purse, net, signed)).gas
    return gas / tasks


def _due(number: int, clients: Sequence[Key], makers: Sequence[Key], validators: Sequence[Key]) -> _Due:
    client = clients[number % len(clients)].address
    seats = [validators[(number + seat) % len(validators)].address for seat in range(3)]
    net = {accounts.balance(client): -COST, accounts.balance(makers[number % len(makers)].address): REWARD}
    return _Due(f"{number:032x}", client, net | {accounts.balance(s): fee for s, fee in zip(seats, FEES, strict=True)})


async def by_quorum(chain: OwnChain, given: People) -> int:
    """Gas of one part settled alone by three signed votes, the second of its session."""
    session = await _session(chain, given, 2)
    file = chain.folder / "cases.db"
    outbox = await Outbox.open(chain.rpc, given.client, file, confirmations=1, fees=Fees())
    made = [_case(chain, given, session, part) for part in (0, 1)]
    return [(await quorum.settle(outbox, chain.contracts.quorum, case)).gas for case in made][1]


async def batched(chain: OwnChain, given: People, parts: int = 100) -> float:
    """Gas a part of a batch by quorum that each party has signed once."""
    seats = given.validators[:3]
    session = await _session(chain, given, parts)
    parties = sorted({key.address: key for key in (given.client, given.producer, *seats)}.values(), key=_number)
    place = {key.address: number for number, key in enumerate(parties)}
    rows = []
    for part in range(parts):
        rows.append(part | place[given.producer.address] << 24 | 3 << 32 | REWARD << 160)
        for key, fee in zip(sorted(seats, key=_number), FEES, strict=True):
            rows.append(place[key.address] | VALID << 8 | SCORE_PPM << 32 | fee << 160)
    sessions = [session << 8 | place[given.client.address]]
    message = {
        "evidence": ZERO,
        "sessions": sessions,
        "parties": [key.address for key in parties],
        "rows": rows,
    }
    signatures = [_signed(chain, key, message) for key in parties]
    fields = (ZERO, sessions, message["parties"], signatures, rows)
    return await chain.send(given.client.address, chain.contracts.quorum, "settle_batch", *fields) / parts


async def alone(chain: OwnChain, given: People) -> dict[str, int]:
    """Gas of each step of a task on the chain alone, opened to settled, with three validators; as of the second."""
    market, client, maker = chain.contracts.market, given.client.address, given.producer.address
    await chain.send(client, market, "open_session", client, 100 * NANO, await chain.now_s() + 4 * LASTS_S)
    await chain.pass_time((await chain.contracts.registry.read("terms"))[1], 2)  # a new epoch: stake counts
    steps: dict[str, int] = {}
    vote: tuple[int, int, list[int]] = (VALID, SCORE_PPM, [])
    by_address = {key.address.lower(): key.address for key in given.validators}
    for number in (1, 2):
        steps = {"open": await chain.send(client, market, "open", 1, maker, 100, 10 * NANO, NANO, ZERO)}
        steps["deliver"] = await chain.send(maker, market, "deliver", number, ZERO)
        await chain.pass_time(1, 6)
        steps["draw"] = await chain.send(client, market, "draw", number)
        seats = [by_address[seat[0].lower()] for seat in await market.read("seats_of", number, 0)]
        bound = [await market.read("commitment_of", number, 0, one, vote, SALT) for one in seats]
        commits = [await chain.send(one, market, "commit", number, at, bound[at]) for at, one in enumerate(seats)]
        reveals = [await chain.send(one, market, "reveal", number, at, vote, SALT) for at, one in enumerate(seats)]
        steps["commit three times"], steps["reveal three times"] = sum(commits), sum(reveals)
        steps["settle"] = await chain.send(client, market, "settle", number)
    return steps


async def _session(chain: OwnChain, given: People, parts: int) -> int:
    purse = chain.contracts.quorum
    expires = await chain.now_s() + LASTS_S
    await chain.send(given.client.address, purse, "open_session", parts, COST, expires)
    return int(await purse.read("session_count"))


def _case(chain: OwnChain, given: People, session: int, part: int) -> quorum.Case:
    where = chain.contracts.quorum, chain.chain.chain_id
    seats = sorted(given.validators[:3], key=_number)
    made = quorum.Assignment(
        session=session,
        part=part,
        attempt=0,
        round=0,
        producer=given.producer.address,
        reward_nano=REWARD,
        due_s=2**40,
        task=ZERO,
        result=ZERO,
        seats=tuple((key.address, "", fee) for key, fee in zip(seats, FEES, strict=True)),
    )
    vote = Vote(verdict=Verdict.VALID, score_ppm=SCORE_PPM)
    digest, ballot = quorum.assignment_digest(*where, made), quorum.vote_digest(*where, made, vote)
    client, maker = (netting.compact(key.sign_hash(digest)) for key in (given.client, given.producer))
    votes = tuple((vote, netting.compact(key.sign_hash(ballot))) for key in seats)
    return quorum.Case(assignment=made, client=client, consent=maker, votes=votes)


def _number(key: Key) -> int:
    return int(key.address, 16)


def _signed(chain: OwnChain, key: Key, message: Mapping[str, Any]) -> tuple[int, int]:
    """r and vs over a batch (EIP-712, EIP-2098)."""
    from eth_account.messages import encode_typed_data
    from eth_utils.crypto import keccak

    address = chain.contracts.quorum.address
    domain = {"name": "Antiphon quorum", "version": "1", "chainId": chain.chain.chain_id, "verifyingContract": address}
    types = {"Batch": [dict(zip(("name", "type"), one.split(), strict=True)) for one in _BATCH]}
    made = encode_typed_data(domain, types, dict(message))
    return netting.compact(key.sign_hash(bytes(keccak(b"\x19" + made.version + made.header + made.body))))
