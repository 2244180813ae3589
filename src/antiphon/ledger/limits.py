"""What an operation may contain: every size that arrives from outside has its limit here."""

from __future__ import annotations

import re
from collections.abc import Iterable

from antiphon.economy.royalty import MAX_ASKED_PPM, MAX_CONTRIBUTORS, MAX_PARENTS
from antiphon.economy.types import NANO, PPM, Part, Role, Vote
from antiphon.errors import AntiphonError, InputError
from antiphon.ledger.operations import (
    Appeal,
    AssetOperation,
    CallEpoch,
    ClaimRoyalty,
    ClaimSession,
    Commit,
    CommitAsset,
    CommitWeights,
    Decline,
    Deliver,
    Deposit,
    DrawSeats,
    Endorse,
    EpochOperation,
    Expose,
    Heartbeat,
    MarkCopy,
    OpenTask,
    Operation,
    Pay,
    PublishAsset,
    Redeem,
    Register,
    Reveal,
    RevealWeights,
    Revoke,
    Selector,
    ServiceOffer,
    SetEpochRules,
    SignBatch,
    Skip,
    Stake,
    Unstake,
)
from antiphon.ledger.showings import MAX_SHOWN_BYTES
from antiphon.ledger.vouchers import MAX_HEARD_BYTES
from antiphon.protocol.identity import check_node_id
from antiphon.services import MAX_GRANT_BYTES

MAX_SUPPLY_NANO = 10**9 * NANO  # all money there is; keeps every sum inside 64 bits
MAX_PRICE_NANO = 10 * NANO  # per unit
MAX_PARTS = 1_000
MAX_PART_UNITS = 100_000
MAX_PHASES = 3  # stake that a task was drawn by must not be free again before its last judgement (`Rules.unbond_s`)
MAX_NAME_CHARS = 64  # service, language, engine, voice
MAX_MIX_CHARS = 512  # a voice mix
MAX_MIX_VOICES = 16
MAX_OFFERS = 64  # of one registration
MAX_LANGUAGES = 256  # of one offer
MAX_VOICES = 1_024  # of one offer
MAX_ENDPOINT_CHARS = 512
MAX_REASON_CHARS = 200
MAX_MEASUREMENTS = 64  # of one vote
MAX_READINGS = 32  # of one vote
MAX_READING = 10**12  # either way
MAX_MEASUREMENT_REASON_CHARS = 1_000
MAX_OPERATION_BYTES = 1 << 20  # an operation's envelope
MAX_REGISTER_BYTES = 16 << 10  # a registration's; espeak's 138 languages and voices take 3 KB
MAX_VOUCHER_BYTES = 1 << 10
MAX_PAGE_BYTES = 1 << 20  # registrations in one answer
MAX_PAGE = 500  # records in one answer
MAX_GRANTS = 16  # consents one task relies on
MAX_REVOCATIONS = 10_000  # of one grantor
MIN_RATE_HZ, MAX_RATE_HZ = 8_000, 192_000
MAX_CHANNELS = 2
MAX_RESULT_BYTES = 1 << 30
HASH_BYTES = 32
MAX_EPOCH_S = 366 * 86_400
SALT_BYTES = 16

MAX_SEATS = 7

_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_ASSET = re.compile(r"[0-9a-f]{64}")
_TASK = re.compile(r"[0-9a-f]{32}")  # so are the ids of consents
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
SIGNATURE_BYTES = 65
"""Of a chain key: r, s, v."""
COMPACT_BYTES = 64
"""The same as r, vs (EIP-2098)."""


def check(operation: Operation) -> None:
    """Raise InputError unless every field of `operation` is within its limits."""
    match operation:
        case Register():
            _check_register(operation)
        case Heartbeat():
            _text("The endpoint", operation.endpoint, MAX_ENDPOINT_CHARS, required=True)
        case Deposit() | Pay() | Stake() | Unstake() | ClaimSession() | SignBatch():
            _check_money(operation)
        case OpenTask():
            _check_open(operation)
        case Deliver():
            _part_of(operation.task, operation.index, operation.attempt)
            _check_deliver(operation)
        case Decline() | Skip() | Redeem():
            _check_passing(operation)
        case DrawSeats() | Endorse() | Commit() | Reveal() | Expose() | Appeal():
            _check_round(operation)
        case Revoke():
            if not _TASK.fullmatch(operation.grant):
                raise InputError(f"{operation.grant[:40]!r} is no id of a consent", "It has 32 lower-case hex digits.")
        case CommitAsset() | PublishAsset() | ClaimRoyalty() | MarkCopy():
            _check_asset(operation)
        case CommitWeights() | RevealWeights() | CallEpoch() | SetEpochRules():
            _check_epoch(operation)
        case _:
            pass  # Retire and Cancel hold nothing but an enum and a task id that is looked up


def _check_passing(operation: Decline | Skip | Redeem) -> None:
    """What ends a producer's turn before it delivers."""
    _part_of(operation.task, operation.index, operation.attempt)
    if not isinstance(operation, Redeem):
        _text("The reason", operation.reason, MAX_REASON_CHARS)
    elif len(operation.heard) > MAX_HEARD_BYTES:
        raise InputError(f"A voucher has at most {MAX_HEARD_BYTES} bytes, not {len(operation.heard)}")


def _check_money(operation: Deposit | Pay | Stake | Unstake | ClaimSession | SignBatch) -> None:
    if isinstance(operation, SignBatch):
        if not 0 < operation.batch < 2**62:
            raise InputError(f"{operation.batch} is no number of a batch", "Ask the relay for its batches.")
        _bytes("The signature of a batch", operation.signature, COMPACT_BYTES)
        return
    if isinstance(operation, ClaimSession):
        if not 0 < operation.session < 2**63:
            raise InputError(f"{operation.session} is no number of a session", "The chain gave it one when it began.")
        _bytes("The signature of a session's client", operation.signature, SIGNATURE_BYTES)
        return
    if isinstance(operation, Deposit | Pay):
        _node_id(operation.account)
    _amount(operation.amount_nano)


def check_size(operation: Operation, size: int) -> None:
    """Raise InputError unless an operation's envelope of `size` bytes may be kept."""
    if isinstance(operation, Register) and size > MAX_REGISTER_BYTES:
        raise InputError(
            f"The registration has {size} bytes, more than {MAX_REGISTER_BYTES}",
            "Offer fewer voices and languages; an empty list means any.",
        )


def _check_epoch(operation: EpochOperation) -> None:
    match operation:
        case CommitWeights():
            _bytes("A commitment", operation.commitment, HASH_BYTES)
            _epoch(operation.epoch)
        case RevealWeights():
            _bytes("A salt", operation.salt, SALT_BYTES)
            _epoch(operation.weights.epoch)
        case CallEpoch():
            _epoch(operation.epoch)
        case SetEpochRules():
            rules = operation.rules
            if rules.emission_nano > MAX_SUPPLY_NANO or max(rules.epoch_s, rules.phase_s) > MAX_EPOCH_S:
                raise InputError(f"An epoch issues {MAX_SUPPLY_NANO} nano and lasts {MAX_EPOCH_S} s at most")


def _check_asset(operation: AssetOperation) -> None:
    match operation:
        case CommitAsset():
            _bytes("A commitment", operation.commitment, HASH_BYTES)
        case PublishAsset():
            _bytes("A salt", operation.salt, SALT_BYTES)
            for asset in (operation.asset, *operation.parents):
                check_asset(asset)
            if len(operation.parents) > MAX_PARENTS or not 0 <= operation.asked_ppm <= MAX_ASKED_PPM:
                raise InputError(f"An asset has at most {MAX_PARENTS} parents and asks for at most {MAX_ASKED_PPM} ppm")
            if not 1 <= len(operation.contributors) <= MAX_CONTRIBUTORS:
                raise InputError(f"An asset has 1 to {MAX_CONTRIBUTORS} contributors")
            for one in operation.contributors:
                _node_id(one.node)
            shares = [one.ppm for one in operation.contributors]
            if min(shares) < 0 or sum(shares) != PPM:
                raise InputError(f"Contributors' shares must sum to {PPM} ppm", "Give the rest to the first.")
            if len({one.node for one in operation.contributors}) < len(shares):
                raise InputError("A contributor is named twice", "Add its shares up.")
        case ClaimRoyalty():
            check_asset(operation.asset)
            if not 0 <= operation.place < MAX_CONTRIBUTORS:
                raise InputError(f"{operation.place} is no place of a contributor", "They count from 0.")
        case MarkCopy():
            check_asset(operation.asset)
            check_asset(operation.original)


def check_asset(asset: str) -> None:
    """Raise InputError unless it is the content hash of an asset."""
    if not _ASSET.fullmatch(asset):
        raise InputError(f"{asset[:70]!r} is no id of an asset", "It has 64 lower-case hex digits.")


def _epoch(number: int) -> None:
    if not 1 <= number < 1 << 53:
        raise InputError(f"{number} is no number of an epoch", "They count from 1.")


def _check_round(operation: DrawSeats | Endorse | Commit | Reveal | Expose | Appeal) -> None:
    """What belongs to one round of judgement."""
    _part_of(operation.task, operation.index, operation.round)
    match operation:
        case DrawSeats():
            _part_of(operation.task, operation.index, operation.attempt)
            _bytes("A link", operation.link, HASH_BYTES)
            _bytes("The hash of a pool", operation.pool_hash, HASH_BYTES)
        case Commit():
            _bytes("A commitment", operation.commitment, HASH_BYTES)
        case Reveal():
            _bytes("A salt", operation.salt, SALT_BYTES)
            check_vote(operation.vote)
            if operation.ballot:
                _bytes("A ballot", operation.ballot, COMPACT_BYTES)
        case Endorse():
            _check_endorse(operation)
        case Expose():
            if len(operation.shown) > MAX_SHOWN_BYTES:
                raise InputError(f"A showing has at most {MAX_SHOWN_BYTES} bytes, not {len(operation.shown)}")


def _check_endorse(operation: Endorse) -> None:
    _part_of(operation.task, operation.index, operation.attempt)
    _bytes("A signature for the chain", operation.signature, COMPACT_BYTES)
    if not (0 < operation.session < 2**63 and 0 <= operation.part < 65_536 and 0 < operation.due_s < 2**40):
        raise InputError("A session, its part or a time is out of bounds", "The chain gave the session its number.")
    if len(operation.seats) > MAX_SEATS or not all(map(_ADDRESS.fullmatch, (operation.producer, *operation.seats))):
        raise InputError("An address has 0x and 40 hex digits", "Name the addresses of the producer and its seats.")


def check_selector(selector: Selector) -> None:
    """Raise InputError unless the selector's names are usable."""
    _text("The service", selector.service, MAX_NAME_CHARS, required=True)
    _text("The language", selector.language, MAX_NAME_CHARS)
    _text("The engine", selector.engine, MAX_NAME_CHARS)
    _text("The voice", selector.voice, MAX_MIX_CHARS)
    if selector.voice.count("+") >= MAX_MIX_VOICES:
        raise InputError(f"The voice mixes more than {MAX_MIX_VOICES} voices", "Mix fewer.")
    if selector.asset:
        check_asset(selector.asset)
    if selector.node:
        _node_id(selector.node)


def check_parts(parts: tuple[Part, ...]) -> None:
    """Raise InputError unless the parts are numbered 0, 1, 2, ... and each has a sane size."""
    if not 1 <= len(parts) <= MAX_PARTS:
        raise InputError(f"A task has 1 to {MAX_PARTS} parts, not {len(parts)}", "Open several tasks.")
    for index, part in enumerate(parts):
        if part.index != index:
            raise InputError(f"Part {index} is numbered {part.index}", "Number the parts 0, 1, 2, ...")
        if not 1 <= part.units <= MAX_PART_UNITS:
            raise InputError(f"Part {index} has {part.units} units, not 1 to {MAX_PART_UNITS}", "Split it.")
        if not 0 <= part.phase < MAX_PHASES:
            raise InputError(f"Part {index} is in phase {part.phase}, not 0 to {MAX_PHASES - 1}")
        if part.role is Role.VALIDATOR:
            raise InputError(f"Part {index} asks for a validator as producer", "Ask for a processor or a trainer.")


def _check_register(operation: Register) -> None:
    if not 1 <= len(operation.offers) <= MAX_OFFERS:
        raise InputError(f"A registration has 1 to {MAX_OFFERS} offers, not {len(operation.offers)}")
    _bytes("A seal key", operation.seal_key, HASH_BYTES)
    _text("The endpoint", operation.endpoint, MAX_ENDPOINT_CHARS, required=True)
    for offer in operation.offers:
        _check_offer(offer)


def _check_offer(offer: ServiceOffer) -> None:
    if not 1 <= offer.price_nano <= MAX_PRICE_NANO:
        raise InputError(f"A price of {offer.price_nano} nano per unit is outside 1 to {MAX_PRICE_NANO}")
    _text("The service", offer.service, MAX_NAME_CHARS, required=True)
    _text("The engine", offer.engine, MAX_NAME_CHARS)
    _names("languages", offer.languages, MAX_LANGUAGES)
    _names("voices", offer.voices, MAX_VOICES)
    if offer.asset:
        check_asset(offer.asset)


def _check_open(operation: OpenTask) -> None:
    if not _TASK.fullmatch(operation.task):
        raise InputError(f"{operation.task[:40]!r} is no task id", "A task id has 32 lower-case hex digits.")
    _bytes("A request hash", operation.request_hash, HASH_BYTES)
    _amount(operation.max_total_nano)
    check_selector(operation.selector)
    check_parts(operation.parts)
    if len(operation.tips) != len(operation.parts):
        raise InputError(f"The task has {len(operation.tips)} tips for {len(operation.parts)} parts", "Give one each.")
    for tip in operation.tips:
        _bytes("A tip", tip, HASH_BYTES)
    if operation.selector.node and not operation.synthetic:
        raise InputError("Only a synthetic task may name a node", "Leave the node to the ledger's draw.")
    if len(operation.voucher) > MAX_VOUCHER_BYTES or (operation.voucher and not operation.synthetic):
        raise InputError("A voucher belongs to a synthetic task and is short", "Leave it out.")
    if operation.payer and not _ADDRESS.fullmatch(operation.payer):
        raise InputError(f"{operation.payer[:50]!r} is no address of a chain key", "It has 0x and 40 hex digits.")
    if not len(set(operation.grants)) == len(operation.grants) <= MAX_GRANTS:
        raise InputError(f"A task relies on at most {MAX_GRANTS} different consents", "Open several tasks.")
    if any(len(grant) > MAX_GRANT_BYTES for grant in operation.grants):
        raise InputError(f"A consent has more than {MAX_GRANT_BYTES} bytes", "Check it: antiphon consent show")


def _check_deliver(operation: Deliver) -> None:
    _bytes("A result hash", operation.result_hash, HASH_BYTES)
    if operation.trace_root:
        _bytes("The root of a trace", operation.trace_root, HASH_BYTES)
    check_form(operation.rate_hz, operation.channels)
    if not 1 <= operation.size <= MAX_RESULT_BYTES:
        raise InputError(f"A result of {operation.size} bytes is outside 1 to {MAX_RESULT_BYTES}")
    if operation.channels and operation.size % (2 * operation.channels):
        raise InputError(f"{operation.size} bytes are no {operation.channels}-channel 16-bit PCM")


def check_form(rate_hz: int, channels: int) -> None:
    """Raise InputError unless they describe audio that exists, or are both 0: no audio."""
    if (rate_hz, channels) == (0, 0):
        return
    if not MIN_RATE_HZ <= rate_hz <= MAX_RATE_HZ:
        raise InputError(f"A rate of {rate_hz} Hz is outside {MIN_RATE_HZ} to {MAX_RATE_HZ}")
    if not 1 <= channels <= MAX_CHANNELS:
        raise InputError(f"Audio of {channels} channels is outside 1 to {MAX_CHANNELS}")


def check_vote(vote: Vote) -> None:
    """Raise InputError unless a vote can be revealed. Validators call it before they commit to the vote."""
    if len(vote.measurements) > MAX_MEASUREMENTS:
        raise InputError(f"The vote has {len(vote.measurements)} measurements, more than {MAX_MEASUREMENTS}")
    for figure in vote.measurements:
        for name in (figure.judge, figure.name, figure.unit):
            _text("A measurement's name", name, MAX_NAME_CHARS)
        if len(figure.reason or "") > MAX_MEASUREMENT_REASON_CHARS:
            raise InputError(f"{figure.judge}.{figure.name} has a reason of {len(figure.reason or '')} characters")
        if figure.value is not None and not -1e18 < figure.value < 1e18:
            raise InputError(f"{figure.judge}.{figure.name} is {figure.value}", "Measure it, or say why it cannot be.")
    if len(vote.readings) > MAX_READINGS:
        raise InputError(f"The vote has {len(vote.readings)} readings, more than {MAX_READINGS}")
    for reading in vote.readings:
        _text("A reading's key", reading.key, MAX_NAME_CHARS, required=True)
        if abs(reading.value) > MAX_READING:
            raise InputError(f"The reading {reading.key} is beyond {MAX_READING}", "Leave it out.")


def _part_of(task: str, index: int, turn: int) -> None:
    if not _TASK.fullmatch(task):
        raise InputError(f"{task[:40]!r} is no task id", "A task id has 32 lower-case hex digits.")
    if not (0 <= index < MAX_PARTS and 0 <= turn < MAX_PARTS):
        raise InputError(f"Part {index}, turn {turn}: both count from 0 to {MAX_PARTS - 1}")


def _amount(amount_nano: int) -> None:
    if not 1 <= amount_nano <= MAX_SUPPLY_NANO:
        raise InputError(f"An amount of {amount_nano} nano is outside 1 to {MAX_SUPPLY_NANO}")


def _node_id(node_id: str) -> None:
    try:
        check_node_id(node_id)
    except AntiphonError as e:
        raise InputError(e.what, e.hint) from e


def _names(what: str, names: tuple[str, ...], limit: int) -> None:
    if len(names) > limit:
        raise InputError(f"The offer lists {len(names)} {what}, more than {limit}", "Split it into several offers.")
    _each(what, names)


def _each(what: str, names: Iterable[str]) -> None:
    for name in names:
        _text(f"One of the {what}", name, MAX_NAME_CHARS, required=True)


def _text(what: str, text: str, limit: int, *, required: bool = False) -> None:
    if required and not text:
        raise InputError(f"{what} is empty")
    if len(text) > limit:
        raise InputError(f"{what} has {len(text)} characters, more than {limit}", "Shorten it.")
    if not text.isprintable():
        raise InputError(f"{what} has characters that cannot be printed")


def _bytes(what: str, value: bytes, size: int) -> None:
    if len(value) != size:
        raise InputError(f"{what} has {size} bytes, not {len(value)}")
