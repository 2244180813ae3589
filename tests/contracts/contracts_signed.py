"""What client, producer and seats sign for the contract "quorum", made by eth-account from the types in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import boa
from contracts_economy import cast
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak, to_checksum_address

from antiphon.economy.types import Vote

ASSIGNMENT = [
    ("session", "uint256"),
    ("part", "uint256"),
    ("attempt", "uint256"),
    ("round", "uint256"),
    ("producer", "address"),
    ("reward", "uint256"),
    ("due", "uint256"),
    ("task", "bytes32"),
    ("result", "bytes32"),
    ("seats", "uint256[]"),
]
VOTE = [
    ("assignment", "bytes32"),
    ("verdict", "uint8"),
    ("score_ppm", "uint256"),
    ("readings", "uint256[]"),
]
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
NOTHING = (0, 0)
ALIKE = 255 << 16
"""A ballot's readings are those of the case's hash."""
BATCH = [
    ("evidence", "bytes32"),
    ("sessions", "uint256[]"),
    ("parties", "address[]"),
    ("rows", "uint256[]"),
]
NET = [
    ("evidence", "bytes32"),
    ("expires", "uint256"),
    ("burnt", "uint256"),
    ("spends", "Spend[]"),
    ("changes", "Change[]"),
]
SPEND = [("session", "uint256"), ("word", "uint256"), ("parts", "uint256"), ("amount", "uint256")]
CHANGE = [("party", "address"), ("amount", "int256")]


def account(name: str) -> LocalAccount:
    """The same key for the same name, so that histories can be repeated."""
    return Account.from_key(keccak(name.encode()))


@dataclass(frozen=True)
class Domain:
    """Whom a signature is for."""

    contract: str
    chain: int = field(default_factory=lambda: boa.env.evm.patch.chain_id)
    name: str = "Antiphon quorum"
    version: str = "1"

    def sign(
        self, key: LocalAccount, kind: str, fields: list[tuple[str, str]], message: dict, **structs: list
    ) -> tuple[int, int]:
        """r and vs, as EIP-2098 packs them; `structs` are the types that fields name."""
        domain = {
            "name": self.name,
            "version": self.version,
            "chainId": self.chain,
            "verifyingContract": self.contract,
        }
        named = {kind: fields, **structs}
        types = {kind: [{"name": name, "type": of} for name, of in of_kind] for kind, of_kind in named.items()}
        done = Account.sign_typed_data(key.key, domain, types, message)
        return done.r, (done.v - 27) << 255 | done.s


def seat_word(node: str, fee: int) -> int:
    return fee << 160 | int(node, 16)


@dataclass(frozen=True)
class Assignment:
    """One part, to be judged: its fields in the contract's order."""

    session: int
    part: int
    producer: str
    reward: int
    due: int
    seats: tuple[int, ...]
    attempt: int = 0
    round: int = 0
    task: bytes = keccak(b"task")
    result: bytes = keccak(b"work")

    def message(self) -> dict:
        return {name: getattr(self, name) for name, _ in ASSIGNMENT} | {"seats": list(self.seats)}

    def hash(self) -> bytes:
        """EIP-712's hashStruct, by hand: a vote names its assignment by it."""
        kinds = ",".join(f"{of} {name}" for name, of in ASSIGNMENT)
        words = [keccak(f"Assignment({kinds})".encode())]
        for name, of in ASSIGNMENT:
            value = getattr(self, name)
            if of == "uint256[]":
                words.append(keccak(b"".join(word.to_bytes(32, "big") for word in value)))
            elif of == "address":
                words.append(bytes(12) + bytes.fromhex(value[2:]))
            else:
                words.append(value if isinstance(value, bytes) else value.to_bytes(32, "big"))
        return keccak(b"".join(words))

    def signed(self, key: LocalAccount, domain: Domain) -> tuple[int, int]:
        return domain.sign(key, "Assignment", ASSIGNMENT, self.message())

    def ballot(self, seat: int, key: LocalAccount, vote: Vote | None, domain: Domain) -> tuple:
        """A seat's word, its vote's, the signature and the readings; None = it brings no vote."""
        if vote is None:
            return self.seats[seat], 0, NOTHING, []
        verdict, score_ppm, readings = cast(vote)
        message = {"assignment": self.hash(), "verdict": verdict, "score_ppm": score_ppm, "readings": readings}
        word = verdict << 8 | len(readings) << 16 | score_ppm << 32
        return self.seats[seat], word, domain.sign(key, "Vote", VOTE, message), readings

    def case(
        self, client: tuple[int, int], consent: tuple[int, int], ballots: Sequence[tuple], *, shared: bool = True
    ) -> tuple:
        """A case as the contract takes it, out of ballots as `ballot` makes them. Readings that are the same in all
        ballots are given by their hash, unless not `shared`."""
        place = self.session << 96 | self.part << 64 | self.attempt << 32 | self.round
        head = [place, *(getattr(self, name) for name, _ in ASSIGNMENT[4:-1])]
        given = [readings for _, word, _, readings in ballots if word]
        same = shared and bool(given) and bool(given[0]) and all(readings == given[0] for readings in given)
        if not same:
            cast_ = [ballot[:3] for ballot in ballots]
            return (*head, client, consent, bytes(32), cast_, [one for ballot in ballots for one in ballot[3]])
        alike = keccak(b"".join(one.to_bytes(32, "big") for one in given[0]))
        cast_ = [(seat, word and word | ALIKE, signature) for seat, word, signature, _ in ballots]
        return (*head, client, consent, alike, cast_, [])

    def but(self, **changes: object) -> Assignment:
        return replace(self, **changes)


@dataclass(frozen=True)
class Batch:
    """Many parts, signed once by each party."""

    sessions: tuple[tuple[int, str], ...]
    """Numbers and clients."""
    parties: tuple[str, ...]
    rows: tuple[int, ...]
    evidence: bytes = keccak(b"evidence")

    @classmethod
    def of(cls, given: Sequence[tuple[Assignment, Sequence[Vote]]], clients: dict[int, str]) -> Batch:
        """The parts with their votes; `clients` by session."""
        nodes = {seat & 2**160 - 1 for part, _ in given for seat in part.seats}
        nodes |= {int(part.producer, 16) for part, _ in given} | {int(client, 16) for client in clients.values()}
        places = {node: place for place, node in enumerate(sorted(nodes))}
        sessions = sorted(clients)
        rows: list[int] = []
        for part, votes in given:
            head = part.part | sessions.index(part.session) << 16 | places[int(part.producer, 16)] << 24
            rows.append(head | len(part.seats) << 32 | part.reward << 160)
            for seat, vote in zip(part.seats, votes, strict=True):
                verdict, score_ppm, readings = cast(vote)
                word = places[seat & 2**160 - 1] | verdict << 8 | len(readings) << 16 | score_ppm << 32
                rows += [word | seat >> 160 << 160, *readings]
        parties = tuple(to_checksum_address(node.to_bytes(20, "big")) for node in sorted(nodes))
        return cls(tuple((session, clients[session]) for session in sessions), parties, tuple(rows))

    def words(self) -> list[int]:
        return [session << 8 | self.parties.index(client) for session, client in self.sessions]

    def signed(self, keys: Sequence[LocalAccount], domain: Domain) -> tuple:
        """As the contract takes it, signed by those who have a key here."""
        message = {"evidence": self.evidence, "sessions": self.words(), "parties": list(self.parties)}
        message["rows"] = list(self.rows)
        by = {key.address: domain.sign(key, "Batch", BATCH, message) for key in keys}
        signatures = [by.get(party, NOTHING) for party in self.parties]
        return self.evidence, self.words(), list(self.parties), signatures, list(self.rows)


@dataclass(frozen=True)
class Net:
    """What a batch changes for each party, and what it takes out of each session."""

    expires: int
    spends: tuple[tuple[int, int, int, int], ...]
    """Session, word, bits of its parts, amount."""
    changes: dict[str, int]
    clients: tuple[str, ...]
    """Of each spend's session."""
    burnt: int = 0
    evidence: bytes = keccak(b"settlements")

    def listed(self) -> list[tuple[str, int]]:
        return sorted(self.changes.items(), key=lambda change: int(change[0], 16))

    def signature(self, key: LocalAccount, domain: Domain) -> tuple[int, int]:
        message = {"evidence": self.evidence, "expires": self.expires, "burnt": self.burnt}
        message["spends"] = [dict(zip((name for name, _ in SPEND), spend, strict=True)) for spend in self.spends]
        message["changes"] = [{"party": party, "amount": amount} for party, amount in self.listed()]
        return domain.sign(key, "Net", NET, message, Spend=SPEND, Change=CHANGE)

    def signed(self, keys: Sequence[LocalAccount], domain: Domain) -> tuple:
        """As the contract takes it."""
        by = {key.address: self.signature(key, domain) for key in keys}
        listed = self.listed()
        places = [[party for party, _ in listed].index(client) for client in self.clients]
        signatures = [by.get(party, NOTHING) for party, _ in listed]
        return self.evidence, self.expires, self.burnt, list(self.spends), listed, places, signatures
