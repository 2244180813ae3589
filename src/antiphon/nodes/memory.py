"""A validator's own score memory: what it heard from each node in each service, and the weights it has committed to.

Kept in a file beside its key, written beside and renamed, so that a kill at any moment leaves the old or the new one.
Weights that wait to be revealed are written before their commitment is sent: whatever happens then, they can be given.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from antiphon.economy.epochs import Row, upscaled
from antiphon.economy.scores import prior, remember
from antiphon.economy.types import Rules, Verdict, Vote
from antiphon.errors import OutputError
from antiphon.ledger.epochs import MAX_WEIGHTS, SALT_BYTES, EpochRecord, Member, Weights

log = logging.getLogger("antiphon.nodes")


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """Of one node in one service: an EMA of own votes, as `economy.scores` has it."""

    quality_ppm: int
    judged: int
    at_ms: int  # the last of them


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """Weights that were committed to, or are about to be."""

    weights: Weights
    salt: bytes


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    opinions: dict[str, dict[str, Opinion]] = {}  # by service and node
    pending: Pending | None = None


class ScoreMemory:
    """In `file`, or without one only as long as the process lives."""

    def __init__(self, file: Path | None = None) -> None:
        """A file that cannot be read is kept beside (`.damaged`), and the memory begins anew."""
        self._file = file
        self._kept = _Kept()
        if file is None or not file.exists():
            return
        try:
            self._kept = msgspec.json.decode(file.read_bytes(), type=_Kept)
        except (OSError, msgspec.MsgspecError, ValueError, RecursionError) as e:
            beside = file.with_suffix(".damaged")
            log.warning("the score memory %s cannot be read (%s): it begins anew, the old one is %s", file, e, beside)
            file.replace(beside)

    @property
    def opinions(self) -> Mapping[str, Mapping[str, Opinion]]:
        """By service and node."""
        return self._kept.opinions

    @property
    def pending(self) -> Pending | None:
        """What waits to be revealed, if anything does."""
        return self._kept.pending

    def remember(self, node: str, service: str, vote: Vote, rules: Rules, *, at_ms: int) -> None:
        """One own vote on a node's work; one that was not conclusive says nothing. Raises OutputError."""
        if vote.score_ppm is None:
            return
        score = vote.score_ppm if vote.verdict is Verdict.VALID else rules.punish_score_ppm
        known = self._kept.opinions.get(service, {})
        before = known.get(node, Opinion(quality_ppm=prior(rules), judged=0, at_ms=0))
        quality_ppm = remember(before.quality_ppm, score, rules)
        after = Opinion(quality_ppm=quality_ppm, judged=before.judged + 1, at_ms=at_ms)
        self._keep(opinions={**self._kept.opinions, service: {**known, node: after}})

    def prepare(self, record: EpochRecord, members: Iterable[Member]) -> Pending:
        """Weights for an epoch, on disk before anybody hears of them. What waits for the same epoch stays.

        Who left is forgotten, and so is what was heard from a node before it registered (anew). Raises OutputError.
        """
        if self.pending is not None and self.pending.weights.epoch == record.number:
            return self.pending
        here = {one.node: one for one in members}
        opinions = {
            service: {node: one for node, one in known.items() if node in here and one.at_ms >= here[node].since_ms}
            for service, known in self._kept.opinions.items()
        }
        heard = {service: known for service, known in opinions.items() if known}
        rows = {service: self._row(known, here, MAX_WEIGHTS // len(heard)) for service, known in heard.items()}
        weights = Weights(epoch=record.number, version=record.rules.version, rows=rows)
        pending = Pending(weights=weights, salt=secrets.token_bytes(SALT_BYTES))
        self._keep(opinions=opinions, pending=pending)
        return pending

    @staticmethod
    def _row(known: Mapping[str, Opinion], here: Mapping[str, Member], most: int) -> Row:
        """The best, if there are too many."""
        best = sorted(known.items(), key=lambda pair: -pair[1].quality_ppm)[:most]
        return upscaled({here[node].uid: one.quality_ppm for node, one in best})

    def _keep(self, *, opinions: dict[str, dict[str, Opinion]], pending: Pending | None = None) -> None:
        self._kept = _Kept(opinions=opinions, pending=pending or self._kept.pending)
        if self._file is None:
            return
        beside = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside.write_bytes(msgspec.json.encode(self._kept))
            beside.replace(self._file)
        except OSError as e:
            raise OutputError(f"The score memory {self._file} cannot be written: {e.strerror}", "Free space.") from e


def memory_of(home: Path, node: str) -> ScoreMemory:
    """The memory of a node whose keys lie in the data folder."""
    return ScoreMemory(home / "memory" / f"{node[:16]}.json")
