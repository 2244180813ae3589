"""The network's services and their requests: what a client may ask for.

A request is a frozen, strict value object. It travels sealed; only its `units` (what is billed) are public.
A service from outside has an engine, a judge and `CustomRequest`; nothing between client and settlement changes.
"""

from __future__ import annotations

import hashlib
import math
import re
from enum import StrEnum
from typing import TypeAlias

import msgspec

from antiphon.errors import InputError

MAX_TEXT_CHARS = 2_000
"""Longest text of one subtask. Longer texts are split by sentences into subtasks (`antiphon.text.split`)."""
MIN_CLIP_RATE_HZ, MAX_CLIP_RATE_HZ = 8_000, 48_000
MAX_REFERENCE_S = 30.0
"""Longest reference that travels: what is left of a recording once silences are cut (`antiphon.audio.reference`)."""
MAX_SPEECH_S = 20.0
"""Longest recording of one voice-to-voice subtask; longer ones are split at pauses."""
MAX_PROFILE_BYTES = 256 * 1024
MIN_SPEED, MAX_SPEED = 0.5, 2.0
"""Of the voice's own pace. Engines that are not understood so fast declare less (`Capabilities.max_speed`)."""
MAX_GRANT_BYTES = 4_096
MAX_PROMPT_CHARS = 500
MAX_MUSIC_S = 600.0
MIN_MUSIC_S, MIN_FIXED_S = 1.0, 0.05
"""Shortest piece that is composed; shortest where the order itself holds the music (a sound effect, a MIDI file)."""
MAX_WINDOW_S = 30.0
"""Longest window of a piece in one subtask; longer pieces are made by windows of one composition."""
UNITS_PER_S = 15
"""Where there is no text, a second counts as many units as people speak characters."""


class Service(StrEnum):
    """What the market trades of its own; services from outside have other names."""

    SPEECH = "speech"
    CLONE = "clone"
    MUSIC = "music"


_SERVICE_NAME = re.compile(r"[a-z][a-z0-9-]{1,31}")

Options: TypeAlias = dict[str, str | int | float | bool]


class _Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Clip(_Request, frozen=True):
    """Recorded sound inside a request: mono little-endian 16-bit PCM."""

    pcm: bytes
    rate_hz: int

    def __post_init__(self) -> None:
        if not self.pcm or len(self.pcm) % 2:
            raise InputError("A clip holds no audio", "Give mono 16-bit PCM.")
        if not MIN_CLIP_RATE_HZ <= self.rate_hz <= MAX_CLIP_RATE_HZ:
            raise InputError(f"A clip's rate of {self.rate_hz} Hz is outside {MIN_CLIP_RATE_HZ}-{MAX_CLIP_RATE_HZ}")

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 2 / self.rate_hz

    @property
    def sha256(self) -> bytes:
        """What a consent names: the hash over rate (4 bytes, big-endian) and samples."""
        return hashlib.sha256(b"antiphon/1 clip\0" + self.rate_hz.to_bytes(4, "big") + self.pcm).digest()


class SpeechRequest(_Request, frozen=True, tag="speech"):
    """Text in a named voice. `voice` is `name` or a weighted mix `a:0.6+b:0.4`; `language` is BCP 47."""

    text: str
    voice: str
    language: str = "en-us"
    speed: float = 1.0
    options: Options = {}

    def __post_init__(self) -> None:
        _check_text(self.text)
        _check_speed(self.speed)


class VoiceProfile(_Request, frozen=True):
    """A cloned voice, as a trainer made it from one reference clip. Whoever holds it still needs the consent.

    `data` is the engine's own. The rest is what judges compare with: unit-length float32 embeddings `[256]` of the
    reference (`reference_voice`; `reference_other` by the second embedder), the same two of the clone's own test
    sentences (`own_voice`, `own_other`), and the reference's fingerprint, by which an echo of it is recognised.
    """

    engine: str
    language: str
    reference: bytes  # Clip.sha256
    data: bytes
    reference_voice: bytes
    reference_other: bytes
    own_voice: bytes
    own_other: bytes
    fingerprint: bytes
    own_mos: float  # DistillMOS of the test sentences

    def __post_init__(self) -> None:
        if len(self.reference) != 32:
            raise InputError("A voice profile names its reference by a SHA-256 hash")
        if len(self.data) + len(self.fingerprint) > MAX_PROFILE_BYTES:
            raise InputError(f"A voice profile is larger than {MAX_PROFILE_BYTES} bytes")


class Origin(_Request, frozen=True):
    """Which part of which task a voice profile came from, for whoever is to look it up in the ledger. `salt` opens the
    hash that the trainer signed there (`antiphon.parties.messages.ResultHash`), and nothing else of that part."""

    task: str
    index: int
    salt: bytes

    def __post_init__(self) -> None:
        if len(self.salt) != 32 or len(self.task) != 32 or self.index < 0:
            raise InputError("This is no origin of a voice profile", "Enrol the voice again.")


class EnrolRequest(_Request, frozen=True, tag="enrol"):
    """Make a `VoiceProfile` from a reference. Work of a trainer; the answer is bytes, not audio."""

    reference: Clip
    consent: bytes = b""  # a signed grant, see antiphon.protocol.consent; without it nobody works
    language: str = "en-us"
    options: Options = {}

    def __post_init__(self) -> None:
        if self.reference.seconds > MAX_REFERENCE_S + 0.01:
            raise InputError(f"The reference lasts {self.reference.seconds:.1f} s, more than {MAX_REFERENCE_S:g}")
        _check_grant(self.consent)


class CloneRequest(_Request, frozen=True, tag="clone"):
    """Text, or the words and timing of a recording, in the voice of a profile. Exactly one of the two is given.

    `blend` mixes built-in voices in: their names with weights that, with the profile's own rest, sum to 1.
    """

    profile: VoiceProfile
    consent: bytes = b""
    origin: Origin | None = None  # without it no node works or judges
    text: str = ""
    speech: Clip | None = None
    language: str = "en-us"
    speed: float = 1.0
    blend: dict[str, float] = {}
    options: Options = {}

    def __post_init__(self) -> None:
        if (self.speech is None) == (not self.text.strip()):
            raise InputError("A clone speaks a text or a recording", "Give exactly one of them.")
        if self.speech is None:
            _check_text(self.text)
        elif self.speech.seconds > MAX_SPEECH_S + 0.01:
            raise InputError(
                f"The recording lasts {self.speech.seconds:.1f} s, more than {MAX_SPEECH_S:g}", "Split it."
            )
        _check_speed(self.speed)
        if not all(weight > 0 for weight in self.blend.values()) or sum(self.blend.values()) >= 1:
            raise InputError("The blended voices' weights must be positive and leave a rest for the profile")
        _check_grant(self.consent)


class MusicRequest(_Request, frozen=True, tag="music"):
    """A window `[start_s, stop_s)` of the piece that `prompt`, `seconds`, `seed` and `loop` define.

    It is `fixed` where its options say every note: `midi` (a file, as `antiphon.music.fixed` packs it), or `effect`
    (the prompt names a sound effect).
    """

    prompt: str
    seconds: float
    seed: int
    start_s: float
    stop_s: float
    loop: bool = False
    options: Options = {}

    def __post_init__(self) -> None:
        if not self.prompt.strip():
            raise InputError("The prompt is empty", "Say what the music should be like, e.g. calm piano waltz.")
        if len(self.prompt) > MAX_PROMPT_CHARS:
            raise InputError(f"The prompt has {len(self.prompt)} characters, more than {MAX_PROMPT_CHARS}")
        least = MIN_FIXED_S if self.fixed else MIN_MUSIC_S
        if not least <= self.seconds <= MAX_MUSIC_S:
            raise InputError(f"{self.seconds:g} s of music is outside {least:g}-{MAX_MUSIC_S:g}", "Change its length.")
        if not 0 <= self.start_s < self.stop_s <= self.seconds + 1e-6:
            raise InputError(f"The window {self.start_s:g}-{self.stop_s:g} s is not inside the piece")
        if self.stop_s - self.start_s > MAX_WINDOW_S + 1e-6:
            raise InputError(f"A window of {self.stop_s - self.start_s:g} s is longer than {MAX_WINDOW_S:g}")

    @property
    def fixed(self) -> bool:
        return bool(self.options.get("midi") or self.options.get("effect"))


class CustomRequest(_Request, frozen=True, tag="custom"):
    """Work of a service that this package does not know: whoever brings its engine and its judge says what `text`,
    `voice` and `options` mean. Billed by characters or by seconds, whichever is more.

    It carries words and numbers, and no recordings: nobody here could tell whose voice that is, and by whose leave.
    """

    service: str
    text: str = ""
    seconds: float = 0.0  # of sound that is asked for; 0 = as long as the text takes
    voice: str = ""
    language: str = ""
    options: Options = {}

    def __post_init__(self) -> None:
        if not _SERVICE_NAME.fullmatch(self.service):
            raise InputError(f"{self.service!r} is no name of a service", "Use 2-32 of a-z, 0-9 and -.")
        if self.service in set(Service):
            raise InputError(f"{self.service} is a service of the network's own", "Use its own request.")
        if len(self.text) > MAX_TEXT_CHARS:
            raise InputError(f"The text has {len(self.text)} characters, more than {MAX_TEXT_CHARS} for one subtask")
        if not 0 <= self.seconds <= MAX_WINDOW_S:
            raise InputError(f"{self.seconds:g} s are outside 0-{MAX_WINDOW_S:g}", "Order several parts.")
        if not self.text.strip() and not self.seconds:
            raise InputError("The request asks for nothing", "Give a text, or seconds.")


Request: TypeAlias = SpeechRequest | EnrolRequest | CloneRequest | MusicRequest | CustomRequest
"""Union of all requests (tagged by kind)."""

_SERVICES: dict[type[Request], Service] = {
    SpeechRequest: Service.SPEECH,
    EnrolRequest: Service.CLONE,
    CloneRequest: Service.CLONE,
    MusicRequest: Service.MUSIC,
}


def service_of(request: Request) -> str:
    """The service a request belongs to."""
    return request.service if isinstance(request, CustomRequest) else _SERVICES[type(request)]


def units_of(request: Request) -> int:
    """Billed units: characters of text, `UNITS_PER_S` for each begun second of sound. Never 0."""
    match request:
        case SpeechRequest():
            return max(1, len(request.text))
        case EnrolRequest():
            return units_of_seconds(request.reference.seconds)
        case CloneRequest():
            return max(1, len(request.text)) if request.speech is None else units_of_seconds(request.speech.seconds)
        case MusicRequest():
            return units_of_seconds(request.stop_s - request.start_s)
        case CustomRequest():
            return max(1, len(request.text), units_of_seconds(request.seconds) if request.seconds else 0)


def units_of_seconds(seconds: float) -> int:
    """Billed units of sound that is not text."""
    return max(1, UNITS_PER_S * math.ceil(seconds - 1e-6))


def _check_text(text: str) -> None:
    if not text.strip():
        raise InputError("The text is empty", "Give at least one word.")
    if len(text) > MAX_TEXT_CHARS:
        raise InputError(f"The text has {len(text)} characters, more than {MAX_TEXT_CHARS} for one subtask")


def _check_speed(speed: float) -> None:
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise InputError(f"Speed {speed:g} is outside {MIN_SPEED}-{MAX_SPEED}", "1.0 is the voice's own pace.")


def _check_grant(consent: bytes) -> None:
    if len(consent) > MAX_GRANT_BYTES:
        raise InputError(f"A consent has {len(consent)} bytes, more than {MAX_GRANT_BYTES}")
