"""From measurements to a vote: verdict and score as pure functions, under a named profile that cites its sources.

1. A violated *certain* limit (does not decode, wrong length, silence, duplicate) is INVALID with score 0, whatever
   else could or could not be measured.
2. Otherwise a required measurement that is missing or inconclusive makes the vote INCONCLUSIVE. It is never a 0.
3. What our own rendering of the order confirms (`RENDERING`) is nobody's fault: it excuses words, naturalness and
   voice, and what is excused leaves the score too.
4. Otherwise a violated limit is INVALID, else VALID. The score is the weighted mean of the ingredients; an optional
   ingredient that was not measured leaves the mean, and its weight with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from antiphon.economy.measurement import Measurement
from antiphon.economy.types import PPM, Verdict, Vote

AUDIT = "audit.passed"
DECODES = "integrity.decodes"
LENGTH_ERROR = "integrity.length_error"
CHARS_PER_S = "integrity.chars_per_s"
SILENCE_SHARE = "integrity.silence_share"
LONGEST_SILENCE = "integrity.longest_silence"
CLIPPING_SHARE = "integrity.clipping_share"
DC_OFFSET = "integrity.dc_offset"
DUPLICATE = "integrity.duplicate"
LEVEL_DBFS = "integrity.level_dbfs"
WER = "words.wer"
CER = "words.cer"
DISTILLMOS = "naturalness.distillmos"
DNSMOS = "naturalness.dnsmos"
SIMILARITY = "voice.similarity"
RENDERING = "rendering.distance_db"
RENDERING_LENGTH = "rendering.length_ratio"
CLONE_VOICE = "clone.voice"
CLONE_ECHO = "clone.echo"
CLONE_DURATION = "clone.duration_error"
CLONE_TIMING = "clone.timing"
CLONE_ORDER = "clone.order"
ENROL_DECODES = "enrolment.decodes"
ENROL_REFERENCE = "enrolment.reference"
ENROL_DESCRIBED = "enrolment.described"
ENROL_FINGERPRINT = "enrolment.fingerprint"
ENROL_RENDERS = "enrolment.renders"
ENROL_OWN = "enrolment.own"
ENROL_OWN_MOS = "enrolment.own_mos"
ENROL_MATCH = "enrolment.match"
ENROL_RANK = "enrolment.rank"


class Expectation(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is known of the ordered voice and text before anybody listens. Empty = the profile's own limits hold."""

    chars: int = 0  # of the text; 0 = unknown
    mos: dict[str, tuple[float, float]] = {}  # predictor -> (mean, standard deviation) over the voice's own samples
    chars_per_s: tuple[float, float] | None = None  # plausible speaking rates of the language; None = unknown
    allowed_wer: float | None = None  # e.g. higher for a voice that recognisers find hard
    allowed_cer: float | None = None  # in place of WER, for a language of which recognisers get letters, not words
    min_similarity: float | None = None  # cosine to the voice's own embedding
    mos_slack: float = 0.0  # how much lower predictors may grade, e.g. a text too short for them
    max_distance_db: float | None = None  # from our own rendering; within it, words, naturalness and voice are excused
    least: dict[str, float] = {}  # key -> a value below this is a violation for this order


UNKNOWN = Expectation()


class Limit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of one measurement. `certain`: a violation needs no other evidence. `required`: must be measured."""

    key: str  # judge.name
    source: str
    least: float | None = None
    most: float | None = None
    under: float | None = None  # like `most`, exclusive
    certain: bool = False
    required: bool = False
    unless: str = ""  # key of a measurement that, when it is there and all its own limits hold, excuses a violation

    def holds(self, value: float) -> bool:
        return (
            (self.least is None or value >= self.least)
            and (self.most is None or value <= self.most)
            and (self.under is None or value < self.under)
        )

    @property
    def bounds(self) -> str:
        pairs = ((">=", self.least), ("<=", self.most), ("<", self.under))
        return " and ".join(f"{sign} {bound:.4g}" for sign, bound in pairs if bound is not None)


class Ingredient(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One addend of the score: 0 at `zero`, 1 at `one`, linear between and clamped outside."""

    key: str
    weight: float
    zero: float
    one: float
    source: str
    required: bool = True

    def grade(self, value: float) -> float:
        return min(1.0, max(0.0, (value - self.zero) / (self.one - self.zero)))


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way to judge. Thresholds that the order's expectation moves are fields; all others are in `limits`."""

    name: str
    source: str
    ingredients: tuple[Ingredient, ...]
    limits: tuple[Limit, ...]
    max_wer: float | None = None  # WER from here on is a violation, unless the expectation moves it; None = no words
    spare_words: float = 0.0  # added to the allowed WER as words of this text: one slip must not fail a short text
    mos_margin: dict[str, float] = {}  # predictor -> a MOS so much below the voice's mean is a violation
    min_mos: float | None = None  # DistillMOS below this is a violation when nothing is known of the voice
    invalid_scores_zero: bool = False

    def __post_init__(self) -> None:
        if not any(item.required for item in self.ingredients):
            raise ValueError(f"profile {self.name}: one ingredient must be required, or a score could be empty")
        if any(item.weight <= 0 or item.zero == item.one for item in self.ingredients):
            raise ValueError(f"profile {self.name}: each ingredient needs a positive weight and a span")


CHARS_PER_WORD = 6.0
"""English letters of a word and its space, roughly; turns `spare_words` into a share of the text."""


def judge(profile: Profile, measurements: Iterable[Measurement], *, expectation: Expectation = UNKNOWN) -> Vote:
    """Verdict and score in ppm. The vote carries the measurements, so that anybody can repeat this sum."""
    kept = tuple(measurements)
    values = _values(kept)
    limits = limits_of(profile, expectation)
    violated = _violated(limits, values)
    if any(limit.certain for limit in violated):
        return Vote(verdict=Verdict.INVALID, score_ppm=0, measurements=kept)
    if _missing(profile, limits, values):
        return Vote(verdict=Verdict.INCONCLUSIVE, score_ppm=None, measurements=kept)
    if violated:
        score_ppm = 0 if profile.invalid_scores_zero else _score(profile, limits, values)
        return Vote(verdict=Verdict.INVALID, score_ppm=score_ppm, measurements=kept)
    return Vote(verdict=Verdict.VALID, score_ppm=_score(profile, limits, values), measurements=kept)


def explain(profile: Profile, measurements: Iterable[Measurement], expectation: Expectation = UNKNOWN) -> list[str]:
    """The same sum in words, one line per step: for receipts."""
    kept = tuple(measurements)
    values = _values(kept)
    limits = limits_of(profile, expectation)
    violated = _violated(limits, values)
    reasons = {_key(m): m.reason for m in kept if m.reason}
    lines = [f"profile {profile.name}"]
    for limit in limits:
        if limit.key in values:
            word = "VIOLATED" if limit in violated else "holds" if limit.holds(values[limit.key]) else "excused"
            lines.append(f"limit {limit.key} = {values[limit.key]:.4g}, {limit.bounds}: {word}")
    for item in profile.ingredients:
        if item.key in values:
            grade = item.grade(values[item.key])
            lines.append(f"score {item.key} = {values[item.key]:.4g} -> {grade:.3f} x {item.weight:.2f}")
    lines += [f"missing {key}: {reasons.get(key, 'not measured')}" for key in _missing(profile, limits, values)]
    vote = judge(profile, kept, expectation=expectation)
    score = "" if vote.score_ppm is None else f", score {vote.score_ppm / PPM:.3f}"
    return [*lines, f"verdict {vote.verdict}{score}"]


def limits_of(profile: Profile, expectation: Expectation) -> tuple[Limit, ...]:
    """All limits of one judgement: the profile's own, and those that the ordered voice and text set."""
    words = WER if expectation.allowed_cer is None else CER
    found = [msgspec.structs.replace(limit, unless=words) if limit.unless == WER else limit for limit in profile.limits]
    if expectation.chars_per_s is not None and expectation.chars >= _RATE_MIN_CHARS:
        least, most = expectation.chars_per_s
        source = "speaking rates of the ordered language"
        found.append(Limit(key=CHARS_PER_S, least=least, most=most, unless=RENDERING, source=source))
    allowed = profile.max_wer if expectation.allowed_wer is None else expectation.allowed_wer
    if profile.max_wer is not None and expectation.allowed_cer is not None:
        allowed = expectation.allowed_cer
    if allowed is not None:
        spare = profile.spare_words * CHARS_PER_WORD / expectation.chars if expectation.chars else 0.0
        source = "allowed error rate of the voice and text"
        found.append(Limit(key=words, under=allowed + spare, required=True, unless=RENDERING, source=source))
    needed = {item.key for item in profile.ingredients if item.required}
    found += [
        Limit(
            key=f"naturalness.{name}",
            least=mean - profile.mos_margin[name] - expectation.mos_slack,
            required=f"naturalness.{name}" in needed,
            unless=RENDERING,
            source="mean of the ordered voice: less is a worse engine than declared",
        )
        for name, (mean, _) in sorted(expectation.mos.items())
        if name in profile.mos_margin
    ]
    if not expectation.mos and profile.min_mos is not None:
        floor = profile.min_mos - expectation.mos_slack
        source = "the profile's own floor"
        found.append(Limit(key=DISTILLMOS, least=floor, required=True, unless=RENDERING, source=source))
    if expectation.min_similarity is not None:
        least = expectation.min_similarity
        # Not required: a clip of one short word has too little voice to measure, and is still an honest answer.
        found.append(Limit(key=SIMILARITY, least=least, unless=RENDERING, source="embedding of the ordered voice"))
    if expectation.max_distance_db is not None:
        most = expectation.max_distance_db
        found.append(Limit(key=RENDERING_LENGTH, least=0.75, most=1.33, source="spoken as fast as by our own engine"))
        found.append(Limit(key=RENDERING, most=most, source="our own rendering: another word or voice is further away"))
    found += [Limit(key=key, least=least, source="the order") for key, least in sorted(expectation.least.items())]
    return tuple(found)


def violations(profile: Profile, measurements: Iterable[Measurement], expectation: Expectation = UNKNOWN) -> set[str]:
    """Keys of the limits that these measurements violate."""
    return {limit.key for limit in _violated(limits_of(profile, expectation), _values(tuple(measurements)))}


_RATE_MIN_CHARS = 20
"""Shorter texts have no speaking rate: their pauses are longer than their words."""


def _key(measurement: Measurement) -> str:
    return f"{measurement.judge}.{measurement.name}"


def _values(measurements: Sequence[Measurement]) -> dict[str, float]:
    keys = [_key(m) for m in measurements]
    if len(set(keys)) != len(keys):
        raise ValueError(f"a measurement is given twice: {sorted(k for k in set(keys) if keys.count(k) > 1)}")
    # A NaN compares false with every bound, so it would silently be a violation: it is no measurement.
    return {_key(m): m.value for m in measurements if m.value is not None and math.isfinite(m.value)}


def _violated(limits: Sequence[Limit], values: dict[str, float]) -> list[Limit]:
    broken = [limit for limit in limits if limit.key in values and not limit.holds(values[limit.key])]
    while True:  # an excuse may itself be excused: likeness by right words, those by our own rendering
        doubtful = {limit.key for limit in broken}
        standing = [limit for limit in broken if limit.unless not in values or limit.unless in doubtful]
        if len(standing) == len(broken):
            return broken
        broken = standing


def _excused(limits: Sequence[Limit], values: dict[str, float]) -> set[str]:
    """Keys of limits that do not hold and are nobody's fault."""
    standing = {limit.key for limit in _violated(limits, values)}
    broken = {limit.key for limit in limits if limit.key in values and not limit.holds(values[limit.key])}
    return broken - standing


def _missing(profile: Profile, limits: Iterable[Limit], values: dict[str, float]) -> list[str]:
    wanted = {limit.key for limit in limits if limit.required}
    wanted |= {item.key for item in profile.ingredients if item.required}
    return sorted(wanted - values.keys())


def _score(profile: Profile, limits: Sequence[Limit], values: dict[str, float]) -> int:
    measured = [item for item in profile.ingredients if item.key in values]
    excused = _excused(limits, values)
    counted = [item for item in measured if item.key not in excused] or measured
    weight = math.fsum(item.weight for item in counted)
    total = math.fsum(item.weight * item.grade(values[item.key]) for item in counted)
    return round(PPM * total / weight)


_INTEGRITY = (
    Limit(key=DECODES, least=1, certain=True, required=True, source="an unreadable file is no work"),
    Limit(key=AUDIT, least=1, certain=True, source="made as ordered, pass by pass: docs/soundstorm.md"),
    Limit(key=LENGTH_ERROR, most=0, certain=True, required=True, source="the delivery declares its exact length"),
    # Bounds below: 246 honest clips of three engines and 480 cheats, in docs/judging.md.
    Limit(key=SILENCE_SHARE, most=0.5, certain=True, required=True, source="honest at most .29; padded from .55"),
    # Texts that sound alike ("two" and "too") rightly give the same audio: right words excuse likeness.
    Limit(key=DUPLICATE, most=0.65, certain=True, unless=WER, source="honest at most .51; altered copies from .78"),
    Limit(key=LONGEST_SILENCE, most=2.0, source="honest at most .96 s"),
    Limit(key=CLIPPING_SHARE, most=0.01, source="honest 0; clipped from .09"),
    Limit(key=DC_OFFSET, least=-0.02, most=0.02, source="honest at most .001"),
    Limit(key=LEVEL_DBFS, least=-40, most=-9, source="honest -26 to -17; clipped from -6"),
)

BITTAUDIO = Profile(
    name="bittaudio",
    source=(
        "BittAudio (Bittensor subnet 16): S = .10 mos' + .10 noi' + .06 dis' + .06 col' + .06 loud' + .62 (1 - WER), "
        "x' = (x-1)/4, WER >= .7 gives 0. Mended: WER over normalised text; integrity limits; a missing measurement is "
        "inconclusive. Its NISQA model is not here: DistillMOS stands for mos', DNSMOS for noi'; nothing measures "
        "dis', col' and loud', so their .18 leaves the sum and the remaining .82 is scaled to 1."
    ),
    ingredients=(
        Ingredient(key=DISTILLMOS, weight=0.10, zero=1, one=5, source="mos' by another predictor"),
        Ingredient(key=DNSMOS, weight=0.10, zero=1, one=5, source="noi' by another predictor"),
        Ingredient(key=WER, weight=0.62, zero=1, one=0, source="1 - WER"),
    ),
    limits=_INTEGRITY,
    max_wer=0.7,
    invalid_scores_zero=True,
)

ANTIPHON = Profile(
    name="antiphon",
    source=(
        "The network's default: words first, then naturalness, then the voice. Limits follow the ordered voice, so a "
        "plain voice that was ordered is valid, and a fine voice replaced by a plain one is not."
    ),
    ingredients=(
        Ingredient(key=WER, weight=0.50, zero=0.5, one=0, source="nobody follows a text with every 2nd word wrong"),
        Ingredient(key=DISTILLMOS, weight=0.30, zero=1, one=5, source="separates synthesisers: espeak 2.2, Kokoro 4.6"),
        Ingredient(key=DNSMOS, weight=0.05, zero=1, one=4, source="noise; ranks synthesisers weakly", required=False),
        Ingredient(key=SIMILARITY, weight=0.15, zero=0.3, one=0.9, source="different .34, same .82", required=False),
        # 1 wherever another processor or seed may lie, so that nobody earns less for their machine.
        Ingredient(key=RENDERING, weight=0.50, zero=6, one=4, source="same voice and words", required=False),
    ),
    limits=_INTEGRITY,
    max_wer=0.35,
    spare_words=1.0,
    mos_margin={"distillmos": 1.5, "dnsmos": 1.2},
    min_mos=1.8,
)

_WHOLE = tuple(limit for limit in _INTEGRITY if limit.key in {DECODES, LENGTH_ERROR, AUDIT})
# A profile may have been made so that every honest rendering is silent or a copy: nothing here is certain by itself.
_SOUND = tuple(msgspec.structs.replace(limit, certain=False) for limit in _INTEGRITY if limit not in _WHOLE)

CLONE = Profile(
    name="clone",
    source=(
        "Speech in a cloned voice: as for built-in voices, measured against what the voice profile says of the clone "
        "itself. What our own rendering of the order violates too is nobody's fault: no order, no verdict."
    ),
    ingredients=(
        Ingredient(key=WER, weight=0.45, zero=0.5, one=0, source="as for speech"),
        Ingredient(key=DISTILLMOS, weight=0.25, zero=1, one=5, source="as for speech"),
        Ingredient(key=CLONE_VOICE, weight=0.30, zero=0.5, one=0.9, source="different .6, same .87", required=False),
    ),
    # Bounds below: docs/judging.md, "Cloned voices".
    limits=(
        *_WHOLE,
        *_SOUND,
        Limit(key=CLONE_ORDER, least=1, required=True, source="the profile can speak this order"),
        Limit(key=CLONE_ECHO, most=0.3, source="honest at most .11; copies from .61"),
        Limit(key=CLONE_DURATION, most=0.1, source="voice to voice keeps the recording's length"),
        Limit(key=CLONE_TIMING, least=0.65, source="voice to voice keeps the recording's timing"),
    ),
    max_wer=0.35,
    spare_words=1.0,
    mos_margin={"distillmos": 1.5},
    min_mos=1.8,
)

ENROLMENT = Profile(
    name="enrolment",
    source="A voice profile: it tells the truth about reference and clone, and the clone resembles the reference.",
    ingredients=(
        Ingredient(key=ENROL_MATCH, weight=0.60, zero=0.5, one=0.9, source="different .54, same .82"),
        Ingredient(key=WER, weight=0.20, zero=0.5, one=0, source="as for speech"),
        Ingredient(key=DISTILLMOS, weight=0.20, zero=1, one=5, source="as for speech"),
    ),
    limits=(
        Limit(key=ENROL_DECODES, least=1, certain=True, required=True, source="a readable voice profile"),
        Limit(key=ENROL_REFERENCE, least=1, certain=True, required=True, source="of the ordered reference, language"),
        Limit(key=ENROL_DESCRIBED, least=0.95, certain=True, required=True, source="embeddings of the reference"),
        Limit(key=ENROL_FINGERPRINT, least=0.9, certain=True, required=True, source="fingerprint of the reference"),
        Limit(key=ENROL_RENDERS, least=1, certain=True, required=True, source="its engine can speak with it"),
        Limit(key=ENROL_OWN, least=0.9, required=True, source="embeddings of our own rendering"),
        Limit(key=ENROL_OWN_MOS, most=0.5, required=True, source="DistillMOS of our own rendering"),
        Limit(key=ENROL_RANK, least=0.85, required=True, source="share of built-in voices further from the reference"),
        Limit(key=CLONE_ECHO, most=0.3, source="a rendering of other words cannot be made of the reference"),
        *_SOUND,
    ),
    max_wer=0.2,
    spare_words=1.0,
    min_mos=1.8,
)

PROFILES = {profile.name: profile for profile in (ANTIPHON, BITTAUDIO)}
