"""What requests and answers of the network API hold. The OpenAPI document is made of these, and nothing else is."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec

from antiphon import Compose, Mode, Say
from antiphon.door.explaining import Explained
from antiphon.door.market import Epoch, Model, Node, Score
from antiphon.door.progress import PartProgress
from antiphon.gateway.catalogue import Catalogue
from antiphon.gateway.errors import ApiError
from antiphon.gateway.music import MAX_SECONDS
from antiphon.gateway.speech import MAX_CHARS

Nano: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Seed: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Name: TypeAlias = Annotated[str, msgspec.Meta(max_length=300)]
State: TypeAlias = Literal["queued", "running", "completed", "failed", "cancelled"]
ENDED = frozenset({"completed", "failed", "cancelled"})
TITLE_CHARS = 80
BEGINNING_CHARS = 160


def title_of(text: str) -> str:
    """How it begins, for people."""
    words = " ".join(text[: 4 * TITLE_CHARS].split())
    if len(words) <= TITLE_CHARS:
        return words
    cut = words[:TITLE_CHARS].rpartition(" ")[0]
    return f"{cut or words[: TITLE_CHARS - 1]}…"


class SpeechOrder(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="service", tag="speech"
):
    """A text to be spoken. `voice` empty: the default; `engine` empty: whoever offers it; `language`: BCP 47, empty:
    the voice's. `mode` stream: heard as it is made, judged meanwhile; verified: each sentence after its verdict.
    `max_cost_nano`: nothing is bought if the whole could cost more."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_CHARS)]
    voice: Name = ""
    engine: Name = ""
    language: Annotated[str, msgspec.Meta(max_length=35)] = ""
    speed: Annotated[float, msgspec.Meta(ge=0.25, le=4.0)] = 1.0
    seed: Seed | None = None
    mode: Literal["stream", "verified"] = "stream"
    max_cost_nano: Nano | None = None

    def order(self, catalogue: Catalogue) -> Say:
        """Raises `ApiError` for what nobody can make."""
        if not self.text.strip():
            raise ApiError(400, "empty_input", "There is no text. Put what is to be said into text.", param="text")
        return Say(
            text=self.text,
            voice=catalogue.voice(self.voice) if self.voice else "",
            engine=catalogue.engine(self.engine) if self.engine else "",
            language=self.language,
            speed=self.speed,
            seed=self.seed,
            mode=Mode(self.mode),
            max_cost_nano=self.max_cost_nano,
        )

    @property
    def title(self) -> str:
        return title_of(self.text)


class MusicOrder(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="service", tag="music"
):
    """Music from a description. `seconds` null: what the prompt says, or 30. `loop`: the end leads into the beginning.
    `seed` null: a new piece each time. The rest as for speech."""

    prompt: Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
    seconds: Annotated[float, msgspec.Meta(gt=0, le=MAX_SECONDS)] | None = None
    loop: bool = False
    engine: Name = ""
    seed: Seed | None = None
    mode: Literal["stream", "verified"] = "stream"
    max_cost_nano: Nano | None = None

    def order(self, _: Catalogue) -> Compose:
        """Raises `ApiError` for what nobody can make."""
        if not self.prompt.strip():
            raise ApiError(400, "empty_input", "There is no prompt. Describe the music.", param="prompt")
        return Compose(
            prompt=self.prompt,
            seconds=self.seconds,
            loop=self.loop,
            engine=self.engine,
            seed=self.seed,
            mode=Mode(self.mode),
            max_cost_nano=self.max_cost_nano,
        )

    @property
    def title(self) -> str:
        return title_of(self.prompt)


Order: TypeAlias = SpeechOrder | MusicOrder


class Quote(msgspec.Struct, frozen=True, kw_only=True):
    """What an order can cost at most by today's prices, in nano of ANT (1 ANT = 1,000,000,000). Nothing is bought.
    `parts`: sentences that are ordered one by one; null where it is not known before."""

    max_nano: int
    balance_nano: int
    parts: int | None
    currency: Literal["ANT"] = "ANT"
    nano_per_unit: int = 1_000_000_000


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a task failed: a code that stays, and words."""

    code: str
    message: str


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """An order and what became of it so far. The ledger splits it into tasks of its own (`ledger_tasks`) and those into
    parts. `max_nano`: what it could cost when it was made; `paid_nano`: what it has cost, and `paid_final` whether that
    can still change. `seconds` of sound are there, at `rate_hz` and `channels`; `sound`: whether they are kept still.
    `score`: 0-1, of validators; `figures`: what they heard, null = inconclusive."""

    id: str
    service: Literal["speech", "music", "voice"]
    state: State
    title: str
    voice: str
    created_ms: int
    ended_ms: int | None
    max_nano: int
    paid_nano: int
    paid_final: bool
    seconds: float
    rate_hz: int
    channels: int
    sound: bool
    parts: int
    parts_ended: int
    ledger_tasks: tuple[str, ...]
    score: float | None
    figures: dict[str, float | None]
    seed: int | None
    notes: tuple[str, ...]
    error: Problem | None


class Part(PartProgress, frozen=True, kw_only=True):
    """A part of a task, and how its text begins."""

    begins: str


class TaskList(msgspec.Struct, frozen=True, kw_only=True):
    """The newest first. `next`: give it as `before` for those that are older; null at the end."""

    tasks: tuple[Task, ...]
    next: str | None


class Deleted(msgspec.Struct, frozen=True, kw_only=True):
    """It is gone. `id`: of a task, or a voice's name."""

    id: str
    deleted: Literal[True] = True


class PartList(msgspec.Struct, frozen=True, kw_only=True):
    """In the order of the text."""

    parts: tuple[Part, ...]


class SoundProgress(msgspec.Struct, frozen=True, kw_only=True):
    """So much sound is there."""

    seconds: float


class ReceiptList(msgspec.Struct, frozen=True, kw_only=True):
    """A receipt for each task of the ledger that is closed."""

    receipts: tuple[Explained, ...]


class NodeList(msgspec.Struct, frozen=True, kw_only=True):
    """Every node, by role and engine."""

    nodes: tuple[Node, ...]


class ScoreList(msgspec.Struct, frozen=True, kw_only=True):
    """By service and role, the best first."""

    scores: tuple[Score, ...]


class ModelList(msgspec.Struct, frozen=True, kw_only=True):
    """By service and engine."""

    models: tuple[Model, ...]


class EpochList(msgspec.Struct, frozen=True, kw_only=True):
    """The newest first; the first is open."""

    epochs: tuple[Epoch, ...]


class WebhookOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the end of each task is posted to."""

    url: Annotated[str, msgspec.Meta(min_length=8, max_length=2_000)]


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """`secret`: of its signatures, told once, when it is made."""

    id: str
    url: str
    created_ms: int
    secret: str | None


class WebhookList(msgspec.Struct, frozen=True, kw_only=True):
    """Those of this key."""

    webhooks: tuple[Webhook, ...]


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """A voice that can be ordered. `own`: it was learnt from a recording here."""

    name: str
    language: str
    engine: str
    gender: str
    description: str
    own: bool


class VoiceList(msgspec.Struct, frozen=True, kw_only=True):
    """Those of one's own first."""

    voices: tuple[Voice, ...]
    default: str


class ErrorInfo(msgspec.Struct, frozen=True, kw_only=True):
    """`code` stays; `message` may change. `param`: the field that is at fault."""

    message: str
    type: str
    code: str
    param: str | None


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """The shape of every error."""

    error: ErrorInfo
