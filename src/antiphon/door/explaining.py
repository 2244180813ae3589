"""A receipt in lines: who was asked, what was measured, how the votes fell, where each amount went."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from antiphon.door.receipts import verify_receipt
from antiphon.economy.types import PPM
from antiphon.errors import AntiphonError, InputError
from antiphon.protocol import receipt as receipts


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """One validator's. `majority`: whether it voted with most of the others."""

    validator: str
    verdict: str
    score: float | None
    majority: bool


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One figure, by each validator in the order of `votes` that measured it. None: inconclusive."""

    name: str
    unit: str
    values: tuple[float | None, ...]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One payment. `source` and `target`: who, in words; `part` -1: of the whole task."""

    part: int
    amount_nano: int
    source: str
    target: str
    why: str


class ReceiptPart(msgspec.Struct, frozen=True, kw_only=True):
    """One part: by whom it was made, and what was found."""

    index: int
    units: int
    state: str
    producer: str
    verdict: str | None
    score: float | None
    votes: tuple[Vote, ...]
    measured: tuple[Measured, ...]
    notes: tuple[str, ...]


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """The receipt of one task of the ledger. `valid`: every signature holds, and every quote, draw, vote and payment
    was computed again and is the same; else `problem` says what does not. `held_nano` was set apart at the beginning;
    `paid_nano` is what it took from its client in the end."""

    task: str
    ledger: str
    state: str
    opened_ms: int
    closed_ms: int
    held_nano: int
    paid_nano: int
    valid: bool
    problem: str
    parts: tuple[ReceiptPart, ...]
    lines: tuple[Line, ...]


def explained(path: Path) -> Explained:
    """Reads, checks and explains a receipt of the data folder. Takes tens of milliseconds. Raises `InputError`."""
    problem = ""
    try:
        verify_receipt(path)
    except InputError:
        raise
    except AntiphonError as error:
        problem = str(error)
    receipt = receipts.load(path.read_bytes())
    told = receipt.statement
    client = f"balance:{told['client']}"
    roles = _roles(told)
    return Explained(
        task=receipt.task,
        ledger=receipt.ledger,
        state=told["state"],
        opened_ms=told["opened_ms"],
        closed_ms=told["closed_ms"],
        held_nano=told["quote"]["total_nano"],
        paid_nano=-told["net_nano"].get(client, 0),
        valid=not problem,
        problem=problem,
        parts=tuple(_part(one) for one in told["parts"]),
        lines=tuple(_line(one, roles) for one in told["transfers"]),
    )


def _part(told: Mapping[str, Any]) -> ReceiptPart:
    ruling = told["rulings"][-1] if told["rulings"] else None
    votes = ruling["votes"] if ruling else {}
    outcome = ruling["outcome"] if ruling else {}
    return ReceiptPart(
        index=told["index"],
        units=told["units"],
        state=told["state"],
        producer=ruling["producer"]["node"] if ruling else "",
        verdict=outcome.get("verdict"),
        score=_share(outcome.get("score_ppm")),
        votes=tuple(
            Vote(
                validator=node,
                verdict=vote["verdict"],
                score=_share(vote["score_ppm"]),
                majority=node in outcome["majority"],
            )
            for node, vote in votes.items()
        ),
        measured=tuple(_measured(votes.values())),
        notes=tuple(told["notes"]),
    )


def _measured(votes: Any) -> Iterator[Measured]:
    found: dict[tuple[str, str], list[float | None]] = {}
    for vote in votes:
        for one in vote["measurements"]:
            found.setdefault((f"{one['judge']}.{one['name']}", one["unit"]), []).append(one["value"])
    for (name, unit), values in found.items():
        yield Measured(name=name, unit=unit, values=tuple(values))


def _line(told: Mapping[str, Any], roles: Mapping[str, str]) -> Line:
    return Line(
        part=told["part"],
        amount_nano=told["amount_nano"],
        source=_party(told["source"], roles),
        target=_party(told["target"], roles),
        why=told["why"],
    )


def _party(account: str, roles: Mapping[str, str]) -> str:
    kind, _, owner = account.partition(":")
    if kind in {"escrow", "burnt"}:
        return kind
    who = roles.get(owner, owner[:8])
    return f"stake of {who}" if kind == "stake" else who


def _roles(told: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in told["parts"]:
        found |= {one["node"]: f"validator {one['node'][:8]}" for one in part["validators"]}
        found |= {one["node"]: f"producer {one['node'][:8]}" for one in part["producers"]}
    return found | {told["client"]: "client"}


def _share(ppm: int | None) -> float | None:
    return None if ppm is None else ppm / PPM
