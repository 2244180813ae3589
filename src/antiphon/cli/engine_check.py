"""`antiphon engines check`: what an engine is worth on this machine, before a node runs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click
from rich.console import Console

from antiphon.cli.amounts import Amount
from antiphon.cli.waiting import waiting
from antiphon.errors import ModelError

if TYPE_CHECKING:
    from antiphon.door.settings import Settings
    from antiphon.network.appraisal import Appraisal

EPILOG = """\b
Examples:
  antiphon engines check hibari
"""


@click.command("check", epilog=EPILOG)
@click.argument("name")
@click.option("--engine-option", "engine_options", multiple=True, metavar="KEY=VALUE", help="As for a node.")
@click.option("--voice", default="", help="Which voice speaks; by default the first that is English.")
@click.option("--hour", type=Amount(), help="What an hour of this machine must bring, in ANT.")
@click.pass_obj
def check(settings: Settings, name: str, engine_options: tuple[str, ...], voice: str, hour: int | None) -> None:
    """Check the engine NAME (or openai:URL): conformance, speed, quality by the judges, and a price for it.

    The floor is what this machine would earn with Kokoro in the same time; the proposal is a quarter above it.
    """
    from antiphon.cli.delivering import options_of
    from antiphon.engines import registry
    from antiphon.network.appraisal import REFERENCE, appraise
    from antiphon.nodes.evaluation.evaluator import evaluator_of

    with waiting(Console(stderr=True, highlight=False, soft_wrap=True), f"Opening {name}.") as tell:
        engine = registry.open_engine(name, options_of(engine_options, "--engine-option"))
        reference, evaluator = registry.load(REFERENCE), evaluator_of(settings.profile)
        found = appraise(engine, reference, evaluator, voice=voice, hour_nano=hour or 0, tell=tell)
    click.echo("\n".join(_told(engine.name, found)))
    if found.problems:
        raise ModelError(
            f"The engine {engine.name} does not conform in {len(found.problems)} points", "See docs/engines.md."
        )


def _told(name: str, found: Appraisal) -> Iterator[str]:
    pace, quality = found.pace, found.quality
    yield f"{name}"
    yield "  conforms  " + ("yes" if not found.problems else "no")
    yield from (f"            {problem}" for problem in found.problems)
    yield (
        f"  speed     {pace.rtf:.3g} s for 1 s of audio, {1000 * pace.s_per_char:.2g} ms a character; "
        f"first sound after {1000 * pace.first_s:.0f} ms"
    )
    if quality is None:
        yield "  quality   not judged: the voice does not speak English"
    else:
        score = "no score" if quality.score_ppm is None else f"score {quality.score_ppm / 1e6:.2f}"
        asked = quality.valid + quality.invalid + quality.inconclusive
        yield f"  quality   {quality.valid} of {asked} valid, {quality.inconclusive} inconclusive; {score}"
    yield f"  floor     {found.floor_nano / 1000:.3g} uANT a character"
    yield f"  proposal  --price {max(1, round(found.price_nano / 1000))}"
