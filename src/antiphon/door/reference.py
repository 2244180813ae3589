"""A voice to be cloned: the recording, the consent that covers it, and the voices that were kept before."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from antiphon.clock import SystemClock
from antiphon.door.settings import Settings
from antiphon.engines import registry
from antiphon.errors import InputError, ProtocolError
from antiphon.protocol import Identity, load_or_create
from antiphon.protocol.consent import Grant, Use, open_grant, require, sign_grant
from antiphon.services import MAX_GRANT_BYTES, Clip

if TYPE_CHECKING:
    from antiphon.audio.reference import Report
    from antiphon.client.cloning import ClonedVoice

OWN_TERM_DAYS = 366
"""How long a statement about one's own voice is good for; the next use signs a new one."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A recording as it will be sent, what was made of it, and the consent that covers it."""

    clip: Clip = field(repr=False)  # somebody's voice: no log's affair
    report: str  # in words
    consent: bytes = field(repr=False)


def reference_of(settings: Settings, recording: Path, *, own_voice: bool, consent: Path | None) -> Reference:
    """The reference and its consent. Raises `InputError` for a recording that holds no usable voice, and for a missing,
    expired or foreign consent, before anything is bought."""
    from antiphon.analysis import require_one_voice
    from antiphon.audio.reference import prepare

    # Nobody vouches for a voice by a None or a "no" of a program's: only by a plain yes.
    if not isinstance(own_voice, bool) or own_voice == (consent is not None):
        raise InputError(
            "A cloned voice needs the consent of its owner",
            "Your own voice: --own-voice. Somebody else's: --consent FILE, made by antiphon consent grant.",
        )
    prepared = prepare(regular_file(recording))
    require_one_voice(prepared.waveform)
    clip = prepared.clip
    client = load_or_create(settings.home / "keys" / "client.key")
    grant = _own(client, clip) if consent is None else read_consent(consent)
    for use in (Use.ENROL, Use.SPEAK):
        require(grant, reference=clip.sha256, use=use, at_ms=SystemClock().now_ms(), grantee=client.node_id)
    return Reference(clip, described(prepared.report), grant)


def described(report: Report) -> str:
    """What was found in a recording, in a line."""
    line = (
        f"{report.seconds_used:.1f} s of {report.seconds_in:.1f} s used ({report.verdict}); "
        f"{report.seconds_silence:.1f} s of silence cut, noise {report.snr_db:.0f} dB below the voice"
    )
    return "; ".join((line, *report.remarks))


def stored_voice(settings: Settings, spec: str) -> ClonedVoice:
    """`me`, or a mix `me:0.7+af_heart:0.3` of one stored voice with built-in ones. Raises `InputError`."""
    from antiphon.client.cloning import ClonedVoice
    from antiphon.client.voice_store import VoiceStore

    store = VoiceStore(settings.home)
    own = [name for name in names_in(spec) if name in store.names()]
    if not own:
        known = ", ".join(store.names()) or "none yet"
        raise InputError(f"There is no stored voice in {spec!r}", f"Yours: {known}. Add one: antiphon voices add.")
    if len(own) > 1:
        raise InputError(f"{spec!r} mixes {len(own)} cloned voices", "Mix one of them with built-in voices.")
    # Without a mix no engine needs to be asked for its voices.
    mix = {own[0]: 1.0} if spec.strip() == own[0] else registry.parse_mix(spec, also=own)
    stored = store.load(own[0])
    blend = {name: weight for name, weight in mix.items() if name != own[0]}
    return ClonedVoice(stored.profile, stored.consent, stored.origin, blend)


def names_in(spec: str) -> list[str]:
    """The names in a voice or mix, well formed or not."""
    return [part.partition(":")[0].strip() for part in spec.split("+")]


def regular_file(path: Path) -> Path:
    """The file itself. Raises `InputError` for a symbolic link or whatever else is no ordinary file."""
    if path.is_symlink():
        raise InputError(f"{path} is a link to another place", f"Name the file itself: {path.resolve()}")
    if not path.exists():
        raise InputError(f"{path} does not exist", "Check the name.")
    if not path.is_file():
        raise InputError(f"{path} is no file", "Name an audio file.")
    return path


def read_consent(path: Path) -> bytes:
    """The bytes of a consent, its signature verified. Raises `InputError` when it cannot be read, `ProtocolError` when
    it is none."""
    try:
        with regular_file(path).open("rb") as file:
            raw = file.read(MAX_GRANT_BYTES + 1)
    except OSError as e:
        raise InputError(f"{path} cannot be read: {e.strerror}", "Check the name and its mode.") from e
    try:
        open_grant(raw)
    except ProtocolError as e:
        hint = "Give the file that `antiphon consent grant` wrote."
        raise ProtocolError(f"{path} is not a consent, or it is damaged", hint) from e
    return raw


def _own(client: Identity, clip: Clip) -> bytes:
    """The statement that the voice is the client's own, for this client alone."""
    clock = SystemClock()
    now_ms = clock.now_ms()
    grant = Grant(
        subject="the owner of the key that signs this",
        references=(clip.sha256,),
        uses=tuple(Use),
        grantee=client.node_id,
        not_before_ms=now_ms - 60_000,
        until_ms=now_ms + OWN_TERM_DAYS * 86_400_000,
    )
    return sign_grant(client, grant, clock)
