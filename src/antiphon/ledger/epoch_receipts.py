"""Receipts of epochs: from each validator's signed commitment and weights to each amount, again, without any network.

What an audit takes from the ledger's signed `Standing`: who was registered with which stake, who has judged whom, when
each envelope was applied, and the bonds of the epoch before. All else is computed. That the ledger left out a reveal
can be shown by the validator that has it; that it changed the bonds, by the receipt before (`bonds_sha256` there and
`from_sha256` here); that it made up or left out a judgement, by that task's receipt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from antiphon.economy.consensus import ONE
from antiphon.economy.epochs import BURNT, OWNER, Bonds, Payment
from antiphon.economy.evidence import covered
from antiphon.economy.types import Transfer
from antiphon.errors import AntiphonError, ConflictError, InputError, ProtocolError, StateError
from antiphon.ledger import epochs
from antiphon.ledger.base import Ledger
from antiphon.ledger.epochs import LEDGER_CARRIED, LEDGER_EPOCH, EpochState, Settled, Standing, Weights, epoch_id
from antiphon.ledger.operations import OPERATION_KIND, CallEpoch, CommitWeights, RevealWeights
from antiphon.ledger.replay import differences
from antiphon.protocol import canonical, envelope
from antiphon.protocol import receipt as receipts
from antiphon.protocol.envelope import MAX_AGE_MS, MAX_AHEAD_MS, Envelope
from antiphon.protocol.receipt import Receipt

_HINT = "Do not trust this receipt; ask the ledger for it again."


class EpochReport(msgspec.Struct, frozen=True, kw_only=True):
    """What an audit found to be true."""

    ledger: str
    number: int
    envelopes: int
    revealed: int
    carried: int  # weights of earlier epochs that count still
    paid: int  # payments
    emission_nano: int
    net_nano: dict[str, int]  # by account; sums to 0
    evidence_only: bool


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """An epoch as its evidence says it must have gone."""

    standing: Standing
    revealed: dict[str, Weights]
    settled: Settled


def is_epoch(receipt: Receipt) -> bool:
    """Whether a receipt is an epoch's; of a task's, or of one that cannot be read, no."""
    try:
        return canonical.parse(Envelope, receipt.envelopes[-2]).kind == LEDGER_EPOCH
    except (IndexError, ProtocolError):
        return False


async def build(ledger: Ledger, number: int) -> Receipt:
    """The receipt of a closed epoch. Raises ConflictError while it is open, StateError if records contradict it."""
    record = await ledger.epoch(number)
    if record.state is not EpochState.CLOSED:
        raise ConflictError(f"Epoch {record.number} is still open", "A receipt exists once it is closed.")
    own = await ledger.identity()
    receipt = Receipt(ledger=own, task=record.id, envelopes=await ledger.evidence(record.id))
    replayed = replay(own, receipts.verify_signatures(receipt, ledger=own))
    if replayed.settled.computed.emission_nano != record.emission_nano or replayed.standing.rules != record.rules:
        raise StateError(f"The ledger's record of epoch {number} contradicts its evidence", "Restore a backup.")
    return msgspec.structs.replace(receipt, statement=statement(replayed))


def audit(receipt: Receipt, *, ledger: str | None = None) -> EpochReport:
    """Check a receipt without any network. Raises ProtocolError naming the first thing that differs."""
    messages = receipts.verify_signatures(receipt, ledger=ledger)
    replayed = replay(receipt.ledger, messages)
    if receipt.statement and (found := differences(receipt.statement, statement(replayed))):
        raise ProtocolError(f"The receipt's statement is not what its evidence says: {found}", "Do not trust it.")
    net_nano = net(replayed.settled.transfers)
    assert sum(net_nano.values()) == 0, "money is conserved"
    own = [one for one in replayed.revealed.values() if one.epoch == replayed.standing.number]
    return EpochReport(
        ledger=receipt.ledger,
        number=replayed.standing.number,
        envelopes=len(receipt.envelopes),
        revealed=len(own),
        carried=len(replayed.revealed) - len(own),
        paid=len(replayed.settled.computed.payments),
        emission_nano=replayed.settled.computed.emission_nano,
        net_nano=net_nano,
        evidence_only=not receipt.statement,
    )


def replay(ledger: str, messages: Sequence[Envelope]) -> Replayed:
    """What verified envelopes (without the closing one) come to. Raises ProtocolError naming what is wrong.

    1. Last comes the ledger's standing, of this very epoch, with a time for each envelope before it; times do not run
    back, and each operation was applied while it was fresh. 2. Each was signed by who may, and in its phase: commits
    before the time to commit ended, reveals after it. 3. What is revealed is what was committed to last. 4. What the
    ledger carries from an earlier epoch is the validator's own reveal, and there is none of this epoch. 5. The payments
    are those that the ledger signed for.
    """
    *others, last = messages
    if last.kind != LEDGER_EPOCH or last.sender != ledger:
        raise ProtocolError("The evidence does not end with how things stood", _HINT)
    standing = canonical.decode(Standing, last.body)
    if last.task != epoch_id(ledger, standing.number) or len(standing.applied_ms) > len(others):
        raise ProtocolError("What the ledger says is of another epoch, or of other envelopes", _HINT)
    revealed: list[tuple[str, Weights]] = []
    commitments: dict[str, bytes] = {}
    times = (*standing.applied_ms, *[standing.closed_ms] * (len(others) - len(standing.applied_ms)))
    latest_ms = standing.opened_ms
    for number, (message, at_ms) in enumerate(zip(others, times, strict=True)):
        try:
            if not latest_ms <= at_ms <= standing.closed_ms:
                raise ProtocolError("Its time is not within the epoch, or runs back", _HINT)
            latest_ms = at_ms
            if message.kind == LEDGER_CARRIED:
                revealed.append(_carried(ledger, standing, message))
            else:
                _apply(ledger, standing, commitments, revealed, message, at_ms)
        except (AntiphonError, ValueError) as e:
            raise ProtocolError(f"Envelope {number} of the epoch cannot have counted: {e}", _HINT) from e
    names = [node for node, _ in revealed]
    if len(set(names)) < len(names):
        raise ProtocolError("Weights of one validator count twice", _HINT)
    try:
        settled = epochs.settle(standing, dict(revealed))
    except (InputError, AssertionError, ValueError, OverflowError) as e:
        raise ProtocolError(f"The epoch cannot have been closed like that: {e}", _HINT) from e
    if settled.paid_sha256 != standing.paid_sha256:
        raise ProtocolError("The ledger signed for other payments than follow from the weights", _HINT)
    return Replayed(standing=standing, revealed=dict(revealed), settled=settled)


def _apply(
    ledger: str,
    standing: Standing,
    commitments: dict[str, bytes],
    revealed: list[tuple[str, Weights]],
    message: Envelope,
    at_ms: int,
) -> None:
    """Rules 1 to 3, for one operation."""
    if not message.time_ms - MAX_AHEAD_MS <= at_ms <= message.time_ms + MAX_AGE_MS:
        raise ProtocolError("It was not fresh when it was applied", _HINT)
    operation = _operation(message)
    match operation:
        case CallEpoch():
            if message.sender != ledger or operation.epoch != standing.number:
                raise ProtocolError("Only the ledger's operator calls this epoch", _HINT)
        case CommitWeights():
            if operation.epoch != standing.number or at_ms > standing.committed_ms:
                raise ProtocolError("It is a commitment of another epoch, or came too late", _HINT)
            commitments[message.sender] = operation.commitment
        case RevealWeights():
            weights = operation.weights
            if weights.epoch != standing.number or at_ms < standing.committed_ms:
                raise ProtocolError("It is a reveal of another epoch, or came too early", _HINT)
            _check(standing, weights)
            made = epochs.commitment(weights, operation.salt, validator=message.sender, ledger=ledger)
            if commitments.get(message.sender) != made:
                raise ProtocolError("It is not what was committed to", _HINT)
            revealed.append((message.sender, weights))


def _operation(message: Envelope) -> CommitWeights | RevealWeights | CallEpoch:
    if message.kind != OPERATION_KIND:
        raise ProtocolError(f"A {message.kind!r} is no operation", _HINT)
    found: CommitWeights | RevealWeights | CallEpoch = canonical.decode(
        CommitWeights | RevealWeights | CallEpoch, message.body
    )
    return found


def _carried(ledger: str, standing: Standing, message: Envelope) -> tuple[str, Weights]:
    """Rule 4."""
    if message.sender != ledger:
        raise ProtocolError("Only the ledger carries weights on", _HINT)
    told = envelope.verify_at(message.body, ledger)
    operation = _operation(told)
    if not isinstance(operation, RevealWeights) or told.task != epoch_id(ledger, operation.weights.epoch):
        raise ProtocolError("It is no reveal", _HINT)
    if not standing.number - standing.rules.cutoff_epochs <= operation.weights.epoch < standing.number:
        raise ProtocolError("It is of an epoch too long ago", _HINT)
    return told.sender, operation.weights


def _check(standing: Standing, weights: Weights) -> None:
    if weights.version != standing.rules.version:
        raise ProtocolError("It is of another version", _HINT)


def bonds_sha256(bonds: Mapping[str, Bonds]) -> str:
    """SHA-256 over the canonical bonds, in hex: what chains one epoch's receipt to the next one's."""
    return hashlib.sha256(canonical.pack(dict(sorted(bonds.items())))).hexdigest()


def net(transfers: Sequence[Transfer]) -> dict[str, int]:
    """What each account has more or less."""
    found: dict[str, int] = {}
    for move in transfers:
        found[move.source] = found.get(move.source, 0) - move.amount_nano
        found[move.target] = found.get(move.target, 0) + move.amount_nano
    return {account: nano for account, nano in sorted(found.items()) if nano}


def statement(replayed: Replayed) -> dict[str, Any]:
    """Everything that led to each payment, as plain values; shares in 2^-31."""
    standing, computed = replayed.standing, replayed.settled.computed
    names = {one.uid: one.node for one in standing.members}
    told = {
        "epoch": standing.number,
        "opened_ms": standing.opened_ms,
        "committed_ms": standing.committed_ms,
        "closed_ms": standing.closed_ms,
        "rules": msgspec.to_builtins(standing.rules),
        "emission_nano": computed.emission_nano,
        "owner": standing.owner,
        "validators": [
            {
                "uid": one.uid,
                "node": one.node,
                "stake_nano": one.stake_nano,
                "permit": one.uid in computed.judges,
                "weights_of_epoch": replayed.revealed[one.node].epoch if one.node in replayed.revealed else None,
            }
            for one in standing.members
            if one.validator
        ],
        "services": {market.service: _market(replayed, number) for number, market in enumerate(computed.markets)},
        "payments": [_payment(one, names, standing.owner) for one in computed.payments],
        "from_sha256": bonds_sha256(standing.bonds),
        "bonds_sha256": bonds_sha256(computed.bonds),
        "net_nano": net(replayed.settled.transfers),
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(told))
    return plain


def _market(replayed: Replayed, number: int) -> dict[str, Any]:
    """One service: only nodes that somebody weighs."""
    computed = replayed.settled.computed
    market = computed.markets[number]
    outcome, names = market.outcome, {one.uid: one.node for one in replayed.standing.members}
    rows, known = outcome.rows, market.known
    judged = None if known is None else covered(known, outcome.rank)
    weighed = [column for column in range(len(computed.uids)) if rows[:, column].any()]
    return {
        "nodes_nano": market.nodes_nano,
        "validators_nano": market.validators_nano,
        "nodes": [
            {
                "uid": computed.uids[column],
                "node": names[computed.uids[column]],
                "consensus": int(outcome.consensus[column]),
                "rank": int(outcome.rank[column]),
                "trust": int(outcome.trust[column]),
                "weights": {
                    str(uid): weight
                    for row, (uid, weight) in enumerate(zip(computed.judges, rows[:, column].tolist(), strict=True))
                    if weight and (known is None or known[row, column])
                },
            }
            for column in weighed
        ],
        "validators": [
            {
                "uid": uid,
                "stake": int(outcome.share[row]),
                "trust": int(outcome.validator_trust[row]),
                "judged": ONE if judged is None else judged[row],
                "dividends": int(outcome.dividends[row]),
            }
            for row, uid in enumerate(computed.judges)
        ],
    }


def _payment(payment: Payment, names: Mapping[int, str], owner: str) -> dict[str, Any]:
    to = {OWNER: owner, BURNT: "burnt"}.get(payment.uid) or names[payment.uid]
    return {"to": to, "amount_nano": payment.amount_nano, "why": payment.why, "service": payment.service}
