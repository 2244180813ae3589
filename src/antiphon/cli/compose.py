"""`antiphon compose`: free words in, music out, through the whole network."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from antiphon.cli.assets import asset_of, asset_option
from antiphon.cli.delivering import CommandJob, checked_format, deliver, order_fields
from antiphon.cli.jobs import Jobs
from antiphon.cli.loudness import MUSIC
from antiphon.cli.manuscript import extent_of
from antiphon.cli.notes import check_notes, notes_options, write_notes
from antiphon.cli.options import OutputOptions, order_options
from antiphon.door.settings import Settings
from antiphon.errors import InputError

if TYPE_CHECKING:
    from antiphon.client.composing import Composition
    from antiphon.door.ordering import OrderFields

MAX_RANDOM_SEED = 1_000_000

DEFAULT_OUTPUT = "antiphon-music.wav"

EPILOG = """\b
Examples:
  antiphon compose "cheerful chiptune boss fight, 150 bpm, A minor, square leads" --seconds 30
  antiphon compose "calm shop theme in F major, waltz" --seconds 45 --loop -o shop.ogg
  antiphon compose "victory fanfare" --seconds 8 --seed 7 --midi fanfare.mid --score fanfare.musicxml
  antiphon compose "dungeon, D minor" --loop --stems dungeon --module dungeon.xm
  antiphon compose "jazz lounge" --engine ruby --seconds 60 --seed 7 --midi song.mid
  antiphon compose "jazz lounge" --live -o - | mpv --cache=no -
  antiphon compose "boss fight" --from song.mid --seconds 20
  antiphon compose "boss fight" --from song.mid --part counter --midi duet.mid
"""


@click.command(epilog=EPILOG)
@click.argument("prompt", nargs=-1)
@click.option("--seconds", type=float, help="Length, 1 to 600; by default what PROMPT says, or 30.")
@click.option("--loop", is_flag=True, help="The end leads into the beginning: for playing round and round.")
@click.option("--seed", type=int, help="The same seed gives the same piece; by default a new one.")
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path),
    help="Go on with, or change, a MIDI file or chip recording: by Ruby.",
)
@click.option("--vary", type=float, help="With --from: a share of its bars anew, above 0 and at most 1.")
@click.option("--bars", help="With --from: these bars anew, e.g. 5-8.")
@click.option("--part", help="With --from: this part anew, or added: lead, counter, bass or drums.")
@click.option("--live", is_flag=True, help="Play at once, by Ruby; each line you type changes the prompt.")
@notes_options
@asset_option
@order_options(DEFAULT_OUTPUT, MUSIC)
@click.pass_obj
def compose(settings: Settings, /, prompt: tuple[str, ...], output: str, **given: Any) -> None:
    """Turn PROMPT into music: style, mood, tempo, key, instruments, form and length in your own words."""
    from antiphon.door.composing import Compose, composed

    output_options = OutputOptions(
        output, given["format_name"], given["as_json"], given["quiet"], given["loudness"], as_one=output != "-"
    )
    form = checked_format(output_options)
    if given["live"]:
        from antiphon.cli.live import play

        play(" ".join(prompt), output_options, form, given)
        return
    jobs = Jobs(settings, output, given["resume"], "\0".join(("compose", " ".join(prompt))))
    store = jobs.open(noun="window")
    if store is not None and store.begun and store.header.seed >= 0 and given["seed"] is None:
        given["seed"] = store.header.seed  # the same piece
    fields = order_fields(given, output)
    seconds = _changed(given, fields) if given["source"] is not None else _unchanged(given)
    asset = asset_of(settings, given["asset"])
    wanted = Compose(prompt=" ".join(prompt), seconds=seconds, loop=given["loop"], asset=asset, **fields)
    composition, told = wanted.composition()
    check_notes(composition, given)
    if store is not None:
        store.note(seed=composition.seed)
    output_options = replace(output_options, title=composition.prompt, artist="Antiphon")
    if composition.loop:
        output_options = replace(output_options, loop_s=composition.seconds, loop_from_s=_intro_s(composition))
    if not (given["quiet"] or given["as_json"]):
        for note in told:
            click.echo(f"Note     {note}", err=True)
        click.echo(f"Seed     {composition.seed}", err=True)
    facts: dict[str, object] = {"seed": composition.seed, "notes": list(told), **_piece(composition)}
    job = CommandJob(composed(composition), store, jobs, speech=False, facts=facts)
    deliver(settings, output_options, job, extent=extent_of(composition))
    write_notes(composition, given)


def _unchanged(given: dict[str, Any]) -> float | None:
    if named := [f"--{name}" for name in ("vary", "bars", "part") if given[name] is not None]:
        raise InputError(f"There is no piece for {' and '.join(named)} to change", "Name it by --from FILE.")
    seconds: float | None = given["seconds"]
    return seconds


def _changed(given: dict[str, Any], fields: OrderFields) -> float:
    """The order's fields for a piece that is changed, and its length."""
    from antiphon.door.changing import ENGINE, Change, changed

    if fields.get("engine") not in {"", None, ENGINE}:
        raise InputError(f"Only {ENGINE} goes on with pieces", f"Leave --engine out, or give --engine {ENGINE}.")
    if given["loop"]:
        raise InputError("A piece that is changed keeps its end", "Leave --loop out.")
    if fields.get("seed") is None:
        fields["seed"] = secrets.randbelow(MAX_RANDOM_SEED)
    change = Change(given["vary"], _bars(given["bars"]), given["part"] or "")
    made = changed(given["source"], change, seconds=given["seconds"], seed=fields["seed"] or 0)
    fields["engine"] = ENGINE
    fields["options"] = {**made.options, **fields.get("options", {})}
    return made.seconds


def _bars(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,4})(?:-(\d{1,4}))?", text.strip())
    if found is None:
        raise InputError(f"--bars {text!r} names no bars", "Give for example 5-8, or 5.")
    return int(found[1]), int(found[2] or found[1])


def _intro_s(composition: Composition) -> float:
    """Seconds before the loop begins; nothing where another engine decides it."""
    from antiphon.engines import scored

    if (composition.engine or scored.DEFAULT) not in scored.ENGINES:
        return 0.0
    return scored.plan_of(next(composition.requests()), composition.engine).intro_s


def _piece(composition: Composition) -> dict[str, object]:
    """What a program needs to know of the piece; nothing where another engine decides it."""
    from antiphon.engines import scored
    from antiphon.music.meter import TICKS
    from antiphon.pictures.naming import key_name

    if (composition.engine or scored.DEFAULT) not in scored.ENGINES:
        return {}
    planned = scored.plan_of(next(composition.requests()), composition.engine)
    return {
        "bpm": round(planned.tempo_bpm, 3),
        "key": key_name(planned.tonic + (12 if planned.mode == "minor" else 0)),
        "metre": str(planned.meter),
        "bars": planned.bars,
        "sections": [
            {
                "name": section.letter,
                "bar": section.start // planned.bar + 1,
                "bars": section.bars,
                "start_s": round(max(0, section.start - planned.skipped) * 60 / TICKS / planned.quarter_bpm, 3),
            }
            for section in planned.sections
        ],
    }
