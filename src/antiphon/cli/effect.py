"""`antiphon effect`: a sound effect by name: ordered, or in this program."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import click

from antiphon.cli.delivering import CommandJob, checked_format, deliver, order_fields
from antiphon.cli.here import check_here, here_option, output_format, write_here
from antiphon.cli.jobs import Jobs
from antiphon.cli.manuscript import extent_of
from antiphon.cli.options import OutputOptions, order_options
from antiphon.door.settings import Settings
from antiphon.errors import InputError

MAX_VARIANTS = 50

EPILOG = """\b
Examples:
  antiphon effect coin
  antiphon effect "big explosion" --seed 4 -o boom.ogg
  antiphon effect "soft footstep" --variants 4 -o step.wav --here
"""


@click.command(epilog=EPILOG)
@click.argument("prompt", nargs=-1, required=True)
@click.option("--seed", type=int, help="The same seed gives the same sound; by default a new one.")
@click.option("--variants", type=click.IntRange(1, MAX_VARIANTS), default=1, help="So many: NAME-1.wav, NAME-2.wav ...")
@here_option
@order_options("", "off")
@click.pass_obj
def effect(settings: Settings, /, prompt: tuple[str, ...], output: str, here: bool, **given: Any) -> None:
    """Have the sound effect made that PROMPT names.

    Names: coin, jump, hit, explosion, laser, power-up, level-up, menu, select, cancel, error, hurt, step, door, splash,
    alarm, engine. Other words: small or big, high or low, short or long, soft. By default it is written under its name
    in this folder.
    """
    count = given["variants"]
    if count > 1 and (output == "-" or given["as_json"]):
        raise InputError("Several sounds do not fit into one stream", "Leave --variants out, or -o - and --json.")
    if here:
        check_here(given)
    first = secrets.randbelow(1_000_000) if given["seed"] is None else given["seed"]
    for number in range(count):
        one = {**given, "seed": first + number}
        place = f"-{number + 1}" if count > 1 else ""
        (_here if here else _order)(settings, " ".join(prompt), one, (output, place))


def _target(name: str, output: tuple[str, str]) -> str:
    """`output`: what was said, and what is added to the name."""
    path = Path(output[0] or f"{name}.wav")
    return str(path.with_name(f"{path.stem}{output[1]}{path.suffix}")) if output[1] else str(path)


def _order(settings: Settings, prompt: str, given: dict[str, Any], output: tuple[str, str]) -> None:
    from antiphon.door.rendering import Effect, rendered

    composition, made = Effect(prompt=prompt, **order_fields(given, output[0])).composition()
    target = _target(made.name, output)
    options = OutputOptions(
        target, given["format_name"], given["as_json"], given["quiet"], given["loudness"], title=made.name
    )
    checked_format(options)
    jobs = Jobs(settings, target, given["resume"], "\0".join(("effect", prompt)))
    store = jobs.open(noun="window")
    if store is not None:
        store.note(seed=composition.seed)
    if not (given["quiet"] or given["as_json"]):
        for note in (*made.notes, f"Seed {composition.seed}"):
            click.echo(f"Note     {note}", err=True)
    facts: dict[str, object] = {"seed": composition.seed, "effect": made.name, "notes": list(made.notes)}
    job = CommandJob(rendered(composition), store, jobs, speech=False, facts=facts)
    deliver(settings, options, job, extent=extent_of(composition))


def _here(_: Settings, prompt: str, given: dict[str, Any], output: tuple[str, str]) -> None:
    from antiphon.codecs.chip import ChipCodec
    from antiphon.music.effects import effect as made
    from antiphon.music.effects import louder

    one = made(prompt, given["seed"])
    target = _target(one.name, output)
    sound = louder(ChipCodec().decode(one.grid))
    write_here(target, output_format(target, given["format_name"]), sound, given["loudness"])
    if not given["quiet"]:
        for note in one.notes:
            click.echo(f"Note     {note}", err=True)
        click.echo(f"{target}  {one.name}, {sound.duration_s:.2f} s, seed {given['seed']}", err=target == "-")
