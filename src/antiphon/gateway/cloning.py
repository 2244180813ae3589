"""POST /v1/audio/clone: a text and somebody's voice in, with the consent of whoever it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from starlette.datastructures import FormData, UploadFile

from antiphon import Clone, Mode
from antiphon.door.reference import read_consent
from antiphon.errors import AntiphonError, ProtocolError
from antiphon.gateway.catalogue import ANY_ENGINE, Catalogue
from antiphon.gateway.errors import ApiError, invalid_value
from antiphon.gateway.forms import keep_uploads, text_in
from antiphon.gateway.sound import check_format

MAX_CHARS = 20_000
"""More than that goes by a voice that is kept, and /v1/audio/speech."""
MAX_TEXT_BYTES = 4 * MAX_CHARS


class CloneRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The form beside its files: `file` (3 to 60 s of the voice) and `consent` (what `antiphon consent grant` made).

    `voice`: one that is kept here, or a mix with it, in place of a file. `own_voice` states that the recording is of
    the asker's own voice; the statement is signed by this server's key. The rest is as in `SpeechRequest`.
    """

    input: str = ""
    voice: str = ""
    own_voice: bool = False
    model: str = ANY_ENGINE
    language: str = "en-us"
    speed: Annotated[float, msgspec.Meta(ge=0.25, le=4.0)] = 1.0
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    response_format: str = "mp3"
    stream_format: Literal["audio", "sse"] = "audio"
    mode: Literal["stream", "verified"] = "stream"

    @classmethod
    def of(cls, form: FormData) -> CloneRequest:
        """Raises `ApiError`."""
        given = {name: value for name in cls.__struct_fields__ if (value := text_in(form, name))}
        try:
            return msgspec.convert(given, cls, strict=False)
        except msgspec.ValidationError as error:
            raise invalid_value(error, cls) from None

    def order(self, form: FormData, catalogue: Catalogue, own: tuple[str, ...], uploads: Path) -> Clone:
        """The order; its files lie in `uploads`, and are the caller's to remove. `own`: the voices that are kept here.
        Raises `ApiError` for what nobody can make, or may."""
        self._check_text()
        check_format(self.response_format)
        recording, grant = form.get("file"), form.get("consent")
        engine = catalogue.engine(self.model, catalogue.cloners())
        if not isinstance(recording, UploadFile):
            self._check_kept(own)
            return self._clone(engine)
        if self.voice:
            told = "Both a recording and voice are given. Send one of them."
            raise ApiError(400, "invalid_value", told, param="voice")
        if self.own_voice == isinstance(grant, UploadFile):
            told = (
                "A cloned voice needs the consent of its owner: own_voice=true for your own, or the file that antiphon "
                "consent grant made, as consent; one of the two."
            )
            raise ApiError(400, "consent_required", told, param="consent")
        sent = [recording.file, grant.file] if isinstance(grant, UploadFile) else [recording.file]
        kept = keep_uploads(uploads, sent)
        if len(kept) > 1:
            _check_consent(kept[1], kept)
        return self._clone(engine, *kept)

    def _clone(self, engine: str, reference: Path | None = None, consent: Path | None = None) -> Clone:
        return Clone(
            text=self.input,
            reference=reference,
            voice=self.voice,
            own_voice=self.own_voice and reference is not None,
            consent=consent,
            language=self.language,
            engine=engine,
            speed=self.speed,
            seed=self.seed,
            mode=Mode(self.mode),
        )

    def _check_text(self) -> None:
        if not self.input:
            raise ApiError(400, "empty_input", "There is no text. Put what is to be said into input.", param="input")
        if len(self.input) > MAX_CHARS:
            told = f"The text has {len(self.input)} characters, and may have {MAX_CHARS}. Keep the voice, and say it."
            raise ApiError(400, "input_too_long", told, param="input")

    def _check_kept(self, own: tuple[str, ...]) -> None:
        if not self.voice:
            told = "There is no recording. Send it as the field file, or name a voice that is kept here."
            raise ApiError(400, "missing_file", told, param="file")
        if not {part.partition(":")[0].strip() for part in self.voice.split("+")} & set(own):
            told = f"{self.voice[:80]!r} is no voice that was learnt here. GET /v1/audio/voices lists them."
            raise ApiError(400, "unknown_voice", told, param="voice")


def _check_consent(file: Path, kept: Sequence[Path]) -> None:
    """Raises `ApiError`, and nothing is kept."""
    try:
        read_consent(file)
    except AntiphonError as error:
        for one in kept:
            one.unlink(missing_ok=True)
        if not isinstance(error, ProtocolError):
            raise
        told = "consent is no consent, or it is damaged. Send the file that antiphon consent grant made."
        raise ApiError(400, "invalid_consent", told, param="consent") from None
