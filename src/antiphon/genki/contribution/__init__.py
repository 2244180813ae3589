"""Who brought what to a round: which updates count, what they are worth, and in what shares they are paid."""

from antiphon.genki.contribution.appraising import Appraisal, Line, Round, Screened, appraise, by_contributor, screen
from antiphon.genki.contribution.explaining import explain
from antiphon.genki.contribution.sharing import over_rounds, shares
from antiphon.genki.contribution.sketching import Sketch, sketch
from antiphon.genki.contribution.working import dealt, learnt

__all__ = [
    "Appraisal",
    "Line",
    "Round",
    "Screened",
    "Sketch",
    "appraise",
    "by_contributor",
    "dealt",
    "explain",
    "learnt",
    "over_rounds",
    "screen",
    "shares",
    "sketch",
]
