"""`antiphon voices`: what can be asked for, and the cloned voices of this data folder."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from antiphon.cli.amounts import Amount
from antiphon.cli.catalogue import list_voices, listing_options
from antiphon.cli.enrolling import consent_options, enrol
from antiphon.cli.groups import Verbs
from antiphon.door.settings import Settings

EPILOG = """\b
Examples:
  antiphon voices
  antiphon voices list --language en-gb
  antiphon voices add me --reference me.wav --own-voice
  antiphon say "Good morning." --voice me

Mix voices of an engine that can: antiphon say "Good morning to you all." --voice af_heart:0.6+bm_george:0.4
"""
ADD_EPILOG = """\b
Examples:
  antiphon voices add me --reference me.wav --own-voice
  antiphon voices add ann --reference ann.m4a --consent ann.consent
"""


@click.group(cls=Verbs, invoke_without_command=True, epilog=EPILOG)
@listing_options
@click.pass_context
def voices(ctx: click.Context, language: str | None, engine: str | None, as_json: bool) -> None:
    """List the voices of all installed engines, and your own; add, show and delete your own."""
    if ctx.invoked_subcommand is None:
        _list(ctx.obj, language, engine, as_json)


@voices.command("list", epilog="\b\nExamples:\n  antiphon voices list --engine espeak --json\n")
@listing_options
@click.pass_obj
def list_(settings: Settings, language: str | None, engine: str | None, as_json: bool) -> None:
    """List the voices, the default voice first and your own last."""
    _list(settings, language, engine, as_json)


def _list(settings: Settings, language: str | None, engine: str | None, as_json: bool) -> None:
    from antiphon.client.voice_store import VoiceStore

    list_voices(language, engine, as_json)
    own = VoiceStore(settings.home).names()
    if own and not as_json and not language and not engine:
        click.echo(f"\nyours ({len(own)})")
        for name in own:
            click.echo(f"  {name}")


@voices.command(epilog=ADD_EPILOG)
@click.argument("name")
@click.option("--reference", type=click.Path(path_type=Path), required=True, help="3 to 60 s of the voice.")
@consent_options
@click.option("--language", default="en-us", show_default=True, help="BCP 47, of what the voice will speak.")
@click.option("--engine", help="Only trainers with this engine (see `antiphon engines`).")
@click.option("--max-cost", type=Amount(), metavar="ANT", help="Buy nothing if it could cost more.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.pass_obj
def add(settings: Settings, /, name: str, **given: Any) -> None:
    """Have a voice enrolled by a trainer, judged by validators, and keep its profile, sealed, under NAME."""
    from antiphon.door.cloning import Enrolling, check_new_name
    from antiphon.door.reference import reference_of

    check_new_name(settings, name)
    reference = reference_of(settings, given["reference"], own_voice=given["own_voice"], consent=given["consent"])
    enrolling = Enrolling(reference, given["language"], given["engine"] or "", given["max_cost"])
    enrol(settings, enrolling, quiet=given["quiet"])
    enrolling.keep(settings, name)
    if not given["quiet"]:
        click.echo(f'Kept     {name}. Use it: antiphon say "Hello." --voice {name}', err=True)


@voices.command(epilog="\b\nExamples:\n  antiphon voices show me\n")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def show(settings: Settings, name: str, as_json: bool) -> None:
    """Show one of your voices: what it was made of, by which engine, and with whose consent."""
    from antiphon.client.voice_store import VoiceStore
    from antiphon.protocol.consent import moment, open_grant

    stored = VoiceStore(settings.home).load(name)
    consent = open_grant(stored.consent)
    made = datetime.fromtimestamp(stored.created_ms / 1000, UTC)
    facts = {
        "name": name,
        "engine": stored.profile.engine,
        "language": stored.profile.language,
        "made": made.isoformat(timespec="seconds"),
        "reference": stored.report,
        "reference_sha256": stored.profile.reference.hex(),
        "mos": round(stored.profile.own_mos, 2),
        "voice_of": consent.grant.subject,
        "may": f"{', '.join(consent.grant.uses)} until {moment(consent.grant.until_ms)}",
        "granted_by": consent.grantor,
        "grant": consent.id,
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
        return
    for key, value in facts.items():
        click.echo(f"{key.replace('_', ' ').capitalize():<17} {value}")


@voices.command(epilog="\b\nExamples:\n  antiphon voices delete me\n")
@click.argument("name")
@click.pass_obj
def delete(settings: Settings, name: str) -> None:
    """Delete one of your voices: its file is gone, and with it the profile."""
    from antiphon.client.voice_store import VoiceStore

    VoiceStore(settings.home).delete(name)
    click.echo(f"Deleted {name}.", err=True)
