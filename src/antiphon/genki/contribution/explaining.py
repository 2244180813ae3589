"""Why a contributor has its share, in words: the same sum as `appraising`, line by line."""

from __future__ import annotations

from antiphon.economy.types import PPM
from antiphon.errors import InputError
from antiphon.genki.contribution.appraising import Appraisal, Line


def explain(appraisal: Appraisal, contributor: str = "") -> list[str]:
    """Of one contributor, or of all. Raises `InputError` for one that handed in nothing."""
    lines = [line for line in appraisal.lines if not contributor or line.contributor == contributor]
    if not lines:
        raise InputError(f"{contributor[:12]} handed in nothing in this round", "Name another round.")
    total = sum(line.earned_nats for line in appraisal.lines)
    head = (
        f"The held-out loss fell by {appraisal.gain_nats:.4g} from {appraisal.base_loss:.4g} nats; "
        f"{appraisal.evaluations} groups of contributors were measured."
    )
    return [head, *(part for line in lines for part in _told(line, total))]


def _told(line: Line, total: float) -> list[str]:
    head = f"{line.contributor[:12]}: {line.share_ppm / PPM:.2%}"
    if line.reason:
        alone = "" if line.alone_nats is None else f" ({line.alone_nats:+.4g} nats)"
        return [f"{head}: {line.reason}{alone}."]
    error = " exactly" if not line.error_nats else f" (standard error {line.error_nats:.2g})"
    found = [head, f"  brought {line.value_nats:+.4g} nats{error}: its Shapley value over held-out pieces"]
    if line.scale < 1:
        found.append(f"  its update was longer than others' and was scaled to {line.scale:.0%} first")
    if line.advantage_nats is not None:
        found.append(
            f"  predicts the pieces dealt to it {line.advantage_nats:+.4g} nats better than others do; "
            f"{line.credit:.0%} of its value is credited, by its last rounds"
        )
    if not line.sure:
        found.append(
            "  what it brought in its last rounds cannot be told from nothing:"
            f" by chance alone a value is off by {line.noise_nats:.2g}"
        )
    if line.value_nats is not None and line.value_nats <= 0:
        found.append("  it brought nothing, and nothing is taken from it")
    found.append(f"  earned {line.earned_nats:.4g} of {total:.4g} nats: {line.share_ppm} ppm")
    return found
