"""`antiphon compose`: free words in, music out, through the whole network."""

from __future__ import annotations

import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.amounts import Amount
from antiphon.cli.app import Settings
from antiphon.cli.delivering import Charge, Order, Wish, checked_format, deliver, options_of
from antiphon.cli.jobs import Jobs, resume_option
from antiphon.cli.loudness import MUSIC, loudness_option
from antiphon.cli.say import checked_seed, mode_of
from antiphon.errors import InputError, OutputError

if TYPE_CHECKING:
    from antiphon.client.composing import Composition

DEFAULT_OUTPUT = "antiphon-music.wav"
DEFAULT_SECONDS = 30.0
ENGINE = "chiptune"
"""The engine whose scores we can write down: composition is a function of the order, so the client repeats it."""

EPILOG = """\b
Examples:
  antiphon compose "cheerful chiptune boss fight, 150 bpm, A minor, square leads" --seconds 30
  antiphon compose "calm shop theme in F major, waltz" --seconds 45 --loop -o shop.ogg
  antiphon compose "victory fanfare" --seconds 8 --seed 7 --midi fanfare.mid --score fanfare.musicxml
"""


@click.command(epilog=EPILOG)
@click.argument("prompt", nargs=-1)
@click.option("--seconds", type=float, help=f"Length, 1 to 600; by default what PROMPT says, or {DEFAULT_SECONDS:g}.")
@click.option("--loop", is_flag=True, help="The end leads into the beginning: for playing round and round.")
@click.option("--seed", type=int, help="The same seed gives the same piece; by default a new one.")
@click.option("-o", "--output", default=DEFAULT_OUTPUT, show_default=True, help="File to write; - streams to stdout.")
@click.option("--format", "format_name", help="wav, flac, mp3, opus, ogg or pcm; by default the output's suffix.")
@click.option("--midi", type=click.Path(path_type=Path, dir_okay=False), help="Also write the notes as MIDI.")
@click.option("--score", type=click.Path(path_type=Path, dir_okay=False), help="Also write the notes as MusicXML.")
@click.option("--engine", help="Only nodes with this engine (see `antiphon engines`).")
@click.option("--option", "options", multiple=True, metavar="KEY=VALUE", help="An option of the engine.")
@loudness_option(MUSIC)
@click.option("--stream/--verified", default=None, help="Release audio as it is made, or only after the vote.")
@resume_option
@click.option("--max-cost", type=Amount(), metavar="ANT", help="Buy nothing if the whole could cost more.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON on stdout.")
@click.option("-q", "--quiet", is_flag=True, help="Print nothing but errors.")
@click.pass_obj
def compose(settings: Settings, /, prompt: tuple[str, ...], output: str, **given: Any) -> None:
    """Turn PROMPT into music: style, mood, tempo, key, instruments, form and length in your own words."""
    from antiphon.cli.manuscript import Extent
    from antiphon.client.composing import OUTPUT_CHANNELS, OUTPUT_RATE_HZ
    from antiphon.client.composing import compose as composed
    from antiphon.services import units_of

    wish = Wish(output, given["format_name"], given["as_json"], given["quiet"], given["loudness"], as_one=output != "-")
    checked_format(wish)
    jobs = Jobs(settings, output, given["resume"], "\0".join(("compose", " ".join(prompt))))
    store = jobs.open(noun="window")
    if store is not None and store.begun and store.header.seed >= 0 and given["seed"] is None:
        given["seed"] = store.header.seed  # the same piece
    composition, told = _composition(prompt, output, given)
    if store is not None:
        store.note(seed=composition.seed)
    wish = replace(wish, title=composition.prompt, artist="Antiphon")
    if not (given["quiet"] or given["as_json"]):
        for note in told:
            click.echo(f"Note     {note}", err=True)
        click.echo(f"Seed     {composition.seed}", err=True)
    requests = list(composition.requests())
    units = sum(map(units_of, requests))
    order = Order(
        produce=lambda session, conduct: composed(session.client, composition, conduct),
        charges=(Charge(composition.selector, units),),
        max_total_nano=composition.max_total_nano,
        store=store,
        jobs=jobs,
        speech=False,
        facts={"seed": composition.seed, "notes": list(told)},
    )
    windows = tuple(f"{one.start_s:.0f} s to {one.stop_s:.0f} s" for one in requests)
    extent = Extent(len(requests), units, True, windows, noun="window", unit="unit")
    deliver(settings, wish, order, rate_hz=OUTPUT_RATE_HZ, channels=OUTPUT_CHANNELS, extent=extent)
    _write_notes(composition, given["midi"], given["score"])


def _composition(prompt: tuple[str, ...], output: str, given: dict[str, Any]) -> tuple[Composition, tuple[str, ...]]:
    """What is ordered, and what has to be told about how the words were understood. Raises `InputError`."""
    from antiphon.client.composing import Composition
    from antiphon.music.brief import read

    text = " ".join(prompt)
    if not text.strip():
        raise InputError("The prompt is empty", 'Write for example: antiphon compose "calm shop theme, F major"')
    brief = read(text)
    seconds = given["seconds"] if given["seconds"] is not None else brief.seconds or DEFAULT_SECONDS
    told = list(brief.notes)
    if given["seconds"] is not None and brief.seconds is not None and abs(brief.seconds - seconds) > 0.01:
        told.append(f"The prompt says {brief.seconds:g} s, --seconds says {seconds:g}: --seconds counts.")
    seed = checked_seed(given["seed"])
    composition = Composition(
        prompt=text,
        seconds=seconds,
        seed=secrets.randbelow(1_000_000) if seed is None else seed,
        loop=given["loop"] or brief.loop,
        engine=given["engine"] or "",
        options=options_of(given["options"]),
        mode=mode_of(given["stream"], output),
        max_total_nano=given["max_cost"],
    )
    if (given["midi"] or given["score"]) and composition.engine not in {"", ENGINE}:
        raise InputError(
            f"Only pieces of {ENGINE} can be written as notes", "Leave --engine out, or --midi and --score."
        )
    for notes in (given["midi"], given["score"]):
        if notes is not None and not notes.parent.is_dir():
            raise OutputError(f"The folder of {notes} does not exist", "Make it, or choose another place.")
    if seconds <= 0:
        raise InputError(f"{seconds:g} s of music is outside 1-600", "Change --seconds.")
    next(composition.requests())  # its own limits, before anything starts
    _check(composition)
    if composition.loop and composition.engine in {"", ENGINE}:
        composition = _whole_bars(composition, told)
    return composition, tuple(told)


def _whole_bars(composition: Composition, told: list[str]) -> Composition:
    """A loop has whole bars, or it would stumble where it begins again."""
    from antiphon.engines.chiptune import length_of

    seconds = length_of(next(composition.requests()))
    if abs(seconds - composition.seconds) > 0.005:
        told.append(f"The loop lasts {seconds:.2f} s: the whole bars nearest to {composition.seconds:g} s.")
    return replace(composition, seconds=seconds)


def _check(composition: Composition) -> None:
    """What an engine will say no to is said before anything starts. Raises `InputError`."""
    from antiphon.engines import registry

    name = composition.engine or ENGINE
    if composition.engine and name not in registry.names():
        raise InputError(f"Unknown engine {name!r}", f"Engines: {', '.join(registry.names())}.")
    registry.load(name).check(next(composition.requests()))


def _write_notes(composition: Composition, midi: Path | None, score: Path | None) -> None:
    """The same composition once more, as notes."""
    from antiphon.engines.chiptune import score_of
    from antiphon.music import to_midi, to_musicxml

    for path, write in ((midi, to_midi), (score, to_musicxml)):
        if path is None:
            continue
        try:
            path.write_bytes(write(score_of(next(composition.requests()))))
        except OSError as e:
            raise OutputError(f"{path} cannot be written: {e.strerror}", "Choose another place.") from e
