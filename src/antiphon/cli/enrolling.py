"""What commands that use a cloned voice share: the reference, the consent, the enrolment, the stored voices."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from antiphon.cli.app import Settings
from antiphon.cli.delivering import Charge, Order, perform
from antiphon.cli.warming import warm_up
from antiphon.economy.types import Role
from antiphon.errors import InputError, ProtocolError

if TYPE_CHECKING:
    from antiphon.audio.reference import Report
    from antiphon.cli.connect import Session
    from antiphon.cli.jobs import Jobs
    from antiphon.client.budget import Budget
    from antiphon.client.cloning import Enrolled, Voice
    from antiphon.client.events import SoundEvent
    from antiphon.client.keeping import Conduct
    from antiphon.services import Clip

OWN_TERM_DAYS = 366
"""How long a statement about one's own voice is good for; the next use signs a new one."""

C = TypeVar("C", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Reference:
    """A recording as it will be sent, what was made of it, and the consent that covers it."""

    clip: Clip
    report: str  # in words
    consent: bytes


def consent_options(command: C) -> C:
    """`--own-voice` and `--consent FILE`: one of them is needed."""
    for option in (
        click.option("--consent", type=click.Path(path_type=Path), metavar="FILE", help="The owner's signed consent."),
        click.option("--own-voice", is_flag=True, help="State, signed with your key, that the voice is yours."),
    ):
        command = option(command)
    return command


def reference_of(settings: Settings, given: dict[str, Any]) -> Reference:
    """The reference and its consent. Raises `InputError` for a recording that holds no usable voice, and for a missing,
    expired or foreign consent, before anything is bought."""
    from antiphon.analysis import require_one_voice
    from antiphon.audio.reference import prepare
    from antiphon.clock import SystemClock
    from antiphon.protocol import load_or_create
    from antiphon.protocol.consent import Use, require

    if given["own_voice"] == (given["consent"] is not None):
        raise InputError(
            "A cloned voice needs the consent of its owner",
            "Your own voice: --own-voice. Somebody else's: --consent FILE, made by antiphon consent grant.",
        )
    prepared = prepare(regular_file(given["reference"]))
    require_one_voice(prepared.waveform)
    clip = prepared.clip
    client = load_or_create(settings.home / "keys" / "client.key")
    consent = _own(client, clip) if given["own_voice"] else read_consent(given["consent"])
    for use in (Use.ENROL, Use.SPEAK):
        require(consent, reference=clip.sha256, use=use, at_ms=SystemClock().now_ms(), grantee=client.node_id)
    return Reference(clip, told(prepared.report), consent)


def told(report: Report) -> str:
    """What was found in a recording, in a line."""
    line = (
        f"{report.seconds_used:.1f} s of {report.seconds_in:.1f} s used ({report.verdict}); "
        f"{report.seconds_silence:.1f} s of silence cut, noise {report.snr_db:.0f} dB below the voice"
    )
    return "; ".join((line, *report.remarks))


def enrolled(
    settings: Settings,
    reference: Reference,
    given: dict[str, Any],
    *,
    quiet: bool,
    then: tuple[Charge, ...] = (),
    jobs: Jobs | None = None,
) -> tuple[Enrolled, int]:
    """Have a trainer learn the voice, and validators judge it: the profile, and what was paid for it in nano.

    `then` is what the command will order with the voice: together they must fit --max-cost, or nothing is bought.
    Raises like `antiphon say`.
    """
    from antiphon.cli.manuscript import Extent
    from antiphon.client.cloning import Enrolled, Enrolment, enrol
    from antiphon.network.embedded import Plan
    from antiphon.services import units_of

    enrolment = Enrolment(
        reference=reference.clip,
        consent=reference.consent,
        language=given["language"],
        engine=given["engine"] or "",
        max_total_nano=given["max_cost"],
    )
    found: list[Enrolled] = []

    spent: list[Budget] = []

    async def produce(session: Session, conduct: Conduct) -> AsyncGenerator[SoundEvent, None]:
        spent.append(conduct.budget)
        async for event in enrol(session.client, enrolment, conduct):
            if isinstance(event, Enrolled):
                found.append(event)
            else:
                yield event

    if not quiet:
        click.echo(f"Voice    {reference.report}", err=True)
    units = units_of(enrolment.request)
    charge = Charge(enrolment.selector, units, Role.TRAINER)
    store = jobs.open(purpose="voice", salt=enrolment.engine, noun="voice") if jobs is not None else None
    warm_up(settings, engine=enrolment.engine or Plan().trainers[0])
    order = Order(produce, (charge, *then), given["max_cost"], store=store, jobs=jobs)
    extent = Extent(1, units, True, ("the reference",), noun="voice", unit="unit")
    perform(settings, order, quiet=quiet, extent=extent)
    return found[0], spent[0].spent_nano


def stored_voice(settings: Settings, spec: str) -> Voice:
    """`me`, or a mix `me:0.7+af_heart:0.3` of one stored voice with built-in ones. Raises `InputError`."""
    from antiphon.client.cloning import Voice
    from antiphon.client.voice_store import VoiceStore
    from antiphon.engines import registry

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
    return Voice(stored.profile, stored.consent, stored.origin, blend)


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
    from antiphon.protocol.consent import open_grant
    from antiphon.services import MAX_GRANT_BYTES

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


def _own(client: Any, clip: Clip) -> bytes:
    """The statement that the voice is the client's own, for this client alone."""
    from antiphon.clock import SystemClock
    from antiphon.protocol.consent import Grant, Use, sign_grant

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
