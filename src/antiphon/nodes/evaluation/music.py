"""How music is judged."""

from __future__ import annotations

from antiphon.economy.scoring import decide
from antiphon.economy.types import Vote
from antiphon.judges.music import MusicEvidence, MusicPanel
from antiphon.judges.music.profile import MUSIC
from antiphon.nodes.evaluation.base import Submission
from antiphon.services import MusicRequest, Service


class MusicEvaluator:
    """Votes on windows of pieces: whole, undamaged, nobody's earlier work, and what the prompt asks for."""

    def __init__(self, panel: MusicPanel | None = None) -> None:
        self._panel = panel or MusicPanel()

    @property
    def abilities(self) -> dict[str, tuple[str, ...]]:
        return {str(Service.MUSIC): ()}

    def vote(self, submission: Submission) -> Vote:
        """Raises `TypeError` for work of another service."""
        request = submission.request
        if not isinstance(request, MusicRequest):
            raise TypeError(f"{type(request).__name__} is no music")
        evidence = MusicEvidence(
            request=request,
            audio=submission.audio,
            declared_rate_hz=submission.form.rate_hz,
            declared_samples=submission.declared_samples,
        )
        return decide(MUSIC, self._panel.measure(evidence))
