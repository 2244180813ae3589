"""How a task begins: a pure function of the client's operation and of what the ledger knew at that moment.

The ledger signs that knowledge (`Opening`) into the task's evidence, so an audit repeats quote and draw and gets the
same producers, pools and reserves. The seats are drawn later (`machine`, rule 15), from secrets that both sides commit
to here.
"""

from __future__ import annotations

import hmac
from collections import Counter
from hashlib import sha256

import msgspec

from antiphon.economy import accounts
from antiphon.economy.beacon import Chain
from antiphon.economy.quote import quote
from antiphon.economy.selection import assign
from antiphon.economy.shortlist import Offers
from antiphon.economy.types import Assignment, Mode, Offer, Part, Quote, Role, Rules, Transfer
from antiphon.errors import FundsError, InputError
from antiphon.ledger.flow import Facts
from antiphon.ledger.operations import OpenTask
from antiphon.ledger.records import PartRecord, PartState, TaskRecord, TaskState
from antiphon.ledger.vouchers import Funds
from antiphon.protocol.consent import Consent, check_terms, open_grant

LEDGER_OPEN = "ledger-open"
"""Kind of the envelope that carries an `Opening`."""


class Opening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the ledger adds to `OpenTask`: the moment, its randomness, its rules and the offers that matched."""

    opened_ms: int
    beacon: bytes
    rules: Rules
    producers: dict[str, tuple[Offer, ...]]  # by role
    validators: tuple[Offer, ...]  # `rules.pool` at most
    tips: tuple[bytes, ...]  # of the ledger's own chains, one per part: its side of all draws of seats
    funds: Funds | None = (
        None  # a relay's: what stands behind the first part's vouchers; the others have the next parts
    )


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A task as it begins, and the transfer that locks its escrow."""

    facts: Facts
    record: TaskRecord
    parts: tuple[PartRecord, ...]
    lock: Transfer
    consents: tuple[Consent, ...]


def beacon(secret: bytes, task: str, envelope: bytes) -> bytes:
    """The task's randomness: HMAC-SHA256 over its id and the opening envelope, under the ledger's secret.

    The client fixes both inputs before it can know the output, so it cannot choose its nodes.
    """
    return hmac.digest(secret, task.encode() + sha256(envelope).digest(), "sha256")


def chain(secret: bytes, beacon: bytes, index: int) -> Chain:
    """The ledger's chain for one part. Its seed is an HMAC of the ledger's secret over the task's beacon, and so over
    the client's opening envelope: never a signature, of which its signer can make many for the same words."""
    return Chain(hmac.digest(secret, b"antiphon/1 seats %d " % index + beacon, "sha256"))


def randomness(secret: bytes, operation: OpenTask, envelope: bytes) -> tuple[bytes, tuple[bytes, ...]]:
    """The task's beacon, and the tips of the ledger's chains: its side of all draws."""
    seed = beacon(secret, operation.task, envelope)
    return seed, tuple(chain(secret, seed, part.index).tip for part in operation.parts)


def open_task(ledger: str, operation: OpenTask, client: str, opening: Opening) -> Opened:
    """Quote, draw and lock. Raises UnavailableError (a role is missing), FundsError (dearer than the client allows),
    and InputError or ProtocolError (a consent is missing, not in force, another's, or forged).

    The lock is the sum of the parts' reserves, which is never more than the quote.
    """
    consents = _consents(operation, client, opening)
    if not len(operation.tips) == len(opening.tips) == len(operation.parts):
        raise InputError("A task has one chain of each side for each of its parts")
    if opening.funds is not None and (operation.payer, operation.mode) != (opening.funds.payer, Mode.STREAM):
        raise InputError("A task without vouchers needs nothing behind them")
    producers = {Role(role): offers for role, offers in opening.producers.items()}
    rules = opening.rules
    offers = Offers(producers, opening.validators, rules)
    quoted = quote(operation.parts, offers)
    assignments = _with_voices(
        assign(operation.parts, offers, opening.beacon, operation.selector.node), _asked(consents, rules)
    )
    total_nano = sum(assignment.reserve_nano for assignment in assignments)
    assert total_nano <= quoted.total_nano, "a task never locks more than its quote"
    if total_nano > operation.max_total_nano:
        raise FundsError(
            f"The task locks {total_nano} nano, more than the {operation.max_total_nano} nano allowed",
            "Allow more, or split the task.",
        )
    first = min(part.phase for part in operation.parts)
    return Opened(
        facts=Facts(
            ledger=ledger,
            task=operation.task,
            client=client,
            mode=operation.mode,
            service=operation.selector.service,
            rules=rules,
        ),
        record=_record(operation, client, opening, quoted, consents),
        parts=tuple(
            _begin(operation, part, assignment, opening, started=part.phase == first)
            for part, assignment in zip(operation.parts, assignments, strict=True)
        ),
        lock=Transfer(
            source=accounts.balance(client),
            target=accounts.escrow(operation.task),
            amount_nano=total_nano,
            why="escrow of the task",
        ),
        consents=consents,
    )


def _consents(operation: OpenTask, client: str, opening: Opening) -> tuple[Consent, ...]:
    """What the task relies on, each in force now and for this client. Whether it covers what the sealed request asks
    for is for those to check who can read it (`parties.orders`)."""
    service = operation.selector.service
    if service in opening.rules.consent_services and not operation.grants:
        raise InputError(f"A task of the service {service!r} needs a consent", "Get one: antiphon consent grant --help")
    consents = tuple(open_grant(raw) for raw in operation.grants)
    for consent in consents:
        check_terms(consent, at_ms=opening.opened_ms, grantee=client)
    return consents


def _asked(consents: tuple[Consent, ...], rules: Rules) -> tuple[tuple[str, int], ...]:
    """What each grantor asks for the use of its voice. Raises InputError for more than the rules allow together."""
    asked: Counter[str] = Counter()
    for consent in consents:
        asked[consent.grantor] += consent.grant.asked_ppm
    if asked.total() > rules.voice_ppm:
        raise InputError(
            f"The consents ask for {asked.total()} ppm; this ledger pays {rules.voice_ppm} at most for voices",
            "Use fewer voices in one task, or ask for another consent.",
        )
    return tuple((grantor, ppm) for grantor, ppm in asked.items() if ppm)


def _with_voices(found: tuple[Assignment, ...], voices: tuple[tuple[str, int], ...]) -> tuple[Assignment, ...]:
    if not voices:
        return found
    return tuple(
        msgspec.structs.replace(
            one, producers=tuple(msgspec.structs.replace(maker, voices=voices) for maker in one.producers)
        )
        for one in found
    )


def _record(
    operation: OpenTask, client: str, opening: Opening, quoted: Quote, consents: tuple[Consent, ...]
) -> TaskRecord:
    return TaskRecord(
        task=operation.task,
        client=client,
        selector=operation.selector,
        mode=operation.mode,
        state=TaskState.OPEN,
        quote=quoted,
        rules=opening.rules,
        request_hash=operation.request_hash,
        beacon=opening.beacon,
        opened_ms=opening.opened_ms,
        synthetic=operation.synthetic,
        grants=tuple(consent.ref for consent in consents),
    )


def _begin(operation: OpenTask, part: Part, assignment: Assignment, opening: Opening, *, started: bool) -> PartRecord:
    assert part.index == assignment.index, "assignments come in the order of the parts"
    funds = opening.funds and msgspec.structs.replace(opening.funds, part=opening.funds.part + part.index)
    return PartRecord(
        task=operation.task,
        part=part,
        state=PartState.ASSIGNED if started else PartState.WAITING,
        assignment=assignment,
        deadline_ms=opening.opened_ms + opening.rules.deliver_s * 1000 if started else 0,
        remaining_nano=assignment.reserve_nano,
        client_tip=operation.tips[part.index],
        ledger_tip=opening.tips[part.index],
        funds=funds,
    )
