"""What can be asked for: the voices and the engines that are installed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec
import msgspec.inspect

from antiphon.cli.engine_check import check
from antiphon.cli.groups import Verbs
from antiphon.door.settings import DEFAULT_VOICE
from antiphon.engines import registry
from antiphon.errors import InputError
from antiphon.services import MAX_SPEED

F = TypeVar("F", bound=Callable[..., Any])

if TYPE_CHECKING:
    from antiphon.engines.base import Capabilities, Voice

ORDER = ("hibari", "kokoro")
"""Engines whose voices come first; then all others by name."""

ENGINES_EPILOG = """\b
Examples:
  antiphon engines
  antiphon engines --json

Write your own: docs/engines.md
"""


def listing_options(command: F) -> F:
    """What chooses among voices."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--engine", metavar="NAME", help="Only voices of this engine."),
        click.option("--language", metavar="TAG", help="Only voices of this language (en matches en-us)."),
    ):
        command = option(command)
    return command


def list_voices(language: str | None, engine: str | None, as_json: bool) -> None:
    """Print the voices of all installed engines, the default voice first."""
    if engine and engine not in registry.names():
        raise InputError(f"There is no engine {engine!r}", f"Engines: {', '.join(registry.names())}.")
    found = sorted(
        (
            voice
            for voice in registry.all_voices()
            if (not engine or voice.engine == engine) and (not language or _speaks(voice.language, language))
        ),
        key=_rank,
    )
    if not found:
        from antiphon.client.voices import meant

        hint = meant(language or "", registry.all_voices())
        raise InputError(f"No voice speaks {language!r}", hint or "See all of them: antiphon voices")
    if as_json:
        click.echo(json.dumps([msgspec.to_builtins(voice) for voice in found], indent=2))
        return
    click.echo("\n".join(_listing(found)))
    if any(voice.engine == "kokoro" for voice in found):
        click.echo(
            '\nMix Kokoro voices: antiphon say "Good morning to you all." --voice af_heart:0.6+bm_george:0.4', err=True
        )


def _speaks(tag: str, wanted: str) -> bool:
    tag, wanted = tag.casefold(), wanted.casefold()
    return tag == wanted or tag.startswith(wanted + "-")


def _rank(voice: Voice) -> tuple[bool, int, str, str]:
    """The default first; Kokoro's keep their own order, others go by language."""
    place = ORDER.index(voice.engine) if voice.engine in ORDER else len(ORDER)
    return voice.name != DEFAULT_VOICE, place, voice.engine, "" if voice.engine in ORDER else voice.language


def _listing(found: list[Voice]) -> Iterator[str]:
    """A block for each engine, in columns; each line stands for itself when it is grepped."""
    for number, (engine, group) in enumerate(groupby(found, key=lambda voice: voice.engine)):
        members = list(group)
        widths = [max(len(cells[column]) for cells in map(_cells, members)) for column in range(3)]
        yield ("\n" if number else "") + f"{engine} ({len(members)})"
        for voice in members:
            columns = (f"{cell:<{width}}" for cell, width in zip(_cells(voice), widths, strict=False))
            yield "  ".join(("", *filter(str.strip, columns), _about(voice)))


def _cells(voice: Voice) -> tuple[str, str, str]:
    return voice.name, voice.language, voice.gender


def _about(voice: Voice) -> str:
    return f"(default) {voice.description}" if voice.name == DEFAULT_VOICE else voice.description


@click.group(cls=Verbs, invoke_without_command=True, epilog=ENGINES_EPILOG)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def engines(ctx: click.Context, as_json: bool) -> None:
    """List the installed engines: what they can do, and the options they take."""
    if ctx.invoked_subcommand is None:
        _list_engines(as_json)


@engines.command("list", epilog="\b\nExamples:\n  antiphon engines list\n")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_engines(as_json: bool) -> None:
    """List the installed engines: what they can do, and the options they take."""
    _list_engines(as_json)


engines.add_command(check)


def _list_engines(as_json: bool) -> None:
    able = registry.installed().capabilities()
    if as_json:
        click.echo(json.dumps({name: _summary(name, can) for name, can in able.items()}, indent=2))
        return
    for name, can in able.items():
        click.echo("\n".join(_described(name, can)))
    for name, problem in registry.problems().items():
        click.echo(f"{name}: cannot be used: {problem}", err=True)


def _described(name: str, can: Capabilities) -> Iterable[str]:
    traits = [
        word
        for word, has in (("streams", can.streams), ("takes seeds", can.seeded), ("is audited", can.auditable))
        if has
    ]
    traits += ["mixes voices"] if can.mixes_voices else []
    yield f"{name}  {', '.join(traits)}"
    languages = ", ".join(can.languages) if len(can.languages) <= 8 else f"{len(can.languages)} languages"
    yield f"  voices    {len(can.voices)} ({languages})"
    yield f"  speed     {can.rtf:g} s of computing for 1 s of audio at {can.rate_hz} Hz"
    if can.max_speed < MAX_SPEED:
        yield f"  pace      understood up to --speed {can.max_speed:g}"
    for key, about in _options(name).items():
        yield f"  option    {key}: {about}"
    yield f"  licence   {can.licence}"


def _options(engine: str) -> dict[str, str]:
    """Each option's type, range and default, in words."""
    fields = msgspec.structs.fields(registry.load(engine).Options)
    return {one.name: _kind(msgspec.inspect.type_info(one.type)) + _default(one.default) for one in fields}


def _kind(kind: msgspec.inspect.Type) -> str:
    if isinstance(kind, msgspec.inspect.UnionType):
        return " or ".join(_kind(one) for one in kind.types if not isinstance(one, msgspec.inspect.NoneType))
    if isinstance(kind, msgspec.inspect.LiteralType):
        return " or ".join(map(str, kind.values))
    if isinstance(kind, (msgspec.inspect.IntType, msgspec.inspect.FloatType)):
        span = f" {kind.ge:g} to {kind.le:g}" if kind.ge is not None and kind.le is not None else ""
        return ("whole number" if isinstance(kind, msgspec.inspect.IntType) else "number") + span
    return "true or false" if isinstance(kind, msgspec.inspect.BoolType) else "text"


def _default(value: object) -> str:
    return "" if value in {msgspec.NODEFAULT, None, ""} else f" (by default {value})"


def _summary(name: str, can: Capabilities) -> dict[str, object]:
    plain: dict[str, object] = msgspec.to_builtins(can)
    return {**plain, "voices": len(can.voices), "options": _options(name)}
