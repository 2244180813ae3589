"""A validator's experiment log: scores, weights and sound, to TensorBoard or Weights & Biases (offline)."""

from __future__ import annotations

from collections import Counter

from antiphon.economy.types import PPM
from antiphon.subnet.memory import ScoreMemory
from antiphon.subnet.trials import Outcome
from antiphon.trackers import Tracker

SOUND_S = 10.0
"""Most of one sound that is kept."""


class TrackedDiary:
    """Each round's endings, scores by uid, and one sound of each service; each epoch's weights as shares."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker
        self._step = 0

    def round(self, number: int, outcomes: list[Outcome], memory: ScoreMemory) -> None:
        figures: dict[str, float] = {"round": float(number)}
        for ending, count in Counter(f"{one.service}/{one.ending}" for one in outcomes).items():
            figures[f"endings/{ending}"] = float(count)
        heard: dict[str, Outcome] = {}
        for one in outcomes:
            if one.vote is not None and one.vote.score_ppm is not None:
                figures[f"score/{one.service}/{one.neuron.uid}"] = one.vote.score_ppm / PPM
                figures[f"seconds/{one.service}/{one.neuron.uid}"] = one.took_s
            figures[f"memory/{one.service}/{one.neuron.uid}"] = memory.quality_ppm(one.neuron.hotkey, one.service) / PPM
            if one.audio is not None and one.audio.samples.size:
                heard.setdefault(one.service, one)
        self._step += 1
        for service, one in heard.items():
            assert one.audio is not None
            kept = one.audio.samples[:, : int(SOUND_S * one.audio.rate_hz)]
            self._tracker.audio(self._step, f"sound/{service}", type(one.audio)(kept, one.audio.rate_hz))
        self._tracker.log(self._step, figures)

    def weights(self, number: int, weights: dict[int, int]) -> None:
        whole = sum(weights.values())
        self._step += 1
        shares = {f"weight/{uid}": weight / whole for uid, weight in weights.items()}
        self._tracker.log(self._step, {"epoch": float(number), **shares})

    def close(self) -> None:
        self._tracker.close()
