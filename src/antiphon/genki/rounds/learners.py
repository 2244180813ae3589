"""Which models a plan may name. A learner is imported when it is asked for: all of them need torch."""

from __future__ import annotations

import re
from importlib import import_module

from antiphon.genki.learning import Learner
from antiphon.genki.rounds.plan import Plan
from antiphon.plugins import unknown

KNOWN: dict[str, tuple[str, dict[str, str]]] = {
    "soundstorm-tiny": ("antiphon.genki.chip_learner:ChipLearner", {"size": "tiny"}),
    "soundstorm-small": ("antiphon.genki.chip_learner:ChipLearner", {"size": "small"}),
}
"""Name to class and its arguments; the plan's `rank` is one more."""


def learner_for(plan: Plan) -> Learner:
    """Raises `InputError` with the names for a model that there is not, `ModelError` without torch."""
    if plan.model not in KNOWN:
        raise unknown("model", re.sub(r"[^\x20-\x7e]", "?", plan.model)[:80], sorted(KNOWN))
    target, arguments = KNOWN[plan.model]
    module, _, name = target.partition(":")
    made: Learner = getattr(import_module(module), name)(rank=plan.rank, **arguments)
    return made
