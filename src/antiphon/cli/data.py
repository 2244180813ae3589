"""`antiphon data`: private collections of recordings to train on. Nothing here opens a connection."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from antiphon.cli.groups import Verbs
from antiphon.door.settings import Settings
from antiphon.errors import InputError, OutputError, PartialError, StateError

if TYPE_CHECKING:
    from antiphon.genki.data import Collection, Outcome, Sidecar

C = TypeVar("C", bound=Callable[..., Any])

EPILOG = """\b
Examples:
  antiphon data add recordings --licence CC-BY-4.0 --consent "my own recordings"
  antiphon data list recordings
  antiphon data check recordings
"""

_TEXTS = {
    "title": "Its title.",
    "description": "What is heard, or said, in a sentence.",
    "genre": "Its genre.",
    "key": "Its key, as in 'A minor'.",
    "licence": "Under which licence it may be used, as in CC-BY-4.0.",
    "consent": "Who allowed its use, in words.",
}
_LISTS = {"moods": "mood", "instruments": "instrument", "keywords": "keyword"}
_json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(cls=Verbs, epilog=EPILOG)
def data() -> None:
    """Collections of recordings to train on, kept in your data folder. The audio stays where it is.

    Nothing of them leaves this machine but what you share.
    """


def field_options(*texts: str) -> Callable[[C], C]:
    """Options for editable fields."""

    def apply(command: C) -> C:
        for name, word in reversed(_LISTS.items()):
            told = f"One of its {name}; may be repeated."
            command = click.option(f"--{word}", name, multiple=True, metavar="WORD", help=told)(command)
        for name in reversed(texts):
            command = click.option(f"--{name}", help=_TEXTS[name])(command)
        return command

    return apply


@data.command(
    epilog='\b\nExamples:\n  antiphon data add recordings --licence CC-BY-4.0 --consent "my own recordings"\n'
)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", help="The collection's name; by default the folder's.")
@click.option("--as", "kind", type=click.Choice(["speech", "music"]), help="What they are; by default found by ear.")
@field_options("description", "genre", "licence", "consent")
@_json_option
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.pass_obj
def add(
    settings: Settings, /, folder: Path, name: str | None, kind: str | None, as_json: bool, quiet: bool, **fields: Any
) -> None:
    """Add every recording in FOLDER, and below it, to a collection: measured, and never changed.

    The fields given count for all that are new. Run it again after a stop, or when recordings were added.
    """
    from antiphon.genki.data import Collection, name_for
    from antiphon.genki.data import add as adding
    from antiphon.genki.data.adding import What

    collection = Collection(settings.home, name or name_for(folder.resolve()))
    seen: Counter[str] = Counter()
    for one in adding(collection, folder, _given(fields), kind=kind):
        seen[one.what] += 1
        if one.what is What.REFUSED or not (quiet or as_json or one.what in (What.KNOWN, What.LEFT)):
            click.echo(_told(one), err=True)
    if as_json:
        click.echo(json.dumps({"collection": collection.name, **{what: seen[what] for what in What}}, indent=2))
    elif not quiet:
        counts = ", ".join(f"{seen[what]} {what}" for what in What if seen[what]) or "no files"
        click.echo(f"{collection.name}: {counts}")
    if seen[What.REFUSED]:
        raise PartialError(f"{seen[What.REFUSED]} files were not added", "The lines above say why.")


def _told(one: Outcome) -> str:
    from antiphon.genki.data.files import shown

    return f"{one.what.capitalize():<8} {shown(one.path)}{f' {shown(one.why)}' if one.why else f'  {one.clip[:12]}'}"


@data.command("list", epilog="\b\nExamples:\n  antiphon data list\n  antiphon data list recordings\n")
@click.argument("name", required=False)
@_json_option
@click.pass_obj
def list_(settings: Settings, name: str | None, as_json: bool) -> None:
    """List the collections, or the clips of one."""
    from antiphon.genki.data import Collection, collections

    if name is None:
        found = [
            {"name": one, "clips": len(Collection(settings.home, one).ids())} for one in collections(settings.home)
        ]
        lines = [f"{one['name']:<40} {one['clips']:>6} clips" for one in found] or ["No collections: antiphon data add"]
    else:
        found, lines = _clips(Collection(settings.home, name).require())
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(lines))


def _clips(collection: Collection) -> tuple[list[dict[str, Any]], list[str]]:
    found: list[dict[str, Any]] = []
    lines = []
    for clip in collection.ids():
        try:
            one = collection.load(clip)
        except StateError as error:
            found.append({"id": clip, "error": error.what})
            lines.append(f"{clip[:12]}  {error.what}")
            continue
        found.append({"id": clip, **_plain(one)})
        tempo = f"{one.bpm:g} bpm" if one.bpm else ""
        facts = (f"{one.duration:.1f} s", one.measured.kind, one.key or "", tempo, one.genre, one.licence)
        lines.append(f"{clip[:12]}  {one.title}: {', '.join(fact for fact in facts if fact)}")
    return found, lines or ["No clips."]


@data.command(epilog="\b\nExamples:\n  antiphon data show recordings me.wav\n")
@click.argument("name")
@click.argument("clip")
@_json_option
@click.pass_obj
def show(settings: Settings, name: str, clip: str, as_json: bool) -> None:
    """Show CLIP, named by its id, its file's name or its title: all fields, and where its sidecar lies."""
    from antiphon.genki.data import Collection
    from antiphon.genki.data.files import shown

    collection = Collection(settings.home, name).require()
    wanted = collection.find(clip)
    one = collection.load(wanted)
    if as_json:
        click.echo(json.dumps({"id": wanted, **_plain(one)}, indent=2))
        return
    fields = _plain(one)
    fields |= {**fields.pop("measured"), "file": shown(one.source.path)}
    del fields["source"]
    for field, value in {"id": wanted, **fields, "sidecar": shown(str(collection.sidecar(wanted)))}.items():
        text = ", ".join(value) if isinstance(value, (list, tuple)) else "" if value is None else value
        click.echo(f"{field.replace('_', ' ').capitalize():<15} {text}".rstrip())


@data.command(epilog="\b\nExamples:\n  antiphon data edit recordings me.wav --keyword quiet --title Lighthouse\n"
              "  antiphon data edit recordings --all --licence CC0-1.0\n")  # fmt: skip
@click.argument("name")
@click.argument("clip", required=False)
@click.option("--all", "every", is_flag=True, help="Every clip of the collection.")
@field_options(*_TEXTS)
@click.option("--bpm", type=float, help="Its tempo in beats a minute; 0 if it has none.")
@click.pass_obj
def edit(settings: Settings, /, name: str, clip: str | None, every: bool, **fields: Any) -> None:
    """Change fields of CLIP, or of --all. An empty text takes a value away. Its sidecar may be edited, too."""
    from antiphon.genki.data import Collection, edited

    changes = _given(fields)
    if not changes:
        raise InputError("There is nothing to change", "Name a field and its value, as in --licence CC0-1.0.")
    if every == (clip is not None):
        raise InputError("It is not said which clip is meant", "Name one, or give --all.")
    collection = Collection(settings.home, name).require()
    with collection.changing():
        wanted = collection.ids() if clip is None else [collection.find(clip)]
        changed = [edited(collection.load(one), changes) for one in wanted]  # all or none
        for one in changed:
            collection.save(one)
    click.echo(f"Changed {len(changed)} of {name}.", err=True)


@data.command(epilog="\b\nExamples:\n  antiphon data remove recordings other.wav\n")
@click.argument("name")
@click.argument("clip")
@click.pass_obj
def remove(settings: Settings, name: str, clip: str) -> None:
    """Take CLIP out of the collection, with its sidecar. The recording is not touched."""
    from antiphon.genki.data import Collection

    collection = Collection(settings.home, name).require()
    with collection.changing():
        wanted = collection.find(clip)
        collection.remove(wanted)
    click.echo(f"Removed {wanted[:12]} from {name}.", err=True)


@data.command(epilog="\b\nExamples:\n  antiphon data check\n  antiphon data check recordings\n")
@click.argument("name", required=False)
@_json_option
@click.pass_obj
def check(settings: Settings, name: str | None, as_json: bool) -> None:
    """Tell what keeps clips from being trained on, and what to do about it; ends with 10 if there is anything.

    Without NAME of all collections.
    """
    from antiphon.genki.data import Collection, collections

    names = collections(settings.home) if name is None else [name]
    found, bad, count = [], 0, 0
    for one in names:
        collection = Collection(settings.home, one).require()
        mine = _checked(collection, tell=not as_json)
        found += mine
        bad += len({finding["clip"] for finding in mine})
        count += len(collection.ids())
    if as_json:
        click.echo(json.dumps(found, indent=2))
    told = name or f"{len(names)} collections"
    if found:
        raise PartialError(f"{bad} of {count} clips of {told} are not ready", "Each line names its remedy.")
    if not as_json:
        click.echo(f"{told}: {count} clips, nothing to complain of." if names else "No collections: antiphon data add")


def _checked(collection: Collection, *, tell: bool) -> list[dict[str, str]]:
    from antiphon.genki.data import check as checking

    found = []
    for one in checking(collection):
        facts = {"clip": one.clip, "problem": one.problem, "what": one.what, "remedy": one.remedy}
        found.append({"collection": collection.name, **facts})
        if tell:
            click.echo(f"{one.clip[:12]}  {one.problem}: {one.what}. Remedy: {one.remedy}")
    return found


@data.command(epilog="\b\nExamples:\n  antiphon data sketch recordings -o recordings.sketch\n"
              "  antiphon data sketch recordings --against recordings.sketch\n")  # fmt: skip
@click.argument("name")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="File to write the sketch to.")
@click.option("--salt", default="", help="The round it is for: sketches with other salts cannot be compared with it.")
@click.option("--against", type=click.Path(path_type=Path), help="Somebody else's sketch: which clips are in both?")
@_json_option
@click.pass_obj
def sketch(settings: Settings, name: str, output: Path | None, salt: str, against: Path | None, as_json: bool) -> None:
    """Write what can be declared of a collection, or compare it with what somebody else declares.

    A sketch shows whether two collections hold the same recordings. No audio can be made of it.
    """
    from antiphon.genki.data import Collection, declared, read_sketch, shared
    from antiphon.genki.data.sketch import encode_sketch

    if (output is None) == (against is None):
        raise InputError("A sketch is written, or compared", "Give -o FILE, or --against FILE.")
    collection = Collection(settings.home, name).require()
    if against is not None:
        other = read_sketch(against)
        own, ids = declared(collection, other.salt)
        both = [ids[n] for n in shared(own, other)]
        if as_json:
            click.echo(json.dumps({"own": len(ids), "declared": len(other.clips), "shared": both}, indent=2))
            return
        click.echo(f"{len(both)} of {len(ids)} clips are among the {len(other.clips)} that were declared.")
        for clip in both:
            click.echo(f"  {clip[:12]}")
        return
    assert output is not None
    own, ids = declared(collection, salt)
    _write(output, encode_sketch(own))
    left = len(collection.ids()) - len(ids)
    told = f"{left} too short or silent" if left else ""
    if as_json:
        click.echo(json.dumps({"file": str(output), "clips": len(ids), "left_out": left}, indent=2))
    else:
        click.echo(f"{output}: {len(ids)} clips{f', {told} left out' if told else ''}")


def _write(file: Path, content: bytes) -> None:
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        beside.replace(file)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OutputError(f"{file} cannot be written: {error.strerror}", "Choose another place with -o.") from error


def _plain(one: Sidecar) -> dict[str, Any]:
    import msgspec

    found = msgspec.to_builtins(one)
    assert isinstance(found, dict)
    return found


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    """Options that were given, as values of fields; an empty word empties a list, an empty key or a tempo of 0 says
    that there is none."""
    found: dict[str, Any] = {}
    for name, value in fields.items():
        if name in _LISTS:
            if value:
                found[name] = tuple(word for word in dict.fromkeys(value) if word)
        elif value is not None:
            found[name] = (value or None) if name in ("key", "bpm") else value
    return found
