"""A part of a task in plain words: who was asked, what was measured, how the votes fell, where the money went."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from antiphon.cli.bounds import broken
from antiphon.cli.figures import ant, counted
from antiphon.economy.types import PPM, Assignment, Terms, Transfer, Verdict
from antiphon.judges.metric import key_of
from antiphon.judges.metrics import BUILT_IN
from antiphon.judges.registry import installed
from antiphon.ledger.operations import Selector
from antiphon.ledger.records import PartRecord, PartState, Ruling
from antiphon.protocol.consent import ANYBODY, moment


@dataclass(frozen=True, slots=True)
class Story:
    """One part, from the ledger's record or from a receipt."""

    index: int
    units: int
    state: str
    assignment: Assignment
    notes: tuple[str, ...]
    rulings: tuple[Ruling, ...]

    @classmethod
    def of(cls, record: PartRecord) -> Story:
        """The story of a record."""
        return cls(
            record.part.index, record.part.units, str(record.state), record.assignment, record.notes, record.rulings
        )


def consents(told: Iterable[Mapping[str, Any]], client: str) -> Iterator[str]:
    """Whose voice a task used, by whose leave, for what, until when: from a receipt's statement."""
    for one in told:
        to = {client: "the client", ANYBODY: "anybody"}.get(one["grantee"], one["grantee"][:8])
        yield f"Consent   to use the voice of {one['subject']}, granted by {one['grantor'][:8]} to {to}"
        yield f"          to {', '.join(one['uses'])}; {moment(one['not_before_ms'])} to {moment(one['until_ms'])}"
        if one["revoked_ms"]:
            yield f"          revoked while the task ran: {moment(one['revoked_ms'])}"
        yield f"          id {one['id']}"


def narrative(story: Story, client: str, selector: Selector) -> Iterator[str]:
    """Lines for people."""
    noun = "unit" if selector.service == "music" else "character"
    yield f"Part {story.index + 1}: {story.state}, {counted(story.units, noun)}"
    yield "  Asked     " + ", else ".join(_terms(terms) for terms in story.assignment.producers)
    for note in story.notes:
        yield f"            {note}"
    if not story.rulings and PartState(story.state).final:
        yield "  Nothing was delivered; the client got everything back."
    for ruling in story.rulings:
        yield from _ruling(ruling, client, selector, story.units)


def _ruling(ruling: Ruling, client: str, selector: Selector, units: int) -> Iterator[str]:
    made = ruling.delivery
    what = f"{made.seconds:.1f} s of audio at {made.rate_hz} Hz" if made.rate_hz else f"{made.size} bytes"
    yield f"  Made by   {ruling.producer.node[:8]}: {what}"
    for node, vote in ruling.votes.items():
        score = "" if vote.score_ppm is None else f", score {vote.score_ppm / PPM:.2f}"
        place = "" if node in ruling.outcome.majority else ", not with the majority"
        yield f"  Vote      {node[:8]}: {vote.verdict}{score}{place}"
    for node in ruling.outcome.abstained:
        if node not in ruling.votes:
            yield f"  Vote      {node[:8]}: none"
    yield f"  Outcome   {_outcome(ruling)}"
    for number, line in enumerate(_failed(ruling, selector, units)):
        yield f"  {'Failed' if not number else '':<10}{line}"
    lines = list(_measured(ruling))
    yield from (f"  {'Measured' if not number else '':<10}{line}" for number, line in enumerate(lines))
    transfers = ruling.settlement.transfers
    width = max((len(ant(one.amount_nano)) for one in transfers), default=0)
    for number, transfer in enumerate(transfers):
        money = f"{ant(transfer.amount_nano):>{width}}  {_payment(transfer, ruling, client)}"
        yield f"  {'Money' if not number else '':<10}{money}"


def _outcome(ruling: Ruling) -> str:
    outcome = ruling.outcome
    verdict = outcome.verdict.value if outcome.verdict else "no majority"
    score = "" if outcome.score_ppm is None else f", score {outcome.score_ppm / PPM:.2f} (their median)"
    return f"{verdict}, by {len(outcome.majority)} of {counted(len(ruling.votes), 'vote')}{score}"


def _terms(terms: Terms) -> str:
    return f"{terms.node[:8]} for {ant(terms.reward_nano)} (quality {terms.quality_ppm / PPM:.2f})"


def _measured(ruling: Ruling) -> Iterator[str]:
    """A line for each measurement: one figure where all validators agree, else one for each."""
    found: dict[str, list[str]] = {}
    units: dict[str, str] = {}
    for vote in ruling.votes.values():
        for one in vote.measurements:
            key = key_of(one)
            units[key] = one.unit
            found.setdefault(key, []).append(
                f"inconclusive ({one.reason})" if one.value is None else _value(one.value, one.unit)
            )
    for key, values in found.items():
        unit = {"bool": "", "ratio": "", "cosine": "", "1": "", "ln": ""}.get(units[key], f" {units[key]}")
        several = values if len(set(values)) > 1 else values[:1]
        yield f"{_title(key):<31} {' | '.join(several)}{unit}"


def _failed(ruling: Ruling, selector: Selector, units: int) -> Iterator[str]:
    """Why a delivery was rejected: each broken bound, and how far beyond it the work was."""
    if ruling.outcome.verdict is not Verdict.INVALID:
        return
    kinds = {key_of(one): one.unit for vote in ruling.votes.values() for one in vote.measurements}
    found = False
    for key, value, bound, beyond in broken(ruling.votes, selector, units):
        found = True
        unit = kinds.get(key, "")
        title = _title(key)
        if unit == "bool":
            yield f"{title}: no"
        elif unit == "ratio":
            yield f"{title}: {value:.1%}, beyond the bound of {_shares(bound)} by {beyond:.1%}"
        else:
            yield f"{title}: {value:.2f}, beyond the bound of {bound} by {beyond:.2g}"
    if not found:
        yield "by what its validators alone knew of the order, such as their own rendering of it"


def _title(key: str) -> str:
    """Of a metric; of one that no judge here knows, its name."""
    metric = BUILT_IN.get(key) or installed().metrics().get(key)
    return metric.title if metric else key.replace(".", ": ").replace("_", " ")


def _shares(bound: str) -> str:
    """`< 0.18` as `< 18%`."""
    return " ".join(f"{float(word):.0%}" if word[0].isdigit() or word[0] == "-" else word for word in bound.split())


def _value(value: float, unit: str) -> str:
    if unit == "bool":
        return "yes" if value else "no"
    return f"{value:.1%}" if unit == "ratio" else f"{value:.2f}"


def _payment(transfer: Transfer, ruling: Ruling, client: str) -> str:
    producer = ruling.producer
    source, target = (_account(name, ruling, client) for name in (transfer.source, transfer.target))
    why = transfer.why
    if why == "reward R*Q":
        why = f"its price {ant(producer.price_nano)} times its quality {producer.quality_ppm / PPM:.2f}"
    taken = f"from {source} " if transfer.source.startswith("stake:") else ""
    return f"{taken}to {target}: {why}"


def _account(name: str, ruling: Ruling, client: str) -> str:
    kind, _, owner = name.partition(":")
    if kind == "burnt":
        return "nobody (burnt)"
    if kind == "escrow":
        return "escrow"
    who = "the client" if owner == client else _role(owner, ruling)
    return f"the stake of {who}" if kind == "stake" else who


def _role(owner: str, ruling: Ruling) -> str:
    if owner == ruling.producer.node:
        return f"producer {owner[:8]}"
    if owner in ruling.votes or owner in ruling.outcome.abstained:
        return f"validator {owner[:8]}"
    return owner[:8]


def net(amounts: Mapping[str, int], client: str, roles: Mapping[str, str]) -> Iterator[str]:
    """Who has more, and who has less, after it all."""
    shown = [(name, nano) for name, nano in amounts.items() if nano]
    width = max((len(_signed(nano)) for _, nano in shown), default=0)
    for name, nano in sorted(shown, key=lambda pair: pair[1]):
        kind, _, owner = name.partition(":")
        who = "the client" if owner == client else f"{roles.get(owner, kind)} {owner[:8]}".strip()
        place = f" (its {kind})" if kind == "stake" else ""
        yield f"{_signed(nano):>{width}}  {who}{place}"


def roles_of(stories: Iterable[Story]) -> dict[str, str]:
    """What each node was in a task."""
    found: dict[str, str] = {}
    for story in stories:
        found.update((terms.node, "validator") for terms in story.assignment.validators)
        found.update((terms.node, "producer") for terms in story.assignment.producers)
    return found


def _signed(nano: int) -> str:
    return f"{'+' if nano > 0 else '-'}{ant(abs(nano))}"
