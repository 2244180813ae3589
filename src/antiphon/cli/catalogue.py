"""`antiphon voices` and `antiphon engines`: what can be asked for."""

from __future__ import annotations

import json

import click
import msgspec

from antiphon.engines import registry


@click.command(epilog="Example: antiphon voices --language de")
@click.option("--language", help="Only voices of this language (en matches en-us).")
@click.option("--engine", help="Only voices of this engine.")
@click.option("--json", "as_json", is_flag=True)
def voices(language: str | None, engine: str | None, as_json: bool) -> None:
    """List the voices of all installed engines."""
    found = [
        voice
        for voice in registry.all_voices()
        if (not engine or voice.engine == engine)
        and (not language or voice.language == language or voice.language.startswith(language + "-"))
    ]
    if as_json:
        click.echo(json.dumps([msgspec.to_builtins(voice) for voice in found], indent=2))
        return
    for voice in found:
        click.echo(f"{voice.name:<16} {voice.language:<12} {voice.engine:<8} {voice.gender:<7} {voice.description}")
    click.echo('Mix voices of an engine that can: antiphon say "Hello." --voice af_heart:0.6+bm_george:0.4', err=True)


@click.command(epilog="Write your own: docs/engines.md")
@click.option("--json", "as_json", is_flag=True)
def engines(as_json: bool) -> None:
    """List the installed engines and what they can do."""
    loaded = [(name, registry.load(name).capabilities) for name in registry.names()]
    if as_json:
        click.echo(json.dumps({name: _summary(msgspec.to_builtins(can)) for name, can in loaded}, indent=2))
        return
    for name, can in loaded:
        traits = [
            word for word, has in (("streams", can.streams), ("seeds", can.seeded), ("mixes", can.mixes_voices)) if has
        ]
        click.echo(
            f"{name:<8} {can.service:<7} {len(can.voices):>3} voices  {len(can.languages):>3} languages  "
            f"{can.rate_hz} Hz  RTF {can.rtf:g}  {', '.join(traits)}  {can.licence}"
        )
    for name, problem in registry.problems().items():
        click.echo(f"{name}: {problem}", err=True)


def _summary(can: dict[str, object]) -> dict[str, object]:
    voices = can.pop("voices")
    assert isinstance(voices, (list, tuple))
    return {**can, "voices": len(voices)}
