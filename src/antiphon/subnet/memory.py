"""A validator's score memory: Q of each hotkey for each service, an integer EMA, kept on disk.

1. A memory is of one registration: a hotkey that registers again, or whose uid went to another, begins anew.
2. A measured score moves Q (`economy.scores`); work that was invalid, and an answer that was late, refused or missing,
   moves it towards the punishing score. What could not be measured moves nothing.
3. Who was never judged has no weight: newcomers are reached by the next cycle, and need no credit.
4. A weight is the sum over services of share x Q; a service that a hotkey was never judged in counts 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from antiphon.economy.scores import prior, remember
from antiphon.economy.types import DEFAULT_RULES, PPM, Rules, Verdict, Vote
from antiphon.errors import InputError
from antiphon.services import Service
from antiphon.subnet import files
from antiphon.subnet.chain import Metagraph, Neuron

SHARES_PPM: Mapping[str, int] = {Service.SPEECH: 400_000, Service.CLONE: 300_000, Service.MUSIC: 300_000}
"""What each service weighs: a choice, made by nobody else; `--share` changes it."""
RULES = msgspec.structs.replace(DEFAULT_RULES, score_alpha_ppm=250_000)
"""A step of 1/4: BittAudio's memory keeps .75 of itself."""


class Remembered(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is known of one registration."""

    uid: int
    registered: int  # block
    quality_ppm: dict[str, int] = {}  # service -> Q
    judged: int = 0  # times


class ScoreMemory:
    """See the module. `file` is written by `save` only."""

    def __init__(self, file: Path, *, rules: Rules = RULES, shares_ppm: Mapping[str, int] = SHARES_PPM) -> None:
        if not shares_ppm or any(share < 0 for share in shares_ppm.values()) or not any(shares_ppm.values()):
            raise InputError("The services' shares must not be negative, and not all 0", "Give --share speech=1.")
        self._file = file
        self._rules = rules
        self._shares = {str(service): share for service, share in shares_ppm.items()}
        self._known: dict[str, Remembered] = files.read(file, dict[str, Remembered]) or {}

    def save(self) -> None:
        files.save(self._file, self._known)

    def meet(self, metagraph: Metagraph) -> list[str]:
        """Forget whoever left or registered anew (rule 1). Who was forgotten."""
        gone = []
        for hotkey, known in list(self._known.items()):
            neuron = metagraph.by_hotkey.get(hotkey)
            if neuron is None or (neuron.uid, neuron.registered) != (known.uid, known.registered):
                del self._known[hotkey]
                gone.append(hotkey)
        return gone

    def judged(self, neuron: Neuron, service: str, vote: Vote) -> bool:
        """Take a vote on a hotkey's work (rule 2). Whether anything moved."""
        if vote.verdict is Verdict.INCONCLUSIVE:
            return False
        score = vote.score_ppm if vote.verdict is Verdict.VALID else None
        self._move(neuron, service, self._rules.punish_score_ppm if score is None else score)
        return True

    def missed(self, neuron: Neuron, service: str) -> None:
        """No answer, a late one, or a refusal (rule 2)."""
        self._move(neuron, service, self._rules.punish_score_ppm)

    def quality_ppm(self, hotkey: str, service: str) -> int:
        """Q; 0 for who was never judged in it (rule 3)."""
        known = self._known.get(hotkey)
        return 0 if known is None else known.quality_ppm.get(service, 0)

    def weight_ppm(self, hotkey: str) -> int:
        """Rule 4."""
        whole = sum(self._shares.values())
        return sum(self.quality_ppm(hotkey, service) * share for service, share in self._shares.items()) // whole

    def weights_ppm(self, metagraph: Metagraph) -> dict[int, int]:
        """By uid, of whoever holds it at this block; only those above 0."""
        found = {}
        for hotkey, known in self._known.items():
            neuron = metagraph.by_hotkey.get(hotkey)
            if neuron is None or (neuron.uid, neuron.registered) != (known.uid, known.registered):
                continue
            if weight := self.weight_ppm(hotkey):
                found[neuron.uid] = weight
        return dict(sorted(found.items()))

    def __len__(self) -> int:
        return len(self._known)

    def _move(self, neuron: Neuron, service: str, score_ppm: int) -> None:
        known = self._known.get(neuron.hotkey)
        if known is None or (known.uid, known.registered) != (neuron.uid, neuron.registered):
            known = self._known[neuron.hotkey] = Remembered(uid=neuron.uid, registered=neuron.registered)
        before = known.quality_ppm.get(service)
        if before is None and score_ppm <= 0:
            after = 0  # never heard and nothing to hear: no credit for beginning
        else:
            after = remember(prior(self._rules) if before is None else before, score_ppm, self._rules)
        known.quality_ppm[service] = min(PPM, after)
        known.judged += 1
