"""Which updates of a round may count at all, from the updates alone. What their senders declare weighs nothing.

1. An update has the architecture of the base and finite numbers, and is not all zeros.
2. It is neither one of an earlier round nor an earlier aggregate: cosine below `SAME` to everything remembered.
3. It is no near copy of an update that was committed before it in this round: cosine below `SAME`, and below `ALIKE`
   once all that others brought is taken away from both. Of honest updates only what all have in common is alike.
4. It is no longer than `LONGEST` times the median length: what is longer is scaled down to that (Sun et al., "Can you
   really backdoor federated learning?", 2019).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from antiphon.errors import InputError
from antiphon.genki.contribution.sketching import Sketch, cosine, sketch
from antiphon.genki.learning import Parameters, fits

SAME = 0.97
"""Honest updates of one contributor in two rounds that follow each other came to .89 (docs/contribution.md)."""
ALIKE = 0.8
"""Honest pairs came to .61, to .73 with two poisoners among eight; a copy with noise of .3 of its length comes to .9,
of half to .78. One with more noise is left to `working`: it has not learnt from its own pieces."""
NEARLY = 0.9
LONGEST = 1.5


@dataclass(frozen=True)
class Admission:
    """`kept`: updates that count, scaled, in the order of their commits. `refused`: contributor to reason."""

    kept: dict[str, Parameters]
    refused: dict[str, str]
    scales: dict[str, float]  # of those kept: 1, or what it was scaled down by
    sketches: dict[str, Sketch] = field(repr=False)  # of those kept, before scaling: what later rounds remember


def admit(base: Parameters, updates: Mapping[str, Parameters], known: Mapping[str, Sketch] | None = None) -> Admission:
    """`updates`: differences to `base` by contributor, first committer first. `known`: sketches of earlier rounds and
    aggregates, by what to call them. Never raises for a bad update: it is refused with its reason."""
    refused: dict[str, str] = {}
    sound: dict[str, Sketch] = {}
    for who, update in updates.items():
        try:
            fits(update, base, "The update")
        except InputError as error:
            refused[who] = error.what
            continue
        found = sketch(update)
        if not found.any():
            refused[who] = "it changes nothing"
        elif replay := next((name for name, one in (known or {}).items() if cosine(found, one) >= SAME), ""):
            refused[who] = f"it is {replay} again"
        else:
            sound[who] = found
    copies = _copies(sound)
    refused |= {who: f"it is a near copy of {original[:12]}'s, who committed first" for who, original in copies.items()}
    kept = [who for who in sound if who not in copies]
    scales = _scales({who: updates[who] for who in kept})
    return Admission(
        kept={
            who: {name: (scales[who] * array).astype(np.float32) for name, array in updates[who].items()}
            for who in kept
        },
        refused=refused,
        scales=scales,
        sketches={who: sound[who] for who in kept},
    )


def alike(first: Sketch, second: Sketch, others: Sequence[Sketch]) -> float:
    """Cosine of what is left of two updates without their projection on the others; of others that are nearly as like
    one of the two, which may be copies as well, nothing is taken away."""
    plain = cosine(first, second)
    apart = [one for one in others if max(cosine(one, first), cosine(one, second)) < NEARLY * plain]
    if not apart:
        return 0.0  # nothing to tell them apart by: rule 3's `SAME` alone decides
    span = np.linalg.qr(np.array(apart).T)[0]
    rests = [one - span @ (span.T @ one) for one in (first, second)]
    return cosine(*rests)


def _copies(sketches: Mapping[str, Sketch]) -> dict[str, str]:
    """Rule 3: who copied whom. A copy of a copy is one of the original."""
    found: dict[str, str] = {}
    names = list(sketches)
    for place, who in enumerate(names):
        for original in names[:place]:
            if original in found:
                continue
            pair = (sketches[who], sketches[original])
            others = [one for other, one in sketches.items() if other not in {who, original}]
            if cosine(*pair) >= SAME or alike(*pair, others) >= ALIKE:
                found[who] = original
                break
    return found


def _scales(updates: Mapping[str, Parameters]) -> dict[str, float]:
    """Rule 4. The lower of two medians: with few updates, a long one must not set the measure."""
    lengths = {who: _length(update) for who, update in updates.items()}
    if not lengths:
        return {}
    longest = LONGEST * sorted(lengths.values())[(len(lengths) - 1) // 2]
    return {who: min(1.0, longest / length) for who, length in lengths.items()}


def _length(update: Parameters) -> float:
    return float(np.sqrt(sum(float(np.square(array, dtype=np.float64).sum()) for array in update.values())))
