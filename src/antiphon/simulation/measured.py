"""Votes that were really cast on honest work and on cheats. `sources` says how they were measured."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

import msgspec

from antiphon.economy.incentives import Delivery, Market
from antiphon.economy.types import PPM, Verdict, Vote

_HERE = Path(__file__).parent
DELIVERIES = _HERE / "deliveries.json.gz"
"""Honest work, judged as several kinds of machine, and guessed at: `scripts/measure_guessed_readings.py --out`."""
CHEATS = _HERE / "cheats.json"
"""Votes on what cheats deliver: `scripts/measure_detection.py`, then `scripts/pack_cheats.py`."""
_MODELS = ("words", "distillmos", "dnsmos", "voice", "other voice")


class Service(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was measured of one service; `cpu_s` by judge."""

    good: tuple[Delivery, ...]
    bad: tuple[Delivery, ...]
    cpu_s: dict[str, float]
    audio_s: float


class Judged(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A vote without its figures."""

    verdict: Verdict
    score_ppm: int | None

    def of(self, heard: Vote) -> Vote:
        """The vote of a machine with these readings that finds this."""
        return msgspec.structs.replace(heard, verdict=self.verdict, score_ppm=self.score_ppm)


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a distribution comes from, and the command that makes it again."""

    what: str
    file: str  # beside this module; "" where it is a rule's own number
    command: str
    when: str


class Counted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file of cheats."""

    cheats: dict[str, tuple[Judged, ...]]
    honest: dict[str, tuple[Judged, ...]]


@cache
def sources() -> tuple[Source, ...]:
    """Of everything here."""
    return msgspec.json.decode((_HERE / "sources.json").read_bytes(), type=tuple[Source, ...])


def service(name: str) -> Service:
    """All that was measured of `speech` (clones among it) or `music`."""
    return msgspec.json.decode(gzip.decompress(DELIVERIES.read_bytes()), type=dict[str, Service])[name]


def market(name: str) -> Market:
    """Deliveries that an honest machine would reject are another matter, and left out."""
    found = service(name)
    kept = [n for n, one in enumerate(found.good) if all(v.verdict is Verdict.VALID for v in one.heard.values())]
    return Market(
        good=tuple(found.good[n] for n in kept),
        bad=tuple(found.bad[n] for n in kept),
        saved_ppm=saved(found.cpu_s) if name == "speech" else {},
    )


@cache
def clips(name: str = "speech") -> tuple[Delivery, ...]:
    """Honest work, also what some honest machine rejects. One clip that all of them rejected (`The doctor asked.`) is
    left out: judges that know short texts find it valid since."""
    return tuple(one for one in service(name).good if any(v.verdict is Verdict.VALID for v in one.heard.values()))


@cache
def counted() -> Counted:
    """Votes on cheats, by cheat, and on honest sentences, by voice."""
    return msgspec.json.decode(CHEATS.read_bytes(), type=Counted)


def saved(cpu_s: dict[str, float]) -> dict[str, int]:
    """What each way of leaving out judges saves of the cost of judging, ppm."""
    total = sum(cpu_s.get(name, 0.0) for name in (*_MODELS, "integrity"))
    shares = {f"without {name}": round(PPM * cpu_s[name] / total) for name in _MODELS if name in cpu_s}
    return shares | {"signal only": round(PPM * (1 - cpu_s["integrity"] / total))}
