"""`antiphon consent`: allow the use of a voice, look at what was allowed, take it back."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.app import run
from antiphon.cli.groups import Verbs
from antiphon.door.settings import Settings
from antiphon.errors import InputError, OutputError

if TYPE_CHECKING:
    _Param = click.ParamType[datetime]

    from antiphon.protocol.consent import Consent, Grant
else:
    _Param = click.ParamType  # not generic at runtime before click 8.5

USES = ("enrol", "speak", "convert")
SELF, EVERYBODY = "me", "anybody"
DEFAULT_DAYS, MAX_DAYS = 365, 3_652
SKEW_MS = 60_000
"""A grant begins a minute ago: the clocks of those who check it may be behind."""
DEFAULT_OUTPUT = "voice.consent"


class Day(_Param):
    """A day, as 2027-01-31."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return datetime.strptime(value, "%Y-%m-%d")  # noqa: DTZ007  whoever reads it says that it is UTC
        except ValueError:
            self.fail(f"{value!r} is no day; write it as 2027-01-31", param, ctx)


_ID = re.compile(r"[0-9a-f]{32}")

EPILOG = """\b
Examples:
  antiphon consent grant --reference me.wav --subject "Ann Example" -o ann.consent
  antiphon consent show ann.consent
  antiphon consent revoke ann.consent
"""
GRANT_EPILOG = """\b
Examples:
  antiphon consent grant --reference me.wav --subject "Ann Example" -o ann.consent
  antiphon consent grant --reference me.wav --subject Ann --for enrol,speak --days 30 --to anybody

Whoever wants to use your voice prints their id with: antiphon account
"""
SHOW_EPILOG = """\b
Examples:
  antiphon consent show ann.consent
  antiphon consent show ann.consent --check --json
"""
REVOKE_EPILOG = """\b
Examples:
  antiphon consent revoke ann.consent
  antiphon consent revoke 0f6f25ba9d25e8921ac25fa841437800
"""


@click.group(cls=Verbs, epilog=EPILOG)
def consent() -> None:
    """Allow the use of a voice, look at what was allowed, take it back.

    A consent is signed with the key of this data folder. It says whose voice, in which recordings, may be used by whom,
    for what, until when; nobody can use a voice in the network without one. What it cannot prove is that the voice is
    yours: it proves who said so, and every receipt keeps it.
    """


@consent.command(epilog=GRANT_EPILOG)
@click.option(
    "--reference",
    "references",
    type=click.Path(path_type=Path),
    multiple=True,
    required=True,
    help="A recording it covers; several may be given.",
)
@click.option("--subject", required=True, metavar="NAME", help="Whose voice it is, in words.")
@click.option(
    "--for", "uses", default=",".join(USES), show_default=True, metavar="USES", help="What it may be used for."
)
@click.option("--until", type=Day(), metavar="DATE", help="Last day, as 2027-01-31 (UTC).")
@click.option("--days", type=click.IntRange(1, MAX_DAYS), help=f"How long from now; {DEFAULT_DAYS} unless told.")
@click.option("--to", "grantee", default=SELF, show_default=True, metavar="ID", help="Who may: an id, me, or anybody.")
@click.option(
    "--royalty",
    type=click.FloatRange(0, 30),
    metavar="PERCENT",
    help="What each use brings you, of what the work costs; nothing unless told.",
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), default=DEFAULT_OUTPUT, show_default=True, help="File."
)
@click.pass_obj
def grant(settings: Settings, /, references: tuple[Path, ...], output: Path, **given: Any) -> None:
    """Allow somebody to use the voice in recordings of yours.

    Consents are public once they are used: one for anybody can be used by anybody who has the recording.
    """
    from msgspec import UNSET

    from antiphon.audio.reference import prepare
    from antiphon.clock import SystemClock
    from antiphon.door.reference import regular_file
    from antiphon.protocol import load_or_create
    from antiphon.protocol.consent import ANYBODY, Grant, Use, open_grant, sign_grant

    clock = SystemClock()
    now_ms = clock.now_ms()
    until_ms = _end_ms(now_ms, given["until"], given["days"])
    uses = _uses(given["uses"])
    if output.exists():
        raise InputError(f"{output} exists already", "Name another file with -o: a lost consent cannot be shown.")
    own = load_or_create(settings.home / "keys" / "client.key")
    grantee = {SELF: own.node_id, EVERYBODY: ANYBODY}.get(given["grantee"], given["grantee"])
    clips = {prepare(regular_file(path)).clip.sha256: path for path in references}
    signed = sign_grant(
        own,
        Grant(
            subject=given["subject"],
            references=tuple(clips),
            uses=tuple(map(Use, uses)),
            grantee=grantee,
            not_before_ms=now_ms - SKEW_MS,
            until_ms=until_ms,
            royalty_ppm=round(given["royalty"] * 10_000) if given["royalty"] else UNSET,
        ),
        clock,
    )
    _write(output, signed)
    click.echo("\n".join(_told(open_grant(signed), own.node_id, now_ms)))
    click.echo(f"Written   {output}; take it back with: antiphon consent revoke {output}", err=True)


@consent.command(epilog=SHOW_EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Ask the ledger whether it was revoked.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(settings: Settings, file: Path, check: bool, as_json: bool) -> None:
    """Show a consent: whose voice, granted by whom to whom, for what, until when. Its signature is verified."""
    from antiphon.clock import SystemClock
    from antiphon.door.reference import read_consent
    from antiphon.protocol.consent import open_grant

    found = open_grant(read_consent(file))
    revoked = run(_is_revoked(settings, found)) if check else None
    now_ms = SystemClock().now_ms()
    if as_json:
        click.echo(json.dumps(_plain(found, now_ms, revoked), indent=2))
        return
    click.echo("\n".join(_told(found, "", now_ms)))
    if revoked is not None:
        click.echo("Ledger    it was revoked" if revoked else "Ledger    it was not revoked")


@consent.command(epilog=REVOKE_EPILOG)
@click.argument("file", metavar="FILE|ID")
@click.pass_obj
def revoke(settings: Settings, file: str) -> None:
    """Take a consent back, for ever: no task can begin with it any more, and running ones end.

    Only who granted it can. What was delivered before is paid; its sound is not handed out any more.
    """
    from antiphon.protocol import load_or_create

    own = load_or_create(settings.home / "keys" / "client.key").node_id
    name = _id_of(file, own)
    news = run(_revoke(settings, name))
    click.echo(f"Revoked   {name}" if news else f"Revoked   {name}, as it was before")


async def _revoke(settings: Settings, name: str) -> bool:
    """Whether it was not revoked yet."""
    from antiphon.door.connecting import connect
    from antiphon.ledger.operations import Revoke

    async with connect(settings) as session:
        if await session.ledger.revoked(session.client.node_id, name):
            return False
        await session.client.submit(Revoke(grant=name))
    return True


async def _is_revoked(settings: Settings, found: Consent) -> bool:
    from antiphon.door.connecting import connect

    async with connect(settings) as session:
        return await session.ledger.revoked(found.grantor, found.id)


def _id_of(file: str, own: str) -> str:
    """The id of a consent of ours, from its file or as it stands in a receipt."""
    from antiphon.door.reference import read_consent
    from antiphon.protocol.consent import open_grant

    if _ID.fullmatch(file) and not Path(file).exists():
        return file
    found = open_grant(read_consent(Path(file)))
    if found.grantor != own:
        raise InputError(
            f"{file} was granted by {found.grantor}, and only they can revoke it",
            "Run this with the --home whose key signed it.",
        )
    return found.id


def _end_ms(now_ms: int, until: datetime | None, days: int | None) -> int:
    if until is not None and days is not None:
        raise InputError("Both --until and --days are given", "Give one of them.")
    if until is None:
        return now_ms + (days or DEFAULT_DAYS) * 86_400_000
    end_ms = round((until.replace(tzinfo=UTC) + timedelta(days=1)).timestamp() * 1000)
    if end_ms <= now_ms:
        raise InputError(f"{until:%Y-%m-%d} is over", "Give a later day.")
    return end_ms


def _uses(written: str) -> list[str]:
    from antiphon.plugins import unknown

    uses = [one.strip() for one in written.split(",") if one.strip()]
    for one in uses:
        if one not in USES:
            raise unknown("use of a voice", one, USES)
    return list(dict.fromkeys(uses))


def _write(path: Path, raw: bytes) -> None:
    """The whole file or none."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(raw)
        part.replace(path)
    except OSError as e:
        part.unlink(missing_ok=True)
        raise OutputError(f"{path} cannot be written: {e.strerror}", "Name another place with -o.") from e


def _told(found: Consent, own: str, now_ms: int) -> list[str]:
    from antiphon.protocol.consent import moment

    body = found.grant
    to = body.grantee or EVERYBODY
    return [
        f"Voice     of {body.subject}",
        f"Granted   by {found.grantor}{' (you)' if found.grantor == own else ''}",
        f"To        {to}{' (you)' if to == own else ''}",
        f"For       {', '.join(body.uses)}",
        f"Valid     {moment(body.not_before_ms)} to {moment(body.until_ms)}: {_standing(body, now_ms)}",
        *([f"Royalty   {body.asked_ppm / 10_000:g}% of what the work costs"] if body.asked_ppm else []),
        *(f"Recording {reference.hex()}" for reference in body.references),
        f"Id        {found.id}",
    ]


def _standing(body: Grant, now_ms: int) -> str:
    if now_ms < body.not_before_ms:
        return "not yet in force"
    return "in force" if now_ms < body.until_ms else "expired"


def _plain(found: Consent, now_ms: int, revoked: bool | None) -> dict[str, Any]:
    import msgspec

    plain: dict[str, Any] = msgspec.to_builtins(found.grant)
    plain["references"] = [reference.hex() for reference in found.grant.references]
    named = {"id": found.id, "grantor": found.grantor}
    return named | plain | {"standing": _standing(found.grant, now_ms), "revoked": revoked}
