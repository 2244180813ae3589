"""What client, producer and seats sign for the contract "quorum", made by eth-account from the types in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import boa
from contracts_economy import cast
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils import keccak

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

    def sign(self, key: LocalAccount, kind: str, fields: list[tuple[str, str]], message: dict) -> tuple[int, int]:
        """r and vs, as EIP-2098 packs them."""
        domain = {
            "name": self.name,
            "version": self.version,
            "chainId": self.chain,
            "verifyingContract": self.contract,
        }
        types = {kind: [{"name": name, "type": of} for name, of in fields]}
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
        """A seat's signed vote as the contract takes it; None = it brings none."""
        if vote is None:
            return self.seats[seat], 0, 0, NOTHING, []
        verdict, score_ppm, readings = cast(vote)
        message = {"assignment": self.hash(), "verdict": verdict, "score_ppm": score_ppm, "readings": readings}
        return self.seats[seat], verdict, score_ppm, domain.sign(key, "Vote", VOTE, message), readings

    def case(self, client: tuple[int, int], consent: tuple[int, int], ballots: Sequence[tuple]) -> tuple:
        head = [getattr(self, name) for name, _ in ASSIGNMENT[:-1]]
        return (*head, client, consent, list(ballots))

    def but(self, **changes: object) -> Assignment:
        return replace(self, **changes)
