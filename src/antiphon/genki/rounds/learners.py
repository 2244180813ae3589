"""Which models a plan may name. A learner is imported when it is asked for: all of them need torch."""

from __future__ import annotations

import re
from importlib import import_module

from antiphon.genki.learning import Learner
from antiphon.genki.rounds.plan import Plan
from antiphon.plugins import unknown

KNOWN: dict[str, str] = {
    "soundstorm-tiny": "antiphon.genki.chip_learner",
    "soundstorm-small": "antiphon.genki.chip_learner",
    "ruby-base": "antiphon.genki.ruby_learner",
    "ruby-tiny": "antiphon.genki.ruby_learner",
}
"""Name to the module whose `by_plan(model, rank)` makes it."""


def learner_for(plan: Plan) -> Learner:
    """Raises `InputError` with the names for a model that there is not, or one that has no adapters, `ModelError`
    without torch or the weights that it begins with."""
    if plan.model not in KNOWN:
        raise unknown("model", re.sub(r"[^\x20-\x7e]", "?", plan.model)[:80], sorted(KNOWN))
    made: Learner = import_module(KNOWN[plan.model]).by_plan(plan.model, plan.rank)
    return made
