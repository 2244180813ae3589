"""Voice: is it the voice that was asked for? Cosine of its embedding to the voice's reference."""

from __future__ import annotations

import numpy as np

from antiphon import models
from antiphon.analysis.speaker import embed_signal
from antiphon.economy.measurement import Measurement
from antiphon.errors import InputError
from antiphon.judges.metrics import SIMILARITY
from antiphon.judges.speech.evidence import Evidence, missing_audio, signal_of

HEARD_S = 10.0
"""Enough to tell a voice; a card is made of more."""


class VoiceMeter:
    """`similarity`, a cosine in [-1, 1]."""

    name = "voice"

    def __init__(self, *, threads: int = 1) -> None:
        self._threads = threads

    def load(self) -> None:
        models.session("dvector", threads=self._threads)

    def measure(self, evidence: Evidence) -> tuple[Measurement, ...]:
        reference = None if evidence.reference is None else evidence.reference.embedding
        if reason := missing_audio(evidence):
            return (SIMILARITY.unmeasured(reason),)
        if reference is None:
            return (SIMILARITY.unmeasured(f"no reference for the voice {evidence.request.voice}"),)
        try:
            embedding = embed_signal(signal_of(evidence), threads=self._threads, most_s=HEARD_S)
        except InputError as error:
            return (SIMILARITY.unmeasured(error.what),)
        if embedding.shape != reference.shape:
            return (SIMILARITY.unmeasured(f"the reference has {reference.shape} numbers, not {embedding.shape}"),)
        return (SIMILARITY.measured(float(np.dot(embedding, reference))),)
