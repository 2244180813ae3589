"""A coordinator as a process: its folder, its certificate, who may take part, and the rounds."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from flwr.app import Message

from antiphon.genki.learning import Learner, Piece
from antiphon.genki.rounds import flower, membership
from antiphon.genki.rounds.asking import POLL_S, Parties
from antiphon.genki.rounds.certificate import certificate
from antiphon.genki.rounds.coordinator import Coordinator
from antiphon.genki.rounds.membership import Invitation
from antiphon.genki.rounds.screening import longest_answer
from antiphon.genki.rounds.store import Report, Store
from antiphon.genki.rounds.superlink import SuperLink

_log = logging.getLogger(__name__)

FAREWELL_S = 30.0
"""How long those that are there may take to hear that the last round is over."""
LOOK_S = 2.0
"""How often new cards are looked for."""
_MESSAGE_BYTES = 64 * 1024  # of Flower's own: trees of objects, headers


class _Invited:
    """Parties whose cards lie in a folder; one that is added takes part in the next round."""

    def __init__(self, link: SuperLink, cards: Path) -> None:
        self._link, self._cards, self._looked, self._wrong = link, cards, -LOOK_S, set[str]()

    def contributors(self) -> dict[int, str]:
        if time.monotonic() - self._looked >= LOOK_S:
            self._looked = time.monotonic()
            found, wrong = membership.cards(self._cards)
            for card in found:
                self._link.admit(card)
            for line in set(wrong) - self._wrong:
                _log.warning("a card is left out: %s", line)
            self._wrong |= set(wrong)
        return self._link.contributors()

    def push_messages(self, messages: Iterable[Message]) -> Iterable[str]:
        return self._link.push_messages(messages)

    def pull_messages(self, message_ids: Iterable[str]) -> Iterable[Message]:
        return self._link.pull_messages(message_ids)


def coordinate(
    store: Store,
    learner: Learner,
    cards: Path,
    *,
    host: str,
    port: int,
    name: str = "",
    held_out: Sequence[Piece] = (),
    pool: Sequence[Piece] = (),
    ready: Callable[[Path, int], None] = lambda invitation, port: None,  # noqa: ARG005 - nobody needs to know
    tell: Callable[[Report], None] | None = None,
) -> None:
    """Serve and run all rounds that are left. `name` is the host that others are told, by default `host`.

    `ready` gets the file of the invitation and the port. Raises `UnavailableError` if the port cannot be had.
    """
    size = sum(value.size for value in learner.initial().values())
    limit = longest_answer(store.plan, size) + _MESSAGE_BYTES
    chain, key = certificate(store.folder / "tls", name or host)
    link = SuperLink(max_body=limit)
    with link.serving(host, port, chain, key) as bound:
        address = f"[{name or host}]:{bound}" if ":" in (name or host) else f"{name or host}:{bound}"
        file = store.folder / "invitation.json"
        membership.write_file(file, Invitation(address=address, certificate=chain.read_text(), plan=store.plan))
        ready(file, bound)
        parties = _Invited(link, cards)
        Coordinator(learner, store, parties, held_out=held_out, pool=pool, tell=tell).run()
        say_farewell(parties, store.state.round)


def say_farewell(parties: Parties, rounds: int) -> None:
    """Tell everybody who is there that the last round is over, and wait until they have heard it."""
    until, told, heard = time.monotonic() + FAREWELL_S, dict[str, int](), set[int]()
    while time.monotonic() < until:
        there = set(parties.contributors())
        new = sorted(there - set(told.values()))
        told |= zip(
            parties.push_messages([flower.over(n, round_=rounds, ttl_s=FAREWELL_S) for n in new]), new, strict=True
        )
        waiting = [message for message, node in told.items() if node not in heard]
        heard |= {told[reply.metadata.reply_to_message_id] for reply in parties.pull_messages(waiting)}
        if there <= heard:
            return
        time.sleep(POLL_S)
