"""The judge of shares: it appraises the round itself, and finds the delivered shares right or made up.

A vote carries `SEATS` shares and the sum of all earnings as readings, so whoever did not measure cannot guess them; of
a larger round each part is about as many contributors, in the order of their commits.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

import msgspec

from antiphon.economy.measurement import Measurement
from antiphon.economy.scoring import Limit, ScoreTerm, ScoringProfile
from antiphon.economy.types import PPM
from antiphon.errors import AntiphonError, InputError, ProtocolError
from antiphon.genki.contribution import Appraisal
from antiphon.genki.learning import Learner
from antiphon.genki.rounds.learners import learner_for
from antiphon.genki.rounds.plan import Plan
from antiphon.genki.voting.evidence import appraised, get
from antiphon.judges.base import Delivery, JudgeCapabilities, Tools
from antiphon.judges.memory import Memory
from antiphon.judges.metric import Metric, unmeasured
from antiphon.objects import ObjectStore, opened
from antiphon.protocol import canonical
from antiphon.services import CustomRequest, Request

SERVICE = "contribution"
SEATS = 31
"""Contributors that one vote is about: a vote has 32 readings."""
WITHIN = 0.01
"""Of all: shares that differ by more do not agree."""
_WORDS = "appraise"
_SOURCE = "Shapley values over held-out pieces, computed again (docs/contribution.md)"

OFF = Metric(
    judge=SERVICE, name="off", unit="ratio", title="largest difference of a delivered share", better="lower",
    source=_SOURCE,
)  # fmt: skip
EARNED = Metric(
    judge=SERVICE, name="earned", unit="nats", title="change of loss that all are paid for", better="lower",
    source=_SOURCE, agrees_within=WITHIN, logarithmic=True,
)  # fmt: skip
SHARES = tuple(
    Metric(
        judge=SERVICE, name=f"share-{place:02}", unit="ratio", title=f"share of contributor {place} of the part",
        better="neither", source=_SOURCE, agrees_within=WITHIN,
    )
    for place in range(1, SEATS + 1)
)  # fmt: skip
PROFILE = ScoringProfile(
    name=SERVICE,
    source="two validators' shares differ by less than 1% of all",
    terms=(ScoreTerm(key=OFF.key, weight=1, zero=2 * WITHIN, one=0, source="the sum of all shares is 1"),),
    limits=(Limit(key=OFF.key, max=WITHIN, certain=True, required=True, source="shares that were made up"),),
)


def order_of(evidence: str, part: int) -> CustomRequest:
    """Appraise a round, and answer for the contributors of its part number `part`, from 0."""
    options: dict[str, str | int | float | bool] = {"round": evidence, "part": part}
    return CustomRequest(service=SERVICE, text=_WORDS, options=options)


def ordered(request: Request) -> tuple[str, int]:
    """The evidence that an order names, and its part. Raises `InputError`."""
    if not isinstance(request, CustomRequest) or request.service != SERVICE:
        raise InputError("This is no order of an appraisal", "Send it to another node.")
    id_, part = request.options.get("round"), request.options.get("part")
    if not isinstance(id_, str) or not isinstance(part, int) or part < 0:
        raise InputError("The order names no round and part", "Order by: antiphon genki vote")
    return id_, part


def members(appraisal: Appraisal, part: int) -> tuple[str, ...]:
    """Whom a part is about, in the order of their commits. Raises `InputError` for a part that there is not."""
    found = tuple(line.contributor for line in appraisal.lines[part * SEATS : (part + 1) * SEATS])
    if not found:
        raise InputError(f"The round has no part {part}", f"A part is of {SEATS} contributors.")
    return found


class Appraiser:
    """Appraises rounds out of one store, each once. Thread-safe."""

    def __init__(self, store: ObjectStore, learner_of: Callable[[Plan], Learner] = learner_for) -> None:
        self._store, self._learner_of = store, learner_of
        self._known: Memory[Appraisal] = Memory(16)

    def appraisal(self, id_: str) -> Appraisal:
        """Raises `InputError`, `ProtocolError` for evidence that does not hold together, `UnavailableError`,
        `UnreachableError` for a store without it, `ModelError` without the model's libraries or weights."""
        return self._known.get(id_.encode(), lambda: self._made(id_))

    def _made(self, id_: str) -> Appraisal:
        evidence = get(self._store, id_)
        return appraised(evidence, self._learner_of(evidence.plan))


class ContributionJudge:
    """Reads the store that its machine names, and no address out of an order."""

    name: ClassVar[str] = SERVICE
    metrics: ClassVar[tuple[Metric, ...]] = (OFF, EARNED, *SHARES)
    capabilities = JudgeCapabilities(service=SERVICE)

    class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
        store: str = ""  # a folder or a URL

    def __init__(self, options: Options, tools: Tools, appraiser: Appraiser | None = None) -> None:  # noqa: ARG002
        self._appraiser = appraiser or (Appraiser(opened(options.store)) if options.store else None)

    def measure(self, request: Request, delivery: Delivery) -> tuple[Measurement, ...]:
        """Inconclusive where the round cannot be appraised here: nobody is fined for what was not measured."""
        id_, part = ordered(request)
        if self._appraiser is None:
            return unmeasured(self.metrics, "this validator has no store: --judge-option contribution.store=PLACE")
        try:
            own = self._appraiser.appraisal(id_)
            part_of = members(own, part)
        except AntiphonError as error:
            return unmeasured(self.metrics, error.what[:200])
        earned = sum(line.earned_nats for line in own.lines)
        found = [EARNED.measured(-earned) if earned > 0 else EARNED.unmeasured("nobody earned anything")]
        found += [metric.measured(own.shares.get(who, 0) / PPM) for metric, who in zip(SHARES, part_of, strict=False)]
        return OFF.measured(_off(own, delivery.data, part_of)), *found

    def profile(self, request: Request) -> ScoringProfile:  # noqa: ARG002 - a judge's shape
        return PROFILE


def _off(own: Appraisal, delivered: bytes | None, part_of: Sequence[str]) -> float:
    """The largest difference of a share, or of all earnings; 1 for what is no appraisal of this round."""
    try:
        other = canonical.decode(Appraisal, delivered or b"")
    except (InputError, ProtocolError):
        return 1.0
    if [line.contributor for line in other.lines] != [line.contributor for line in own.lines]:
        return 1.0
    mine, others = (sum(max(0.0, line.earned_nats) for line in one.lines) for one in (own, other))
    total = abs(mine - others) / max(mine, others) if max(mine, others) > 0 else 0.0
    return max(total, *(_difference(own.shares, other.shares, who) for who in part_of))


def _difference(own: Mapping[str, int], other: Mapping[str, int], who: str) -> float:
    return abs(own.get(who, 0) - other.get(who, 0)) / PPM
