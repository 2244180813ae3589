"""What can be asked for: models (engines) and voices, by our names and by those that other people's programs send."""

from __future__ import annotations

from typing import Any

from antiphon import AsyncNetwork
from antiphon.gateway.errors import ApiError

ANY_ENGINE = "antiphon"
OPENAI_MODELS = ("gpt-4o-mini-tts", "tts-1", "tts-1-hd")
"""Programs send these unless told otherwise: the same as `ANY_ENGINE`, the engine of the voice."""
OPENAI_VOICES = {
    "alloy": "af_alloy",
    "ash": "am_michael",
    "ballad": "bm_george",
    "coral": "af_bella",
    "echo": "am_echo",
    "fable": "bm_fable",
    "marin": "af_sarah",
    "nova": "af_nova",
    "onyx": "am_onyx",
    "sage": "af_kore",
    "shimmer": "af_sky",
    "verse": "am_puck",
}
"""Theirs, and which of ours speaks instead. `cedar` is one of ours."""


class Catalogue:
    """The models and voices of a network. `closed`: it has no others than those that are installed here."""

    def __init__(self, network: AsyncNetwork, *, closed: bool) -> None:
        self._network, self._closed = network, closed

    def models(self) -> tuple[str, ...]:
        """Names that `model` may have."""
        engines = dict.fromkeys(voice.engine for voice in self._network.voices())
        return (ANY_ENGINE, *engines, *OPENAI_MODELS)

    def cloners(self) -> tuple[str, ...]:
        """Names that `model` may have where a voice is learnt."""
        return (ANY_ENGINE, *self._network.cloners(), *OPENAI_MODELS)

    def engine(self, model: str, known: tuple[str, ...] | None = None) -> str:
        """The engine that a model is, of those that are `known` (by default all that speak); empty for any. Raises
        `ApiError`."""
        if model == ANY_ENGINE or model in OPENAI_MODELS:
            return ""
        names = self.models() if known is None else known
        if self._closed and model not in names:
            raise ApiError(
                404, "model_not_found", f"There is no model {model!r}. Models: {', '.join(names)}.", param="model"
            )
        return model

    def voice(self, name: str) -> str:
        """Our name of a voice, or of a mix a:0.6+b:0.4. Raises `ApiError` for one that nobody has."""
        if name in OPENAI_VOICES:
            return OPENAI_VOICES[name]
        known = {voice.name for voice in self._network.voices()}.union(self._network.own_voices())
        missing = [one for part in name.split("+") if (one := part.partition(":")[0].strip()) not in known]
        if self._closed and missing:
            told = f"There is no voice {missing[0]!r}. GET /v1/audio/voices lists them."
            raise ApiError(400, "unknown_voice", told, param="voice")
        return name

    def models_body(self) -> dict[str, Any]:
        """The answer of GET /v1/models."""
        return {"object": "list", "data": [self.model_body(name) for name in self.models()]}

    def model_body(self, name: str) -> dict[str, Any]:
        """The answer of GET /v1/models/{name}. Raises `ApiError`."""
        self.engine(name)
        return {"id": name, "object": "model", "created": 0, "owned_by": "antiphon"}

    def voices_body(self) -> dict[str, Any]:
        """The answer of GET /v1/audio/voices: built-in ones, then one's own, then what OpenAI's names mean."""
        built_in = [
            {
                "id": voice.name,
                "name": voice.name,
                "language": voice.language,
                "model": voice.engine,
                "gender": voice.gender,
                "description": voice.description,
            }
            for voice in self._network.voices()
        ]
        own = [{"id": name, "name": name, "description": "one of your own"} for name in self._network.own_voices()]
        aliases = [{"id": name, "name": name, "description": f"spoken by {ours}"} for name, ours in _spoken()]
        return {"object": "list", "voices": [*built_in, *own, *aliases]}


def _spoken() -> list[tuple[str, str]]:
    return sorted(OPENAI_VOICES.items())
